"""A batch as it stands, and its package on the disk, kept whole whatever happens.

The package is on the disk, under another name, before the store says that it exists: after a crash, `settle_packages`
gives it its name or throws it away.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from rpps_audit.batches.files import publish, write_whole
from rpps_audit.batches.manifest import read_package
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation
from rpps_audit.errors import UsageError
from rpps_audit.journal import sha256_hex
from rpps_audit.store import fetch_frame

FOLDER, OUTBOX = "lots", "outbox"
FRENCH_BATCH_STATES = {
    "prepared": "préparé",
    "abandoned": "abandonné",
    "signed": "signé",
    "sent": "envoyé",
    "acknowledged": "reçu par le destinataire",
    "rejected": "refusé par le destinataire",
}


class Batch(NamedTuple):
    """One batch as it stands. `notes` say in French what the package lacks; only after preparing."""

    batch_id: str
    state: str
    path: Path
    sha256: str
    persons: int
    changes: int
    prepared_at: datetime
    notes: tuple[str, ...] = ()


def batch(desk: Desk, batch_id: str) -> Batch:
    """One batch. Raises UsageError naming the known ones."""
    row = desk.store.one(
        "SELECT batch_id, state, package, sha256, persons, changes, prepared_at FROM batch_states WHERE batch_id = ?",
        [batch_id],
    )
    if row is None:
        known = [
            name
            for (name,) in desk.store.sql("SELECT batch_id FROM batches ORDER BY prepared_at DESC LIMIT 5").fetchall()
        ]
        raise UsageError(f"Aucun lot « {batch_id} ». Derniers lots : {', '.join(known) or 'aucun'}.")
    name, state, package, sha256, persons, changes, prepared_at = row
    return Batch(name, state, desk.folder / FOLDER / package, sha256, persons, changes, prepared_at)


def batches(desk: Desk) -> pl.DataFrame:
    """Every batch, last first.

    Columns: batch_id, state, state_at, prepared_at, prepared_by, persons, changes, package, sha256.
    """
    return fetch_frame(
        desk.store.sql(
            """SELECT batch_id, state, state_at, prepared_at, prepared_by, persons, changes, package, sha256
           FROM batch_states ORDER BY prepared_at DESC, batch_id DESC"""
        )
    )


def intact(one: Batch) -> Path:
    """The package's path, once its bytes are those the store knows. Raises UsageError."""
    if not one.path.exists():
        raise UsageError(f"{one.path} n'est plus là. Retrouvez-le, ou préparez un autre lot.")
    if sha256_hex(one.path.read_bytes()) != one.sha256:
        raise UsageError(f"{one.path} a été modifié depuis qu'il a été écrit : il ne sera ni signé ni envoyé.")
    return one.path


def settle_packages(desk: Desk) -> None:
    """After a crash: name the packages that the store knows, throw away those it does not."""
    folder = desk.folder / FOLDER
    if not folder.is_dir():
        return
    known = dict(desk.store.sql("SELECT package, sha256 FROM batch_states").fetchall())
    for part in sorted(folder.glob(".lot-*.part")):
        name, _, digest = part.name[1:].removesuffix(".part").rpartition(".")
        if known.get(name) == digest and sha256_hex(part.read_bytes()) == digest:
            publish_package(desk, part, folder / name)
        else:
            part.unlink()


def corrections_of(desk: Desk, batch_id: str) -> pl.Series:
    """The corrections a batch holds."""
    sql = "SELECT correction_id FROM batch_corrections WHERE batch_id = ? ORDER BY 1"
    return fetch_frame(desk.store.sql(sql, [batch_id])).to_series()


def batch_event(
    desk: Desk,
    operation: Operation,
    batch_id: str,
    event: str,
    author: str,
    *,
    reason: str | None = None,
    package: str | None = None,
    sha256: str | None = None,
) -> None:
    """One more event in the life of a batch (inside `record`)."""
    number = desk.store.next_id("batch_events", "event_id")
    desk.store.sql(
        "INSERT INTO batch_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [number, batch_id, event, author, reason, package, sha256, operation.at],
    )


def part_of(desk: Desk, name: str, digest: str) -> Path:
    """Where a package waits for the store to say that it exists."""
    return desk.folder / FOLDER / f".{name}.{digest}.part"


def publish_package(desk: Desk, part: Path, path: Path) -> None:
    """Give a package its name; a signed manifest also anchors the journal, which is checked against the outbox's."""
    publish(part, path)
    package = read_package(path)
    if package.signature is not None:
        outbox = desk.folder / OUTBOX
        outbox.mkdir(mode=0o700, exist_ok=True)
        write_whole(outbox / f"{path.stem}.manifest.json", package.manifest)
        write_whole(outbox / f"{path.stem}.manifest.json.p7s", package.signature)
