"""The views every rule reads: the snapshot's professionals and situations, and the other files beside it."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from rpps_audit.store import fetch_frame

# Civil status and contact repeat on each line of a person: one professional record per distinct content.
_PERSON_COLUMNS = (
    "professional_id, birth_name, first_names, birth_date, birth_date_text, birth_commune, birth_place, birth_country,"
    " sex, civility, civil_status_state, face_to_face_date, email, phone"
)
_SOURCES = {
    "suivi": "registrations",
    "annuaire-restreint": "registrations",
    "annuaire-public": "registrations",
    "rh": "employments",
    "finess": "establishments",
    "cartes": "cards",
    "mssante": "mailboxes",
    "savoir-faire": "skills",
    "diplomes": "diplomas",
}
# The key of a situation survives a change of role, profession or date: person, place, and which one of several.
_SITUATION_KEY = (
    "coalesce(professional_id, 'ligne:' || line) || '@' || coalesce(finess, structure_id, '?')"
    " || coalesce('#' || nullif(twin, 1), '')"
)
ACTIVE = (
    "(coalesce(is_open, end_date IS NULL OR end_date >= {as_of}) AND (start_date IS NULL OR start_date <= {as_of}))"
)


def latest_sources(connection: duckdb.DuckDBPyConnection, snapshot_id: int) -> dict[str, list[int]]:
    """By kind, the latest snapshot of each series, the judged snapshot's own kind left out.

    "Latest" is by date of the data, so that an old export is judged with what was known of its time: sources later than
    the judged snapshot are used only when no earlier one exists.
    """
    rows = connection.execute(
        """SELECT o.kind, arg_max(o.snapshot_id, (o.data_date <= s.data_date, CASE WHEN o.data_date <= s.data_date
               THEN o.data_date - DATE '1900-01-01' ELSE DATE '2900-01-01' - o.data_date END, o.snapshot_id))
           FROM snapshots o, snapshots s WHERE s.snapshot_id = ? AND o.kind <> s.kind GROUP BY o.kind, o.series""",
        [snapshot_id],
    ).fetchall()
    found: dict[str, list[int]] = {}
    for kind, identifier in rows:
        found.setdefault(kind, []).append(identifier)
    return found


def prepare_views(
    connection: duckdb.DuckDBPyConnection, snapshot_id: int, as_of: date, sources: dict[str, list[int]]
) -> None:
    """Make the temporary views of one run: `professional`, `situation` and one per kind of source.

    Columns: those of the store's tables, plus `record_key` and `active`. `lines` is `situation` without these two,
    which cost a join.
    """
    mine = f"snapshot_id = {int(snapshot_id)}"
    active = ACTIVE.format(as_of=f"DATE '{as_of}'")
    connection.execute(_PEOPLE.format(mine=mine, active=active))
    connection.execute(_CROWDED_LINES.format(mine=mine))
    connection.execute(_ECHO_LINES)
    connection.execute(_TWIN_LINES)
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW professional AS
            SELECT coalesce(professional_id, 'ligne:' || line) AS record_key, * EXCLUDE (snapshot_id)
            FROM registrations ANTI JOIN echo_lines USING (line) WHERE {mine}"""
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW lines AS SELECT * FROM registrations WHERE {mine}")
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW situation AS
            SELECT {_SITUATION_KEY} AS record_key, {active} AS active, r.* EXCLUDE (snapshot_id)
            FROM registrations r LEFT JOIN twin_lines USING (line) WHERE {mine}"""
    )
    for kind, table in _SOURCES.items():
        chosen = ", ".join(map(str, sources.get(kind, []))) or "-1"
        connection.execute(
            f"""CREATE OR REPLACE TEMP VIEW {kind.replace("-", "_")} AS
                SELECT * FROM {table} WHERE snapshot_id IN ({chosen})"""
        )


def situation_keys(connection: duckdb.DuckDBPyConnection, snapshot_id: int, wanted: pl.DataFrame) -> pl.DataFrame:
    """The record keys of some lines of a snapshot [line, record_key], without making the views of a whole run."""
    connection.register("wanted_lines", wanted.select("line").to_arrow())
    try:
        return fetch_frame(connection.execute(_KEYS.format(mine=f"snapshot_id = {int(snapshot_id)}")))
    finally:
        connection.unregister("wanted_lines")


_KEYS = f"""
    WITH chosen AS (SELECT line, professional_id FROM registrations SEMI JOIN wanted_lines USING (line) WHERE {{mine}}),
    numbered AS (
        SELECT line, professional_id, finess, structure_id,
               row_number() OVER twins AS place, count(*) OVER (PARTITION BY professional_id, finess) AS several
        FROM registrations WHERE {{mine}} AND professional_id IN (SELECT professional_id FROM chosen)
        WINDOW twins AS (PARTITION BY professional_id, finess ORDER BY start_date, line)
        UNION ALL
        SELECT line, professional_id, finess, structure_id, 1, 1
        FROM registrations WHERE {{mine}} AND professional_id IS NULL
    )
    SELECT line, {_SITUATION_KEY} AS record_key
    FROM (SELECT *, CASE WHEN several > 1 THEN place END AS twin FROM numbered) SEMI JOIN wanted_lines USING (line)"""


# One pass over the lines tells almost everything the set rules ask of a person. Most people stand on one line: only the
# lines of the others, the crowded ones, are compared with one another.
_PEOPLE = """
    CREATE OR REPLACE TEMP TABLE people AS
    SELECT professional_id, min(line) AS line, count(*) AS lines, bool_or({active}) AS working
    FROM registrations WHERE {mine} AND professional_id IS NOT NULL GROUP BY professional_id"""
_CROWDED_LINES = f"""
    CREATE OR REPLACE TEMP TABLE crowded_lines AS
    SELECT line, professional_id, finess, start_date, hash({_PERSON_COLUMNS}) AS person_content,
           hash(professional_id, finess) AS held
    FROM registrations WHERE {{mine}} AND professional_id IN (SELECT professional_id FROM people WHERE lines > 1)"""
# Lines that repeat the civil status and contact of an earlier line: few, where the lines that do not are many.
_ECHO_LINES = """
    CREATE OR REPLACE TEMP TABLE echo_lines AS
    SELECT line FROM crowded_lines
    ANTI JOIN (SELECT min(line) AS line FROM crowded_lines GROUP BY professional_id, person_content) USING (line)"""
# Lines of one person in one establishment, numbered from the earliest; lines alone in theirs are left out, most of them
# before anything is sorted.
_TWIN_LINES = """
    CREATE OR REPLACE TEMP TABLE twin_lines AS
    SELECT line, row_number() OVER (PARTITION BY professional_id, finess ORDER BY start_date, line) AS twin
    FROM crowded_lines WHERE held IN (SELECT held FROM crowded_lines GROUP BY held HAVING count(*) > 1)
    QUALIFY count(*) OVER (PARTITION BY professional_id, finess) > 1"""
