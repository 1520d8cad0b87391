"""A kind of rule as a value: what it is given, what it reads, whom it looks at, and how it finds the broken records.

A kind is either a *predicate* (a polars expression, judged row by row inside pandera) or a *query* (SQL over the views
of a state, for records compared with each other or with another file). Both say their population: whom they looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from rpps_audit.checks.kinds.parameters import REQUIRED, Parameter
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import ANY

TABLES = ("professional", "situation")


@dataclass(frozen=True)
class Kind:
    """One kind of rule. Its functions receive the rule's parameters by name.

    says              French, completes « il y a faute quand… ».
    parameters        what a rule of this kind may or must say, typed.
    accepts           the types of the rule's columns; `many`: it reads all of them, not the first alone.
    tables            the tables it can judge.
    predicate         (columns, context, **parameters) -> Boolean expression, true = broken; null never breaks.
    looked_at         (rule, **parameters) -> Boolean expression: the record says something to this kind. By default its
                      column, and those its parameters name, hold a value.
    since             (columns, context, **parameters) -> Date expression: the day it should have been closed.
    query             (rule, **parameters) -> SQL giving `row_id` (and `since` when `gives_since`) of the broken ones.
                      `$as_of` is the day. Views: professional, situation, lines, people, crowded_lines, twin_lines, and
                      one per other kind of file.
    population        (rule, **parameters) -> SQL giving the `row_id` of each record looked at.
    prepare           makes, once for all the rules of the kind, the temporary table that their queries read.
    sources           the other files it always needs; `source` parameters add theirs.
    always            the columns it reads whatever the rule says.
    points_only       the rule's columns are where the finding points: the file need not carry them.
    source_columns    the columns that the other file must carry and that can be read.
    spares_unreadable a cell that says something which cannot be read is given: it is not absent.
    tells_people_by   the sets of columns by which the other file can tell a person; it must fill one of them whole.
    alike             (rule, **parameters) -> SQL: a value of a record; people without a common value are unrelated.
                      None: a person is only compared with their own lines and with other files.
    """

    name: str
    says: str
    parameters: tuple[Parameter, ...] = ()
    accepts: frozenset[str] = ANY
    many: bool = False
    tables: tuple[str, ...] = TABLES
    predicate: Callable[..., pl.Expr] | None = None
    looked_at: Callable[..., pl.Expr] | None = None
    since: Callable[..., pl.Expr] | None = None
    query: Callable[..., str] | None = None
    population: Callable[..., str] | None = None
    gives_since: bool = False
    prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[Rule]], None] | None = None
    sources: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    points_only: bool = False
    spares_unreadable: bool = False
    source_columns: tuple[str, ...] = ()
    tells_people_by: tuple[frozenset[str], ...] = ()
    alike: Callable[..., str] | None = None

    def __post_init__(self) -> None:
        rows, sets = self.predicate is not None, self.query is not None and self.population is not None
        if rows is sets:
            raise TypeError(f"kind {self.name}: either a predicate, or a query and its population")

    @property
    def of_rows(self) -> bool:
        """A row is judged alone; otherwise records are compared."""
        return self.predicate is not None

    @property
    def tells_departure(self) -> bool:
        """A finding can say since when the situation should have been closed: `forgotten` has a meaning."""
        return self.since is not None or self.gives_since

    def bound(self, rule: Rule) -> dict[str, Any]:
        """The rule's parameters, the defaults filled in."""
        defaults = {one.name: one.default for one in self.parameters if one.default is not REQUIRED}
        return {**defaults, **rule.parameters}

    def reads(self, rule: Rule) -> frozenset[str]:
        """Every column of the records the rule reads: its own, those its parameters name, and its guard's."""
        guard = {rule.when["column"]} if rule.when else set()
        return self._named(rule, self.parameters) | guard

    def needs(self, rule: Rule) -> frozenset[str]:
        """The columns without which the rule is not evaluable: `reads`, less what the kind can do without."""
        return self._named(rule, [one for one in self.parameters if one.carried])

    def needed_sources(self, rule: Rule) -> frozenset[str]:
        """The other files without which the rule is not evaluable."""
        given = self.bound(rule)
        chosen = {source for one in self.parameters for source in one.type.sources(given.get(one.name))}
        return frozenset(self.sources) | chosen

    def reads_of_source(self, rule: Rule) -> frozenset[str]:
        """The columns of the other file without which the rule is not evaluable."""
        given = self.bound(rule)
        named = {given["source_column"]} if given.get("source_column") else set()
        return frozenset(self.source_columns) | named | frozenset(given.get("on") or ())

    def _named(self, rule: Rule, parameters: Sequence[Parameter]) -> frozenset[str]:
        given: Mapping[str, Any] = self.bound(rule)
        named = {name for one in parameters for name in one.type.columns(given.get(one.name))}
        own = () if self.points_only else rule.columns
        guard = {rule.when["column"]} if rule.when and not rule.when.get("or_absent") else set()
        return frozenset(self.always) | named | guard | frozenset(own)
