"""The corrected view: what the rules say of the records as they will be, before anything is signed.

Only the touched people, those a rule compares them with, and their establishments are looked at: two small states in
memory, before and after, judged by the same rules. A file keeps its number before, and has OFFSET more after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import polars as pl

from rpps_audit.checks import Catalogue, Rule, check_kind, kinds
from rpps_audit.corrections.changes import Changes
from rpps_audit.corrections.fields import OF_A_SITUATION, WITH_TEXT
from rpps_audit.corrections.values import RECORD_LINES, corrected_kind, reading
from rpps_audit.records import TABLES, State, state_of
from rpps_audit.store import Store, fetch_frame, memory_store

# Beyond the snapshots of any store, and the lines of any export.
_OFFSET, _FIRST_ADDED = 1_000_000_000, 1_000_000_000
# How far a file of another kind speaks of these people and places.
_OF_PEOPLE = "professional_id IN (SELECT professional_id FROM population)"
_OF_PLACES = "finess IN (SELECT finess FROM places)"
_SPEAKS = {
    "employments": _OF_PLACES,
    "establishments": _OF_PLACES,
    "cards": _OF_PEOPLE,
    "mailboxes": _OF_PEOPLE,
    "registrations": f"""line IN (SELECT line FROM registrations WHERE {{mine}} AND {_OF_PEOPLE}
                         UNION ALL SELECT line FROM registrations WHERE {{mine}} AND {_OF_PLACES})""",
}
_KEY_TABLES = ("person_lines", "echo_lines", "ranked_lines")


class Effect(NamedTuple):
    """What corrections change in the findings. Columns: rule_id, severity, record_key, column, person."""

    resolved: pl.DataFrame
    created: pl.DataFrame
    standing: pl.DataFrame
    """What the corrected records still break, under the keys they have in the register; with `table`, without
    person."""

    @property
    def errors(self) -> pl.DataFrame:
        """What no correction may create."""
        return self.created.filter(pl.col("severity") == "error")


def effect(store: Store, state: State, catalogue: Catalogue, changes: Changes) -> Effect:
    """Judge the records with these changes applied, all at once, by the rules that read what they change."""
    kind, applied = corrected_kind(state), changes.judged()
    rules = Catalogue(
        tuple(rule for rule in catalogue if rule.enabled and kind in rule.applies_to and _reads(rule, applied))
    )
    if not len(rules):
        return Effect(_NO_FINDING, _NO_FINDING, _NO_STANDING)
    files = state.files(kind)
    with memory_store() as small:
        small.sql("CREATE TEMP TABLE people (snapshot_id INTEGER, line INTEGER, person VARCHAR)")
        _copy_touched(store, small, state, applied)
        _apply(small, applied.frame)
        _copy_related(store, small, state, rules)
        beside = _copy_sources(store, small, state, rules)
        for offset in (0, _OFFSET):
            here = state_of(small, [*(number + offset for number in files), *beside], state.as_of)
            check_kind(small, here, kind, rules)
        created, resolved = _difference(small, after=True), _difference(small, after=False)
        standing = fetch_frame(small.sql(_STANDING))
    return Effect(resolved, created, standing)


def _reads(rule: Rule, changes: Changes) -> bool:
    """The rule may say something else once these columns changed: it reads one of them, or it compares situations,
    whose dates and place it reads unsaid."""
    kind, changed = kinds.kind_of(rule), changes.columns
    reads = bool(changed & (kind.reads(rule) | set(rule.columns)))
    if changed.intersection(OF_A_SITUATION):
        # A situation that is added has no value where none was given.
        return reads or not kind.of_rows or bool((changes.frame["kind"] == "add").any())
    return reads


def _copy_touched(store: Store, small: Store, state: State, changes: Changes) -> None:
    """Every line of the touched people, before and after; `touched` maps a record to its lines."""
    _copy_snapshots(store, small, state.files(corrected_kind(state)), [0, _OFFSET])
    with reading(store, state, changes.people) as reader:
        reader.register("changed", changes.records.to_arrow())
        touched = fetch_frame(reader.execute(RECORD_LINES))
        # Only theirs are looked at here.
        _copy_lines(reader, small, "SELECT snapshot_id, line FROM registrations")
    small.connection.register("arriving", touched.to_arrow())
    small.sql("CREATE TEMP TABLE touched AS SELECT * FROM arriving")
    small.connection.unregister("arriving")
    _add_situations(small)


def _copy_lines(reader: duckdb.DuckDBPyConnection, small: Store, chosen: str) -> None:
    """Lines of registrations [snapshot_id, line] with their keys, before and after; those already there stay."""
    fresh = "(snapshot_id, line) NOT IN (SELECT (snapshot_id, line) FROM people)"
    # Whoever compares values reads every line for it: once is enough.
    reader.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {chosen}")
    lines = reader.execute("SELECT * FROM registrations SEMI JOIN chosen USING (snapshot_id, line)")
    parts = {"registrations": lines.to_arrow_table()}
    for table in _KEY_TABLES:
        query = f"SELECT * FROM {table} SEMI JOIN chosen USING (snapshot_id, line)"
        parts[table] = reader.execute(query).to_arrow_table()
    for table, rows in parts.items():
        small.connection.register("arriving", rows)
        for offset in (0, _OFFSET):
            small.sql(
                f"""INSERT INTO {table} SELECT * REPLACE (snapshot_id + {offset} AS snapshot_id) FROM arriving
                    WHERE {fresh}"""
            )
        small.connection.unregister("arriving")
    small.sql(
        """INSERT INTO people SELECT r.snapshot_id, r.line, coalesce(r.professional_id, p.person)
            FROM registrations r LEFT JOIN person_lines p USING (snapshot_id, line)
            WHERE (r.snapshot_id, r.line) NOT IN (SELECT (snapshot_id, line) FROM people)"""
    )


def _add_situations(small: Store) -> None:
    """A new line for each added situation, with the person's civil status and contact data."""
    small.sql(
        f"""CREATE TEMP TABLE added AS
            SELECT record_key, person_key, snapshot_id, line AS model,
                   ({_FIRST_ADDED} + row_number() OVER (ORDER BY record_key))::INTEGER AS line
            FROM touched WHERE "table" = 'added'"""
    )
    modelled = f"added a JOIN {{}} r ON r.line = a.model AND r.snapshot_id = a.snapshot_id + {_OFFSET}"
    small.sql(
        f"""INSERT INTO registrations BY NAME
            SELECT r.* EXCLUDE ({", ".join(OF_A_SITUATION)}) REPLACE (a.line AS line)
            FROM {modelled.format("registrations")}"""
    )
    small.sql(f"INSERT INTO person_lines SELECT r.* REPLACE (a.line AS line) FROM {modelled.format('person_lines')}")
    small.sql(f"INSERT INTO echo_lines SELECT snapshot_id + {_OFFSET}, line FROM added")
    small.sql(f"INSERT INTO people SELECT snapshot_id + {_OFFSET}, line, person_key FROM added")
    small.sql("""DELETE FROM touched WHERE "table" = 'added'""")
    small.sql("INSERT INTO touched SELECT 'situation', record_key, snapshot_id, line, person_key FROM added")


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
                FROM (SELECT DISTINCT snapshot_id, line, new FROM changes JOIN touched USING ("table", record_key)
                      WHERE "column" = '{column}') c
                WHERE registrations.line = c.line AND registrations.snapshot_id = c.snapshot_id + {_OFFSET}"""
        )
    small.connection.unregister("changes")


def _copy_related(store: Store, small: Store, state: State, rules: Catalogue) -> None:
    """People who now share a value that a rule compares: all their lines, before and after."""
    mine = f"snapshot_id IN ({', '.join(map(str, state.files(corrected_kind(state))))})"
    reader = store.connection.cursor()
    try:
        for rule in rules:
            compared = kinds.alike(rule)
            if compared is None:
                continue
            marks = small.sql(
                f"""SELECT DISTINCT {compared} FROM registrations r SEMI JOIN touched t
                    ON t.line = r.line AND t.snapshot_id + {_OFFSET} = r.snapshot_id
                    WHERE {compared} IS NOT NULL"""
            ).fetchall()
            if not marks:
                continue
            hashes = ", ".join(str(mark) for (mark,) in marks)
            shared = f"SELECT professional_id FROM registrations WHERE {mine} AND {compared} IN ({hashes})"
            _copy_lines(
                reader,
                small,
                f"SELECT snapshot_id, line FROM registrations WHERE {mine} AND professional_id IN ({shared})",
            )
    finally:
        reader.close()


def _copy_sources(store: Store, small: Store, state: State, rules: Catalogue) -> list[int]:
    """The other files that these rules compare with, as far as they speak of these people and places; their numbers."""
    needed = frozenset[str]().union(*(kinds.kind_of(rule).needed_sources(rule) for rule in rules))
    chosen = {
        kind: numbers
        for kind, numbers in state.sources(corrected_kind(state)).items()
        if kind in needed and TABLES.get(kind) in _SPEAKS
    }
    if not chosen:
        return []
    people = small.sql("SELECT DISTINCT professional_id FROM registrations").to_arrow_table()
    places = small.sql("SELECT DISTINCT finess FROM registrations").to_arrow_table()
    copied = [number for numbers in chosen.values() for number in numbers]
    _copy_snapshots(store, small, copied, [0])
    reader = store.connection.cursor()
    try:
        reader.register("population", people)
        reader.register("places", places)
        for kind, numbers in chosen.items():
            table = TABLES[kind]
            for number in numbers:
                mine = f"snapshot_id = {number}"
                rows = reader.execute(f"SELECT * FROM {table} WHERE {mine} AND {_SPEAKS[table].format(mine=mine)}")
                small.connection.register("arriving", rows.to_arrow_table())
                small.sql(f"INSERT INTO {table} SELECT * FROM arriving")
                small.connection.unregister("arriving")
    finally:
        reader.close()
    return copied


def _copy_snapshots(store: Store, small: Store, numbers: Sequence[int], offsets: Sequence[int]) -> None:
    """What is known of these files; their keys are copied with their lines."""
    rows = store.sql("SELECT * FROM snapshots WHERE list_contains(?, snapshot_id)", [list(numbers)]).to_arrow_table()
    small.connection.register("arriving", rows)
    for offset in offsets:
        # Each is a series of its own here: the two versions of a file stand side by side.
        small.sql(
            f"""INSERT INTO snapshots SELECT * REPLACE (snapshot_id + {offset} AS snapshot_id,
                    content_hash || '{offset}' AS content_hash, series || snapshot_id || '{offset}' AS series)
                FROM arriving"""
        )
        small.sql(f"INSERT INTO keyed_snapshots SELECT snapshot_id + {offset} FROM arriving")
    small.connection.unregister("arriving")


def _difference(small: Store, *, after: bool) -> pl.DataFrame:
    """The findings after that before has neither on the same record nor on the same line; or the other way round."""
    is_after = f"f.snapshot_id >= {_OFFSET}"
    here = is_after if after else f"NOT {is_after}"
    other = f"o.snapshot_id {'+' if after else '-'} {_OFFSET}"
    return fetch_frame(
        small.sql(
            f"""SELECT DISTINCT f.rule_id, f.severity, f.record_key, f."column", p.person
            FROM findings f LEFT JOIN people p ON p.line = f.line AND p.snapshot_id = f.snapshot_id
            WHERE {here} AND NOT EXISTS (
                SELECT 1 FROM findings o WHERE o.rule_id = f.rule_id
                AND (o.snapshot_id >= {_OFFSET}) <> (f.snapshot_id >= {_OFFSET})
                AND (o.record_key = f.record_key OR (o.line = f.line AND {other} = f.snapshot_id)))
            ORDER BY ALL"""
        )
    )


_STANDING = f"""
    SELECT DISTINCT f.rule_id, f.severity, t."table", t.record_key, f."column"
    FROM findings f JOIN touched t
    ON t."table" = f."table" AND t.line = f.line AND t.snapshot_id + {_OFFSET} = f.snapshot_id ORDER BY ALL"""
_NO_FINDING = pl.DataFrame(schema=dict.fromkeys(("rule_id", "severity", "record_key", "column", "person"), pl.String))
_NO_STANDING = pl.DataFrame(schema=dict.fromkeys(("rule_id", "severity", "table", "record_key", "column"), pl.String))
