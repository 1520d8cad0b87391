"""What reading lost, and said: cells filled, read, unreadable and converted, by column; kept in the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rpps_audit.ingest.layouts import Layout
from rpps_audit.ingest.understood import Said, understood
from rpps_audit.store import Store, fetch_frame

Places = npt.NDArray[np.int32]
_CELLS = pl.Schema({"line": pl.Int32, "column": pl.String, "raw": pl.String})


@dataclass
class Losses:
    """Counts by column of one block, or of a whole file once all are added.

    `lost` cells could not be read; `causes` says, by (column, cause), why cells were converted or lost, and `firsts`
    the first line where. `withheld` [line, column, raw] are the lost cells whose value is null in the store.
    """

    filled: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    firsts: dict[tuple[str, str], int] = field(default_factory=dict)
    withheld: list[pl.DataFrame] = field(default_factory=list)

    def note(self, column: str, words: list[str], said: Said, places: Places, lines: npt.NDArray[np.int64]) -> None:
        """What the different odd cells (`words`) of one column said.

        `places` gives, for each odd cell in turn, its place in `words`, and `lines` its line.
        """
        often = np.bincount(places, minlength=len(words)).tolist()
        first = dict(zip(*(found.tolist() for found in np.unique(places, return_index=True)), strict=True))
        for place, (cause, lost, count) in enumerate(zip(said.causes, said.lost, often, strict=True)):
            if cause and count:
                self.causes[column, cause] += count
                self._begins(column, cause, int(lines[first[place]]))
            if lost:
                self.lost[column] += count
        held = np.array([lost and value is None for lost, value in zip(said.lost, said.values, strict=True)])
        if held.any():
            cells = pl.DataFrame({"line": lines, "raw": pl.Series(words).gather(places)}).filter(held[places])
            self.withheld.append(cells.select(pl.col("line").cast(pl.Int32), pl.lit(column).alias("column"), "raw"))

    def add(self, other: Losses, first_line: int = 0) -> None:
        """One more block, whose lines count from `first_line`."""
        self.filled += other.filled
        self.lost += other.lost
        self.causes += other.causes
        for (column, cause), line in other.firsts.items():
            self._begins(column, cause, line + first_line)
        self.withheld += [held.with_columns(pl.col("line") + first_line) for held in other.withheld]

    def _begins(self, column: str, cause: str, line: int) -> None:
        self.firsts[column, cause] = min(line, self.firsts.get((column, cause), line))

    def store(self, store: Store, snapshot_id: int, columns: list[str]) -> None:
        """Write `cell_counts` (a row for each of `columns`), `cell_causes` and `unreadable`."""
        causes = understood("causes")
        converted: Counter[str] = Counter()
        for (column, cause), count in self.causes.items():
            converted[column] += 0 if causes[cause].get("lost") else count
        counts = [
            (name, self.filled[name], self.filled[name] - self.lost[name], self.lost[name], converted[name])
            for name in columns
        ]
        why = [
            (column, cause, count, bool(causes[cause].get("damage")), self.firsts[column, cause])
            for (column, cause), count in sorted(self.causes.items()) if count
        ]  # fmt: skip
        withheld = pl.concat([pl.DataFrame(schema=_CELLS), *self.withheld])
        for table, frame in {
            "cell_counts": pl.DataFrame(counts, ["column", "filled", "read", "unreadable", "converted"], orient="row"),
            "cell_causes": pl.DataFrame(why, ["column", "cause", "cells", "damage", "first_line"], orient="row"),
            "unreadable": withheld.sort("column", "line"),
        }.items():
            if frame.height:
                store.connection.register("losses", frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
                store.sql(f"INSERT INTO {table} SELECT {snapshot_id}, * FROM losses")
                store.connection.unregister("losses")


def unreadable_share(store: Store, snapshot_id: int) -> dict[str, float]:
    """Store column → share (0 to 1) of its filled cells that say something and hold null, for the columns with any.

    Codes of closed lists are not here: their text stays in the column, where the rules judge it.
    """
    rows = store.sql(
        'SELECT "column", count(*) / any_value(filled) FROM unreadable JOIN cell_counts USING (snapshot_id, "column") '
        "WHERE snapshot_id = ? GROUP BY ALL ORDER BY ALL",
        [snapshot_id],
    ).fetchall()
    return {column: float(share) for column, share in rows}


def most_unreadable() -> float:
    """Above this share (0 to 1) of unreadable cells, a column tells a rule nothing it can rest on."""
    return float(understood("limits")["most_unreadable"])


def cells_of(store: Store, snapshot_id: int) -> list[dict[str, Any]]:
    """For each column of a file: column, filled, read, unreadable, converted, and causes {cause: cells}."""
    why = store.sql('SELECT "column", cause, cells FROM cell_causes WHERE snapshot_id = ?', [snapshot_id]).fetchall()
    counts = store.sql("SELECT * EXCLUDE (snapshot_id) FROM cell_counts WHERE snapshot_id = ?", [snapshot_id])
    return [
        {**row, "causes": {cause: cells for column, cause, cells in why if column == row["column"]}}
        for row in fetch_frame(counts).to_dicts()
    ]


def notes_on_cells(store: Store, snapshot_id: int, layout: Layout) -> list[str]:
    """A French note for each column that lost something, was damaged by a spreadsheet, or was read with a doubt."""
    causes, headers = understood("causes"), {name: column.header for name, column in layout.fields().items()}
    firsts = dict(
        store.sql('SELECT "column", min(line) FROM unreadable WHERE snapshot_id = ? GROUP BY ALL', [snapshot_id])
        .fetchall()
    )  # fmt: skip
    notes = []
    for one in cells_of(store, snapshot_id):
        name = headers[one["column"]]
        said = [
            f"{_cells(count)} : {causes[cause]['text']}"
            for cause, count in one["causes"].items()
            if causes[cause].get("said")
        ]
        damaged = [
            f"{_cells(count)} ({causes[cause]['text']})"
            for cause, count in one["causes"].items()
            if causes[cause].get("damage")
        ]
        if one["unreadable"] and one["column"] in firsts:
            notes.append(
                f"« {name} » : {_cells(one['unreadable'])} illisible{'s' * (one['unreadable'] > 1)} sur "
                f"{_number(one['filled'])} remplies ; la première, ligne {firsts[one['column']]}. Ce qui est illisible "
                "n'est pas tenu pour absent : corrigez le fichier et rechargez-le."
            )
        elif one["unreadable"]:
            notes.append(
                f"« {name} » : {_cells(one['unreadable'])} sur {_number(one['filled'])} remplies sans code ni forme "
                "que nous connaissions ; le texte est gardé tel quel."
            )
        if damaged:
            notes.append(f"« {name} » : colonne abîmée par un tableur, {', '.join(damaged)}.")
        if said:
            notes.append(f"« {name} » : {' ; '.join(said)}.")
    return notes


def _cells(count: int) -> str:
    return f"{_number(count)} cellule{'s' * (count > 1)}"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")
