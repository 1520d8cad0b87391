"""The views everybody reads: a state's professionals and situations of one kind, and the other files beside them.

`professional` and `situation` are plain views over what is stored. Each row has `snapshot_id` and `line`, and `row_id`,
unique over the files: `line` alone is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import polars as pl

from rpps_audit.records.activity import active_sql
from rpps_audit.records.columns import sources
from rpps_audit.records.keyed import KEYED_ROWS, PERSON_COLUMNS
from rpps_audit.records.keys import situation_sql
from rpps_audit.records.state import State
from rpps_audit.store import Store, fetch_frame

# The table each kind of file is kept in.
TABLES = {kind: source.table for kind, source in sources().items()}
ROW_ID = "(({p}snapshot_id::BIGINT << 32) | {p}line)"
SNAPSHOT_OF_ROW, LINE_OF_ROW = "(row_id >> 32)::INTEGER", "(row_id & 4294967295)::INTEGER"
_ROW = ROW_ID.format(p="")


@contextmanager
def open_state(store: Store, state: State, kind: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the views of one kind of registration of a state can be read. Views are its own."""
    reader = store.connection.cursor()
    try:
        make_views(reader, state, kind)
        yield reader
    finally:
        reader.close()


def make_views(connection: duckdb.DuckDBPyConnection, state: State, kind: str) -> None:
    """Make the temporary views `professional`, `situation`, `lines` and one per kind of source (`rh`, `finess` ...).

    `professional`: record_key, row_id and the columns of registrations, one row per distinct civil status and contact
    of a person. `situation`: the same with `active`, one row per line. `lines`: `situation` without key nor activity,
    which cost a join.
    """
    files = state.files(kind)
    mine = _among(files)
    unnumbered = _any(connection, "person_lines", mine)
    person = "coalesce(professional_id, person)" if unnumbered else "professional_id"
    people = f"LEFT JOIN (SELECT snapshot_id, line, person FROM person_lines WHERE {mine}) USING (snapshot_id, line)"
    named = people if unnumbered else ""
    _make_echoes(connection, files, mine, person, named)
    key = situation_sql(person, "coalesce(finess, structure_id)", "start_date", "rank")
    extra = "person, " if unnumbered else ""
    kept = "r.* EXCLUDE (person)" if unnumbered else "r.*"
    views = {
        "lines": f"SELECT {_ROW} AS row_id, * FROM registrations WHERE {mine}",
        "professional": f"""SELECT {person} AS record_key, {_ROW} AS row_id, {kept}
            FROM (FROM registrations {named} WHERE {mine}) r ANTI JOIN echoes USING (snapshot_id, line)""",
        "situation": f"""SELECT {key} AS record_key, {person} AS person_key,
            {active_sql(state.as_of, state.later(kind))} AS active, {_ROW} AS row_id, r.* EXCLUDE ({extra}rank)
            FROM (FROM registrations {named}
                  LEFT JOIN (SELECT * FROM ranked_lines WHERE {mine}) USING (snapshot_id, line) WHERE {mine}) r""",
    }
    for name, sql in views.items():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
    _make_sources(connection, state.sources(kind))


def make_comparisons(connection: duckdb.DuckDBPyConnection, state: State, kind: str) -> None:
    """What the rules between records read besides the views, in one pass over the lines.

    `people`: person_key, row_id of their first line, lines, working (an active situation). `crowded_lines`: those of
    people on several lines, with a hash of civil status and contact. `twin_lines`: those of one person in one place.
    """
    mine = _among(state.files(kind))
    active = active_sql(state.as_of, state.later(kind))
    unnumbered = _any(connection, "person_lines", mine)
    person = "coalesce(professional_id, person)" if unnumbered else "professional_id"
    named = (
        f"LEFT JOIN (SELECT snapshot_id, line, person FROM person_lines WHERE {mine}) USING (snapshot_id, line)"
        if unnumbered
        else ""
    )
    for statement in (_PEOPLE, _CROWDED, _TWINS):
        connection.execute(statement.format(mine=mine, active=active, person=person, named=named))


def row_keys(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> pl.DataFrame:
    """The keys of the situations on some lines [snapshot_id, line, record_key], without the views of a state."""
    connection.register("asked_rows", rows.select("snapshot_id", "line").unique().to_arrow())
    try:
        return fetch_frame(connection.execute(_ROW_KEYS))
    finally:
        connection.unregister("asked_rows")


def _make_echoes(
    connection: duckdb.DuckDBPyConnection, files: Sequence[int], mine: str, person: str, named: str
) -> None:
    """`echoes`: the stored ones of each file; and, where several files stand together, what one repeats of another."""
    if len(files) < 2:
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW echoes AS SELECT snapshot_id, line FROM echo_lines WHERE {mine}"
        )
        return
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE repeated_echoes AS
            WITH kept AS (
                SELECT snapshot_id, line, {person} AS who, hash({PERSON_COLUMNS}) AS content
                FROM registrations {named} ANTI JOIN echo_lines USING (snapshot_id, line) WHERE {mine}
            ), several AS (SELECT who FROM kept GROUP BY who HAVING count(*) > 1)
            SELECT snapshot_id, line FROM kept WHERE who IN (FROM several)
            QUALIFY row_number() OVER (PARTITION BY who, content ORDER BY snapshot_id, line) > 1
            UNION ALL SELECT snapshot_id, line FROM echo_lines WHERE {mine}"""
    )
    connection.execute("CREATE OR REPLACE TEMP VIEW echoes AS FROM repeated_echoes")


def _make_sources(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[int]]) -> None:
    for kind, table in TABLES.items():
        connection.execute(
            f"""CREATE OR REPLACE TEMP VIEW {view_name(kind)} AS
                SELECT * FROM {table} WHERE {_among(files.get(kind, ()))}"""
        )


def view_name(kind: str) -> str:
    """The view holding the files of a kind."""
    return kind.replace("-", "_")


def _among(files: Sequence[int]) -> str:
    return f"snapshot_id IN ({', '.join(map(str, files)) or '-1'})"


def _any(connection: duckdb.DuckDBPyConnection, table: str, mine: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM {table} WHERE {mine} LIMIT 1").fetchall())


_PEOPLE = f"""
    CREATE OR REPLACE TEMP TABLE people AS
    SELECT {{person}} AS person_key, min({_ROW}) AS row_id, count(*) AS lines, bool_or({{active}}) AS working
    FROM registrations {{named}} WHERE {{mine}} GROUP BY 1"""
_CROWDED = f"""
    CREATE OR REPLACE TEMP TABLE crowded_lines AS
    SELECT {_ROW} AS row_id, {{person}} AS person_key, finess, start_date, hash({PERSON_COLUMNS}) AS person_content,
           hash({{person}}, finess) AS held
    FROM registrations {{named}}
    WHERE {{mine}} AND {{person}} IN (SELECT person_key FROM people WHERE lines > 1)"""
_TWINS = """
    CREATE OR REPLACE TEMP TABLE twin_lines AS
    SELECT row_id FROM crowded_lines
    WHERE held IN (SELECT held FROM crowded_lines GROUP BY held HAVING count(*) > 1)"""
_ROW_KEYS = f"SELECT snapshot_id, line, record_key FROM ({KEYED_ROWS}) SEMI JOIN asked_rows USING (snapshot_id, line)"
