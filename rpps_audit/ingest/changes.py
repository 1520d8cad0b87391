"""How much of the last snapshot of a series changed or vanished in the new one. Creations never count."""

from __future__ import annotations

from rpps_audit.store import Store

# The registry's own guard between two extracts (code and README of the national loader): above 5 %, look first.
ALERT = 0.05

_PREVIOUS = """
SELECT p.snapshot_id, p.columns, n.columns FROM snapshots p JOIN snapshots n USING (series)
WHERE n.snapshot_id = ? AND p.snapshot_id <> n.snapshot_id AND p.data_date <= n.data_date
ORDER BY p.data_date DESC, p.snapshot_id DESC LIMIT 1
"""


def changed_share(store: Store, snapshot_id: int, table: str) -> float | None:
    """Share (0 to 1) of the previous snapshot's rows that are no longer there as they were; None without one before.

    Rows are compared by a hash of the columns that both files carry, so a new column is no change.
    """
    previous = store.one(_PREVIOUS, [snapshot_id])
    if previous is None:
        return None
    before, *columns = previous
    shared = sorted(set(columns[0]) & set(columns[1]))
    if not shared:
        return None
    row = store.one(
        f"""
        WITH hashed AS (
            SELECT snapshot_id, hash({", ".join(shared)}) AS content FROM {table} WHERE snapshot_id IN (?, ?)
        )
        SELECT count(*), count(*) FILTER (content NOT IN (SELECT content FROM hashed WHERE snapshot_id = ?))
        FROM hashed WHERE snapshot_id = ?
        """,
        [before, snapshot_id, snapshot_id, before],
    )
    assert row is not None
    return row[1] / row[0] if row[0] else None
