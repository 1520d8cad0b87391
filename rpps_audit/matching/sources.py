"""The two sides of the matching, read from a store: the latest file of each series."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.matching.decisions import kept_decisions
from rpps_audit.matching.outcomes import Reconciliation, bring_together
from rpps_audit.privacy import open_pseudonyms
from rpps_audit.reference import AccessMatrix
from rpps_audit.roster import with_jobs
from rpps_audit.store import Store, fetch_frame

REGISTERED_KINDS = ("suivi", "annuaire-restreint", "annuaire-public")
# Two files of a series replace one another in time; the last loaded of the latest day stands.
_LATEST = """
    latest AS (SELECT snapshot_id, kind, file_name, data_date FROM snapshots
               QUALIFY row_number() OVER (PARTITION BY kind, series ORDER BY data_date DESC, snapshot_id DESC) = 1)"""
_ROSTER = f"""
    WITH {_LATEST}
    SELECT row_number() OVER (ORDER BY snapshot_id, line) - 1 AS "row", l.file_name AS hr_file, e.line AS hr_line,
           e.pp_id, e.birth_name, e.usage_name, e.first_name, e.birth_date, e.finess, e.start_date, e.end_date, e.job,
           l.data_date AS told_on
    FROM employments e JOIN latest l USING (snapshot_id) ORDER BY "row" """
_REGISTERED = f"""
    WITH {_LATEST}
    SELECT row_number() OVER (ORDER BY snapshot_id, line) - 1 AS "row", l.kind, r.professional_id, r.birth_name,
           r.first_names, r.exercise_name, r.exercise_first_name, r.birth_date,
           coalesce(r.finess, r.finess_legal) AS finess,
           r.role, r.profession, r.national_profession, r.start_date, r.end_date, r.is_open, l.data_date AS told_on
    FROM registrations r JOIN latest l USING (snapshot_id)
    WHERE l.kind IN {REGISTERED_KINDS} ORDER BY "row" """


def roster_frame(store: Store, workspace: Path) -> pl.DataFrame:
    """The lines of the latest roster of each series, with the profession and role their function usually has."""
    return with_jobs(fetch_frame(store.sql(_ROSTER)), workspace)


def registered_frame(store: Store) -> pl.DataFrame:
    """The lines of the follow-up and of the directory, latest file of each series."""
    return fetch_frame(store.sql(_REGISTERED))


def reconcile(
    store: Store, workspace: Path, *, as_of: date | None = None, access: AccessMatrix | None = None
) -> Reconciliation:
    """Bring the latest files of a store together, on the day of the latest extract unless `as_of` says otherwise."""
    roster, registered = roster_frame(store, workspace), registered_frame(store)
    told = [day for frame in (roster, registered) if isinstance(day := frame["told_on"].max(), date)]
    return bring_together(
        roster,
        registered,
        as_of=as_of or max(told, default=date.today()),
        pseudonyms=open_pseudonyms(workspace),
        decisions=kept_decisions(workspace),
        grants=access.grants if access else None,
    )
