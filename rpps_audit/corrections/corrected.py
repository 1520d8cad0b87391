"""The corrected view: what the rules say of the records as they will be, before anything is signed.

Only the touched people, those a rule compares them with, and their establishments are looked at: two small snapshots
in memory, before and after, judged by the same rules.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import duckdb
import polars as pl

from rpps_audit.checks import Catalogue, check_kind, kinds
from rpps_audit.corrections.fields import OF_A_SITUATION, WITH_TEXT
from rpps_audit.corrections.values import RECORD_LINES, Extract, extract, reading
from rpps_audit.records import state_around, state_of
from rpps_audit.store import Store, fetch_frame, memory_store

_BEFORE, _AFTER = 1, 2
# Beyond the lines of any export.
_FIRST_ADDED = 1_000_000_000
_SOURCE_TABLES = {
    "rh": ("employments", "finess IN (SELECT finess FROM places)"),
    "finess": ("establishments", "finess IN (SELECT finess FROM places)"),
    "cartes": ("cards", "professional_id IN (SELECT professional_id FROM population)"),
    "mssante": ("mailboxes", "professional_id IN (SELECT professional_id FROM population)"),
}
_REGISTERED = "(professional_id IN (SELECT professional_id FROM population) OR finess IN (SELECT finess FROM places))"


class Effect(NamedTuple):
    """What corrections change in the findings. Columns: rule_id, severity, record_key, column, professional_id."""

    resolved: pl.DataFrame
    created: pl.DataFrame

    @property
    def errors(self) -> pl.DataFrame:
        """What no correction may create."""
        return self.created.filter(pl.col("severity") == "error")


def effect(store: Store, snapshot_id: int, catalogue: Catalogue, changes: pl.DataFrame) -> Effect:
    """Judge the records with `changes` [table, record_key, column, new, kind] applied, all at once.

    A merge of duplicates (`professional_id`) is a request whose outcome nobody knows: it is not applied.
    """
    facts = extract(store, snapshot_id)
    if not any(rule.enabled and facts.kind in rule.applies_to for rule in catalogue):
        return Effect(_NO_FINDING, _NO_FINDING)
    as_of = _judged_at(store, facts)
    applied = changes.filter(pl.col("column") != "professional_id")
    with memory_store() as small:
        _copy_touched(store, small, facts, as_of, applied)
        _apply(small, applied)
        _copy_related(store, small, facts, catalogue, applied)
        _copy_sources(store, small, facts)
        beside = [row[0] for row in small.sql("SELECT snapshot_id FROM snapshots WHERE snapshot_id > 2").fetchall()]
        for one in (_BEFORE, _AFTER):
            check_kind(small, state_of(small, [one, *beside], as_of), facts.kind, catalogue)
        created, resolved = _difference(small, _AFTER, _BEFORE), _difference(small, _BEFORE, _AFTER)
    return Effect(resolved, created)


def _judged_at(store: Store, facts: Extract) -> date:
    row = store.sql(
        "SELECT arg_max(as_of, asked_at) FROM runs WHERE list_contains(snapshots, ?)", [facts.snapshot_id]
    ).fetchone()
    found: date = row[0] if row is not None and row[0] is not None else facts.data_date
    return found


def _copy_touched(store: Store, small: Store, facts: Extract, as_of: date, changes: pl.DataFrame) -> None:
    """Every line of the touched people, twice; `touched` maps a record to its lines."""
    with reading(store, facts.snapshot_id, as_of) as reader:
        reader.register("changed", changes.select("table", "record_key").unique().to_arrow())
        touched = fetch_frame(reader.execute(RECORD_LINES))
        reader.register("touched", touched.to_arrow())
        lines = reader.execute(
            """SELECT * FROM registrations WHERE snapshot_id = ? AND
               (line IN (SELECT line FROM touched) OR professional_id IN (SELECT professional_id FROM touched))""",
            [facts.snapshot_id],
        ).to_arrow_table()
    small.connection.register("arriving", touched.to_arrow())
    small.sql("CREATE TEMP TABLE touched AS SELECT * FROM arriving")
    small.connection.register("arriving", lines)
    for one in (_BEFORE, _AFTER):
        _add_snapshot(small, one, facts.kind, facts.series, facts.data_date, facts.columns)
        small.sql(f"INSERT INTO registrations SELECT * REPLACE ({one} AS snapshot_id) FROM arriving")
    small.connection.unregister("arriving")
    _add_situations(small)


def _add_situations(small: Store) -> None:
    """A new line for each added situation, with the person's civil status and contact data."""
    numbered = f"{_FIRST_ADDED} + row_number() OVER (ORDER BY record_key)"
    small.sql(
        f"""CREATE TEMP TABLE added AS SELECT record_key, line AS model, {numbered} AS line
            FROM touched WHERE "table" = 'added'"""
    )
    small.sql(
        f"""INSERT INTO registrations BY NAME
            SELECT r.* EXCLUDE ({", ".join(OF_A_SITUATION)}) REPLACE (a.line AS line)
            FROM added a JOIN registrations r ON r.line = a.model AND r.snapshot_id = {_AFTER}"""
    )
    small.sql("""DELETE FROM touched WHERE "table" = 'added'""")
    small.sql(
        f"""INSERT INTO touched SELECT 'situation', a.record_key, a.line, r.professional_id
            FROM added a JOIN registrations r ON r.line = a.model AND r.snapshot_id = {_AFTER}"""
    )


def _apply(small: Store, changes: pl.DataFrame) -> None:
    """One update per changed column."""
    types = dict(
        small.sql("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'registrations'").fetchall()
    )
    small.connection.register("changes", changes.to_arrow())
    for column in changes["column"].unique().sort():
        also = f", {column}_text = NULL" if column in WITH_TEXT else ""
        also += ", first_names_ambiguous = false" if column == "first_names" else ""
        small.sql(
            f"""UPDATE registrations SET {column} = TRY_CAST(c.new AS {types[column]}){also}
                FROM (SELECT DISTINCT line, new FROM changes JOIN touched USING ("table", record_key)
                      WHERE "column" = '{column}') c
                WHERE registrations.line = c.line AND snapshot_id = {_AFTER}"""
        )
    small.connection.unregister("changes")


def _copy_related(store: Store, small: Store, facts: Extract, catalogue: Catalogue, changes: pl.DataFrame) -> None:
    """People who now share a value that a rule compares: all their lines, before and after."""
    changed = set(changes["column"])
    reader = store.connection.cursor()
    try:
        for rule in catalogue:
            compared = kinds.alike(rule)
            if compared is None or not changed & kinds.kind_of(rule).reads(rule):
                continue
            values = small.sql(
                f"SELECT DISTINCT {compared} AS h FROM registrations WHERE snapshot_id = {_AFTER} "
                f"AND {rule.column} IS NOT NULL AND line IN (SELECT line FROM touched)"
            ).to_arrow_table()
            reader.register("compared", values)
            lines = reader.execute(
                f"""SELECT * FROM registrations WHERE snapshot_id = ? AND professional_id IN
                    (SELECT professional_id FROM registrations WHERE snapshot_id = ? AND {rule.column} IS NOT NULL
                     AND {compared} IN (SELECT h FROM compared))""",
                [facts.snapshot_id, facts.snapshot_id],
            ).to_arrow_table()
            small.connection.register("arriving", lines)
            for one in (_BEFORE, _AFTER):
                small.sql(
                    f"""INSERT INTO registrations SELECT * REPLACE ({one} AS snapshot_id) FROM arriving
                        WHERE line NOT IN (SELECT line FROM registrations WHERE snapshot_id = {one})"""
                )
            small.connection.unregister("arriving")
    finally:
        reader.close()


def _copy_sources(store: Store, small: Store, facts: Extract) -> None:
    """The other files, as far as they speak of these people and places."""
    people = small.sql("SELECT DISTINCT professional_id FROM registrations").to_arrow_table()
    places = small.sql("SELECT DISTINCT finess FROM registrations").to_arrow_table()
    reader = store.connection.cursor()
    try:
        reader.register("population", people)
        reader.register("places", places)
        for kind, numbers in state_around(store, facts.snapshot_id).sources(facts.kind).items():
            table, speaks = _SOURCE_TABLES.get(kind, ("registrations", _REGISTERED))
            if kind not in _SOURCE_TABLES and not kind.startswith(("annuaire", "suivi")):
                continue
            for number in numbers:
                _copy_source(reader, small, number, table, speaks)
    finally:
        reader.close()


def _copy_source(reader: duckdb.DuckDBPyConnection, small: Store, number: int, table: str, speaks: str) -> None:
    facts = "SELECT kind, series, data_date, columns FROM snapshots WHERE snapshot_id = ?"
    row = reader.execute(facts, [number]).fetchone()
    assert row is not None
    kind, series, day, columns = row
    mine = small.next_id("snapshots", "snapshot_id")
    _add_snapshot(small, mine, kind, series, day, columns)
    lines = reader.execute(f"SELECT * FROM {table} WHERE snapshot_id = {number} AND {speaks}").to_arrow_table()
    small.connection.register("arriving", lines)
    small.sql(f"INSERT INTO {table} SELECT * REPLACE ({mine} AS snapshot_id) FROM arriving")
    small.connection.unregister("arriving")


def _add_snapshot(small: Store, number: int, kind: str, series: str, day: date, columns: object) -> None:
    small.sql(
        "INSERT INTO snapshots VALUES (?, ?, ?, '', ?, '', ?, now(), 'utf-8', 0, 0, 0, 0, ?)",
        [number, f"en-mémoire-{number}", kind, f"{series}:{number}", day, list(columns)],  # type: ignore[call-overload]
    )


def _difference(small: Store, one: int, other: int) -> pl.DataFrame:
    """The findings of `one` that `other` has neither on the same record nor on the same line."""
    return fetch_frame(
        small.sql(
            f"""SELECT DISTINCT f.rule_id, f.severity, f.record_key, f."column", r.professional_id
            FROM findings f LEFT JOIN registrations r ON r.line = f.line AND r.snapshot_id = {one}
            WHERE f.snapshot_id = {one} AND NOT EXISTS (
                SELECT 1 FROM findings o WHERE o.snapshot_id = {other} AND o.rule_id = f.rule_id
                AND (o.record_key = f.record_key OR o.line = f.line))
            ORDER BY ALL"""
        )
    )


_NO_FINDING = pl.DataFrame(
    schema=dict.fromkeys(("rule_id", "severity", "record_key", "column", "professional_id"), pl.String)
)
