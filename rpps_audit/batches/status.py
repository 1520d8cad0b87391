"""What became of a batch: its life, and what each of its corrections came to."""

from __future__ import annotations

from typing import Any

import polars as pl

from rpps_audit.batches.batch import FRENCH_BATCH_STATES, batch
from rpps_audit.batches.sheets import page
from rpps_audit.corrections.deciding import FRENCH_STATES
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.fields import fields
from rpps_audit.store import fetch_frame


def batch_facts(desk: Desk, batch_id: str) -> dict[str, Any]:
    """What became of a batch: `batch`, `life` (its events) and `corrections`, keys only, no value.

    Columns of `corrections`: correction_id, record_key, column, state, state_at, reason, days (from sending to the last
    news).
    """
    one = batch(desk, batch_id)
    life = fetch_frame(
        desk.store.sql(
            "SELECT event, done_at, author, reason, sha256 FROM batch_events WHERE batch_id = ? ORDER BY event_id",
            [batch_id],
        )
    )
    corrections = fetch_frame(
        desk.store.sql(
            """SELECT correction_id, record_key, "column", state, state_at, state_reason AS reason,
                  date_diff('day', sent.at, coalesce(p.data_date, state_at)) AS days
           FROM batch_corrections b JOIN correction_states USING (correction_id)
           LEFT JOIN (SELECT min(done_at) AS at FROM batch_events WHERE batch_id = $id AND event = 'sent') sent ON true
           LEFT JOIN (SELECT snapshot_id, data_date FROM snapshots) p ON p.snapshot_id = proof_snapshot_id
           WHERE b.batch_id = $id ORDER BY correction_id""",
            {"id": batch_id},  # type: ignore[arg-type]
        )
    )
    return {"batch": one, "life": life, "corrections": corrections}


def batch_page(desk: Desk, batch_id: str) -> str:
    """The page of a batch (HTML): what was asked, what took, what did not, after how long."""
    facts = batch_facts(desk, batch_id)
    labels = {one.column: one.label for one in fields()}
    rows = facts["corrections"].with_columns(
        label=pl.col("column").replace_strict(labels, default=None, return_dtype=pl.String),
        state_label=pl.col("state").replace_strict(FRENCH_STATES, return_dtype=pl.String),
    )
    counts = rows.group_by("state_label", maintain_order=True).agg(pl.len().alias("count"), pl.col("days").median())
    life = facts["life"].with_columns(label=pl.col("event").replace_strict(FRENCH_BATCH_STATES, return_dtype=pl.String))
    return page(
        "batch.html", batch=facts["batch"], life=life.to_dicts(), counts=counts.to_dicts(), rows=rows.to_dicts(),
        organisation=desk.organisation,
    )  # fmt: skip
