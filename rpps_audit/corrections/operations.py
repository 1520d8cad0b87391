"""Decisions, and the one way they are written: whole in the store, then in the journal, whatever happens in between."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rpps_audit.corrections.desk import Desk, safety
from rpps_audit.corrections.rows import marks, written_since
from rpps_audit.journal import KEEP_IT, JournalError, canonical_json, note_settings
from rpps_audit.privacy import open_pseudonyms

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation

# What a hash in the journal is of: salted, so that a short value (a code, a date) cannot be guessed from it.
COMMITMENT = "sha256({nonce} || CASE WHEN {value} IS NULL THEN '0' ELSE '1' || {value} END)"


class Operation(NamedTuple):
    """One decision being written."""

    operation_id: int
    at: datetime
    """UTC, without zone, as the store keeps it."""


def record(
    desk: Desk, event: str, who: Authorisation | str, write: Callable[[Operation], Mapping[str, Any]]
) -> Operation:
    """Run `write` (it returns the journal's data: ids, keys, hashes) and its journal line as one thing.

    `who` acts: an authorisation, checked once more just before the COMMIT (the card answers, managers.toml read again);
    or a name, for what the program does by itself. The store's transaction holds the line to come: a crash before the
    journal is written is made good by the next decision, a crash before the commit leaves no trace in either. The line
    names the journal's head (so the store is a witness of the journal) and is sealed with the workspace's key.
    """
    settle(desk)
    # A setting that changed since the last decision is in the journal before this one.
    note_settings(desk.folder, safety(desk.folder))
    at = datetime.now(UTC).replace(tzinfo=None)
    by, person = (who, {}) if isinstance(who, str) else (who.author, {"person": who.person.described()})
    with desk.store.transaction():
        operation = Operation(desk.store.next_id("operations", "operation_id"), at)
        before = marks(desk.store)
        data = {"operation": operation.operation_id, **write(operation), **person}
        data |= {"head": list(desk.journal.last_finished()), "rows": written_since(desk.store, before)}
        data["seal"] = seal(desk.folder, event, data, by)
        desk.store.sql(
            "INSERT INTO operations VALUES (?, ?, ?, ?, ?, NULL)",
            [operation.operation_id, event, canonical_json(data).decode("utf-8"), by, at],
        )
        if not isinstance(who, str):
            who.confirm()
    _tell(desk, operation.operation_id, event, data, by)
    return operation


def seal(folder: Path, event: str, data: Mapping[str, Any], author: str) -> str:
    """HMAC of a decision with the workspace's key: nobody who only writes SQL or lines of text can make one."""
    key = hmac.digest(open_pseudonyms(folder).key, b"journal", "sha256")
    said = {name: value for name, value in data.items() if name != "seal"}
    return hmac.digest(key, canonical_json([event, author, said]), "sha256").hex()


def settle(desk: Desk) -> int:
    """Write to the journal the decisions that a crash kept from it; how many there were.

    Raises JournalError for a decision that this workspace did not seal: it was put into the store from outside.
    """
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
    for number, event, text, author in waiting:
        data = json.loads(text)
        if not hmac.compare_digest(str(data.get("seal", "")), seal(desk.folder, event, data, author)):
            raise JournalError(
                f"Le magasin contient une décision (n° {number}) qui n'a pas été prise dans l'outil : elle n'est pas "
                f"inscrite au journal. {KEEP_IT}"
            )
        if number in written:
            _mark(desk, number, written[number])
        else:
            _tell(desk, number, event, data, author)
    return len(waiting)


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
