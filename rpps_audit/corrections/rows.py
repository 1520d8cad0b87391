"""A digest of the rows that each decision wrote: what the journal says of them, to be compared with the store.

Every column counts. The rows of `corrections` hold a random nonce, so that no short value can be guessed from a digest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from rpps_audit.store import Store, fetch_frame

_KEYED = {
    "corrections": (
        "correction_id", "operation_id", "snapshot_id", "kind", "table", "record_key", "column", "old", "new",
        "previous_id", "rule_id", "source", "confidence", "author", "card", "reason", "evidence", "nonce",
        "proposed_at", "written_key", "as_of",
    ),
    "correction_events": (
        "event_id", "correction_id", "event", "author", "card", "reason", "batch_id", "snapshot_id", "done_at",
    ),
    "batch_events": ("event_id", "batch_id", "event", "author", "reason", "package", "sha256", "done_at"),
}  # fmt: skip
_BATCH = ("batch_id", "prepared_at", "prepared_by", "persons", "changes")
_RANGES = {"operation": pl.Int64, "first": pl.Int64, "last": pl.Int64}


class Marks(NamedTuple):
    """The last key of each table before a decision is written."""

    corrections: int
    correction_events: int
    batch_events: int


def marks(store: Store) -> Marks:
    """Where the tables stand."""
    return Marks(*(store.next_id(table, columns[0]) - 1 for table, columns in _KEYED.items()))


def written_since(store: Store, before: Marks) -> dict[str, Any]:
    """For the journal: `{table: [first key, last key, digest]}` of the rows added, and `batches: {id: digest}`."""
    said: dict[str, Any] = {}
    for table, first, last in zip(_KEYED, before, marks(store), strict=True):
        if last > first:
            said[table] = [first + 1, last, *digests(store, table, [(0, first + 1, last)]).values()]
    if "batch_events" in said:
        new = store.sql(
            "SELECT batch_id FROM batch_events WHERE event_id > ? AND event = 'prepared' ORDER BY 1",
            [before.batch_events],
        ).fetchall()
        if new:
            said["batches"] = batch_digests(store, [row[0] for row in new])
    return said


def digests(store: Store, table: str, ranges: list[tuple[int, int, int]]) -> dict[int, str]:
    """The digest of the rows of each (operation, first key, last key); absent where no row is left."""
    key, columns = _KEYED[table][0], _KEYED[table]
    frame = pl.DataFrame(ranges, schema=_RANGES, orient="row")
    store.connection.register("ranges", frame.to_arrow())
    try:
        found = fetch_frame(
            store.sql(
                f"""SELECT operation, sha256(string_agg({_row(columns)}, chr(10) ORDER BY "{key}")) AS digest
                FROM ranges JOIN {table} t ON t."{key}" BETWEEN ranges."first" AND ranges."last" GROUP BY operation"""
            )
        )
    finally:
        store.connection.unregister("ranges")
    return dict(zip(found["operation"], found["digest"], strict=True))


def batch_digests(store: Store, batches: list[str]) -> dict[str, str]:
    """The digest of each batch: its row, and which corrections it holds."""
    rows = store.sql(
        f"""SELECT t.batch_id, sha256(any_value({_row(_BATCH)}) || coalesce(string_agg(c.correction_id::VARCHAR, ','
                   ORDER BY c.correction_id), ''))
        FROM batches t LEFT JOIN batch_corrections c USING (batch_id) WHERE list_contains(?, t.batch_id)
        GROUP BY t.batch_id ORDER BY 1""",
        [batches],
    ).fetchall()
    return {str(name): str(digest) for name, digest in rows}


def counts(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    found = {}
    for table in (*_KEYED, "batches"):
        row = store.one(f"SELECT count(*) FROM {table}")
        assert row is not None
        found[table] = int(row[0])
    return found


def _row(columns: tuple[str, ...]) -> str:
    """Text without ambiguity: lengths before values, null apart from empty."""
    cells = (f"coalesce(length(t.\"{name}\"::VARCHAR) || ':' || t.\"{name}\"::VARCHAR, '-')" for name in columns)
    return " || ' ' || ".join(cells)
