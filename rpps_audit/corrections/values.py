"""What a field holds now: the export's value, or the one a pending correction gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from rpps_audit.checks.views import latest_sources, prepare_views
from rpps_audit.corrections.changes import person_of
from rpps_audit.corrections.fields import fields, value_sql
from rpps_audit.errors import UsageError
from rpps_audit.store import Store, fetch_frame

# Decided, and neither taken back nor settled by a later export.
PENDING = ("proposed", "approved", "batched", "signed", "sent", "acknowledged", "overdue")
# The kinds of export whose records an establishment corrects.
CORRECTABLE = ("suivi", "annuaire-restreint")
_KEYS = pl.Schema({"table": pl.String, "record_key": pl.String, "column": pl.String})


class Extract(NamedTuple):
    """The loaded export that corrections speak of."""

    snapshot_id: int
    kind: str
    layout: str
    series: str
    file_name: str
    data_date: date
    content_hash: str
    encoding: str
    columns: tuple[str, ...]


def extract(store: Store, snapshot_id: int) -> Extract:
    """The facts of a snapshot of people in situations. Raises UsageError for another kind or an unknown one."""
    row = store.sql(
        """SELECT snapshot_id, kind, layout, series, file_name, data_date, content_hash, encoding, columns
           FROM snapshots WHERE snapshot_id = ? AND list_contains(?, kind)""",
        [snapshot_id, list(CORRECTABLE)],
    ).fetchone()
    if row is None:
        raise UsageError(
            f"L'extraction n° {snapshot_id} n'existe pas, ou n'est ni un fichier de suivi ni une extraction "
            "restreinte : on n'y corrige rien."
        )
    return Extract._make([*row[:-1], tuple(row[-1])])


def latest_extract(store: Store) -> Extract:
    """The last loaded export that can be corrected: the suivi before the restricted extract. Raises UsageError."""
    row = store.sql(
        """SELECT snapshot_id FROM snapshots WHERE list_contains(?, kind)
           ORDER BY kind = 'suivi' DESC, data_date DESC, snapshot_id DESC LIMIT 1""",
        [list(CORRECTABLE)],
    ).fetchone()
    if row is None:
        raise UsageError("Aucune extraction à corriger n'est chargée. Chargez-en une : rpps-audit load FICHIER.")
    return extract(store, row[0])


@contextmanager
def reading(
    store: Store, snapshot_id: int, as_of: date, people: pl.Series | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views of one snapshot: professional, situation and the other files beside it.

    With `people` (the persons of record keys) only their lines are looked at, whatever the size of the export.
    """
    reader = store.connection.cursor()
    try:
        if people is not None:
            _only(reader, snapshot_id, people)
        prepare_views(reader, snapshot_id, as_of, latest_sources(reader, snapshot_id))
        yield reader
    finally:
        reader.close()


def _only(reader: duckdb.DuckDBPyConnection, snapshot_id: int, people: pl.Series) -> None:
    """Hide everybody else: a temporary table stands before the store's own for this connection."""
    row = reader.execute("SELECT current_database()").fetchone()
    assert row is not None
    whole, mine = f'"{row[0]}".main.registrations', f"snapshot_id = {int(snapshot_id)}"
    reader.register("asked", people.drop_nulls().unique().alias("person").to_frame().to_arrow())
    # Lines first: asked for together with an « or », every column of every line would be read.
    reader.execute(
        f"""CREATE TEMP TABLE registrations AS
            SELECT * FROM {whole} WHERE {mine} AND line IN (
                SELECT line FROM {whole} WHERE {mine} AND professional_id IN (SELECT person FROM asked)
                UNION ALL
                SELECT line FROM {whole} WHERE {mine} AND professional_id IS NULL
                AND 'ligne:' || line IN (SELECT person FROM asked))"""
    )
    reader.unregister("asked")


def pending(store: Store, series: str) -> pl.DataFrame:
    """The correction in force of each field of a series: the last one pending.

    Columns: table, record_key, column, new, kind, previous_id, previous_author, previous_state.
    """
    return fetch_frame(
        store.sql(
            """SELECT "table", record_key, "column", new, kind, correction_id AS previous_id, author AS previous_author,
                  state AS previous_state
           FROM correction_states WHERE series = ? AND list_contains(?, state)
           QUALIFY row_number() OVER (PARTITION BY "table", record_key, "column" ORDER BY correction_id DESC) = 1""",
            [series, list(PENDING)],
        )
    )


def field_values(store: Store, snapshot_id: int, keys: pl.DataFrame) -> pl.DataFrame:
    """What each field [table, record_key, column] holds: `base` in the export, `value` once corrected.

    Also: line (null for a record that is not in the export), professional_id, finess, finess_legal, certified_state,
    waiting (a portal request is under way), previous_id, previous_author, previous_state (null without a pending
    correction).
    """
    facts = extract(store, snapshot_id)
    wanted = keys.select(pl.col(name).cast(kind) for name, kind in _KEYS.items()).unique(maintain_order=True)
    persons = wanted.select(person_of(pl.col("record_key"))).to_series()
    with reading(store, snapshot_id, facts.data_date, persons) as reader:
        reader.register("wanted", wanted.to_arrow())
        found = [_table_values(reader, table) for table in ("professional", "situation")]
    return (
        wanted.join(pl.concat(found), ["table", "record_key", "column"], "left", nulls_equal=True)
        .join(pending(store, facts.series), ["table", "record_key", "column"], "left")
        .with_columns(value=pl.when(pl.col("previous_id").is_null()).then("base").otherwise("new"))
        .drop("new", "kind")
    )


def _table_values(reader: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    columns = [one.column for one in fields() if one.table == table]
    chosen = ", ".join(f'{value_sql(column)} AS "{column}:"' for column in columns)
    wide = fetch_frame(
        reader.execute(
            f"""SELECT '{table}' AS "table", record_key, line, professional_id, finess, finess_legal,
                   civil_status_state AS certified_state, pending_request_date IS NOT NULL AS waiting, {chosen}
            FROM {table} WHERE record_key IN (SELECT record_key FROM wanted WHERE "table" = '{table}')
            QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY line) = 1"""
        )
    )
    facts = ["table", "record_key", "line", "professional_id", "finess", "finess_legal", "certified_state", "waiting"]
    long = wide.unpivot([f"{column}:" for column in columns], index=facts, variable_name="column", value_name="base")
    return long.with_columns(pl.col("column").str.strip_chars_end(":"), pl.col("base").cast(pl.String))


def workplaces(store: Store, snapshot_id: int, professionals: pl.Series) -> pl.DataFrame:
    """Where these people stand registered [professional_id, finess, finess_legal], one row per place."""
    reader = store.connection.cursor()
    try:
        reader.register("asked", professionals.drop_nulls().unique().alias("professional_id").to_frame().to_arrow())
        return fetch_frame(
            reader.execute(
                f"""SELECT DISTINCT professional_id, finess, coalesce(finess_legal, e.legal) AS finess_legal
                FROM registrations LEFT JOIN ({OPERATORS}) e USING (finess)
                WHERE snapshot_id = ? AND finess IS NOT NULL AND professional_id IN (SELECT professional_id FROM asked)
                ORDER BY ALL""",
                [snapshot_id],
            )
        )
    finally:
        reader.close()


# The operator above each establishment, from the last FINESS file that knows it.
OPERATORS = """SELECT finess, arg_max(finess_legal, snapshot_id) AS legal FROM establishments
               WHERE finess IS NOT NULL GROUP BY finess"""

# The lines of the records of `changed` [table, record_key]; a record that is not there yet is `added`, with its
# person's first line as a model.
RECORD_LINES = """
    SELECT 'situation' AS "table", record_key, line, professional_id FROM situation
    WHERE record_key IN (SELECT record_key FROM changed WHERE "table" = 'situation')
    UNION ALL
    SELECT 'professional', coalesce(professional_id, 'ligne:' || line) AS record_key, line, professional_id
    FROM situation WHERE coalesce(professional_id, 'ligne:' || line) IN
        (SELECT record_key FROM changed WHERE "table" = 'professional')
    UNION ALL
    SELECT 'added', c.record_key, min(line), professional_id
    FROM changed c JOIN situation s ON s.professional_id = split_part(c.record_key, '@', 1)
    WHERE c."table" = 'situation' AND c.record_key NOT IN (SELECT record_key FROM situation) GROUP BY ALL"""
