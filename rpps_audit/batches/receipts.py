"""Receipts: what the recipient of a batch answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rpps_audit.batches.batch import FRENCH_BATCH_STATES, batch, batch_event, corrections_of
from rpps_audit.corrections.deciding import chosen_corrections, demand_inside_of
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record
from rpps_audit.corrections.perimeter import demand_role
from rpps_audit.errors import UsageError

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation


def receipt(
    desk: Desk,
    authorisation: Authorisation,
    batch_id: str,
    *,
    acknowledged: str = "",
    refused: str = "",
    corrections: list[int] | None = None,
) -> None:
    """Note what the recipient answered: its reference, or why it refuses (the whole batch, or only some corrections).

    Raises UsageError for a batch that was not signed, or without an answer; NotAuthorisedError outside the perimeter.
    """
    demand_role(authorisation, "author")
    one = batch(desk, batch_id)
    if one.state not in ("signed", "sent", "acknowledged"):
        raise UsageError(f"Le lot {batch_id} est {FRENCH_BATCH_STATES[one.state]} : il n'attend pas d'accusé.")
    if bool(acknowledged.strip()) == bool(refused.strip()):
        raise UsageError("Un accusé donne soit une référence, soit un motif de refus.")
    held = corrections_of(desk, batch_id)
    chosen = held if corrections is None else held.filter(held.is_in(corrections))
    if corrections is not None and (strangers := set(corrections) - set(held)):
        raise UsageError(f"La correction n° {min(strangers)} n'est pas dans le lot {batch_id}.")
    demand_inside_of(desk, authorisation, chosen_corrections(desk, chosen.to_list()))
    author = authorisation.author
    event, reason = ("acknowledged", acknowledged) if acknowledged.strip() else ("rejected", refused)

    def write(operation: Operation) -> Mapping[str, Any]:
        # A refusal of some corrections is not one of the batch.
        if event == "acknowledged" or corrections is None:
            batch_event(desk, operation, batch_id, event, author, reason=reason.strip())
        add_events(desk, operation, event, chosen, author=author, reason=reason.strip(), batch_id=batch_id)
        return {"batch": batch_id, "corrections": chosen.to_list(), "answer": event}

    record(desk, "batch-receipt", authorisation, write)
