"""Decisions, and the one way they are written: whole in the store, then in the journal, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from rpps_audit.corrections.desk import Desk
from rpps_audit.journal import Entry, canonical_json

# What a hash in the journal is of: salted, so that a short value (a code, a date) cannot be guessed from it.
COMMITMENT = "sha256({nonce} || CASE WHEN {value} IS NULL THEN '0' ELSE '1' || {value} END)"


class Operation(NamedTuple):
    """One decision being written."""

    operation_id: int
    at: datetime
    """UTC, without zone, as the store keeps it."""


def record(desk: Desk, event: str, author: str, write: Callable[[Operation], Mapping[str, Any]]) -> Operation:
    """Run `write` (it returns the journal's data: ids, keys, hashes) and its journal line as one thing.

    The store's transaction holds the line to come: a crash before the journal is written is made good by the next
    decision, a crash before the commit leaves no trace in either.
    """
    settle(desk)
    at = datetime.now(UTC).replace(tzinfo=None)
    with desk.store.transaction():
        operation = Operation(desk.store.next_id("operations", "operation_id"), at)
        data = {"operation": operation.operation_id, **write(operation)}
        desk.store.sql(
            "INSERT INTO operations VALUES (?, ?, ?, ?, ?, NULL)",
            [operation.operation_id, event, canonical_json(data).decode("utf-8"), author, at],
        )
    _tell(desk, operation.operation_id, event, data, author)
    return operation


def settle(desk: Desk) -> int:
    """Write to the journal the decisions that a crash kept from it; how many there were."""
    waiting = desk.store.sql(
        "SELECT operation_id, event, data, author FROM operations WHERE journal_seq IS NULL ORDER BY operation_id"
    ).fetchall()
    if not waiting:
        return 0
    written = {
        entry.data["operation"]: entry.seq
        for entry in desk.journal.entries()
        if isinstance(entry.data, dict) and "operation" in entry.data
    }
    for number, event, data, author in waiting:
        if number in written:
            _mark(desk, number, written[number])
        else:
            _tell(desk, number, event, json.loads(data), author)
    return len(waiting)


def told(desk: Desk, *events: str) -> Iterator[Entry]:
    """What the journal says of these events, in order; other lines are not even parsed."""
    if not desk.journal.path.exists():
        return
    marks = [f'"event":"{event}"'.encode() for event in events]
    with desk.journal.path.open("rb") as lines:
        for line in lines:
            if any(mark in line for mark in marks):
                entry = Entry(**json.loads(line))
                if entry.event in events:
                    yield entry


def add_events(
    desk: Desk,
    operation: Operation,
    event: str,
    corrections: pl.Series | list[int],
    *,
    author: str,
    card: str | None = None,
    reason: str | None = None,
    batch_id: str | None = None,
    snapshot_id: int | None = None,
) -> None:
    """One more event in the life of each correction (inside `record`)."""
    numbers = pl.DataFrame({"correction_id": pl.Series(corrections, dtype=pl.Int32)})
    first = desk.store.next_id("correction_events", "event_id")
    desk.store.connection.register("numbers", numbers.to_arrow())
    desk.store.sql(
        """INSERT INTO correction_events
           SELECT ? - 1 + row_number() OVER (ORDER BY correction_id), correction_id, ?, ?, ?, ?, ?, ?, ?
           FROM numbers""",
        [first, event, author, card, reason, batch_id, snapshot_id, operation.at],
    )
    desk.store.connection.unregister("numbers")


def _tell(desk: Desk, number: int, event: str, data: Mapping[str, Any], author: str) -> None:
    _mark(desk, number, desk.journal.append(event, data, author).seq)


def _mark(desk: Desk, number: int, seq: int) -> None:
    desk.store.sql("UPDATE operations SET journal_seq = ? WHERE operation_id = ?", [seq, number])
