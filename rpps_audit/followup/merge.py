"""Next month's files against what is kept: a cell written by hand stays, the rest follows the sources."""

from __future__ import annotations

import polars as pl

CELLS = {
    "person": pl.String, "finess": pl.String, "column": pl.String, "value": pl.String, "source": pl.String,
    "told_on": pl.Date, "by_hand": pl.Boolean,
}  # fmt: skip
_KEY = ["person", "finess", "column"]
BY_HAND = "saisie"
EMPTIED = "(vide)"


def merge(kept: pl.DataFrame, fresh: pl.DataFrame, renamed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(cells, conflicts) of a new round. Both frames have the columns of CELLS, one row for each cell.

    renamed: name_key, professional_id: people who have a number now go on under it. A cell by hand stays whatever the
    sources say; where one says otherwise, a conflict is told: person, finess, column, value (by hand), other, source,
    told_on. A cell no source fills any more keeps its last value while its person and place are still there.
    """
    before = _renamed(kept, renamed)
    hand = before.filter("by_hand")
    met = hand.join(fresh.select(*_KEY, other="value", other_source="source", other_told="told_on"), on=_KEY)
    # A source that says no more than it said when the cell was written is no news, but it still disagrees: shown.
    differs = met.filter(pl.col("other").is_not_null() & ~pl.col("value").eq_missing(pl.col("other")))
    conflicts = differs.select(*_KEY, "value", "other", source="other_source", told_on="other_told").sort(_KEY)
    told = fresh.join(hand, on=_KEY, how="anti")
    people = fresh.select("person", "finess").unique()
    rest = (
        before.filter(~pl.col("by_hand"))
        .join(told, on=_KEY, how="anti")
        .join(people, on=["person", "finess"], how="semi")
    )
    return pl.concat([hand, told, rest]).select(list(CELLS)).sort(_KEY), conflicts


def written(cells: pl.DataFrame, given: pl.DataFrame, told_on: pl.Expr, author: str) -> pl.DataFrame:
    """The cells after a person gave the file back: what differs from what was kept was written by hand.

    given: person, finess, column, value for every cell of the file, null where empty. An empty cell is one nobody
    filled, and takes nothing away; to empty a cell, EMPTIED is written in it.
    """
    filled = given.filter(pl.col("value").is_not_null()).with_columns(
        value=pl.when(pl.col("value") != EMPTIED).then("value")
    )
    met = filled.join(cells.select(*_KEY, kept="value"), on=_KEY, how="left")
    changed = met.filter(~pl.col("value").eq_missing(pl.col("kept"))).select(
        *_KEY,
        "value",
        source=pl.lit(f"{BY_HAND} ({author})" if author else BY_HAND),
        told_on=told_on,
        by_hand=pl.lit(True),
    )
    others = cells.join(changed, on=_KEY, how="anti")
    return pl.concat([others, changed.cast(CELLS)]).sort(_KEY)  # type: ignore[arg-type]


def _renamed(kept: pl.DataFrame, renamed: pl.DataFrame) -> pl.DataFrame:
    """The same cells under the number people have now. Where both keys had a cell, the one written by hand stays."""
    moved = kept.join(renamed.unique("name_key"), left_on="person", right_on="name_key", how="left").with_columns(
        person=pl.coalesce("professional_id", "person")
    )
    ordered = moved.drop("professional_id").sort("by_hand", "told_on", descending=True, maintain_order=True)
    return ordered.unique(_KEY, keep="first", maintain_order=True)
