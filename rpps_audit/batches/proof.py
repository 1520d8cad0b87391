"""The proof by the next export that a change took, or did not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from rpps_audit.checks import state_runs
from rpps_audit.corrections.changes import FIELD
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.fields import fields, value_sql
from rpps_audit.corrections.operations import Operation, add_events, record, settle
from rpps_audit.corrections.values import CORRECTABLE, PENDING, field_values, reading
from rpps_audit.records import AMBIGUOUS, State, moved, person_of, place_of, state_at
from rpps_audit.store import fetch_frame

_BY_ITSELF = "rpps-audit"
# Seen once, a change can still be contradicted by a later export; what was contradicted can still be seen.
_WATCHED = (*PENDING, "seen", "contradicted")


class Proof(NamedTuple):
    """What a state says of the corrections of its records: how many in each case, `waiting` being no news."""

    seen: int
    contradicted: int
    overdue: int
    vanished: int
    waiting: int


def prove(desk: Desk, state: State) -> Proof:
    """Compare a state of the register with every correction made on an earlier file of the same series.

    The new value is there: *seen*, but *contradicted* when the last check finds the same fault there all the same.
    Another value than the old and the new: *contradicted*. Still the old one: nothing is said, until `retard_jours`
    days after the batch was sent: *overdue*; after having been seen: contradicted. The record is gone: *seen* for the
    end of a situation, *vanished* otherwise. Nothing is said of people who cannot be told apart. Doing it again adds
    nothing; files of another kind (public extract, roster ...) say nothing.
    """
    settle(desk)
    told = pl.concat([_NOTHING, *(_told(desk, state, kind) for kind in CORRECTABLE if kind in state.kinds)])
    counts = told["verdict"].value_counts()
    by_verdict = dict(zip(counts["verdict"], counts["count"], strict=True))
    news = told.filter((pl.col("verdict") != "waiting") & (pl.col("verdict") != pl.col("state")))
    if news.height:

        def write(operation: Operation) -> Mapping[str, Any]:
            groups = news.group_by("verdict", "batch_id", "proof_id", maintain_order=True)
            for (event, batch_id, proof_id), group in groups:
                add_events(
                    desk, operation, str(event), group["correction_id"], author=_BY_ITSELF,
                    batch_id=None if batch_id is None else str(batch_id), snapshot_id=int(str(proof_id)),
                )  # fmt: skip
            changed = news.select("correction_id", "verdict").to_dict(as_series=False)
            return {"state": state.as_of.isoformat(), "sha256": _hashes(desk, news["proof_id"]), **changed}

        record(desk, "corrections-compared", _BY_ITSELF, write)
    return Proof(*(by_verdict.get(name, 0) for name in Proof._fields))


# --- comparing -------------------------------------------------------------------------------------------------------

_NOTHING = pl.DataFrame(
    schema={
        "correction_id": pl.Int32, "state": pl.String, "batch_id": pl.String, "proof_id": pl.Int32,
        "verdict": pl.String,
    }
)  # fmt: skip


def _told(desk: Desk, state: State, kind: str) -> pl.DataFrame:
    """Each watched change with what the state says of it [correction_id, state, batch_id, proof_id, verdict]."""
    watched = _watched(desk, state, kind)
    if watched.is_empty():
        return _NOTHING
    found = _values(desk, state, kind, _with_base(desk, kind, watched)).join(
        _broken(desk, state, kind), ["rule_id", "found_key"], "left", maintain_order="left"
    )
    late = pl.col("day") > pl.col("sent_at").dt.date().dt.offset_by(f"{desk.settings.overdue_days}d")
    gone = pl.col("here").is_null()
    ended = pl.col("column").is_in(["end_date", "end_reason", "is_open"])
    merged = pl.col("column") == "professional_id"
    # A situation that is added, or goes elsewhere, comes with the file of where it goes.
    coming = (pl.col("kind") == "add") | pl.col("place").is_not_null()
    # Two corrections of one field in one batch make one change: the last.
    taken = pl.col("value").eq_missing(pl.col("new")) | pl.col("value").eq_missing(pl.col("last"))
    unchanged = pl.col("value").eq_missing(pl.col("base")) | pl.col("value").eq_missing(pl.col("old"))
    verdict = (
        pl.when(gone & (ended | merged))
        .then(pl.lit("seen"))
        .when(gone & coming)
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
    return found.select("correction_id", "state", "batch_id", "proof_id", verdict=verdict)


def _watched(desk: Desk, state: State, kind: str) -> pl.DataFrame:
    """The corrections that the state has a newer file for: one of the series that the corrected record stood in; any
    of the kind for a situation to come."""
    here = state.snapshots.filter(pl.col("kind") == kind).select("snapshot_id", "series", "data_date")
    desk.store.connection.register("here", here.to_arrow())
    watched = fetch_frame(
        desk.store.sql(
            """WITH newest AS (SELECT arg_max(snapshot_id, (data_date, snapshot_id)) AS snapshot_id,
                                      max(data_date) AS data_date FROM here)
            SELECT c.correction_id, c.as_of, c.kind, c."table", c.record_key, c."column", c.old, c.new, c.rule_id,
                  c.state, c.batch_id, h.snapshot_id AS proof_id, h.data_date AS day,
                  last_value(c.new) OVER (PARTITION BY c."table", c.record_key, c."column" ORDER BY c.correction_id
                                          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last,
                  sent.at AS sent_at, moved.finess AS place, moved.start_date AS start
           FROM correction_states c JOIN snapshots s USING (snapshot_id)
           -- A corrected establishment or start is part of the key under which the situation comes back.
           LEFT JOIN (SELECT record_key, arg_max(new, correction_id) FILTER ("column" = 'finess') AS finess,
                             arg_max(new, correction_id) FILTER ("column" = 'start_date') AS start_date
                      FROM correction_states WHERE list_contains($watched, state)
                      GROUP BY 1) moved ON moved.record_key = c.record_key
           JOIN (SELECT series, snapshot_id, data_date FROM here
                 UNION ALL SELECT NULL, snapshot_id, data_date FROM newest) h
               ON h.series IS NOT DISTINCT FROM
                  CASE WHEN c.kind <> 'add' AND moved.finess IS NULL THEN s.series END
           LEFT JOIN (SELECT batch_id, min(done_at) AS at FROM batch_events WHERE event = 'sent' GROUP BY 1) sent
               USING (batch_id)
           WHERE s.kind = $kind AND list_contains($watched, c.state)
             AND NOT starts_with(c.record_key, $ambiguous)
             AND (s.data_date, s.snapshot_id) < (h.data_date, h.snapshot_id)
             AND (c.proof_snapshot_id IS NULL OR c.proof_snapshot_id <= h.snapshot_id)
           ORDER BY c.correction_id""",
            {"kind": kind, "watched": list(_WATCHED), "ambiguous": AMBIGUOUS},  # type: ignore[arg-type]
        )
    )
    desk.store.connection.unregister("here")
    return watched


def _broken(desk: Desk, state: State, kind: str) -> pl.DataFrame:
    """What the last run says of this state [rule_id, found_key, broken]: a value that took and leaves the fault it
    answered in place proves nothing. Empty as long as the state was not checked."""
    runs = state_runs(desk.store, state).filter(pl.col("kind") == kind)["run_id"].to_list()
    return fetch_frame(
        desk.store.sql(
            """SELECT DISTINCT rule_id, record_key AS found_key, true AS broken FROM findings
               WHERE list_contains(?, run_id)""",
            [runs],
        )
    )


def _hashes(desk: Desk, snapshots: pl.Series) -> list[str]:
    """The content of the files that prove."""
    sql = "SELECT content_hash FROM snapshots WHERE list_contains(?, snapshot_id) ORDER BY snapshot_id"
    return [row[0] for row in desk.store.sql(sql, [snapshots.unique().to_list()]).fetchall()]


def _with_base(desk: Desk, kind: str, watched: pl.DataFrame) -> pl.DataFrame:
    """What the register held that each author had before their eyes, whatever was stacked on it since."""
    parts = []
    for (day,), group in watched.group_by("as_of", maintain_order=True):
        assert isinstance(day, date)
        seen = field_values(desk.store, state_at(desk.store, day), group, kind=kind).select(*FIELD, "base")
        parts.append(group.join(seen, FIELD, "left"))
    return pl.concat(parts)


def _found(watched: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
    """`found_key`: the key under which each record is looked for among those of the state.

    A situation comes back where a correction moves it. One that was added has the start that the portal gave it: it is
    the only one of its person in that place.
    """
    person, place = person_of(pl.col("found_key")), place_of(pl.col("found_key"))
    alone = (
        keys.alias("only").to_frame().group_by(person=person_of(pl.col("only")), there=place_of(pl.col("only")))
        .agg(pl.col("only").first(), pl.len().alias("count"))
        .filter((pl.col("count") == 1) & pl.col("there").is_not_null())
        .drop("count")
    )  # fmt: skip
    is_lost_addition = (pl.col("kind") == "add") & ~pl.col("found_key").is_in(keys.implode())
    return (
        watched.with_columns(found_key=moved(pl.col("record_key"), pl.col("place"), pl.col("start")))
        .with_columns(person=person, there=place)
        .join(alone, ["person", "there"], "left", maintain_order="left")
        .with_columns(found_key=pl.when(is_lost_addition).then(pl.coalesce("only", "found_key")).otherwise("found_key"))
        .drop("person", "there", "only")
    )


def _values(desk: Desk, state: State, kind: str, watched: pl.DataFrame) -> pl.DataFrame:
    """What the state holds for each change: `here` (null: the record is gone) and `value`."""
    parts = []
    people = watched.select(person_of(pl.col("record_key"))).to_series()
    with reading(desk.store, state, people, kind=kind) as reader:
        for table in ("professional", "situation"):
            columns = [one.column for one in fields() if one.table == table]
            chosen = ", ".join(f'{value_sql(column)} AS "{column}:"' for column in columns)
            wide = fetch_frame(reader.execute(f"SELECT record_key, true AS here, {chosen} FROM {table}"))
            mine = _found(watched.filter(pl.col("table") == table), wide["record_key"].unique())
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
