"""What came back: receipts, and the proof by the next export that a change took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rpps_audit.corrections.batch import FRENCH_BATCH_STATES, batch, batch_event, corrections_of
from rpps_audit.corrections.deciding import FRENCH_STATES, chosen_corrections, demand_inside_of
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record, settle
from rpps_audit.corrections.perimeter import demand_role
from rpps_audit.corrections.sheets import page
from rpps_audit.corrections.values import CORRECTABLE, PENDING, extract, field_values, reading
from rpps_audit.errors import UsageError
from rpps_audit.records import moved, person_of, place_of
from rpps_audit.store import fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation

_BY_ITSELF = "rpps-audit"
# Seen once, a change can still be contradicted by a later export; what was contradicted can still be seen.
_WATCHED = (*PENDING, "seen", "contradicted")


class Proof(NamedTuple):
    """What one export says of the corrections of its series: how many in each case, `waiting` being no news."""

    seen: int
    contradicted: int
    overdue: int
    vanished: int
    waiting: int


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
        raise UsageError("Un accusé donne soit une référence (--acknowledged), soit un motif de refus (--refused).")
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

    record(desk, "batch-receipt", author, write)


def prove(desk: Desk, snapshot_id: int) -> Proof:
    """Compare a newly loaded export with every correction made on earlier ones of its series.

    The new value is there: *seen*. Another value than the old and the new: *contradicted*. Still the old one: nothing
    is said, until `retard_jours` days after the batch was sent: *overdue*; after having been seen: contradicted. The
    record is gone: *seen* for the end of a situation, *vanished* otherwise. Doing it again adds nothing; a file of
    another kind (public extract, roster ...) says nothing.
    """
    kind = desk.store.sql("SELECT kind FROM snapshots WHERE snapshot_id = ?", [snapshot_id]).fetchone()
    if kind is not None and kind[0] not in CORRECTABLE:
        return Proof(0, 0, 0, 0, 0)
    settle(desk)
    facts = extract(desk.store, snapshot_id)
    told = _told(desk, snapshot_id, facts.series, facts.data_date)
    counts = told["verdict"].value_counts()
    by_verdict = dict(zip(counts["verdict"], counts["count"], strict=True))
    news = told.filter((pl.col("verdict") != "waiting") & (pl.col("verdict") != pl.col("state")))
    if news.height:

        def write(operation: Operation) -> Mapping[str, Any]:
            for (event, batch_id), group in news.group_by("verdict", "batch_id", maintain_order=True):
                add_events(
                    desk, operation, str(event), group["correction_id"], author=_BY_ITSELF,
                    batch_id=None if batch_id is None else str(batch_id), snapshot_id=snapshot_id,
                )  # fmt: skip
            changed = news.select("correction_id", "verdict").to_dict(as_series=False)
            return {"snapshot": snapshot_id, "sha256": facts.content_hash, **changed}

        record(desk, "corrections-compared", _BY_ITSELF, write)
    return Proof(*(by_verdict.get(name, 0) for name in Proof._fields))


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
    from rpps_audit.corrections.fields import fields

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


# --- comparing -------------------------------------------------------------------------------------------------------


def _told(desk: Desk, snapshot_id: int, series: str, day: date) -> pl.DataFrame:
    """Each watched change with what the export says of it [correction_id, state, batch_id, verdict]."""
    watched = fetch_frame(
        desk.store.sql(
            """SELECT c.correction_id, c.snapshot_id, c.kind, c."table", c.record_key, c."column", c.old, c.new,
                  c.state,
                  c.batch_id,
                  last_value(c.new) OVER (PARTITION BY c."table", c.record_key, c."column" ORDER BY c.correction_id
                                          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last,
                  sent.at AS sent_at, moved.finess AS place, moved.start_date AS start
           FROM correction_states c JOIN snapshots s USING (snapshot_id)
           LEFT JOIN (SELECT batch_id, min(done_at) AS at FROM batch_events WHERE event = 'sent' GROUP BY 1) sent
               USING (batch_id)
           -- A corrected establishment or start is part of the key under which the situation comes back.
           LEFT JOIN (SELECT record_key, arg_max(new, correction_id) FILTER ("column" = 'finess') AS finess,
                             arg_max(new, correction_id) FILTER ("column" = 'start_date') AS start_date
                      FROM correction_states WHERE series = $series AND list_contains($watched, state)
                      GROUP BY 1) moved ON moved.record_key = c.record_key
           WHERE c.series = $series AND list_contains($watched, c.state)
             AND (s.data_date, s.snapshot_id) < ($day, $id)
             AND (c.proof_snapshot_id IS NULL OR c.proof_snapshot_id <= $id)
           ORDER BY c.correction_id""",
            {"series": series, "watched": list(_WATCHED), "day": day, "id": snapshot_id},  # type: ignore[arg-type]
        )
    )
    if watched.is_empty():
        return watched.with_columns(verdict=pl.lit(None, pl.String))
    found = _values(desk, snapshot_id, day, _with_base(desk, watched))
    late = pl.lit(day) > pl.col("sent_at").dt.date().dt.offset_by(f"{desk.settings.overdue_days}d")
    gone = pl.col("here").is_null()
    ended = pl.col("column").is_in(["end_date", "end_reason", "is_open"])
    merged = pl.col("column") == "professional_id"
    # Two corrections of one field in one batch make one change: the last.
    taken = pl.col("value").eq_missing(pl.col("new")) | pl.col("value").eq_missing(pl.col("last"))
    unchanged = pl.col("value").eq_missing(pl.col("base")) | pl.col("value").eq_missing(pl.col("old"))
    verdict = (
        pl.when(gone & (ended | merged))
        .then(pl.lit("seen"))
        .when(gone & (pl.col("kind") == "add"))
        .then(pl.when(late).then(pl.lit("overdue")).otherwise(pl.lit("waiting")))
        .when(gone)
        .then(pl.lit("vanished"))
        .when(taken & ~merged)
        .then(pl.lit("seen"))
        .when(unchanged & pl.col("state").is_in(["seen", "contradicted"]))
        .then(pl.lit("contradicted"))
        .when((unchanged | merged) & late)
        .then(pl.lit("overdue"))
        .when(unchanged | merged)
        .then(pl.lit("waiting"))
        .otherwise(pl.lit("contradicted"))
    )
    return found.select("correction_id", "state", "batch_id", verdict=verdict)


def _with_base(desk: Desk, watched: pl.DataFrame) -> pl.DataFrame:
    """What the export held that each author had before their eyes, whatever was stacked on it since."""
    parts = [
        group.join(
            field_values(desk.store, int(str(number)), group).select("table", "record_key", "column", "base"),
            ["table", "record_key", "column"],
            "left",
        )
        for (number,), group in watched.group_by("snapshot_id", maintain_order=True)
    ]
    return pl.concat(parts)


def _values(desk: Desk, snapshot_id: int, day: date, watched: pl.DataFrame) -> pl.DataFrame:
    """What the export holds for each change: `here` (null: the record is gone) and `value`."""
    from rpps_audit.corrections.fields import fields, value_sql

    parts = []
    with reading(desk.store, snapshot_id, day) as reader:
        for table in ("professional", "situation"):
            columns = [one.column for one in fields() if one.table == table]
            chosen = ", ".join(f'{value_sql(column)} AS "{column}:"' for column in columns)
            wide = fetch_frame(reader.execute(f"SELECT record_key, true AS here, {chosen} FROM {table}"))
            mine = watched.filter(pl.col("table") == table).with_columns(
                found_key=moved(pl.col("record_key"), pl.col("place"), pl.col("start"))
                if table == "situation"
                else pl.col("record_key")
            )
            mine = _begun(mine, wide) if table == "situation" else mine
            long = wide.join(
                mine.select("found_key").unique(), left_on="record_key", right_on="found_key", how="semi"
            ).unpivot([f"{column}:" for column in columns], index=["record_key", "here"], variable_name="column")
            # Several lines of one person agree, or the change has not wholly taken.
            values = (
                long.with_columns(pl.col("column").str.strip_chars_end(":"), pl.col("value").cast(pl.String))
                .group_by("record_key", "column")
                .agg(pl.col("here").first(), pl.col("value").unique().sort(nulls_last=True))
            )
            joined = mine.join(values, left_on=["found_key", "column"], right_on=["record_key", "column"], how="left")
            behind = pl.col("value").list.set_difference(pl.concat_list("new")).list.first()
            agreed = pl.when(pl.col("value").list.len() == 1).then(pl.col("value").list.first()).otherwise(behind)
            parts.append(joined.with_columns(value=agreed).drop("found_key"))
    return pl.concat(parts)


def _begun(mine: pl.DataFrame, wide: pl.DataFrame) -> pl.DataFrame:
    """A situation asked for without a start is found under the one it was given, where it is alone in its place."""
    place = [person_of(pl.col("record_key")).alias("who"), place_of(pl.col("record_key")).alias("where")]
    alone = wide.select("record_key", *place).filter(pl.len().over("who", "where") == 1)
    undated = ~pl.col("found_key").str.contains("#", literal=True)
    joined = mine.with_columns(
        person_of(pl.col("found_key")).alias("who"), place_of(pl.col("found_key")).alias("where")
    ).join(alone.rename({"record_key": "begun_key"}), ["who", "where"], "left", maintain_order="left")
    known = pl.when(undated).then(pl.coalesce("begun_key", "found_key")).otherwise("found_key")
    return joined.with_columns(found_key=known).drop("who", "where", "begun_key")
