"""What a planted defect is: the slots of a block that carry it, what it changes in which file, what must be found.

A *slot* is a place in a block of 400 people. Every block carries each plant of the table once, in a slot of its own, so
that the rates are the same for 800 people and for two million. A plant takes two slots: the person, and a partner when
the defect is between two people. Nothing here knows how the rules are computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from rpps_audit.sample.population import BLOCK, LAST_DAY, Layout

P, S = "professional", "situation"

# The editions: the same people as each file shows them.
BEFORE, NOW = "suivi-precedent", "suivi"
RESTRICTED, PUBLIC = "annuaire-restreint", "annuaire-public"
ROSTER, CARDS, MAILBOXES = "rh", "cartes", "mssante"
EDITIONS = (BEFORE, NOW, RESTRICTED, PUBLIC, ROSTER, CARDS, MAILBOXES)
FOLLOW_UP = (BEFORE, NOW)
REGISTRY = (RESTRICTED, PUBLIC)
BOTH = (*FOLLOW_UP, RESTRICTED)
_SCATTER = 2 * 37  # even, and prime to the 200 even slots once halved: each plant its own
SINCE = (NOW, RESTRICTED, PUBLIC, ROSTER, CARDS, MAILBOXES)


@dataclass(frozen=True)
class Finding:
    """One expected finding, in the truth of `files`: on the person, or on the situation `rank`, or on its `copy`."""

    rule: str
    table: str
    column: str
    files: tuple[str, ...] = BOTH
    rank: int | None = None
    copy: int = 0
    partner: bool | None = False  # None: on both people of the pair


@dataclass(frozen=True)
class Change:
    """New values of columns (literals or expressions of the line) in the editions `files`."""

    values: Mapping[str, Any]
    files: tuple[str, ...] = EDITIONS
    rank: int | None = None
    partner: bool = False


@dataclass(frozen=True)
class Plant:
    """A defect, or a harmless oddity when nothing is to be found.

    `copy` adds a line to the edition with these values changed; `absent` takes the lines (of `absent_rank`) out of some
    editions; `situations` is how many the person has.
    """

    findings: Sequence[Finding]
    changes: Sequence[Change] = ()
    situations: int = 1
    copy: Mapping[str, Any] | None = None
    absent: tuple[str, ...] = ()
    absent_rank: int | None = None
    closed: bool = False


@dataclass(frozen=True)
class Plan:
    """A table of plants, each with its slot."""

    plants: Sequence[Plant]
    slots: Mapping[int, Plant] = field(init=False)

    def __post_init__(self) -> None:
        """Plants stand on even slots, scattered over the block, their partners on the odd ones after."""
        if 2 * len(self.plants) > BLOCK:
            raise ValueError(f"{len(self.plants)} plants do not fit in a block of {BLOCK} people")
        object.__setattr__(
            self, "slots", {number * _SCATTER % BLOCK: plant for number, plant in enumerate(self.plants)}
        )

    def layout(self) -> Layout:
        """What the population must know of the slots."""
        situations, closed = np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.bool_)
        for slot, plant in self.slots.items():
            situations[slot], closed[slot] = plant.situations, plant.closed
            if any(change.partner for change in plant.changes) or any(f.partner is None for f in plant.findings):
                situations[slot + 1] = 1
        return Layout(situations, closed)

    def carried(self) -> pl.Expr:
        """Whether a line is of a slot that carries a plant, as itself or as a partner."""
        return pl.col("slot").is_in(np.flatnonzero(self.layout().situations).tolist())

    def with_copies(self, lines: pl.DataFrame) -> pl.DataFrame:
        """The lines with a second one right after the first for the plants that repeat a situation, and their order."""
        copied = {slot: plant.copy for slot, plant in self.slots.items() if plant.copy is not None}
        again = lines.filter(pl.col("slot").is_in(list(copied))).with_columns(copy=pl.lit(1))
        columns = sorted({column for values in copied.values() for column in values})
        again = again.with_columns(
            _choice(column, [(_at(slot, None), _expr(v[column])) for slot, v in copied.items() if column in v])
            for column in columns
        )
        return pl.concat([lines, again]).sort("person", "rank", "copy").with_row_index("order")

    def edition(self, lines: pl.DataFrame, name: str) -> pl.DataFrame:
        """The lines (of `with_copies`) as the file `name` shows them."""
        carried = self.carried()
        changed = self._changed(lines.filter(carried), name).filter(~self._absent(name))
        shown = pl.concat([lines.filter(~carried), changed]).sort("order")
        return shown.filter(_PUBLISHED) if name in REGISTRY else shown

    def expected(self) -> pl.DataFrame:
        """The findings of a block: file, rule_id, table, column, slot, rank (null: any), copy."""
        rows = [
            (file, finding.rule, finding.table, finding.column, slot + partner, finding.rank, finding.copy)
            for slot, plant in self.slots.items()
            for finding in plant.findings
            for file in finding.files
            for partner in ((0, 1) if finding.partner is None else (int(finding.partner),))
        ]
        names = {"file": pl.String, "rule_id": pl.String, "table": pl.String, "column": pl.String}
        return pl.DataFrame(
            rows, schema={**names, "slot": pl.Int64, "wanted_rank": pl.Int64, "copy": pl.Int64}, orient="row"
        )

    def _changed(self, lines: pl.DataFrame, name: str) -> pl.DataFrame:
        """Every change of the table in one pass: for each column, the value of the first slot that matches."""
        by_column: dict[str, list[tuple[pl.Expr, pl.Expr]]] = {}
        for slot, plant in self.slots.items():
            for change in plant.changes:
                if name in change.files:
                    here = _at(slot + change.partner, change.rank)
                    for column, value in change.values.items():
                        by_column.setdefault(column, []).append((here, _expr(value)))
        return lines.with_columns(_choice(column, cases) for column, cases in by_column.items())

    def _absent(self, name: str) -> pl.Expr:
        gone = [_at(slot, plant.absent_rank) for slot, plant in self.slots.items() if name in plant.absent]
        return pl.any_horizontal(gone) if gone else pl.lit(value=False)


# What the registry holds of the follow-up: open situations that have begun, of people who have a number.
_PUBLISHED = (
    pl.col("is_open").fill_null(value=True)
    & (pl.col("start_date").is_null() | (pl.col("start_date") <= pl.lit(LAST_DAY)))
    & pl.col("professional_id").is_not_null()
)


def _at(slot: int, rank: int | None) -> pl.Expr:
    here = pl.col("slot") == slot
    return here if rank is None else here & (pl.col("rank") == rank)


def _expr(value: Any) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)


def _choice(column: str, cases: list[tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    """The value of the first case that holds, else the column as it is."""
    result = pl.col(column)
    for here, value in reversed(cases):
        result = pl.when(here).then(value).otherwise(result)
    return result.alias(column)
