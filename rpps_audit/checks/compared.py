"""Set kinds that look at one person across lines and files, or at many records together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from rpps_audit.checks.relations import fold_sql, set_kind, view_name
from rpps_audit.checks.rule import Rule
from rpps_audit.records.folding import folded_sql, initial_sql

# Every number of a person that a line's « Autres identifiants » declares (`id,type,flag;…`), beside the one kept: RPPS.
_LINKED = """
    CREATE OR REPLACE TEMP TABLE linked AS
    WITH told AS (SELECT DISTINCT professional_id, other_ids FROM lines
                  WHERE other_ids IS NOT NULL AND professional_id IS NOT NULL),
    numbers AS (SELECT professional_id, trim(split_part(other, ',', 1)) AS number
                FROM told, unnest(string_split(other_ids, ';')) u(other)
                UNION SELECT professional_id, professional_id FROM told)
    SELECT professional_id, coalesce(min(number) FILTER (starts_with(number, '8')), min(number)) AS person
    FROM numbers GROUP BY professional_id"""


def link_numbers(reader: duckdb.DuckDBPyConnection) -> None:
    """The table `linked` [professional_id, person]: numbers that a file declares to be one person's."""
    reader.execute(_LINKED)


# --- one number, several contents -------------------------------------------------------------------------------------


@set_kind()
def several_values(rule: Rule, fold: str = "exact") -> str:
    """One number, several values of a column between its lines; an empty cell says nothing."""
    broken = " OR ".join(f"min({fold_sql(fold, c)}) <> max({fold_sql(fold, c)})" for c in rule.columns)
    return f"""
        SELECT record_key, min(row_id) AS row_id FROM professional
        WHERE record_key IN (SELECT person_key FROM crowded_lines GROUP BY person_key
                             HAVING min(person_content) <> max(person_content))
        GROUP BY record_key HAVING {broken}"""


# --- one person, several numbers --------------------------------------------------------------------------------------

# Corsica was 20 until 1976; Paris, Lyon and Marseille may be written whole.
_COMMUNE = "CASE WHEN birth_commune[:2] IN ('2A', '2B') THEN '20' || birth_commune[3:] ELSE birth_commune END"
_CITY = """CASE WHEN birth_commune BETWEEN '75101' AND '75120' THEN '75056'
                WHEN birth_commune BETWEEN '69381' AND '69389' THEN '69123'
                WHEN birth_commune BETWEEN '13201' AND '13216' THEN '13055' END"""


@set_kind()
def probable_duplicate(rule: Rule) -> str:
    """Two numbers, one birth date, and names that one person may have given differently.

    Name and first name swapped, only the first of the first names or another order, the name of use as birth name; a
    place of birth written otherwise or missing, never another one. Pairs alike in everything are another rule's.
    """
    name, first = folded_sql("birth_name"), folded_sql("split_part(first_names, ',', 1)")
    usage = f"CASE WHEN upper(exercise_name) <> upper(birth_name) THEN {folded_sql('exercise_name')} END"
    i_name, i_first, i_usage = (initial_sql(column) for column in ("birth_name", "first_names", "exercise_name"))
    in_order = folded_sql("array_to_string(list_sort(string_split(first_names, ', ')), ' ')")
    return f"""
        WITH marked AS MATERIALIZED (
            -- Folding is dear: only those whose day of birth and initials are somebody else's too.
            SELECT row_id, hash(birth_date, least({i_name}, {i_first}), greatest({i_name}, {i_first})) AS own,
                   CASE WHEN upper(exercise_name) <> upper(birth_name)
                        THEN hash(birth_date, least({i_usage}, {i_first}), greatest({i_usage}, {i_first})) END AS used,
                   CASE WHEN contains(first_names, ',') THEN hash(birth_date, upper(birth_name)) END AS listed
            FROM professional
            WHERE birth_date IS NOT NULL AND professional_id IS NOT NULL AND coalesce(id_type, '8') = '8'
        ), several AS (
            SELECT h FROM (SELECT own AS h FROM marked UNION ALL SELECT used FROM marked WHERE used <> own
                          UNION ALL SELECT listed FROM marked WHERE listed IS NOT NULL)
            GROUP BY h HAVING count(*) > 1
        ), named AS MATERIALIZED (
            SELECT coalesce(l.person, p.professional_id) AS person, row_id, birth_date, first_names,
                   {name} AS name, {first} AS first_name, {usage} AS usage_name
            FROM professional p LEFT JOIN linked l USING (professional_id)
            WHERE row_id IN (SELECT row_id FROM marked WHERE own IN (FROM several) OR used IN (FROM several)
                                OR listed IN (FROM several))
        ), namesakes AS (
            -- Sorting first names is dear: only those of people of one name, born the same day.
            SELECT person, row_id, hash(birth_date, name) AS h, {in_order} AS in_order FROM named
            WHERE hash(birth_date, name) IN
                (SELECT hash(birth_date, name) AS h FROM named GROUP BY h HAVING min(person) <> max(person))
        ), signed AS (
            SELECT person, row_id, true AS own,
                   hash(birth_date, least(name, first_name), greatest(name, first_name)) AS mark FROM named
            WHERE name <> '' AND first_name <> ''
            UNION ALL
            SELECT person, row_id, false,
                   hash(birth_date, least(usage_name, first_name), greatest(usage_name, first_name)) FROM named
            WHERE usage_name <> name AND first_name <> ''
            UNION ALL
            SELECT person, row_id, true, hash(h, in_order) FROM namesakes WHERE in_order <> ''
        ), near AS (
            SELECT mark FROM signed GROUP BY mark HAVING min(person) <> max(person) AND bool_or(own)
        ), kept AS (
            SELECT s.*, named.name, birth_commune, {_COMMUNE} AS commune, {_CITY} AS city, birth_country AS country,
                   nullif({folded_sql("regexp_replace(birth_place, '[0-9].*$', '')")}, '') AS place,
                   {folded_sql("named.first_names")} AS firsts
            FROM signed s SEMI JOIN near USING (mark) JOIN named USING (person, row_id) JOIN professional USING (row_id)
        )
        SELECT p.record_key, p.row_id FROM professional p SEMI JOIN (
            SELECT a.row_id FROM kept a JOIN kept b ON a.mark = b.mark AND a.person <> b.person AND (a.own OR b.own)
            WHERE CASE WHEN a.commune IS NOT NULL AND b.commune IS NOT NULL
                       THEN a.commune = b.commune OR a.city = b.commune OR a.commune = b.city
                       ELSE coalesce(a.place = b.place, a.country = b.country, true) END
              AND NOT coalesce(a.birth_commune = b.birth_commune AND a.name = b.name AND a.firsts = b.firsts, false)
        ) USING (row_id)"""


@set_kind()
def known_otherwise(rule: Rule, source: str, source_column: str, usual: str = "") -> str:
    """The number stands in the other file with a value other than `usual` in its column."""
    return f"""
        SELECT record_key, row_id FROM {rule.table} WHERE professional_id IN
            (SELECT professional_id FROM {view_name(source)} WHERE {source_column} <> '{usual}')"""


# --- the life of situations -------------------------------------------------------------------------------------------


@set_kind(since=True)
def active_after_death(rule: Rule) -> str:
    """A situation is active while another of the same person ended by death (TRE_R25: DCD)."""
    return """
        SELECT s.record_key, s.row_id, d.since FROM situation s JOIN
            (SELECT person_key, min(coalesce(end_date, $as_of)) AS since FROM situation
             WHERE end_reason = 'DCD' GROUP BY 1) d USING (person_key)
        WHERE s.active"""


@set_kind()
def reason_missing(rule: Rule) -> str:
    """The situation has ended without a reason. Not due: before the end, nor when the next contract follows at once."""
    return """
        WITH ended AS (SELECT record_key, row_id, person_key, finess, end_date FROM situation
                       WHERE end_reason IS NULL AND end_date < $as_of)
        SELECT record_key, row_id FROM ended e
        WHERE NOT EXISTS (SELECT 1 FROM crowded_lines n
                          WHERE n.person_key = e.person_key AND n.finess = e.finess AND n.row_id <> e.row_id
                            AND n.start_date BETWEEN e.end_date AND e.end_date + INTERVAL 1 DAY)"""


@set_kind("annuaire-public")
def closed_still_published(rule: Rule, min_days: int) -> str:
    """Closed here for `min_days`, and still published in the same establishment: it was not closed in the portal."""
    return f"""
        SELECT s.record_key, s.row_id FROM situation s
        WHERE NOT s.active AND (NOT s.is_open OR s.end_date < $as_of) AND s.finess IS NOT NULL
          AND coalesce(s.end_date, s.start_date, DATE '1900-01-01') < $as_of - INTERVAL {int(min_days)} DAY
          AND EXISTS (SELECT 1 FROM annuaire_public o WHERE o.professional_id = s.professional_id
                      AND o.finess = s.finess AND coalesce(o.national_profession, '99') = '99')
          AND NOT EXISTS (SELECT 1 FROM situation t WHERE t.active AND t.professional_id = s.professional_id
                          AND t.finess = s.finess)"""


@set_kind("finess")
def outside_opening(rule: Rule) -> str:
    """The situation begins before the establishment opened, or after it closed (FINESS)."""
    return """
        WITH opening AS (SELECT finess, min(opened_on) AS opened_on,
                                CASE WHEN bool_and(closed_on IS NOT NULL) THEN max(closed_on) END AS closed_on
                         FROM finess GROUP BY finess)
        SELECT s.record_key, s.row_id FROM situation s JOIN opening f USING (finess)
        WHERE s.start_date < f.opened_on OR s.start_date > f.closed_on"""


@set_kind("finess")
def role_of_category(rule: Rule, pairs: Mapping[str, Sequence[str]]) -> str:
    """The role does not go with the establishment's category (FINESS): role → categories where it has no place."""
    told = " OR ".join(f"(s.role = '{role}' AND f.category IN ({_quoted(codes)}))" for role, codes in pairs.items())
    return f"SELECT DISTINCT s.record_key, s.row_id FROM situation s JOIN finess f USING (finess) WHERE {told}"


# --- many together ----------------------------------------------------------------------------------------------------


@set_kind()
def crowd(rule: Rule, min_records: int, min_share: float, within: str = "") -> str:
    """One date on at least `min_records` records and `min_share` of them all (of those with the same `within`)."""
    group = f"{within}, " if within else ""
    joined = f"USING ({within})" if within else "ON true"
    return f"""
        WITH counted AS (SELECT {group}{rule.column}, count(*) AS n FROM lines
                         WHERE {rule.column} IS NOT NULL GROUP BY ALL),
        total AS (SELECT {group}sum(n) AS every FROM counted GROUP BY ALL),
        crowded AS (SELECT {group}{rule.column} FROM counted JOIN total {joined}
                    WHERE n >= {int(min_records)} AND n >= {float(min_share)} * every)
        SELECT record_key, row_id FROM {rule.table} SEMI JOIN crowded USING ({group}{rule.column})"""


@set_kind()
def many_sites(rule: Rule, max_sites: int) -> str:
    """The professional is active in more than `max_sites` establishments."""
    return f"""
        WITH many AS (SELECT person_key FROM situation
                      WHERE active AND row_id IN (SELECT row_id FROM crowded_lines)
                      GROUP BY person_key HAVING count(DISTINCT finess) > {int(max_sites)})
        SELECT person_key AS record_key, row_id FROM people SEMI JOIN many USING (person_key)"""


def _quoted(codes: Sequence[str]) -> str:
    return ", ".join(f"'{code}'" for code in codes)
