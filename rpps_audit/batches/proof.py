"""The proof by the next export that a change took, or did not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from rpps_audit.corrections.changes import person_of
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record, settle
from rpps_audit.corrections.values import CORRECTABLE, PENDING, extract, field_values, reading
from rpps_audit.store import fetch_frame

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


def prove(desk: Desk, snapshot_id: int) -> Proof:
    """Compare a newly loaded export with every correction made on earlier ones of its series.

    The new value is there: *seen*, but *contradicted* when the last check finds the same fault there all the same.
    Another value than the old and the new: *contradicted*. Still the old one: nothing is said, until `retard_jours`
    days after the batch was sent: *overdue*; after having been seen: contradicted. The record is gone: *seen* for the
    end of a situation, *vanished* otherwise. Doing it again adds nothing; a file of another kind (public extract,
    roster ...) says nothing.
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


# --- comparing -------------------------------------------------------------------------------------------------------


def _told(desk: Desk, snapshot_id: int, series: str, day: date) -> pl.DataFrame:
    """Each watched change with what the export says of it [correction_id, state, batch_id, verdict]."""
    watched = fetch_frame(
        desk.store.sql(
            """SELECT c.correction_id, c.snapshot_id, c.kind, c."table", c.record_key, c."column", c.old, c.new,
                  c.rule_id, c.state,
                  c.batch_id,
                  last_value(c.new) OVER (PARTITION BY c."table", c.record_key, c."column" ORDER BY c.correction_id
                                          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last,
                  sent.at AS sent_at, coalesce(moved.new, split_part(c.record_key, '@', 2)) AS place
           FROM correction_states c JOIN snapshots s USING (snapshot_id)
           LEFT JOIN (SELECT batch_id, min(done_at) AS at FROM batch_events WHERE event = 'sent' GROUP BY 1) sent
               USING (batch_id)
           -- A corrected establishment is part of the key under which the situation comes back.
           LEFT JOIN (SELECT record_key, arg_max(new, correction_id) AS new FROM correction_states
                      WHERE "column" = 'finess' AND series = $series AND list_contains($watched, state)
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
    found = _values(desk, snapshot_id, day, _with_base(desk, watched)).join(
        _broken(desk, snapshot_id), ["rule_id", "found_key"], "left", maintain_order="left"
    )
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
        .when(taken & ~merged & pl.col("broken").is_not_null())
        .then(pl.lit("contradicted"))
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


def _broken(desk: Desk, snapshot_id: int) -> pl.DataFrame:
    """What the last run says of this export [rule_id, found_key, broken]: a value that took and leaves the fault it
    answered in place proves nothing. Empty as long as the export was not checked."""
    return fetch_frame(
        desk.store.sql(
            """SELECT DISTINCT rule_id, record_key AS found_key, true AS broken FROM findings
               WHERE run_id = (SELECT max(run_id) FROM runs WHERE snapshot_id = ?)""",
            [snapshot_id],
        )
    )


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
    people = watched.select(person_of(pl.col("record_key"))).to_series()
    with reading(desk.store, snapshot_id, day, people) as reader:
        for table in ("professional", "situation"):
            columns = [one.column for one in fields() if one.table == table]
            chosen = ", ".join(f'{value_sql(column)} AS "{column}:"' for column in columns)
            wide = fetch_frame(reader.execute(f"SELECT record_key, true AS here, {chosen} FROM {table}"))
            mine = watched.filter(pl.col("table") == table).with_columns(
                found_key=pl.concat_str([person_of(pl.col("record_key")), "place"], separator="@")
                if table == "situation"
                else pl.col("record_key")
            )
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
            parts.append(joined.with_columns(value=agreed))
    return pl.concat(parts)
