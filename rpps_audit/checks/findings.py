"""The life of findings from one export to the next.

A finding is the same one when rule, record key and column are the same. Its states:

    new             it was not there in the export before
    persisting      it was, and still is
    reopened        it had been resolved, and is back
    tolerated       accepted by somebody, with a reason, until a day
    resolved        it was there; the record still is, and no longer breaks the rule
    vanished        it was there; the record is gone, which proves nothing
    not_evaluable   it was there; the rule lacks its data today
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import duckdb
import polars as pl

from rpps_audit.checks.views import latest_sources, prepare_views
from rpps_audit.errors import UsageError
from rpps_audit.store import Store, fetch_frame

# The extracts that say who is registered, the one that tells most first.
REGISTRATION_KINDS = ("suivi", "annuaire-restreint", "annuaire-public")
OPEN_STATES = ("new", "persisting", "reopened")
STATES = (*OPEN_STATES, "tolerated", "resolved", "vanished", "not_evaluable")

_LATEST_RUNS = """
    latest AS (SELECT snapshot_id, max(run_id) AS run_id FROM runs GROUP BY snapshot_id),
    -- Findings of the exports before this one in its series, nearest first.
    past AS (
        SELECT l.run_id, row_number() OVER (ORDER BY o.data_date DESC, o.snapshot_id DESC) AS back
        FROM runs r JOIN snapshots s USING (snapshot_id)
        JOIN snapshots o ON o.series = s.series AND (o.data_date, o.snapshot_id) < (s.data_date, s.snapshot_id)
        JOIN latest l ON l.snapshot_id = o.snapshot_id
        WHERE r.run_id = $run_id
    ),
    here AS (
        SELECT u.rule_id, f.record_key, u."column", u."table", u.severity, u.category, f.line
        FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no) WHERE f.run_id = $run_id
    ),
    before AS (
        SELECT u.rule_id, f.record_key, u."column", u."table", u.severity, u.category, min(p.back) AS back
        FROM past p JOIN findings_by_run f USING (run_id) JOIN rule_runs u USING (run_id, rule_no) GROUP BY ALL
    )"""


def findings(store: Store, run_id: int) -> pl.DataFrame:
    """Every finding of a run, and what became of those of the export before it, by severity, rule and key.

    Columns: rule_id, table, record_key, column, severity, category, state, line (null for what is no longer there).
    Raises UsageError for an unknown run.
    """
    with open_findings(store, run_id) as reader:
        return fetch_frame(reader.execute("SELECT * FROM found ORDER BY severity, rule_id, record_key"))


@contextmanager
def open_findings(store: Store, run_id: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which `found` holds what `findings` answers: for counting, whatever their number."""
    known = store.sql("SELECT snapshot_id, as_of FROM runs WHERE run_id = ?", [run_id]).fetchone()
    if known is None:
        raise UsageError(f"L'évaluation n° {run_id} n'existe pas dans ce magasin.")
    snapshot_id, as_of = known
    reader = store.connection.cursor()
    try:
        every = _PRESENT
        if reader.execute(_HAS_PAST, {"run_id": run_id}).fetchone():
            # Whether a record is still there is asked of the extract itself: its keys are made only when there is a
            # past.
            prepare_views(reader, snapshot_id, as_of, latest_sources(reader, snapshot_id))
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


def latest_runs(store: Store) -> pl.DataFrame:
    """The last run on the last snapshot of each series.

    Columns: run_id, snapshot_id, kind, series, file_name, data_date, as_of.
    """
    return fetch_frame(
        store.sql(
            """SELECT max(r.run_id) AS run_id, s.snapshot_id, s.kind, s.series, s.file_name, s.data_date,
                  arg_max(r.as_of, r.run_id) AS as_of
           FROM runs r JOIN snapshots s USING (snapshot_id)
           WHERE NOT EXISTS (SELECT 1 FROM snapshots o JOIN runs USING (snapshot_id)
                             WHERE o.series = s.series AND (o.data_date, o.snapshot_id) > (s.data_date, s.snapshot_id))
           GROUP BY ALL ORDER BY s.kind DESC, s.series"""
        )
    )


def primary_runs(store: Store) -> pl.DataFrame:
    """The latest runs of the kind that tells most of situations: suivi, else restricted, else public extract."""
    runs = latest_runs(store)
    for kind in REGISTRATION_KINDS:
        chosen = runs.filter(pl.col("kind") == kind)
        if chosen.height:
            return chosen
    return runs


_PRESENT = f"""
    WITH {_LATEST_RUNS}
    SELECT h.rule_id, h."table", h.record_key, h."column", h.severity, h.category,
           CASE WHEN t.rule_id IS NOT NULL THEN 'tolerated'
                WHEN b.back = 1 THEN 'persisting' WHEN b.back > 1 THEN 'reopened' ELSE 'new' END AS state, h.line
    FROM here h
    LEFT JOIN before b USING (rule_id, record_key, "column")
    LEFT JOIN (SELECT DISTINCT rule_id, record_key, "column" FROM tolerated
               WHERE expires_on >= (SELECT as_of FROM runs WHERE run_id = $run_id)) t
    USING (rule_id, record_key, "column")"""

_HAS_PAST = f"WITH {_LATEST_RUNS} SELECT 1 FROM past LIMIT 1"
_GONE = f"""
    WITH {_LATEST_RUNS}
    SELECT b.rule_id, b."table", b.record_key, b."column", b.severity, b.category,
           CASE WHEN b."table" = 'professional' AND b.record_key NOT IN (SELECT record_key FROM professional)
                     OR b."table" = 'situation' AND b.record_key NOT IN (SELECT record_key FROM situation)
                THEN 'vanished'
                WHEN u.status IS DISTINCT FROM 'evaluated' THEN 'not_evaluable'
                ELSE 'resolved' END AS state, CAST(NULL AS INTEGER) AS line
    FROM before b ANTI JOIN here USING (rule_id, record_key, "column")
    LEFT JOIN rule_runs u ON u.run_id = $run_id AND u.rule_id = b.rule_id
    WHERE b.back = 1"""
