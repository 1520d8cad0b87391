"""The accessible grid: a real table, operable with the keyboard alone, over a `Table` that stays in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from rpps_audit.reports.french import counted, number
from rpps_audit.workbench.live import LiveWidget
from rpps_audit.workbench.table import PAGE_SIZES, Column, Table, french_text


@dataclass(frozen=True)
class Act:
    """What can be done on a row, by a button there (none when `quiet`) or by its letter when the row has the focus."""

    label: str
    letter: str
    quiet: bool = False


class Grid(LiveWidget):
    """A table on the screen. `on_choose(keys)` hears the selection, `on_open(key)` a row, `on_edit(table)` edits.

    `acts` are the buttons of the rows, by name; a row has those that its list column `acts` names, and `on_act(name,
    key)` hears them. `on_follow(key)` hears the row the reader has come to. `search`: one box over the whole table
    stands for the filters of each column.

    The browser holds one page at a time; filtering and sorting 50 000 rows take a tenth of a second in Python.
    """

    drawn_by = "grid"

    def __init__(
        self,
        table: Table,
        *,
        caption: str,
        empty: str = "Rien à montrer.",
        row: tuple[str, str] = ("ligne", "lignes"),
        selectable: bool = False,
        on_choose: Callable[[frozenset[str]], None] | None = None,
        on_open: Callable[[str], None] | None = None,
        on_edit: Callable[[Table], None] | None = None,
        acts: Mapping[str, Act] | None = None,
        on_act: Callable[[str, str], None] = lambda _name, _key: None,
        on_follow: Callable[[str], None] | None = None,
        search: bool = False,
    ) -> None:
        super().__init__()
        self.table = table
        self.caption, self.empty, self.row = caption, empty, row
        self.selectable = selectable
        self.acts, self.search = acts or {}, search
        # The row looked at, and what the status says beside the count.
        self.current = self.aside = ""
        self._on_choose, self._on_open, self._on_edit = on_choose, on_open, on_edit
        self._on_act, self._on_follow = on_act, on_follow

    def view(self) -> dict[str, Any]:
        """The current page and everything around it."""
        table = self.table
        shown = table.shown()
        return {
            "caption": self.caption,
            "columns": [_column(column) for column in table.columns],
            "rows": [self._row(values) for values in _texts(shown, table)],
            "filters": table.filters,
            "order": table.order,
            "page": table.page,
            "pages": table.pages,
            "page_size": table.page_size,
            "page_sizes": PAGE_SIZES,
            "status": self.status(),
            "empty": self.empty if table.frame.is_empty() else "Aucune ligne ne correspond à ces filtres.",
            "selectable": self.selectable,
            "all_selected": shown.height > 0 and table.selected.issuperset(table.found()[table.key]),
            "openable": self._on_open is not None,
            "undo": self._undo(),
            "search": self.search,
            "searched": table.searched,
            "acts": [[name, act.label, act.letter, act.quiet] for name, act in self.acts.items()],
            "current": self.current,
            "follows": self._on_follow is not None,
        }

    def status(self) -> str:
        """What a screen reader says after each change."""
        table = self.table
        found, every = table.found().height, table.frame.height
        said = counted(found, *self.row) + (f" sur {number(every)}" if found != every else "")
        if table.pages > 1:
            said += f", page {number(table.page + 1)} sur {number(table.pages)}"
        if table.selected:
            said += f" ; {counted(len(table.selected), 'choisie', 'choisies')}"
        if self.aside:
            said += f" ; {self.aside}"
        faults = sum(bool(table.faults_of(key, column)) for key, column in self._judged())
        return said + (f" ; {counted(faults, 'cellule à revoir', 'cellules à revoir')}" if faults else "")

    def replace(self, frame: pl.DataFrame) -> None:
        """Show another frame of the same columns; filters, order and selection stay."""
        self.table.replace(frame)
        self.refresh()

    def take_focus(self) -> None:
        """Put the reader back on a row: what they pressed elsewhere is gone."""
        self.send({"focus": True})

    def do_filter(self, column: str, text: str) -> None:
        """Keep what contains the text."""
        self.table.filter(column, text)

    def do_clear(self) -> None:
        """Remove every filter."""
        self.table.clear_filters()

    def do_search(self, text: str) -> None:
        """Keep the rows where the text stands anywhere."""
        self.table.search(text)

    def do_act(self, name: str, key: str) -> None:
        """A button of a row; one the row does not have does nothing."""
        if name in self._acts_of(key):
            self._on_act(name, key)

    def do_follow(self, key: str) -> None:
        """The reader has come to a row."""
        self.current = key
        if self._on_follow:
            self._on_follow(key)

    def do_sort(self, column: str) -> None:
        """Change the order."""
        self.table.sort(column)

    def do_turn(self, page: int) -> None:
        """Go to a page."""
        self.table.turn(page)

    def do_size(self, rows: int) -> None:
        """Change how many rows a page has."""
        self.table.size(rows)

    def do_select(self, key: str, on: bool) -> None:
        """Choose a row."""
        self.table.select(key, on=on)
        self._chosen()

    def do_select_all(self, on: bool) -> None:
        """Choose every row found."""
        self.table.select_found(on=on)
        self._chosen()

    def do_edit(self, key: str, column: str, text: str) -> None:
        """Write a cell."""
        self.table.edit(key, column, text)
        self._edited()

    def do_undo(self) -> None:
        """Take the last edit back."""
        self.table.undo()
        self._edited()

    def do_open(self, key: str) -> None:
        """Open a row."""
        if self._on_open:
            self._on_open(key)

    def _chosen(self) -> None:
        if self._on_choose:
            self._on_choose(self.table.selected)

    def _edited(self) -> None:
        if self._on_edit:
            self._on_edit(self.table)

    def _judged(self) -> set[tuple[str, str]]:
        judged = {(key, column) for key, faults in self.table.faults.items() for column in faults}
        return judged | set(self.table.unread)

    def _row(self, values: dict[str, Any]) -> dict[str, Any]:
        key, acts = values.pop(""), values.pop("\1", None) or []
        cells = [
            {
                "text": self.table.unread.get((key, name), text or self.table.column(name).missing),
                "code": values[f"\0{name}"] or "",
                "second": values.get(f"\0\0{name}") or "",
                "faults": list(self.table.faults_of(key, name)),
            }
            for name, text in values.items()
            if not name.startswith("\0")
        ]
        return {"key": key, "selected": key in self.table.selected, "cells": cells, "acts": acts}

    def _acts_of(self, key: str) -> list[str]:
        if "acts" not in self.table.frame.columns:
            return []
        found = self.table.frame.filter(pl.col(self.table.key) == key)["acts"].to_list()
        return list(found[0] or ()) if found else []

    def _undo(self) -> str:
        if not self.table.edits:
            return ""
        last = self.table.edits[-1]
        return f"Annuler la dernière modification ({self.table.column(last.column).label})"

    def __repr__(self) -> str:
        return f"{self.caption} : {counted(self.table.frame.height, *self.row)}"


def _column(column: Column) -> dict[str, Any]:
    choices = None if column.choices is None else [[code, label] for code, label in column.choices.items()]
    return {
        "name": column.name,
        "label": column.label,
        "editable": column.editable,
        "choices": choices,
        "numeric": column.numeric,
    }


def _texts(shown: pl.DataFrame, table: Table) -> list[dict[str, Any]]:
    """The page as texts: the key under "", each column's label under its name and its code under NUL + name; what
    stands under a cell under two NULs, and the row's acts under chr(1)."""
    labels = [
        french_text(shown, column.name).replace(dict(column.choices or {})).alias(column.name)
        for column in table.columns
    ]
    codes = [french_text(shown, column.name).alias(f"\0{column.name}") for column in table.columns]
    under = [french_text(shown, one.second).alias(f"\0\0{one.name}") for one in table.columns if one.second]
    acts = [pl.col("acts").alias("\1")] if "acts" in shown.columns else []
    return shown.select(pl.col(table.key).alias(""), *labels, *codes, *under, *acts).to_dicts()
