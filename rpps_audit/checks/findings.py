"""The life of findings from one state of the register to the next.

A finding is the same one when rule, record key and column are the same. Its states:

    new             it was not there in the state before
    persisting      it was, and still is
    reopened        it had been resolved, and is back
    tolerated       accepted by somebody, with a reason, until a day
    resolved        it was there; the record still is, and no longer breaks the rule
    vanished        it was there; the record is gone, which proves nothing
    not_evaluable   it was there; the rule lacks its data today

A record goes on under a new key: a person who was given a registry number, a situation whose start was corrected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import duckdb
import polars as pl

from rpps_audit.checks.catalogue import SEVERITIES
from rpps_audit.errors import UsageError
from rpps_audit.records import AMBIGUOUS, KEYED_ROWS, State, make_views, person_sql, place_sql, state_at, state_of
from rpps_audit.store import Store, fetch_frame

OPEN_STATES = ("new", "persisting", "reopened")
# The states of what is in the register; the others are of what is no longer there.
PRESENT_STATES = (*OPEN_STATES, "tolerated")
STATES = (*PRESENT_STATES, "resolved", "vanished", "not_evaluable")
RANK = f"list_position({list(SEVERITIES)}, severity)"


def findings(store: Store, run_id: int) -> pl.DataFrame:
    """Every finding of a run, and what became of those of the state before it, the gravest first, by rule and key.

    Columns: rule_id, table, record_key, column, severity, category, state, snapshot_id, line (both null for what is no
    longer there). Raises UsageError for an unknown run.
    """
    with open_findings(store, run_id) as reader:
        return fetch_frame(reader.execute(f"SELECT * FROM found ORDER BY {RANK}, rule_id, record_key"))


def worst(store: Store, run_ids: Sequence[int]) -> str | None:
    """The gravest severity of what is open in these runs, None when all that was found is tolerated, or nothing was."""
    found = {severity for (severity,) in store.sql(_OPEN_SEVERITIES, [list(run_ids)]).fetchall()}
    return next((severity for severity in SEVERITIES if severity in found), None)


@contextmanager
def open_findings(store: Store, run_id: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which `found` holds what `findings` answers: for counting, whatever their number."""
    known = store.one("SELECT kind, as_of, snapshots, sources FROM runs WHERE run_id = ?", [run_id])
    if known is None:
        raise UsageError(f"L'évaluation n° {run_id} n'existe pas dans ce magasin.")
    kind, as_of, snapshots, sources = known
    reader = store.connection.cursor()
    try:
        past = _past(store, run_id)
        _make_before(reader, past)
        every = _PRESENT
        if past:
            # Whether a record is still there is asked of the files themselves: keys are made only when there is a past.
            make_views(reader, state_of(store, [*snapshots, *sources], as_of), kind)
            _follow_moves(reader)
            reader.execute(f"CREATE OR REPLACE TEMP TABLE gone AS {_GONE}", {"run_id": run_id})
            every += " UNION ALL FROM gone"
        reader.execute(f"CREATE OR REPLACE TEMP TABLE found AS {every}", {"run_id": run_id})
        yield reader
    finally:
        reader.close()


def tolerate(
    store: Store, rule_id: str, record_key: str, column: str, *, author: str, reason: str, expires_on: date
) -> None:
    """Accept a finding until a day. Raises UsageError without a reason or with a day already past."""
    if not reason.strip():
        raise UsageError("Tolérer un constat demande un motif écrit.")
    if expires_on <= date.today():
        raise UsageError("La date de fin de tolérance doit être à venir : une tolérance n'est jamais définitive.")
    with store.transaction():
        store.sql(
            "INSERT INTO tolerated VALUES (?, ?, ?, ?, ?, ?, now())",
            [rule_id, record_key, column, author, reason.strip(), expires_on],
        )


def state_runs(store: Store, state: State) -> pl.DataFrame:
    """The runs of a state, one per kind of registration, the one that tells most first; empty before any check.

    When a state was judged by several sets of rules, the run is that of the set it was last asked with.
    Columns: run_id, kind, as_of, snapshots (list), sources (list), file_name (all its files, as said to the reader),
    primary (the kind exposure and the synthesis are computed from).
    """
    rows = []
    for kind in state.kinds:
        beside = sorted(number for group in state.sources(kind).values() for number in group)
        question = [kind, state.as_of, list(state.files(kind)), beside]
        found = store.one(_ASKED_LAST, question)
        if found is not None:
            rows.append((found[0], *question, state.label(kind), kind == state.primary))
    return pl.DataFrame(rows, schema=_STATE_RUNS, orient="row")


_STATE_RUNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "run_id": pl.Int32,
    "kind": pl.String,
    "as_of": pl.Date,
    "snapshots": pl.List(pl.Int32),
    "sources": pl.List(pl.Int32),
    "file_name": pl.String,
    "primary": pl.Boolean,
}
_ASKED_LAST = """
    SELECT run_id FROM runs WHERE (kind, as_of, snapshots, sources) = (?, ?, ?, ?)
    ORDER BY asked_at DESC, run_id DESC LIMIT 1"""


# --- the past ---------------------------------------------------------------------------------------------------------


def _past(store: Store, run_id: int) -> list[tuple[int, int]]:
    """The runs of the states before this one [run_id, back], the nearest is 1: of each day judged, the last asked, and
    only where its files still are those of that day."""
    judged = store.sql(_EARLIER, [run_id]).fetchall()
    kept = [number for number, kind, day, files in judged if tuple(files) == state_at(store, day).files(kind)]
    return [(number, back) for back, number in enumerate(kept, start=1)]


_EARLIER = """
    SELECT r.run_id, r.kind, r.as_of, r.snapshots FROM runs r JOIN runs n ON n.kind = r.kind AND r.as_of < n.as_of
    WHERE n.run_id = ? AND r.snapshots <> n.snapshots
    QUALIFY row_number() OVER (PARTITION BY r.as_of, r.snapshots ORDER BY r.asked_at DESC, r.run_id DESC) = 1
    ORDER BY r.as_of DESC, r.asked_at DESC"""


def _make_before(reader: duckdb.DuckDBPyConnection, past: list[tuple[int, int]]) -> None:
    """`before`: the findings of the states before, under the keys their records have now, nearest state in `back`."""
    runs = pl.DataFrame(past, schema={"run_id": pl.Int32, "back": pl.Int32}, orient="row")
    reader.register("past", runs.to_arrow())
    reader.execute(_BEFORE)


def _follow_moves(reader: duckdb.DuckDBPyConnection) -> None:
    """A situation that is alone of its person in its place, before and now, is the same whatever its start became."""
    reader.execute(_MOVED)
    reader.execute(
        """UPDATE before SET record_key = moved.new_key FROM moved
           WHERE before."table" = 'situation' AND before.record_key = moved.old_key"""
    )


_BEFORE = f"""
    CREATE OR REPLACE TEMP TABLE before AS
    SELECT u.rule_id,
           coalesce(a.new_person || substr(f.record_key, length(a.old_person) + 1), f.record_key) AS record_key,
           u."column", u."table", u.severity, u.category, min(p.back) AS back
    FROM past p JOIN findings_by_run f USING (run_id) JOIN rule_runs u USING (run_id, rule_no)
    LEFT JOIN key_aliases a ON a.old_person = {person_sql("f.record_key")}
    WHERE NOT starts_with(f.record_key, '{AMBIGUOUS}') GROUP BY ALL"""
_MOVED = f"""
    CREATE OR REPLACE TEMP TABLE moved AS
    WITH lost AS (
        SELECT DISTINCT record_key AS old_key, {person_sql()} AS person, {place_sql()} AS place FROM before
        WHERE "table" = 'situation' AND record_key NOT IN (SELECT record_key FROM situation)
    ), was AS (
        SELECT record_key FROM ({KEYED_ROWS}) WHERE person_key IN (SELECT person FROM lost) AND snapshot_id IN
            (SELECT unnest(snapshots) FROM runs WHERE run_id = (SELECT run_id FROM past WHERE back = 1))
    ), there AS (
        SELECT person_key AS person, coalesce(finess, structure_id, '?') AS place, min(record_key) AS new_key
        FROM situation WHERE person_key IN (SELECT person FROM lost)
        GROUP BY ALL HAVING count(DISTINCT record_key) = 1
    )
    SELECT old_key, new_key FROM lost JOIN there USING (person, place)
    WHERE (person, place) IN (SELECT (person, place) FROM lost GROUP BY ALL HAVING count(*) = 1)
      AND new_key NOT IN (FROM was)"""
_HERE = """
    here AS (
        SELECT u.rule_id, f.record_key, u."column", u."table", u.severity, u.category, f.snapshot_id, f.line
        FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no) WHERE f.run_id = $run_id
    )"""
_PRESENT = f"""
    WITH {_HERE}
    SELECT h.rule_id, h."table", h.record_key, h."column", h.severity, h.category,
           CASE WHEN t.rule_id IS NOT NULL THEN 'tolerated'
                WHEN b.back = 1 THEN 'persisting' WHEN b.back > 1 THEN 'reopened' ELSE 'new' END AS state,
           h.snapshot_id, h.line
    FROM here h
    LEFT JOIN (SELECT rule_id, record_key, "column", min(back) AS back FROM before GROUP BY ALL) b
    USING (rule_id, record_key, "column")
    LEFT JOIN (SELECT DISTINCT rule_id, record_key, "column" FROM tolerated
               WHERE expires_on >= (SELECT as_of FROM runs WHERE run_id = $run_id)) t
    USING (rule_id, record_key, "column")"""
_OPEN_SEVERITIES = """
    SELECT DISTINCT u.severity
    FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no) JOIN runs r USING (run_id)
    ANTI JOIN tolerated t ON t.rule_id = u.rule_id AND t.record_key = f.record_key AND t."column" = u."column"
        AND t.expires_on >= r.as_of
    WHERE list_contains(?, f.run_id)"""
_GONE = f"""
    WITH {_HERE}
    SELECT b.rule_id, b."table", b.record_key, b."column", b.severity, b.category,
           CASE WHEN b."table" = 'professional' AND b.record_key NOT IN (SELECT record_key FROM professional)
                     OR b."table" = 'situation' AND b.record_key NOT IN (SELECT record_key FROM situation)
                THEN 'vanished'
                WHEN coalesce(u.status, 'not_evaluable') = 'not_evaluable' OR EXISTS (
                    SELECT 1 FROM rule_gaps g JOIN (
                        SELECT snapshot_id, record_key FROM situation UNION ALL
                        SELECT snapshot_id, record_key FROM professional) k USING (snapshot_id)
                    WHERE g.run_id = $run_id AND g.rule_no = u.rule_no AND k.record_key = b.record_key)
                THEN 'not_evaluable'
                ELSE 'resolved' END AS state, CAST(NULL AS INTEGER) AS snapshot_id, CAST(NULL AS INTEGER) AS line
    FROM before b ANTI JOIN here USING (rule_id, record_key, "column")
    LEFT JOIN rule_runs u ON u.run_id = $run_id AND u.rule_id = b.rule_id
    WHERE b.back = 1"""
