"""Taking a loaded file back: its rows, what was computed from them, and its original. What was decided on it stays."""

from __future__ import annotations

from rpps_audit.errors import UsageError
from rpps_audit.ingest.keeper import FOLDER
from rpps_audit.store import Store

# Every table that holds rows of a snapshot under its number.
_OF_A_SNAPSHOT = (
    "registrations", "employments", "establishments", "cards", "mailboxes", "skills", "diplomas", "communes_loaded",
    "adeli_numbers", "rejects", "cell_counts", "cell_causes", "unreadable", "person_lines", "echo_lines",
    "ranked_lines", "keyed_snapshots", "key_aliases", "outside_perimeter", "readings",
)  # fmt: skip
_OF_A_RUN = ("rule_runs", "rule_gaps", "findings_by_run", "departures")


def forget(store: Store, snapshot_id: int) -> str:
    """Remove a snapshot with what rests on it, in one transaction; its file name.

    Evaluations it took part in go with it: they are made again without it. Raises UsageError for an unknown snapshot,
    or while corrections rest on it: they would prove nothing any more.
    """
    row = store.one("SELECT file_name, content_hash FROM snapshots WHERE snapshot_id = ?", [snapshot_id])
    if row is None:
        raise UsageError(f"L'extraction n° {snapshot_id} n'est pas dans ce magasin.")
    held = store.one("SELECT count(*) FROM corrections WHERE snapshot_id = ?", [snapshot_id])
    if held is not None and held[0]:
        raise UsageError(
            f"L'extraction n° {snapshot_id} ne peut pas être retirée : {held[0]} correction(s) reposent sur elle. "
            "Annulez-les d'abord, ou chargez un fichier plus récent qui la remplace."
        )
    with store.transaction():
        remove(store, snapshot_id)
    name, content_hash = row
    if not store.one("SELECT 1 FROM snapshots WHERE content_hash = ?", [content_hash]):
        (store.path.parent / FOLDER / content_hash).unlink(missing_ok=True)
    return str(name)


def remove(store: Store, snapshot_id: int) -> None:
    """The rows of a snapshot and the runs it took part in (inside a transaction)."""
    runs = "SELECT run_id FROM runs WHERE list_contains(snapshots, $1) OR list_contains(sources, $1)"
    for table in _OF_A_RUN:
        store.sql(f"DELETE FROM {table} WHERE run_id IN ({runs})", [snapshot_id])
    store.sql("DELETE FROM runs WHERE list_contains(snapshots, $1) OR list_contains(sources, $1)", [snapshot_id])
    for table in (*_OF_A_SNAPSHOT, "snapshots"):
        store.sql(f"DELETE FROM {table} WHERE snapshot_id = $1", [snapshot_id])
