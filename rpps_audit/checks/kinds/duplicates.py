"""The kind `probable_duplicate`: two numbers whose civil statuses one person may have given."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.links import link_numbers
from rpps_audit.checks.rule import Rule
from rpps_audit.records.folding import folded_sql, initial_sql

# Corsica was 20 until 1976; Paris, Lyon and Marseille may be written whole.
_COMMUNE = "CASE WHEN birth_commune[:2] IN ('2A', '2B') THEN '20' || birth_commune[3:] ELSE birth_commune END"
_CITY = """CASE WHEN birth_commune BETWEEN '75101' AND '75120' THEN '75056'
                WHEN birth_commune BETWEEN '69381' AND '69389' THEN '69123'
                WHEN birth_commune BETWEEN '13201' AND '13216' THEN '13055' END"""


def _probable_duplicate(rule: Rule) -> str:
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
        SELECT p.row_id FROM professional p SEMI JOIN (
            SELECT a.row_id FROM kept a JOIN kept b ON a.mark = b.mark AND a.person <> b.person AND (a.own OR b.own)
            WHERE CASE WHEN a.commune IS NOT NULL AND b.commune IS NOT NULL
                       THEN a.commune = b.commune OR a.city = b.commune OR a.commune = b.city
                       ELSE coalesce(a.place = b.place, a.country = b.country, true) END
              AND NOT coalesce(a.birth_commune = b.birth_commune AND a.name = b.name AND a.firsts = b.firsts, false)
        ) USING (row_id)"""


def _named(rule: Rule) -> str:
    return """
        SELECT row_id FROM professional
        WHERE professional_id IS NOT NULL AND birth_date IS NOT NULL AND birth_name IS NOT NULL"""


def _born_the_same_day(rule: Rule) -> str:
    return "hash(birth_date)"


def _link(reader: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    link_numbers(reader)


KINDS = (
    Kind(
        "probable_duplicate",
        "deux numéros portent des états civils que la même personne a pu donner",
        many=True,
        tables=("professional",),
        query=_probable_duplicate,
        population=_named,
        prepare=_link,
        always=("professional_id", "birth_date"),
        alike=_born_the_same_day,
    ),
)
