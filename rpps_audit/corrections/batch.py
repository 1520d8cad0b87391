"""A batch: prepared from the corrections that are ready, signed by the card, kept whole whatever happens.

The package is on the disk, under another name, before the store says that it exists: after a crash, `settle_packages`
gives it its name or throws it away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rpps_audit.corrections.corrected import effect
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.files import publish, write_synced, write_whole
from rpps_audit.corrections.operations import Operation, add_events, record, settle
from rpps_audit.corrections.package import (
    ESSENTIAL,
    Options,
    archive,
    changes_of,
    contents,
    manifest_of,
    package_name,
    unpacked,
)
from rpps_audit.corrections.perimeter import demand_role, only_inside
from rpps_audit.corrections.values import Extract, extract, latest_extract, workplaces
from rpps_audit.corrections.witness import approvals, demand_untouched, next_number
from rpps_audit.errors import UsageError
from rpps_audit.journal import canonical_json, sha256_hex
from rpps_audit.store import fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation, CardSession, PinSource

FOLDER, OUTBOX = "lots", "outbox"


Progress = Callable[[str, float], None]


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


def ready(desk: Desk, authorisation: Authorisation, facts: Extract) -> pl.DataFrame:
    """The corrections of an export that can go into a batch, in the author's perimeter: the columns of the store's
    `correction_states`, in order.

    Ready: proposed, or approved where the site wants four eyes.
    """
    states = ["approved"] if desk.settings.four_eyes else ["proposed", "approved"]
    waiting = fetch_frame(
        desk.store.sql(
            "SELECT * FROM correction_states WHERE series = ? AND list_contains(?, state) ORDER BY correction_id",
            [facts.series, states],
        )
    )
    return only_inside(desk.store, authorisation, facts.snapshot_id, waiting)


def prepare(
    desk: Desk,
    authorisation: Authorisation,
    *,
    snapshot_id: int | None = None,
    options: Options = ESSENTIAL,
    at: datetime | None = None,
    progress: Progress | None = None,
) -> Batch:
    """Put every correction that is `ready` into a package `lots/lot-<id>.zip`, unsigned.

    All of them are judged together once more: UsageError with the rule's title when they create an error, or when
    nothing is ready. `at` (UTC) is when it is prepared. `progress` is told what is being done and the share done; when
    it raises, nothing is written.
    """
    tell = progress or (lambda _what, _share: None)
    demand_role(authorisation, "author")
    facts = latest_extract(desk.store) if snapshot_id is None else extract(desk.store, snapshot_id)
    settle(desk)
    settle_packages(desk)
    made = (at or datetime.now(UTC)).replace(tzinfo=None, microsecond=0)
    tell("Relecture des corrections", 0.0)
    waiting = ready(desk, authorisation, facts)
    demand_untouched(desk, waiting["correction_id"])
    changes = changes_of(desk, facts, waiting) if waiting.height else waiting
    if changes.is_empty():
        raise UsageError(_nothing(desk))
    tell("Contrôle du lot entier", 0.2)
    _demand_no_error(desk, facts, changes)
    tell("Écriture des fiches et du fichier corrigé", 0.4)
    batch_id = _next_id(desk, made)
    held = changes["ids"].explode().sort()
    files, notes = contents(desk, facts, changes, batch_id, made, options)
    manifest = manifest_of(
        desk, facts, changes, files, _about(desk, authorisation, facts, changes, held, batch_id, made)
    )
    content = archive(canonical_json(manifest), files)
    digest = sha256_hex(content)
    tell("Enregistrement du lot", 0.9)
    name = package_name(batch_id)
    part = _part(desk, name, digest)
    write_synced(part, content)
    persons = changes["file"].n_unique()

    def write(operation: Operation) -> Mapping[str, Any]:
        desk.store.sql(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)",
            [batch_id, facts.snapshot_id, facts.series, made, authorisation.author, persons, changes.height],
        )
        desk.store.connection.register("held", held.alias("correction_id").to_frame().to_arrow())
        desk.store.sql("INSERT INTO batch_corrections SELECT ?, correction_id FROM held", [batch_id])
        desk.store.connection.unregister("held")
        batch_event(desk, operation, batch_id, "prepared", authorisation.author, package=name, sha256=digest)
        add_events(
            desk, operation, "batched", held, author=authorisation.author, card=authorisation.card, batch_id=batch_id
        )
        return {"batch": batch_id, "sha256": digest, "corrections": held.to_list()}

    record(desk, "batch-prepared", authorisation, write)
    _publish(desk, part, desk.folder / FOLDER / name)
    return batch(desk, batch_id)._replace(notes=tuple(notes))


def sign(desk: Desk, session: CardSession, pin: PinSource, batch_id: str) -> Batch:
    """Sign a prepared batch with the card in the reader; the PIN is asked again.

    The signed manifest names the signer and the head of the journal. Raises UsageError when the batch is not waiting to
    be signed, was changed on the disk, or was prepared under other rules; NotAuthorisedError outside the perimeter.
    """
    settle(desk)
    settle_packages(desk)
    one = batch(desk, batch_id)
    if one.state != "prepared":
        raise UsageError(f"Le lot {batch_id} est {FRENCH_BATCH_STATES[one.state]} : seul un lot préparé se signe.")
    held = corrections_of(desk, batch_id)
    demand_untouched(desk, held)
    manifest_bytes, _, files = unpacked(intact(one))
    manifest = _manifest(manifest_bytes)
    if manifest["rules"] != desk.catalogue.fingerprint:
        raise UsageError(f"Les contrôles ont changé depuis la préparation du lot {batch_id} : préparez-en un autre.")
    operators = {place: legal for place, legal in manifest["operators"].items() if legal}
    signed = session.sign(
        manifest,
        pin,
        establishments=manifest["establishments"],
        operators=operators,
        purpose=f"signer le lot {batch_id}",
    )
    author, card = session.identity.number, session.card
    content = archive(signed.content, files, signed.signature)
    digest = sha256_hex(content)
    part = _part(desk, one.path.name, digest)
    write_synced(part, content)
    authorisation = session.require(manifest["establishments"], "author", operators)

    def write(operation: Operation) -> Mapping[str, Any]:
        batch_event(desk, operation, batch_id, "signed", author, package=one.path.name, sha256=digest)
        add_events(desk, operation, "signed", held, author=author, card=card, batch_id=batch_id)
        return {"batch": batch_id, "sha256": digest, "manifest": sha256_hex(signed.content)}

    record(desk, "batch-signed", authorisation, write)
    _publish(desk, part, one.path)
    return batch(desk, batch_id)


def batch(desk: Desk, batch_id: str) -> Batch:
    """One batch. Raises UsageError naming the known ones."""
    row = desk.store.sql(
        "SELECT batch_id, state, package, sha256, persons, changes, prepared_at FROM batch_states WHERE batch_id = ?",
        [batch_id],
    ).fetchone()
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
            _publish(desk, part, folder / name)
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


def _publish(desk: Desk, part: Path, path: Path) -> None:
    """Give a package its name; a signed manifest also anchors the journal, which is checked against the outbox's."""
    publish(part, path)
    manifest, signature, _ = unpacked(path)
    if signature is not None:
        outbox = desk.folder / OUTBOX
        outbox.mkdir(mode=0o700, exist_ok=True)
        write_whole(outbox / f"{path.stem}.manifest.json", manifest)
        write_whole(outbox / f"{path.stem}.manifest.json.p7s", signature)


# --- steps -----------------------------------------------------------------------------------------------------------


def _nothing(desk: Desk) -> str:
    if desk.settings.four_eyes:
        return (
            "Aucune correction approuvée n'attend : une autre carte doit d'abord approuver "
            "(rpps-audit corrections approve)."
        )
    return "Aucune correction n'attend dans votre périmètre."


def _demand_no_error(desk: Desk, facts: Extract, changes: pl.DataFrame) -> None:
    judged = changes.select("table", "record_key", "column", "kind", new="after")
    errors = effect(desk.store, facts.snapshot_id, desk.catalogue, judged).errors
    if errors.is_empty():
        return
    rule = desk.catalogue[errors["rule_id"][0]]
    raise UsageError(
        f"Le lot créerait {errors.height} erreur(s). La première : « {rule.title} » ({rule.id}) pour "
        f"{errors['record_key'][0]}. Annulez ou complétez la correction en cause : rpps-audit corrections list."
    )


def _about(
    desk: Desk,
    authorisation: Authorisation,
    facts: Extract,
    changes: pl.DataFrame,
    held: pl.Series,
    batch_id: str,
    made: datetime,
) -> dict[str, Any]:
    """What the manifest says of the batch itself: who, when, where, how many, and who approved."""
    places = workplaces(desk.store, facts.snapshot_id, changes["professional_id"]).unique("finess").sort("finess")
    covered = places.filter(authorisation.perimeter.expression("finess", "finess_legal"))
    touched = {*changes.filter(pl.col("table") == "situation")["finess"].drop_nulls(), *covered["finess"]}
    touched |= set(changes.filter(pl.col("column") == "finess")["after"].drop_nulls())
    return {
        "batch": batch_id,
        "prepared_at": made.isoformat() + "Z",
        "prepared_by": authorisation.author,
        "four_eyes": desk.settings.four_eyes,
        "approvals": approvals(desk, held),
        "establishments": sorted(touched & set(covered["finess"]) | (touched - set(places["finess"]))),
        "operators": dict(zip(covered["finess"], covered["finess_legal"], strict=True)),
        "counts": {"persons": changes["file"].n_unique(), "changes": changes.height, "corrections": len(held)},
    }


def _next_id(desk: Desk, made: datetime) -> str:
    day = f"{made:%Y%m%d}"
    return f"{day}-{next_number(desk, day):03d}"


def _part(desk: Desk, name: str, digest: str) -> Path:
    return desk.folder / FOLDER / f".{name}.{digest}.part"


def _manifest(content: bytes) -> dict[str, Any]:
    import json

    manifest: dict[str, Any] = json.loads(content)
    return manifest


FRENCH_BATCH_STATES = {
    "prepared": "préparé",
    "abandoned": "abandonné",
    "signed": "signé",
    "sent": "envoyé",
    "acknowledged": "reçu par le destinataire",
    "rejected": "refusé par le destinataire",
}
