"""A table that is looked at and edited: filters, order, pages, selection, edits and undo over a polars frame.

No widget here: `grid.py` draws it. Everything happens on whole columns, so 50 000 rows answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.reference import normalise

PAGE_SIZES = (10, 25, 50, 100)
Faults = Mapping[str, Sequence[str]]
# The edited record (one row) to the messages by column.
Validate = Callable[[pl.DataFrame], Faults]


@dataclass(frozen=True)
class Column:
    """A column shown: `name` in the frame, `label` to the user; `choices` maps the codes that may be chosen to their
    labels (a filter list, and the editor's list); `missing` is shown, but never found, where there is nothing; `second`
    names the text column shown under it, in the same cell."""

    name: str
    label: str
    editable: bool = False
    choices: Mapping[str, str] | None = None
    numeric: bool = False
    missing: str = ""
    second: str = ""


@dataclass(frozen=True)
class Edit:
    """One change of one cell; `number` names it for undo. `new` is the text typed where it could not be read."""

    number: int
    key: str
    column: str
    old: Any
    new: Any


@dataclass
class Table:
    """A frame with a text column `key` naming each row once, and what the user has made of it.

    `validate` judges the edited record whole, since a rule may read several columns; `on_edit` hears every change.
    """

    frame: pl.DataFrame
    columns: Sequence[Column]
    key: str = "record_key"
    validate: Validate = lambda _record: {}
    page_size: int = 25
    page: int = 0
    order: tuple[str, bool] | None = None
    filters: dict[str, str] = field(default_factory=dict)
    searched: str = ""
    selected: frozenset[str] = frozenset()
    edits: list[Edit] = field(default_factory=list)
    faults: dict[str, Faults] = field(default_factory=dict)
    # What cannot be put in the cell (a date that is not one) is kept here until it is corrected.
    unread: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._folded: dict[str, pl.Series] = {}
        self._numbers = 0
        self._found: pl.DataFrame | None = None

    # -- looking -----------------------------------------------------------------------------------------------

    def column(self, name: str) -> Column:
        """The shown column of that name; KeyError when there is none."""
        return next(column for column in self.columns if column.name == name)

    def filter(self, column: str, text: str) -> None:
        """Keep the rows whose column contains `text` (for a column of choices: is that code); "" removes the filter."""
        self.column(column)
        self.filters = {name: wanted for name, wanted in self.filters.items() if name != column}
        if text.strip():
            self.filters[column] = text.strip()
        self._moved()

    def clear_filters(self) -> None:
        """Show every row again."""
        self.filters, self.searched = {}, ""
        self._moved()

    def search(self, text: str) -> None:
        """Keep the rows where any shown text contains `text`; "" keeps them all."""
        self.searched = text.strip()
        self._moved()

    def sort(self, column: str) -> None:
        """Ascending, then descending, then the frame's own order."""
        self.column(column)
        now = self.order
        self.order = (column, False) if not now or now[0] != column else (column, True) if not now[1] else None
        self._moved()

    def turn(self, page: int) -> None:
        """Go to a page (from 0), the nearest one that exists."""
        self.page = max(0, min(page, self.pages - 1))

    def size(self, rows: int) -> None:
        """Rows per page, one of PAGE_SIZES."""
        self.page_size = rows if rows in PAGE_SIZES else self.page_size
        self.page = 0

    def found(self) -> pl.DataFrame:
        """The rows that pass the filters, in order."""
        if self._found is None:
            frame = self.frame.filter(*[self._passes(*item) for item in self.filters.items()], *self._searched())
            if self.order:
                name, descending = self.order
                frame = frame.sort(self._sortable(name), descending=descending, nulls_last=True, maintain_order=True)
            self._found = frame
        return self._found

    @property
    def pages(self) -> int:
        """How many pages, at least one."""
        return max(1, -(-self.found().height // self.page_size))

    def shown(self) -> pl.DataFrame:
        """The rows of the current page."""
        self.turn(self.page)
        return self.found().slice(self.page * self.page_size, self.page_size)

    def replace(self, frame: pl.DataFrame) -> None:
        """Look at another frame with the same columns; edits not yet taken over are dropped with the old one."""
        self.frame = frame
        self.edits, self.faults, self.unread = [], {}, {}
        self.selected &= frozenset(frame[self.key])
        self._folded, self._found = {}, None

    # -- choosing ----------------------------------------------------------------------------------------------

    def select(self, key: str, *, on: bool) -> None:
        """Choose a row, or no longer."""
        self.selected = self.selected | {key} if on else self.selected - {key}

    def select_found(self, *, on: bool) -> None:
        """Choose every row that passes the filters, on all pages, or none of them any longer."""
        keys = frozenset(self.found()[self.key])
        self.selected = self.selected | keys if on else self.selected - keys

    def chosen(self) -> pl.DataFrame:
        """The chosen rows, filtered out or not."""
        return self.frame.filter(pl.col(self.key).is_in(list(self.selected)))

    # -- editing -----------------------------------------------------------------------------------------------

    def edit(self, key: str, column: str, text: str) -> None:
        """Write a cell, then judge its record. Text that is no date stays in the cell, as a fault, not in the frame."""
        if not self.column(column).editable:
            return
        old = self.value(key, column)
        self.unread.pop((key, column), None)
        try:
            new = self._typed(column, text)
        except ValueError:
            self.unread[key, column] = new = text
        if new != old:
            self._numbers += 1
            self.edits.append(Edit(self._numbers, key, column, old, new))
        if (key, column) not in self.unread:
            self._write(key, column, new)
        self._judge(key)

    def undo(self, number: int | None = None) -> Edit | None:
        """Take back one edit, any of them (default: the last). A later edit of the same cell is taken back with it."""
        target = self.edits[-1].number if number is None and self.edits else number
        edit = next((edit for edit in self.edits if edit.number == target), None)
        if edit is None:
            return None
        same_cell = (edit.key, edit.column)
        self.edits = [
            other for other in self.edits if (other.key, other.column) != same_cell or other.number < edit.number
        ]
        self.unread.pop(same_cell, None)
        self._write(edit.key, edit.column, edit.old)
        self._judge(edit.key)
        return edit

    def record(self, key: str) -> pl.DataFrame:
        """One row, every column of the frame."""
        return self.frame.filter(pl.col(self.key) == key)

    def value(self, key: str, column: str) -> Any:
        """One cell; ValueError when no row has that key."""
        return self.record(key)[column].item()

    def faults_of(self, key: str, column: str) -> Sequence[str]:
        """What is wrong with an edited cell."""
        unread = ["Ce n’est pas une date réelle de la forme JJ/MM/AAAA."] if (key, column) in self.unread else []
        return [*unread, *self.faults.get(key, {}).get(column, ())]

    def _judge(self, key: str) -> None:
        self.faults[key] = self.validate(self.record(key))

    def _write(self, key: str, column: str, value: Any) -> None:
        here = pl.col(self.key) == key
        self.frame = self.frame.with_columns(
            pl.when(here).then(pl.lit(value, self.frame.schema[column])).otherwise(pl.col(column)).alias(column)
        )
        self._folded.pop(column, None)
        self._found = None

    def _typed(self, column: str, text: str) -> Any:
        text = text.strip()
        if not text:
            return None
        kind = self.frame.schema[column]
        if kind == pl.Date:
            day, month, year = text.split("/")
            return date(int(year), int(month), int(day))
        if kind.is_integer():
            return int(text)
        return text

    def _moved(self) -> None:
        self._found, self.page = None, 0

    def _passes(self, column: str, wanted: str) -> pl.Expr:
        if self.column(column).choices is not None:
            return pl.col(column).cast(pl.String) == wanted
        folded = pl.select(normalise(pl.lit(wanted))).item()
        return pl.lit(self._fold(column).str.contains(folded, literal=True).fill_null(value=False))

    def _searched(self) -> list[pl.Expr]:
        if not self.searched:
            return []
        folded = pl.select(normalise(pl.lit(self.searched))).item()
        shown = [name for column in self.columns for name in (column.name, column.second) if name]
        parts = [self._fold(name).str.contains(folded, literal=True).fill_null(value=False) for name in shown]
        return [pl.any_horizontal(*[pl.lit(part) for part in parts])]

    def _fold(self, column: str) -> pl.Series:
        """The column without case and accents, computed once: what is typed is looked for in it at every key."""
        if column not in self._folded:
            shown = french_text(self.frame, column)
            known = next((one.choices for one in self.columns if one.name == column and one.choices), None)
            shown = shown if known is None else shown.replace(dict(known))
            self._folded[column] = self.frame.select(normalise(shown).alias(column))[column]
        return self._folded[column]

    def _sortable(self, column: str) -> pl.Expr:
        choices = self.column(column).choices
        if choices is not None:
            return pl.col(column).cast(pl.String).replace(dict(choices))
        text = self.frame.schema[column] == pl.String
        # The order of words does not follow case and accents.
        return normalise(pl.col(column)) if text else pl.col(column)


def french_text(frame: pl.DataFrame, column: str) -> pl.Expr:
    """A column as it is shown: dates JJ/MM/AAAA, oui/non, numbers plain."""
    kind = frame.schema[column]
    if kind == pl.Date:
        return pl.col(column).dt.strftime("%d/%m/%Y")
    if kind == pl.Boolean:
        return pl.when(pl.col(column)).then(pl.lit("oui")).when(~pl.col(column)).then(pl.lit("non")).alias(column)
    return pl.col(column).cast(pl.String)
