"""What a field holds now: the register's value, or the one a pending correction gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from rpps_audit.corrections.changes import FIELD
from rpps_audit.corrections.fields import fields, value_sql
from rpps_audit.errors import UsageError
from rpps_audit.records import State, make_views, operators, person_of, person_sql, state_at
from rpps_audit.store import Store, fetch_frame

# Decided, and neither taken back nor settled by a later export.
PENDING = ("proposed", "approved", "batched", "signed", "sent", "acknowledged", "overdue")
# The kinds of export whose records an establishment corrects, the one that tells most first.
CORRECTABLE = ("suivi", "annuaire-restreint")


class Extract(NamedTuple):
    """One loaded export among those that corrections speak of."""

    snapshot_id: int
    kind: str
    layout: str
    file_name: str
    data_date: date
    content_hash: str
    encoding: str


def present_state(store: Store) -> State:
    """The state of the register that is corrected now. Raises UsageError when nothing in it can be."""
    state = state_at(store)
    corrected_kind(state)
    return state


def corrected_kind(state: State) -> str:
    """The kind of registration that is corrected in a state: the follow-up before the restricted extract."""
    held = set(state.snapshots["kind"])
    for kind in CORRECTABLE:
        if kind in held:
            return kind
    raise UsageError("Aucune extraction à corriger n'est chargée. Chargez-en une : rpps-audit load FICHIER.")


def corrected_columns(state: State) -> frozenset[str]:
    """The columns that any of the corrected files carries."""
    return frozenset[str]().union(*state.carried(corrected_kind(state)).values())


def extracts(store: Store, state: State) -> list[Extract]:
    """The corrected files of a state, in the order of their numbers."""
    rows = store.sql(
        """SELECT snapshot_id, kind, layout, file_name, data_date, content_hash, encoding
           FROM snapshots WHERE list_contains(?, snapshot_id) ORDER BY snapshot_id""",
        [list(state.files(corrected_kind(state)))],
    ).fetchall()
    return [Extract._make(row) for row in rows]


@contextmanager
def reading(
    store: Store, state: State, people: pl.Series | None = None, *, kind: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views of the corrected kind of a state: professional, situation and the files beside.

    With `people` (the persons of record keys) only their lines are looked at, whatever the size of the register.
    """
    judged = kind or corrected_kind(state)
    reader = store.connection.cursor()
    try:
        if people is not None:
            _only(reader, state.files(judged), people)
        make_views(reader, state, judged)
        yield reader
    finally:
        reader.close()


def _only(reader: duckdb.DuckDBPyConnection, files: tuple[int, ...], people: pl.Series) -> None:
    """Hide everybody else: a temporary table stands before the store's own for this connection."""
    row = reader.execute("SELECT current_database()").fetchone()
    assert row is not None
    whole, mine = f'"{row[0]}".main.registrations', f"snapshot_id IN ({', '.join(map(str, files)) or '-1'})"
    reader.register("asked", people.drop_nulls().unique().alias("person").to_frame().to_arrow())
    # Lines first: asked for together with an « or », every column of every line would be read.
    reader.execute(
        f"""CREATE TEMP TABLE registrations AS
            SELECT * FROM {whole} SEMI JOIN (
                SELECT snapshot_id, line FROM {whole} WHERE {mine} AND professional_id IN (SELECT person FROM asked)
                UNION ALL
                SELECT snapshot_id, line FROM person_lines WHERE {mine} AND person IN (SELECT person FROM asked)
            ) USING (snapshot_id, line) WHERE {mine}"""
    )
    reader.unregister("asked")


def pending(store: Store) -> pl.DataFrame:
    """The correction in force of each field: the last one pending.

    Columns: table, record_key, column, new, kind, previous_id, previous_author, previous_state.
    """
    return fetch_frame(
        store.sql(
            """SELECT "table", record_key, "column", new, kind, correction_id AS previous_id, author AS previous_author,
                  state AS previous_state
           FROM correction_states WHERE list_contains(?, state)
           QUALIFY row_number() OVER (PARTITION BY "table", record_key, "column" ORDER BY correction_id DESC) = 1""",
            [list(PENDING)],
        )
    )


def field_values(store: Store, state: State, keys: pl.DataFrame, *, kind: str | None = None) -> pl.DataFrame:
    """What each field [table, record_key, column] holds: `base` in the register, `value` once corrected.

    Also: snapshot_id and line of its first line (null for a record that is not there), professional_id, finess,
    finess_legal, certified_state, waiting (a portal request is under way), previous_id, previous_author, previous_state
    (null without a pending correction).
    """
    wanted = keys.select(pl.col(name).cast(pl.String) for name in FIELD).unique(maintain_order=True)
    persons = wanted.select(person_of(pl.col("record_key"))).to_series()
    with reading(store, state, persons, kind=kind) as reader:
        reader.register("wanted", wanted.to_arrow())
        found = [_table_values(reader, table) for table in ("professional", "situation")]
    return (
        wanted.join(pl.concat(found), FIELD, "left", nulls_equal=True)
        .join(pending(store), FIELD, "left")
        .with_columns(value=pl.when(pl.col("previous_id").is_null()).then("base").otherwise("new"))
        .drop("new", "kind")
    )


_FACTS = (
    "table", "record_key", "snapshot_id", "line", "professional_id", "finess", "finess_legal", "certified_state",
    "waiting",
)  # fmt: skip


def _table_values(reader: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    columns = [one.column for one in fields() if one.table == table]
    chosen = ", ".join(f'{value_sql(column)} AS "{column}:"' for column in columns)
    wide = fetch_frame(
        reader.execute(
            f"""SELECT '{table}' AS "table", record_key, snapshot_id, line, professional_id, finess, finess_legal,
                   civil_status_state AS certified_state, pending_request_date IS NOT NULL AS waiting, {chosen}
            FROM {table} WHERE record_key IN (SELECT record_key FROM wanted WHERE "table" = '{table}')
            QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY snapshot_id, line) = 1"""
        )
    )
    long = wide.unpivot([f"{column}:" for column in columns], index=_FACTS, variable_name="column", value_name="base")
    return long.with_columns(pl.col("column").str.strip_chars_end(":"), pl.col("base").cast(pl.String))


def workplaces(store: Store, state: State, people: pl.Series) -> pl.DataFrame:
    """Where these people stand registered [person, finess, finess_legal], one row per place."""
    with reading(store, state, people) as reader:
        return fetch_frame(
            reader.execute(
                f"""SELECT DISTINCT person_key AS person, finess,
                           coalesce(s.finess_legal, o.finess_legal) AS finess_legal
                FROM situation s LEFT JOIN ({OPERATORS}) o USING (finess) WHERE finess IS NOT NULL ORDER BY ALL"""
            )
        )


# The operator above each establishment, from the last FINESS file that knows it.
OPERATORS = operators("SELECT snapshot_id FROM snapshots WHERE kind = 'finess'")

# The lines of the records of `changed` [table, record_key]; a record that is not there yet is `added`, with its
# person's first line as a model.
RECORD_LINES = f"""
    SELECT 'situation' AS "table", record_key, snapshot_id, line, person_key FROM situation
    WHERE record_key IN (SELECT record_key FROM changed WHERE "table" = 'situation')
    UNION ALL
    SELECT 'professional', person_key AS record_key, snapshot_id, line, person_key
    FROM situation WHERE person_key IN (SELECT record_key FROM changed WHERE "table" = 'professional')
    UNION ALL
    SELECT 'added', c.record_key, s.snapshot_id, s.line, person_key
    FROM changed c JOIN situation s ON s.person_key = {person_sql("c.record_key")}
    WHERE c."table" = 'situation' AND c.record_key NOT IN (SELECT record_key FROM situation)
    QUALIFY row_number() OVER (PARTITION BY c.record_key ORDER BY s.snapshot_id, s.line) = 1"""
