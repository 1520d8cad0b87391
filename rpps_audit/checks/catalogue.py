"""The rule catalogue: one Markdown file per rule under rules/checks/, read into frozen values.

A rule file is a TOML front matter between two `+++` lines, then a page in French. The front matter holds what is
computed, the page what it means. A workspace adds rules or changes thresholds in its own `rules/` folder
(`rules/checks/*.md`, `rules/reglages.toml`) without touching Python.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rpps_audit.checks import coded, compared, contact, places  # noqa: F401  (their kinds)
from rpps_audit.checks.predicates import ROW_KINDS
from rpps_audit.checks.relations import SET_KINDS
from rpps_audit.checks.rule import Example, Rule, digest
from rpps_audit.errors import UsageError
from rpps_audit.reference import rules_root

TABLES = ("professional", "situation")
SEVERITIES = ("error", "warning", "information")
CATEGORIES = ("completeness", "conformance", "plausibility", "uniqueness", "timeliness")

_REQUIRED = ("id", "title", "table", "columns", "kind", "severity", "category", "basis", "source", "since")
_OPTIONAL = ("parameters", "when", "applies_to", "forgotten", "enabled", "examples")
_ADJUSTABLE = ("severity", "enabled", "parameters", "applies_to")


@dataclass(frozen=True)
class Catalogue:
    """The rules in force, ordered by id; their position is the `rule_no` of a run."""

    rules: tuple[Rule, ...]

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


def load_catalogue(workspace: Path | None = None) -> Catalogue:
    """Every rule shipped with the package, as changed and completed by the workspace's own `rules/` folder.

    Raises UsageError naming the file and the key when a rule cannot be read.
    """
    rules = {rule.id: rule for rule in _read_folder(rules_root() / "checks")}
    folders = [rules_root()]
    # The workspace may be the project itself, whose rules/ are the shipped ones: reading them twice changes nothing.
    if workspace is not None:
        folders.insert(0, workspace / "rules")
        rules |= {rule.id: rule for rule in _read_folder(workspace / "rules" / "checks")}
        rules = _adjusted(rules, workspace / "rules" / "reglages.toml")
    return Catalogue(tuple(_with_list(rules[key], folders) for key in sorted(rules)))


def read_list(path: Path) -> tuple[str, ...]:
    """The entries of a list: one a line, `#` begins a remark; or, in a `.toml`, the left side of its `[domains]`."""
    if path.suffix == ".toml":
        return tuple(f"@{typed}" for typed in tomllib.loads(path.read_text("utf-8"))["domains"])
    lines = (line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line)


def parse_rule(text: str, origin: str) -> Rule:
    """One rule from the text of its file; `origin` is the file's name, for messages."""
    parts = text.split("+++", 2)
    if len(parts) != 3 or parts[0].strip():
        raise UsageError(f"{origin} : un contrôle commence par un en-tête TOML entre deux lignes « +++ ».")
    try:
        head = tomllib.loads(parts[1])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{origin} : en-tête illisible ({error}).") from error
    _demand_known_keys(head, origin)
    examples = tuple(_example(raw, origin) for raw in head.pop("examples", []))
    tuples: dict[str, Any] = {key: tuple(head[key]) for key in ("columns", "applies_to") if key in head}
    rule = Rule(**(head | tuples), examples=examples, page=parts[2].strip())
    _demand_known_values(rule, origin)
    return rule


def _read_folder(folder: Path) -> list[Rule]:
    return [parse_rule(path.read_text("utf-8"), path.name) for path in sorted(folder.glob("*.md"))]


def _with_list(rule: Rule, folders: Sequence[Path]) -> Rule:
    """`list = "lists/….txt"` becomes its entries: the workspace's own file where there is one, else the shipped one.

    The entries are part of what the rule computes, hence of its fingerprint: an edited list is a rule that changed.
    """
    if "list" not in rule.parameters:
        return rule
    name = rule.parameters["list"]
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise UsageError(f"Contrôle {rule.id} : la liste « {name} » n'existe pas dans le dossier « rules ».")
    kept = {key: value for key, value in rule.parameters.items() if key != "list"}
    return replace(rule, parameters=kept | {"entries": read_list(path)})


def _adjusted(rules: dict[str, Rule], path: Path) -> dict[str, Rule]:
    """Apply the site's thresholds and severities."""
    if not path.exists():
        return rules
    try:
        wishes = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} : fichier illisible ({error}).") from error
    catalogue = Catalogue(tuple(rules.values()))
    for rule_id, wish in wishes.items():
        rule = catalogue[rule_id]
        unknown = set(wish) - set(_ADJUSTABLE)
        if unknown:
            raise UsageError(
                f"{path.name}, [{rule_id}] : clé inconnue « {min(unknown)} ». "
                f"Clés possibles : {', '.join(_ADJUSTABLE)}."
            )
        strangers = set(wish.get("parameters", {})) - set(rule.parameters)
        if strangers:
            raise UsageError(
                f"{path.name}, [{rule_id}] : seuil inconnu « {min(strangers)} ». "
                f"Seuils possibles : {', '.join(rule.parameters) or 'aucun'}."
            )
        changes = {**wish, "parameters": {**rule.parameters, **wish.get("parameters", {})}}
        if "applies_to" in wish:
            changes["applies_to"] = tuple(wish["applies_to"])
        rules[rule_id] = replace(rule, **changes)
        _demand_known_values(rules[rule_id], f"{path.name}, [{rule_id}]")
    return rules


def _example(raw: Mapping[str, Any], origin: str) -> Example:
    if raw.get("verdict") not in ("good", "bad") or not raw.get("rows"):
        raise UsageError(f"{origin} : un exemple a un « verdict » (good ou bad) et au moins une ligne dans « rows ».")
    others = {key: tuple(rows) for key, rows in raw.items() if key not in ("verdict", "rows", "as_of")}
    return Example(raw["verdict"], tuple(raw["rows"]), others, raw.get("as_of", "2026-11-01"))


def _demand_known_keys(head: Mapping[str, Any], origin: str) -> None:
    missing = [key for key in _REQUIRED if key not in head]
    if missing:
        raise UsageError(f"{origin} : il manque « {', '.join(missing)} » dans l'en-tête.")
    unknown = sorted(set(head) - set(_REQUIRED) - set(_OPTIONAL))
    if unknown:
        near = get_close_matches(unknown[0], _REQUIRED + _OPTIONAL, 1)
        hint = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
        raise UsageError(f"{origin} : clé inconnue « {unknown[0]} ».{hint}")


def _demand_known_values(rule: Rule, origin: str) -> None:
    kinds = (*ROW_KINDS, *SET_KINDS)
    for key, allowed in (("table", TABLES), ("kind", kinds), ("severity", SEVERITIES), ("category", CATEGORIES)):
        if getattr(rule, key) not in allowed:
            raise UsageError(
                f"{origin} : « {key} = {getattr(rule, key)} » n'est pas possible. Valeurs : {', '.join(allowed)}."
            )
    if not rule.columns:
        raise UsageError(f"{origin} : « columns » est vide ; un contrôle désigne au moins une colonne.")
    if rule.when and rule.kind in SET_KINDS:
        raise UsageError(
            f"{origin} : « when » ne s'emploie pas avec « kind = {rule.kind} », qui compare plusieurs enregistrements. "
            "Retirez cette clé."
        )
