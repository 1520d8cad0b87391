"""One rule file: a TOML front matter between two `+++` lines, then a page in French.

The front matter holds what is computed, the page what it means. A refusal says the file, the line and what to write.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpps_audit.checks.kinds import KINDS, References, faults
from rpps_audit.checks.kinds.kind import TABLES
from rpps_audit.checks.rule import DAMAGED, UNREADABLE, Example, Rule
from rpps_audit.errors import UsageError
from rpps_audit.records import REGISTRATION_KINDS
from rpps_audit.records.columns import column_types, did_you_mean, sources

SEVERITIES = ("error", "warning", "information")
CATEGORIES = ("completeness", "conformance", "plausibility", "uniqueness", "timeliness")

_REQUIRED = ("id", "title", "table", "columns", "kind", "severity", "category", "basis", "source", "since")
_OPTIONAL = ("parameters", "when", "applies_to", "forgotten", "enabled", "examples")
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(_REQUIRED, str),
    "columns": list,
    "applies_to": list,
    "parameters": dict,
    "when": dict,
    "forgotten": bool,
    "enabled": bool,
    "examples": list,
}
_FRENCH = {str: "un texte", list: "une liste, entre crochets", dict: "un tableau", bool: "true ou false"}
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Origin:
    """Where a rule or a setting is written. `section`: the table of a settings file that is looked at."""

    file: str
    text: str
    section: str = ""

    def at(self, key: str) -> str:
        """The file and the line of a key (`parameters.days`: inside another), or the nearest thing above it."""
        lines = self.text.splitlines()
        found = self._line(lines, 0, rf"^\s*\[\s*['\"]?{re.escape(self.section)}\b") if self.section else 0
        for part in key.split("."):
            # A key of an inline table follows a brace or a comma; a table, a bracket.
            found = self._line(lines, found, rf"(?:^|[{{,\[.])\s*['\"]?{re.escape(part)}['\"]?\s*[\]=]")
        place = f"{self.file}, ligne {found + 1}"
        return f"{place}, [{self.section}]" if self.section else place

    @staticmethod
    def _line(lines: list[str], start: int, pattern: str) -> int:
        return next((n for n in range(start, len(lines)) if re.search(pattern, lines[n])), start)

    def __str__(self) -> str:
        return f"{self.file}, [{self.section}]" if self.section else self.file


def rule_from(text: str, file: str, references: References) -> Rule:
    """The rule a file holds. Raises UsageError."""
    parts = text.split("+++", 2)
    if len(parts) != 3 or parts[0].strip():
        raise UsageError(f"{file} : un contrôle commence par un en-tête TOML entre deux lignes « +++ ».")
    head = read_toml(parts[1], file, parts[0].count("\n"))
    origin = Origin(file, parts[0] + "+++" + parts[1])
    _demand_known_keys(head, origin)
    demand_typed(head, origin)
    examples = tuple(_example(raw, origin) for raw in head.pop("examples", []))
    tuples: dict[str, Any] = {key: tuple(head[key]) for key in ("columns", "applies_to") if key in head}
    rule = Rule(**(head | tuples), examples=examples, page=parts[2].strip())
    demand_computable(rule, origin, references)
    return rule


def read_toml(text: str, file: str, before: int = 0) -> dict[str, Any]:
    """What the text says; `before`: how many lines of the file stand above it. Raises UsageError with the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        where = (
            f"ligne {int(place[1]) + before}, colonne {place[2]}"
            if place
            else f"ligne {text.rstrip().count(chr(10)) + 1 + before}"
        )
        raise UsageError(
            f"{file}, {where} : fichier illisible ; une valeur, un guillemet ou un crochet est mal écrit."
        ) from error


def demand_typed(given: Mapping[str, Any], origin: Origin) -> None:
    """Raise UsageError when the value of a key has not its type."""
    for key, value in given.items():
        if not isinstance(value, _TYPES[key]):
            raise UsageError(f"{origin.at(key)} : « {key} » doit être {_FRENCH[_TYPES[key]]}.")


def demand_computable(rule: Rule, origin: Origin, references: References) -> None:
    """Raise UsageError, with its line, for the first thing that keeps a rule from being computed."""
    if not _ID.fullmatch(rule.id):
        raise UsageError(f"{origin.at('id')} : « {rule.id} » : des minuscules, des chiffres et des traits d'union.")
    for key, allowed in (("table", TABLES), ("kind", KINDS), ("severity", SEVERITIES), ("category", CATEGORIES)):
        _demand_among(key, getattr(rule, key), tuple(allowed), origin)
    for kind in rule.applies_to:
        _demand_among("applies_to", kind, REGISTRATION_KINDS, origin)
    if not rule.columns:
        raise UsageError(f"{origin.at('columns')} : « columns » est vide ; un contrôle désigne au moins une colonne.")
    for key, fault in faults(rule, references):
        raise UsageError(f"{origin.at(key)} : {fault}")


def _demand_among(key: str, value: object, allowed: tuple[str, ...], origin: Origin) -> None:
    if value not in allowed:
        raise UsageError(
            f"{origin.at(key)} : « {key} = {value} » n'est pas possible.{did_you_mean(value, allowed)} "
            f"Valeurs : {', '.join(allowed)}."
        )


def _demand_known_keys(head: Mapping[str, Any], origin: Origin) -> None:
    missing = [key for key in _REQUIRED if key not in head]
    if missing:
        raise UsageError(f"{origin} : il manque « {', '.join(missing)} » dans l'en-tête.")
    unknown = sorted(set(head) - set(_REQUIRED) - set(_OPTIONAL))
    if unknown:
        hint = did_you_mean(unknown[0], _REQUIRED + _OPTIONAL)
        raise UsageError(f"{origin.at(unknown[0])} : clé inconnue « {unknown[0]} ».{hint}")


def _example(raw: Mapping[str, Any], origin: Origin) -> Example:
    if raw.get("verdict") not in ("good", "bad") or not raw.get("rows"):
        raise UsageError(f"{origin} : un exemple a un « verdict » (good ou bad) et au moins une ligne dans « rows ».")
    others = {key: tuple(rows) for key, rows in raw.items() if key not in ("verdict", "rows", "as_of")}
    for kind, rows in {"rows": raw["rows"], **others}.items():
        if kind != "rows":
            _demand_among("examples", kind, tuple(sources()), origin)
        known = column_types() if kind == "rows" else sources()[kind].types
        for name in {name.removesuffix(UNREADABLE).removesuffix(DAMAGED) for row in rows for name in row} - {
            *known,
            "file",
        }:
            raise UsageError(f"{origin.at(name)} : exemple, colonne « {name} » inconnue.{did_you_mean(name, known)}")
    return Example(raw["verdict"], tuple(raw["rows"]), others, raw.get("as_of", "2026-11-01"))
