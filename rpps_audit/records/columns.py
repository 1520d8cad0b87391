"""The columns of a record, the one list of them (`rules/columns.toml`), and those of the files it is compared with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any

from rpps_audit.errors import UsageError
from rpps_audit.reference.root import rules_root

# What SQL and polars hold as text.
TEXT = frozenset({"text", "code", "first_names"})
DATE = frozenset({"date"})
YES_NO = frozenset({"yes_no"})
ANY = TEXT | DATE | YES_NO


@dataclass(frozen=True)
class Column:
    """One column of the table `registrations`.

    `table`: professional (said of the person, repeated on each of their lines) or situation. `type`: text, first_names,
    code, date or yes_no. `text`: the column beside a date that keeps what is no whole real date. `private`: personal
    data, never in a finding, a log or a report. `nomenclature`: where its code's label comes from. `who` corrects it:
    gestionnaire, etat-civil, demande or suivi; empty when nobody does.
    """

    name: str
    table: str
    label: str
    type: str
    private: bool = False
    who: str = ""
    nomenclature: str = ""
    text: str = ""


@dataclass(frozen=True)
class Source:
    """A kind of file that records are compared with: its table, and its columns' types by name."""

    table: str
    types: Mapping[str, str]


@cache
def columns() -> tuple[Column, ...]:
    """Every column, in the order of the portal's screens."""
    return tuple(Column(**entry) for entry in _file()["columns"])


@cache
def column_types() -> Mapping[str, str]:
    """Column name to type."""
    return MappingProxyType({column.name: column.type for column in columns()})


def column(name: str) -> Column:
    """One column. Raises UsageError with the nearest names."""
    for known in columns():
        if known.name == name:
            return known
    raise UsageError(f"La colonne « {name} » n'existe pas.{did_you_mean(name, column_types())}")


def person_columns() -> tuple[Column, ...]:
    """What is said of the person."""
    return tuple(column for column in columns() if column.table == "professional")


def situation_columns() -> tuple[Column, ...]:
    """What is said of one situation."""
    return tuple(column for column in columns() if column.table == "situation")


@cache
def sources() -> Mapping[str, Source]:
    """The kinds of file a rule may compare records with."""
    found = _file()["sources"]
    own = column_types()
    return MappingProxyType(
        {kind: Source(entry.get("table", "registrations"), entry.get("columns", own)) for kind, entry in found.items()}
    )


def did_you_mean(name: object, known: Any) -> str:
    """The end of a sentence that refuses a name: the nearest ones, or nothing."""
    near = get_close_matches(str(name), list(known), 3, 0.6)
    return f" Vouliez-vous dire : {', '.join(near)} ?" if near else ""


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((rules_root() / "columns.toml").read_text("utf-8"))
