"""What a new batch must know of the earlier ones: the numbers taken, what it replaces, who approved."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any

import polars as pl

from rpps_audit.batches.batch import FOLDER, OUTBOX
from rpps_audit.corrections.changes import FIELD
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import told
from rpps_audit.store import fetch_frame

_NUMBER = re.compile(r"(\d{8})-(\d{3,})")


def next_number(desk: Desk, made: datetime) -> str:
    """The number of the next batch, « 20261123-001 »: one that no batch ever had.

    The store may have been put back to an earlier day: the journal and the packages on the disk are asked too.
    """
    known = [name for (name,) in desk.store.sql("SELECT batch_id FROM batches").fetchall()]
    known += [str(entry.data.get("batch")) for entry in told(desk, "batch-prepared")]
    for folder in (desk.folder / FOLDER, desk.folder / OUTBOX):
        known += [path.name for path in folder.glob("*lot-*")]
    taken = [int(rank) for name in known for day, rank in _NUMBER.findall(name) if day == f"{made:%Y%m%d}"]
    return f"{made:%Y%m%d}-{max(taken, default=0) + 1:03d}"


def replaced(desk: Desk, changes: pl.DataFrame) -> list[str]:
    """The earlier batches that hold a correction of one of these fields [table, record_key, column]: who is shown one
    of them after this batch holds an old one."""
    desk.store.connection.register("fields", changes.select(FIELD).unique().to_arrow())
    found = fetch_frame(
        desk.store.sql(
            """SELECT DISTINCT batch_id FROM batch_corrections JOIN corrections USING (correction_id)
               SEMI JOIN fields USING ("table", record_key, "column") ORDER BY 1"""
        )
    )
    desk.store.connection.unregister("fields")
    return found["batch_id"].to_list()


def approvals(desk: Desk, corrections: pl.Series) -> list[dict[str, Any]]:
    """Who approved how many of these corrections, from the journal alone: nothing that is done to a batch approves."""
    held: set[int] = set(corrections.to_list())
    by: dict[int, str] = {}
    for entry in told(desk, "corrections-approved", "corrections-refused"):
        here = held.intersection(entry.data["corrections"])
        by |= dict.fromkeys(here, entry.author if entry.event == "corrections-approved" else "")
    counts = Counter(approver for approver in by.values() if approver)
    return [{"approver": approver, "corrections": counts[approver]} for approver in sorted(counts)]
