"""The SQL of exposure: situations, what a group of them opens, and the segments of time in between.

Days are whole days, both ends included: a situation opened and judged on the same day has lasted one day. Internally
an interval is half-open, `[opened, closes)`. A forgotten situation is justified until the day `since` included.
Most people hold one situation; what needs several to be put together is done for the others only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from rpps_audit.records import AMBIGUOUS, active_sql, operators

COUNTS = """count(*) AS situations, count(since) AS forgotten_situations,
               count(*) FILTER (mask = 0) AS unknown_roles, count(*) FILTER (start_date IS NULL) AS undated"""
# Distinct people, without comparing those who hold one situation.
PERSONS = "count(*) FILTER (NOT several) + count(DISTINCT person) FILTER (several)"
OPENS = {"mask": "opens", "kept": "justified"}


def situations(as_of: date, later: Sequence[int] = ()) -> str:
    """The situations active on `as_of`, and those closed before whose dates are known. Reads `$runs` and `role_bits`.

    What is unknown is '' in the scopes, so that it groups and joins. `person` is a 64-bit hash (one chance in a hundred
    thousand that two of twenty million people meet), `professional_id` what is shown of it. `mask`: the bit of the
    role, 0 when the matrix does not know it. `several`: false only when the person has no other situation.
    """
    active = active_sql(as_of, later)
    return f"""
        WITH judged AS (SELECT snapshots, sources FROM runs WHERE list_contains($runs, run_id)),
        mine AS NOT MATERIALIZED (
            SELECT r.* REPLACE (coalesce(professional_id, u.person) AS professional_id),
                   CASE WHEN starts_with(u.person, '{AMBIGUOUS}') THEN hash(snapshot_id, line)
                        ELSE hash(coalesce(professional_id, u.person)) END AS person
            FROM registrations r LEFT JOIN (SELECT snapshot_id, line, person FROM person_lines) u
            USING (snapshot_id, line) WHERE snapshot_id IN (SELECT unnest(snapshots) FROM judged)
        ),
        late AS (
            SELECT snapshot_id, d.line, min(d.since) AS since FROM departures d
            WHERE list_contains($runs, run_id) AND d.since < DATE '{as_of}' GROUP BY ALL
        ),
        place AS ({operators("SELECT unnest(sources) FROM judged")}),
        repeated AS (SELECT person FROM mine GROUP BY person HAVING count(*) > 1)
        SELECT m.snapshot_id, m.line,
               m.person, m.professional_id, m.person IN (SELECT person FROM repeated) AS several,
               coalesce(m.finess, m.structure_id, '') AS establishment,
               coalesce(m.finess_legal, p.finess_legal, '') AS operator,
               coalesce(m.role, '') AS role, coalesce(m.profession, '') AS profession, coalesce(b.bit, 0) AS mask,
               m.start_date, CASE WHEN {active} THEN l.since END AS since,
               CASE WHEN {active} THEN {_tomorrow(as_of)} ELSE least(m.end_date + 1, DATE '{as_of}') END AS closes
        FROM mine m LEFT JOIN late l USING (snapshot_id, line)
        LEFT JOIN place p ON p.finess = m.finess LEFT JOIN role_bits b ON b.role = m.role
        WHERE {active} OR m.start_date <= least(m.end_date, DATE '{as_of}')"""


def placed(table: str, as_of: date) -> str:
    """The rows of `situations`, placed in time.

    `active` on `as_of`; `kept`: the mask, 0 when the situation is forgotten; open from `opened` (null when the
    beginning or the role is unknown) until `closes`, justified until `kept_until`. `everybody` is the scope of all.
    """
    opened = "CASE WHEN mask > 0 THEN coalesce(start_date, since) END"
    return f"""
        SELECT *, '' AS everybody, closes = {_tomorrow(as_of)} AS active,
               CASE WHEN since IS NULL THEN mask ELSE 0 END AS kept, {opened} AS opened,
               CASE WHEN since IS NULL THEN closes ELSE greatest(since + 1, {opened}) END AS kept_until FROM {table}"""


def groups(source: str, keys: Sequence[str], masks: Mapping[str, str]) -> str:
    """The union of the sets of roles of each group of situations: [keys, masks]; `masks`: column of `source`, name."""
    names = ", ".join(keys)
    alone = ", ".join(f"{column} AS {name}" for column, name in masks.items())
    united = ", ".join(f"bit_or({column}) AS {name}" for column, name in masks.items())
    return f"""(
        SELECT {names}, {alone} FROM {source} WHERE NOT several
        UNION ALL SELECT {names}, {united} FROM {source} WHERE several GROUP BY {names})"""


def segments(source: str, keys: Sequence[str], as_of: date) -> str:
    """What each group opens through time, overlaps once: [keys, begins, ends (excluded), opens, justified].

    Three cases: one situation; several that all last until now, so that roles only add up; and the sweep over every day
    on which something begins, is forgotten or ends.
    """
    names = ", ".join(keys)
    return f"""(
        WITH dated AS (
            SELECT {names}, opened, kept_until, closes, mask, several FROM {source} WHERE opened IS NOT NULL
        ),
        broken AS (SELECT DISTINCT {names} FROM dated WHERE several AND kept_until < {_tomorrow(as_of)}),
        adding AS (SELECT * FROM dated ANTI JOIN broken USING ({names}) WHERE several),
        moving AS (SELECT * FROM dated SEMI JOIN broken USING ({names}) WHERE several),
        days AS (SELECT DISTINCT {names}, unnest([opened, kept_until, closes]) AS begins FROM moving),
        stretches AS (SELECT *, lead(begins) OVER (PARTITION BY {names} ORDER BY begins) AS ends FROM days)

        SELECT {names}, opened AS begins, kept_until AS ends, mask AS opens, mask AS justified
        FROM dated WHERE NOT several AND opened < kept_until
        UNION ALL
        SELECT {names}, kept_until AS begins, closes AS ends, mask AS opens, 0 AS justified
        FROM dated WHERE NOT several AND kept_until < closes
        UNION ALL
        SELECT {names}, opened AS begins, lead(opened, 1, closes) OVER held AS ends,
               bit_or(mask) OVER held AS opens, bit_or(mask) OVER held AS justified
        FROM adding WINDOW held AS (PARTITION BY {names} ORDER BY opened ROWS UNBOUNDED PRECEDING)
        UNION ALL
        SELECT {names}, begins, ends, bit_or(mask) AS opens,
               bit_or(CASE WHEN begins < kept_until THEN mask ELSE 0 END) AS justified
        FROM stretches JOIN moving USING ({names})
        WHERE opened <= begins AND begins < closes AND ends IS NOT NULL GROUP BY ALL)"""


def people(source: str) -> str:
    """One row per person: how many situations of each kind, what they open, since when something is forgotten."""
    return f"""(
        SELECT person, professional_id, 1 AS situations, (since IS NOT NULL)::BIGINT AS forgotten_situations,
               (mask = 0)::BIGINT AS unknown_roles, (start_date IS NULL)::BIGINT AS undated, since,
               mask AS opens, kept AS justified FROM {source} WHERE NOT several
        UNION ALL
        SELECT person, any_value(professional_id) AS professional_id, {COUNTS}, min(since) AS since,
               bit_or(mask) AS opens, bit_or(kept) AS justified
        FROM {source} WHERE several GROUP BY person)"""


def _tomorrow(as_of: date) -> str:
    return f"(DATE '{as_of}' + 1)"
