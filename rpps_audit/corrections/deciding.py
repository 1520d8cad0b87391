"""Undoing, approving, giving up: what is decided of corrections that are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record
from rpps_audit.corrections.perimeter import demand_inside, demand_role
from rpps_audit.corrections.values import field_values
from rpps_audit.corrections.witness import APPROVED, REFUSED, told
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.records import state_at
from rpps_audit.store import fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation
    from rpps_audit.card.person import Person

# What a state is called on screens.
FRENCH_STATES = {
    "proposed": "proposée",
    "approved": "approuvée",
    "refused": "refusée par l'approbateur",
    "undone": "annulée",
    "batched": "mise dans un lot",
    "signed": "signée",
    "sent": "envoyée",
    "acknowledged": "reçue par le destinataire",
    "rejected": "refusée par le destinataire",
    "seen": "vue dans une extraction suivante",
    "contradicted": "contredite par une extraction suivante",
    "overdue": "en retard",
    "vanished": "sans suite : la fiche a disparu",
}


def undo(desk: Desk, authorisation: Authorisation, numbers: Sequence[int], *, reason: str) -> None:
    """Take corrections back, whichever they are, as long as no signed batch holds them.

    A batch that was prepared with one of them and not signed is abandoned: its other corrections wait again. Raises
    UsageError for an unknown or settled correction, NotAuthorisedError outside the perimeter.
    """
    demand_role(authorisation, "author")
    chosen = chosen_corrections(desk, numbers)
    late = chosen.filter(~pl.col("state").is_in(["proposed", "approved", "batched"]))
    if late.height:
        raise UsageError(
            f"La correction n° {late['correction_id'][0]} est déjà {FRENCH_STATES[late['state'][0]]} : elle ne "
            "s'annule plus. Proposez la valeur voulue comme une nouvelle correction."
        )
    demand_inside_of(desk, authorisation, chosen)
    touched = chosen["batch_id"].drop_nulls().unique().sort().to_list()

    def write(operation: Operation) -> dict[str, Any]:
        for batch_id in touched:
            abandon(desk, operation, authorisation, batch_id, "une de ses corrections a été annulée")
        author, card = authorisation.author, authorisation.card
        add_events(desk, operation, "undone", chosen["correction_id"], reason=reason, author=author, card=card)
        return {"corrections": chosen["correction_id"].to_list(), "batches": touched}

    record(desk, "corrections-undone", authorisation, write)


def approve(
    desk: Desk,
    authorisation: Authorisation,
    numbers: Sequence[int],
    *,
    shown_at: datetime,
    refuse: str | None = None,
) -> None:
    """The second pair of eyes: approve corrections, or refuse them with a reason.

    `shown_at` (with zone) is when the approver was shown them: how long the decision took and how many were decided at
    once stay in the journal. Raises NotAuthorisedError when the approver is, or may be, the author of one of them (same
    person, whatever the card) or outside the perimeter; UsageError for a correction that does not wait.
    """
    demand_role(authorisation, "approver")
    chosen = chosen_corrections(desk, numbers)
    other = chosen.filter(pl.col("state") != "proposed")
    if other.height:
        state = FRENCH_STATES[other["state"][0]]
        raise UsageError(f"La correction n° {other['correction_id'][0]} est {state} : elle n'attend pas d'approbation.")
    _demand_another(desk, authorisation.person, chosen)
    if refuse is not None and not refuse.strip():
        raise UsageError("Refuser une correction demande un motif écrit.")
    demand_inside_of(desk, authorisation, chosen)
    seconds = round((datetime.now(UTC) - shown_at).total_seconds(), 1)

    def write(operation: Operation) -> dict[str, Any]:
        event = "approved" if refuse is None else "refused"
        author, card = authorisation.author, authorisation.card
        add_events(desk, operation, event, chosen["correction_id"], reason=refuse, author=author, card=card)
        return {
            "corrections": chosen["correction_id"].to_list(),
            "decided_together": chosen.height,
            "decided_in_seconds": seconds,
        }

    record(desk, APPROVED if refuse is None else REFUSED, authorisation, write)


def abandon(desk: Desk, operation: Operation, authorisation: Authorisation, batch_id: str, reason: str) -> None:
    """Give a prepared batch up (inside `record`): its corrections wait again, approved ones stay approved."""
    desk.store.sql(
        """INSERT INTO batch_events
           SELECT coalesce(max(event_id), 0) + 1, ?, 'abandoned', ?, ?, NULL, NULL, ? FROM batch_events""",
        [batch_id, authorisation.author, reason, operation.at],
    )
    held = desk.store.sql(
        "SELECT correction_id FROM batch_corrections WHERE batch_id = ? ORDER BY 1", [batch_id]
    ).fetchall()
    said = told(desk.journal)
    why = f"lot {batch_id} abandonné"
    # Nobody approves by abandoning: an approval keeps its approver, as the journal knows them.
    groups: dict[tuple[str, Person], list[int]] = {}
    for (number,) in held:
        event = "approved" if number in said.approvers else "proposed"
        who = said.approvers.get(number) or said.author(number)
        groups.setdefault((event, who), []).append(number)
    for (event, who), numbers in groups.items():
        add_events(desk, operation, event, numbers, author=who.number, card=who.card, reason=why)


def _demand_another(desk: Desk, approver: Person, chosen: pl.DataFrame) -> None:
    """Four eyes are two people: who proposed is read from the journal. Raises NotAuthorisedError."""
    said = told(desk.journal)
    for number in chosen["correction_id"]:
        if approver.same_as(said.author(number)):
            raise NotAuthorisedError(
                f"La correction n° {number} est la vôtre, ou rien ne prouve que non (même carte, même identifiant ou "
                "même nom) : une autre personne doit l'approuver. Deux homonymes se distinguent par « personne » dans "
                "managers.toml. Aucune exception n'est possible."
            )


def chosen_corrections(desk: Desk, numbers: Sequence[int]) -> pl.DataFrame:
    """These corrections and their states. Raises UsageError for an unknown one."""
    wanted = sorted(set(numbers))
    frame = fetch_frame(
        desk.store.sql(
            """SELECT correction_id, as_of, "table", record_key, "column", author, card, state, batch_id
           FROM correction_states WHERE list_contains(?, correction_id) ORDER BY correction_id""",
            [wanted],
        )
    )
    unknown = set(wanted) - set(frame["correction_id"])
    if unknown or not wanted:
        raise UsageError(f"La correction n° {min(unknown)} n'existe pas." if unknown else "Aucune correction désignée.")
    return frame


def demand_inside_of(desk: Desk, authorisation: Authorisation, chosen: pl.DataFrame) -> None:
    """The records of these corrections are in the perimeter, in the state their author saw. NotAuthorisedError else."""
    for (day,), group in chosen.group_by("as_of", maintain_order=True):
        assert isinstance(day, date)
        state = state_at(desk.store, day)
        now = field_values(desk.store, state, group)
        # Where the situation is to move counts as well as where it is.
        moved = pl.when(pl.col("column") == "finess").then(pl.col("value"))
        demand_inside(desk.store, authorisation, state, now.with_columns(new_finess=moved))
