"""One rule as a value: what its page says, and what tells two rules apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What an establishment answers for; the public extract is a source to compare with, unless a rule names it.
DEFAULT_KINDS = ("suivi", "annuaire-restreint")


# In an example, `end_date_illisible = "fin juin"` is a cell that could not be read.
UNREADABLE = "_illisible"
# `phone_abime = "leading_zero"` says what a spreadsheet did to the cell, by its name in rules/cells.toml.
DAMAGED = "_abime"


@dataclass(frozen=True)
class Example:
    """A literal record (and the other sources it is compared with) and what the rule must say of it.

    `rows` are registrations, `sources` other kinds of loaded file (`rh`, `finess`, `annuaire-public` ...), each a list
    of typed columns as text. `verdict` is "good" (no finding) or "bad" (at least one).
    """

    verdict: str
    rows: tuple[Mapping[str, Any], ...]
    sources: Mapping[str, tuple[Mapping[str, Any], ...]]
    as_of: str


@dataclass(frozen=True)
class Rule:
    """One check. `columns` are typed columns of the store; the first one is the column a finding points at."""

    id: str
    title: str
    table: str
    columns: tuple[str, ...]
    kind: str
    severity: str
    category: str
    basis: str
    source: str
    since: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    when: Mapping[str, Any] = field(default_factory=dict)
    applies_to: tuple[str, ...] = DEFAULT_KINDS
    forgotten: bool = False
    enabled: bool = True
    examples: tuple[Example, ...] = ()
    page: str = ""

    @property
    def column(self) -> str:
        """The column a finding of this rule points at."""
        return self.columns[0]

    @property
    def fingerprint(self) -> str:
        """Changes exactly when what the rule computes or how grave it is changes, not when its page is reworded."""
        return digest(
            [
                self.id,
                self.table,
                self.columns,
                self.kind,
                self.parameters,
                self.when,
                self.severity,
                self.applies_to,
                self.forgotten,
            ]
        )


def digest(value: object) -> str:
    """A short value that changes when anything in `value` does."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
