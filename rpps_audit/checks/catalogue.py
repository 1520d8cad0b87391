"""The rule catalogue: one Markdown file per rule under rules/checks/, read into frozen values.

A workspace adds rules or changes thresholds in its own `rules/` folder (`rules/checks/*.md`, `rules/reglages.toml`)
without touching Python. What cannot be computed is refused here, by file and line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from rpps_audit.checks.kinds import References
from rpps_audit.checks.rule import Rule, digest
from rpps_audit.checks.rule_file import (
    CATEGORIES,
    SEVERITIES,
    Origin,
    demand_computable,
    demand_typed,
    read_toml,
    rule_from,
)
from rpps_audit.errors import UsageError
from rpps_audit.reference import AccessMatrix, load_access, load_lists, load_nomenclatures, rules_root

__all__ = ["CATEGORIES", "SEVERITIES", "Catalogue", "load_catalogue", "parse_rule"]

_ADJUSTABLE = ("severity", "enabled", "parameters", "applies_to")


@dataclass(frozen=True)
class Catalogue:
    """The rules in force, ordered by id, and the references they are judged by; their position is the `rule_no`."""

    rules: tuple[Rule, ...]
    references: References = field(default_factory=References)

    @property
    def fingerprint(self) -> str:
        """One value for the whole rule set."""
        return digest([rule.fingerprint for rule in self.rules])

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, rule_id: str) -> Rule:
        """The rule of that id; UsageError names the nearest ids."""
        found = next((rule for rule in self.rules if rule.id == rule_id), None)
        if found is None:
            near = get_close_matches(rule_id, [rule.id for rule in self.rules], 3, 0.5)
            hint = f" Vouliez-vous dire : {', '.join(near)} ?" if near else ""
            raise UsageError(f"Aucun contrôle ne porte l'identifiant « {rule_id} ».{hint}")
        return found


def load_catalogue(workspace: Path | None = None, access: AccessMatrix | None = None) -> Catalogue:
    """Every rule shipped with the package, as changed and completed by the workspace's own `rules/` folder.

    They are judged by the `access` matrix (by default the one shipped) and by the nomenclatures of the package and of
    the workspace. Raises UsageError naming the file, the line and the key when a rule cannot be read or computed.
    """
    references = References(access or load_access(), load_nomenclatures(workspace), load_lists(workspace))
    rules = {rule.id: rule for rule in _read_folder(rules_root() / "checks", references)}
    # The workspace may be the project itself, whose rules/ are the shipped ones: reading them twice changes nothing.
    if workspace is not None:
        rules |= {rule.id: rule for rule in _read_folder(workspace / "rules" / "checks", references)}
        rules = _adjusted(rules, workspace / "rules" / "reglages.toml", references)
    return Catalogue(tuple(rules[key] for key in sorted(rules)), references)


def parse_rule(text: str, origin: str, references: References | None = None) -> Rule:
    """One rule from the text of its file; `origin` is the file's name, for messages. Raises UsageError."""
    return rule_from(text, origin, references or References())


def _read_folder(folder: Path, references: References) -> list[Rule]:
    return [rule_from(path.read_text("utf-8"), path.name, references) for path in sorted(folder.glob("*.md"))]


def _adjusted(rules: dict[str, Rule], path: Path, references: References) -> dict[str, Rule]:
    """Apply the site's thresholds and severities."""
    if not path.exists():
        return rules
    text = path.read_text("utf-8")
    catalogue = Catalogue(tuple(rules.values()), references)
    for rule_id, wish in read_toml(text, path.name).items():
        rule = catalogue[rule_id]
        origin = Origin(path.name, text, rule_id)
        _demand_adjustable(rule, wish, origin)
        changes = {**wish, "parameters": {**rule.parameters, **wish.get("parameters", {})}}
        if "applies_to" in wish:
            changes["applies_to"] = tuple(wish["applies_to"])
        rules[rule_id] = replace(rule, **changes)
        demand_computable(rules[rule_id], origin, references)
    return rules


def _demand_adjustable(rule: Rule, wish: object, origin: Origin) -> None:
    if not isinstance(wish, dict):
        raise UsageError(f"{origin} : un tableau de réglages est attendu, par exemple enabled = false.")
    unknown = sorted(set(wish) - set(_ADJUSTABLE))
    if unknown:
        raise UsageError(
            f"{origin.at(unknown[0])} : clé inconnue « {unknown[0]} ». Clés possibles : {', '.join(_ADJUSTABLE)}."
        )
    demand_typed(wish, origin)
    strangers = sorted(set(wish.get("parameters", {})) - set(rule.parameters))
    if strangers:
        raise UsageError(
            f"{origin.at(strangers[0])} : seuil inconnu « {strangers[0]} ». "
            f"Seuils possibles : {', '.join(rule.parameters) or 'aucun'}."
        )
