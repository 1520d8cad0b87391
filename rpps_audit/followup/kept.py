"""The follow-up a workspace keeps, in its store: read, brought up to date, shown as one row for each situation."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.followup.merge import CELLS, merge
from rpps_audit.followup.sourced import columns, fresh_cells, renamed
from rpps_audit.matching import Reconciliation
from rpps_audit.records import State, state_at
from rpps_audit.roster.jobs import kept_jobs
from rpps_audit.store import Store, fetch_frame


def kept_cells(store: Store) -> pl.DataFrame:
    """CELLS: every cell of the follow-up."""
    return fetch_frame(store.sql(f"SELECT {', '.join(map(_quoted, CELLS))} FROM followup_cells")).cast(CELLS)  # type: ignore[arg-type]


def update_followup(store: Store, workspace: Path, found: Reconciliation, state: State | None = None) -> pl.DataFrame:
    """Bring the follow-up up to date with a reconciliation; gives the conflicts (see `merge`)."""
    judged = state or state_at(store)
    fresh = fresh_cells(store, judged, found, kept_jobs(workspace)).with_columns(
        pl.col("told_on").fill_null(judged.as_of)
    )
    cells, conflicts = merge(kept_cells(store), fresh, renamed(found))
    replace_cells(store, cells)
    return conflicts


def conflicts(store: Store, workspace: Path, found: Reconciliation, state: State | None = None) -> pl.DataFrame:
    """What the sources say otherwise than a cell written by hand, today; nothing is changed."""
    judged = state or state_at(store)
    fresh = fresh_cells(store, judged, found, kept_jobs(workspace)).with_columns(
        pl.col("told_on").fill_null(judged.as_of)
    )
    return merge(kept_cells(store), fresh, renamed(found))[1]


def replace_cells(store: Store, cells: pl.DataFrame) -> None:
    """All the cells at once, or none."""
    store.connection.register("new_cells", cells.select(list(CELLS)).to_arrow())
    try:
        with store.transaction():
            store.sql("DELETE FROM followup_cells")
            store.sql("INSERT INTO followup_cells SELECT * FROM new_cells")
    finally:
        store.connection.unregister("new_cells")


def wide(cells: pl.DataFrame, what: str = "value") -> pl.DataFrame:
    """One row for each person and establishment, in the columns of the follow-up; `what`: value, source or by_hand."""
    names = columns()
    if cells.is_empty():
        return pl.DataFrame(schema={"person": pl.String, "place": pl.String, **dict.fromkeys(names, pl.String)})
    text = cells.select("person", pl.col("finess").alias("place"), "column", pl.col(what).cast(pl.String).alias("cell"))
    table = text.pivot("column", index=["person", "place"], values="cell", aggregate_function="first")
    lacking = [pl.lit(None, pl.String).alias(name) for name in names if name not in table.columns]
    return table.with_columns(lacking).select("person", "place", *names).sort("place", "birth_name", "person")


def _quoted(name: str) -> str:
    return f'"{name}"'


def today() -> date:
    """The day something is written by hand."""
    return date.today()
