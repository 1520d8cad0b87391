"""The report: figures and tables already computed, in French, without any markup. Renderings only lay it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from rpps_audit.reports.french import number

Cell = str | int | float | date | None
# How many rows of a list a reader is shown; what is left out is always said.
SHOWN_ROWS = 200


@dataclass(frozen=True)
class Column:
    """A column of a table. `kind` is text, name (may be cut anywhere), key (never cut), count, share (0 to 1), days or
    day.
    """

    label: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table as shown. `total` is how many rows there are; `complete` says where those left out can be read.

    `empty` is said in place of a table without rows; a `folded` table opens on demand (the same facts are in a figure).
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    empty: str
    complete: str = ""
    note: str = ""
    folded: bool = False

    @property
    def left_out(self) -> str:
        """What is not shown and where it can be read; empty when everything is shown."""
        if self.total <= len(self.rows):
            return ""
        said = f"Les {number(len(self.rows))} premières lignes sur {number(self.total)}."
        return f"{said} Liste complète : {self.complete}." if self.complete else said


@dataclass(frozen=True)
class Bars:
    """Horizontal stacked bars: `series` is (label, one value per bar); `said` is the text at the end of each bar."""

    name: str
    title: str
    description: str
    unit: str
    bars: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    said: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Numbers by row and column, darker when greater; None is a cell that cannot be (`impossible` says why)."""

    name: str
    title: str
    description: str
    unit: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[int | None, ...], ...]
    impossible: str = ""


@dataclass(frozen=True)
class Step:
    """One thing to do: what is wrong, how much of it, where, for which records, and what the rule's page says to do.

    `files` are those the lines of `records` are in; `unlisted` is how many records are not listed.
    """

    rule_id: str
    title: str
    severity: str
    measure: str
    places: tuple[str, ...]
    files: tuple[str, ...]
    records: tuple[str, ...]
    unlisted: int
    action: tuple[str, ...]


@dataclass(frozen=True)
class Steps:
    """The things to do first, in order; `empty` is said when there is none."""

    name: str
    steps: tuple[Step, ...]
    empty: str


@dataclass(frozen=True)
class KeyNumber:
    """A number that matters, what it counts, and out of how many."""

    value: str
    label: str
    context: str
    alarming: bool = False


Block = Table | Bars | Grid | Steps


@dataclass(frozen=True)
class Section:
    """A part of the report. `short` is its name in the table of contents."""

    name: str
    title: str
    short: str
    text: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Report:
    """One audit, for a reader who has five minutes. `as_of` is the day the records are judged at.

    `state` names what is judged: the register at a date, made of its files.

    `pseudonymous` says whether registry numbers are replaced by labels. Names and contact data are never in it.
    """

    organisation: str
    as_of: date
    made_on: date
    pseudonymous: bool
    verdict: tuple[str, ...]
    numbers: tuple[KeyNumber, ...]
    sections: tuple[Section, ...]
    reading: tuple[str, ...]
    caveat: str
    state: str = ""

    @property
    def title(self) -> str:
        """The title of the page: whose records, and in which state of the register."""
        return " – ".join(filter(None, ["Audit des enregistrements RPPS+", self.organisation, self.state]))

    def tables(self) -> list[Table]:
        """Every table, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]


def make_table(
    name: str,
    caption: str,
    frame: pl.DataFrame,
    columns: Mapping[str, Column],
    *,
    empty: str,
    total: int | None = None,
    complete: str = "",
    note: str = "",
    folded: bool = False,
) -> Table:
    """A table from the columns of a frame already in order, capped at SHOWN_ROWS.

    `total` is how many rows there are when the frame is already only the first of them.
    """
    shown = frame.select(list(columns)).head(SHOWN_ROWS)
    rows = tuple(shown.rows())
    whole = frame.height if total is None else total
    return Table(name, caption, tuple(columns.values()), rows, whole, empty, complete, note, folded)
