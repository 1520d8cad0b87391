"""Signing a prepared batch with the card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rpps_audit.batches.batch import (
    FRENCH_BATCH_STATES,
    Batch,
    batch,
    batch_event,
    corrections_of,
    intact,
    part_of,
    publish_package,
    settle_packages,
)
from rpps_audit.batches.files import write_synced
from rpps_audit.batches.manifest import archive, read_package
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record, settle
from rpps_audit.corrections.witness import demand_untouched
from rpps_audit.errors import UsageError
from rpps_audit.journal import sha256_hex

if TYPE_CHECKING:
    from rpps_audit.card import CardSession, PinSource


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
    package = read_package(intact(one))
    try:
        manifest = package.told()
    except ValueError as error:
        raise UsageError(f"Le lot {batch_id} ne se signe pas : {error}. Préparez-en un autre.") from error
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
    content = archive(signed.content, package.files, signed.signature)
    digest = sha256_hex(content)
    part = part_of(desk, one.path.name, digest)
    write_synced(part, content)
    authorisation = session.require(manifest["establishments"], "author", operators)

    def write(operation: Operation) -> Mapping[str, Any]:
        batch_event(desk, operation, batch_id, "signed", author, package=one.path.name, sha256=digest)
        add_events(desk, operation, "signed", held, author=author, card=card, batch_id=batch_id)
        return {"batch": batch_id, "sha256": digest, "manifest": sha256_hex(signed.content)}

    record(desk, "batch-signed", authorisation, write)
    publish_package(desk, part, one.path)
    return batch(desk, batch_id)
