"""Signs of life beside each situation left open: what tells a forgotten one from somebody who is not on payroll."""

from __future__ import annotations

import polars as pl

from rpps_audit.matching.outcomes import Reconciliation
from rpps_audit.records import REGISTRATION_KINDS, State
from rpps_audit.store import Store, fetch_frame

_CARDS = """
    SELECT coalesce(professional_id, '8' || pp_id) AS professional_id, max(valid_to) AS card_until FROM cards
    WHERE list_contains(?::INTEGER[], snapshot_id) AND opposed_on IS NULL GROUP BY 1"""
_MAILBOXES = """
    SELECT DISTINCT professional_id, true AS mailbox FROM mailboxes
    WHERE list_contains(?::INTEGER[], snapshot_id) AND professional_id IS NOT NULL"""
_ROSTERS = """
    SELECT e.finess, max(s.data_date) AS last_roster FROM employments e JOIN snapshots s USING (snapshot_id)
    WHERE list_contains(?::INTEGER[], snapshot_id) AND e.finess IS NOT NULL GROUP BY 1"""
_PLACES = """
    SELECT professional_id, list(DISTINCT coalesce(finess, finess_legal)) AS places FROM registrations
    WHERE list_contains(?::INTEGER[], snapshot_id) AND is_open IS DISTINCT FROM false
          AND (end_date IS NULL OR end_date > ?) GROUP BY 1"""


def signs_of_life(store: Store, state: State, found: Reconciliation) -> pl.DataFrame:
    """The situations left open, those that open most first: professional_id, finess, left_on, documents, card_until
    (null: no card that is not opposed), mailbox, others (how many other establishments where they are open),
    last_roster, reasons. card_until and mailbox are null for everybody where no such file is loaded.
    """
    left = found.outcomes.filter(pl.col("outcome") == "left_open")
    registered = [number for kind in REGISTRATION_KINDS for number in state.files(kind)]
    mailboxes = list(state.files("mssante"))
    told = (
        left.join(fetch_frame(store.sql(_CARDS, [list(state.files("cartes"))])), on="professional_id", how="left")
        .join(fetch_frame(store.sql(_MAILBOXES, [mailboxes])), on="professional_id", how="left")
        .join(fetch_frame(store.sql(_ROSTERS, [list(state.files("rh"))])), on="finess", how="left")
        .join(fetch_frame(store.sql(_PLACES, [registered, state.as_of])), on="professional_id", how="left")
    )
    elsewhere = pl.col("places").list.set_difference(pl.concat_list("finess")).list.len()
    boxed = pl.col("mailbox").fill_null(value=False) if mailboxes else pl.col("mailbox")
    shown = told.with_columns(others=elsewhere.fill_null(0), mailbox=boxed).select(
        "professional_id", "finess", "left_on", "documents", "card_until", "mailbox", "others", "last_roster", "reasons"
    )
    order = ["documents", "left_on", "professional_id", "finess"]
    return shown.sort(order, descending=[True, False, False, False], nulls_last=True)
