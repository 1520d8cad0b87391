"""What a new batch must know of the earlier ones: the numbers taken, and what it replaces."""

from __future__ import annotations

import re
from datetime import datetime

import polars as pl

from rpps_audit.batches.batch import FOLDER, OUTBOX
from rpps_audit.corrections.changes import FIELD
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.witness import next_number as next_in_journal
from rpps_audit.store import fetch_frame

_NUMBER = re.compile(r"(\d{8})-(\d{3,})")


def next_number(desk: Desk, made: datetime) -> str:
    """The number of the next batch, « 20261123-001 »: one that no batch ever had.

    The store may have been put back to an earlier day: the journal and the packages on the disk are asked too.
    """
    day = f"{made:%Y%m%d}"
    known = [path.name for folder in (FOLDER, OUTBOX) for path in (desk.folder / folder).glob("*lot-*")]
    taken = [int(rank) for name in known for of_day, rank in _NUMBER.findall(name) if of_day == day]
    return f"{day}-{max(next_in_journal(desk, day), max(taken, default=0) + 1):03d}"


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
