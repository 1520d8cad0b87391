"""What the head of a page and the home page read of the workspace: the state that stands, and the files it is made of.

The only place of the screens that knows how the store tells the state of the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.ingest import forget
from rpps_audit.records import state_at
from rpps_audit.reports.labels import KINDS
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workbench.screen import Screen


@dataclass(frozen=True)
class Standing:
    """The state of the register the screens show: its day, how many files make it, and its operator's FINESS number
    ("" when there are several)."""

    day: date
    files: int
    operator: str


def standing(screen: Screen) -> Standing | None:
    """The state that stands now; None on an empty workspace."""
    if not screen.has_store:
        return None
    with screen.store() as store:
        state, files = state_at(store), standing_files(store)
        if not files:
            return None
        operators = fetch_frame(store.sql(_OPERATORS, [files])).to_series()
    return Standing(state.as_of, len(files), f"organisme {operators[0]}" if operators.len() == 1 else "")


def standing_files(store: Store) -> list[int]:
    """The files that make the state of the day."""
    files: list[int] = state_at(store).snapshots["snapshot_id"].to_list()
    return files


def snapshots(screen: Screen) -> list[dict[str, Any]]:
    """The files loaded, the last first: snapshot_id, kind (in words), file_name, data_date, rows_read, rows_kept,
    rows_rejected, current (a file of the state that stands)."""
    if not screen.has_store:
        return []
    with screen.store() as store:
        frame = fetch_frame(store.sql(_SNAPSHOTS, [state_at(store).snapshots["snapshot_id"].to_list()]))
    return frame.with_columns(pl.col("kind").replace(KINDS)).to_dicts()


def rejects(screen: Screen, snapshot_id: int) -> pl.DataFrame:
    """The rejected lines of a file: line, reason, raw."""
    with screen.store() as store:
        sql = "SELECT line, reason, raw FROM rejects WHERE snapshot_id = ? ORDER BY line"
        return fetch_frame(store.sql(sql, [snapshot_id]))


def retire(screen: Screen, snapshot_id: int) -> None:
    """Forget a loaded file. Raises UsageError while corrections rest on it."""
    with screen.store() as store:
        forget(store, snapshot_id)


_OPERATORS = """SELECT DISTINCT finess_legal FROM registrations
                WHERE list_contains(?, snapshot_id) AND finess_legal IS NOT NULL LIMIT 2"""
_SNAPSHOTS = """
    SELECT s.snapshot_id, s.kind, s.file_name, s.data_date, s.rows_read, s.rows_kept, s.rows_rejected,
           list_contains(?, s.snapshot_id) AS current
    FROM snapshots s ORDER BY s.loaded_at DESC, s.snapshot_id DESC LIMIT 100"""
