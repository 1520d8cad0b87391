"""The SQL of exposure: situations, what each group of them opens, and the segments of time in between.

Days are whole days, both ends included: a situation opened and judged on the same day has lasted one day. Internally
an interval is half-open, `[opened, closes)`. A forgotten situation is justified until the day `since` included.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rpps_audit.checks.views import ACTIVE


def situations(table: str, as_of: date, *, history: bool) -> str:
    """Make `table`: the situations active on `as_of`; with `history`, also those closed since, where their dates are known.

    Reads `$runs`. Scopes that are unknown are '' so that they group and join; `mask` is 0 for a role that the matrix
    does not know; `dated` is the mask of a situation whose beginning is known.
    """
    active = ACTIVE.format(as_of=f"DATE '{as_of}'")
    tomorrow = f"(DATE '{as_of}' + 1)"
    lived = f"({active} OR start_date <= least(end_date, DATE '{as_of}'))"
    return f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        WITH judged AS (SELECT run_id, snapshot_id, sources FROM runs WHERE list_contains($runs, run_id)),
        forgotten AS (
            SELECT snapshot_id, d.line, min(d.since) AS since FROM departures d JOIN judged USING (run_id)
            WHERE d.since < DATE '{as_of}' GROUP BY ALL
        ),
        place AS (
            SELECT finess, any_value(finess_legal) AS finess_legal FROM establishments
            WHERE snapshot_id IN (SELECT unnest(sources) FROM judged) AND finess IS NOT NULL GROUP BY finess
        ),
        held AS (
            SELECT r.snapshot_id, r.line,
                   coalesce(r.professional_id, 'ligne:' || r.line || '/' || r.snapshot_id) AS person,
                   coalesce(r.finess, r.structure_id, '') AS establishment,
                   coalesce(r.finess_legal, p.finess_legal, '') AS operator,
                   coalesce(r.role, '') AS role, coalesce(r.profession, '') AS profession,
                   r.start_date, {active} AS active, r.end_date,
                   CASE WHEN {active} THEN f.since END AS since, coalesce(b.bit, 0) AS mask
            FROM registrations r LEFT JOIN forgotten f USING (snapshot_id, line)
            LEFT JOIN place p ON p.finess = r.finess LEFT JOIN role_bits b ON b.role = r.role
            WHERE r.snapshot_id IN (SELECT snapshot_id FROM judged) AND {lived if history else active}
        ),
        opening AS (
            SELECT * EXCLUDE (active, end_date),
                   CASE WHEN active THEN {tomorrow} ELSE least(end_date + 1, DATE '{as_of}') END AS closes,
                   CASE WHEN mask > 0 THEN coalesce(start_date, since) END AS opened
            FROM held
        )
        SELECT *, CASE WHEN opened IS NOT NULL THEN mask END AS dated,
               CASE WHEN since IS NULL THEN closes ELSE greatest(since + 1, opened) END AS justified_until
        FROM opening"""


def groups(table: str, source: str, keys: Sequence[str]) -> str:
    """Make `table`: one row per group of situations (a person, or a person in a scope), with what the group opens."""
    names = ", ".join(keys)
    return f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT {names}, count(*) AS situations, count(since) AS forgotten_situations, min(since) AS since,
               count(*) FILTER (mask = 0) AS unknown_roles, count(*) FILTER (start_date IS NULL) AS undated,
               bit_or(mask) AS opens, bit_or(CASE WHEN since IS NULL THEN mask ELSE 0 END) AS justified,
               bit_or(dated) AS dated, min(opened) AS opened, min(closes) AS closes,
               -- Nothing changes between the first day and the last: no sweep needed.
               count(since) = 0 AND min(closes) = max(closes)
               AND (min(opened) = max(opened) OR min(dated) = max(dated)) AS steady
        FROM {source} GROUP BY ALL"""


def segments(grouped: str, source: str, keys: Sequence[str]) -> str:
    """What each group opens through time: [keys, begins, ends (excluded), opens, justified]; overlaps count once."""
    names = ", ".join(keys)
    return f"""
        SELECT {names}, opened AS begins, closes AS ends, dated AS opens, dated AS justified
        FROM {grouped} WHERE steady AND dated IS NOT NULL
        UNION ALL
        (WITH moving AS (
            SELECT {names}, opened, justified_until, closes, mask FROM {source}
            SEMI JOIN (SELECT {names} FROM {grouped} WHERE NOT coalesce(steady, false)) USING ({names})
            WHERE dated IS NOT NULL
        ), moments AS (
            SELECT DISTINCT {names}, unnest([opened, justified_until, closes]) AS begins FROM moving
        ), stretches AS (
            SELECT *, lead(begins) OVER (PARTITION BY {names} ORDER BY begins) AS ends FROM moments
        )
        SELECT {names}, begins, ends, bit_or(mask) AS opens,
               bit_or(CASE WHEN begins < justified_until THEN mask ELSE 0 END) AS justified
        FROM stretches JOIN moving USING ({names})
        WHERE opened <= begins AND begins < closes AND ends IS NOT NULL GROUP BY ALL)"""
