"""Suggestions: what a finding's field could hold instead, with where that comes from and how sure it is.

Nothing here is ever applied: a manager accepts suggestions, one by one or rule by rule after a preview. Each suggester
answers for all the findings of a rule at once, by joins and expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import polars as pl

from rpps_audit.checks import Rule, state_runs
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.fields import fields, shown_expr, value_sql
from rpps_audit.corrections.values import corrected_kind, pending, reading
from rpps_audit.records import ROW_ID, State, state_at
from rpps_audit.store import Store, fetch_frame

SCHEMA = pl.Schema(
    {"record_key": pl.String, "column": pl.String, "new": pl.String, "source": pl.String, "confidence": pl.Float64}
)


@dataclass(frozen=True)
class Subject:
    """The findings of one rule: `records` has record_key, row_id, line, since (departures) and every column as text.

    `reader` shows the views of the snapshot (professional, situation, rh, finess, annuaire_public ...).
    """

    rule: Rule
    records: pl.DataFrame
    reader: duckdb.DuckDBPyConnection

    def joined(self, sql: str) -> pl.DataFrame:
        """A query on the findings (`found`: record_key, row_id, since) and the views."""
        self.reader.register("found", self.records.select("record_key", "row_id", "since").to_arrow())
        return fetch_frame(self.reader.execute(sql))


Suggester = Callable[[Subject], pl.DataFrame]
_BY_RULE: dict[str, list[Suggester]] = {}
_BY_COLUMN: dict[str, list[Suggester]] = {}


def for_rules(*rules: str) -> Callable[[Suggester], Suggester]:
    """Register a suggester for the findings of these rules."""

    def register(function: Suggester) -> Suggester:
        for rule in rules:
            _BY_RULE.setdefault(rule, []).append(function)
        return function

    return register


def for_column(*columns: str) -> Callable[[Suggester], Suggester]:
    """Register a suggester for the findings of any rule that points at one of these columns."""

    def register(function: Suggester) -> Suggester:
        for column in columns:
            _BY_COLUMN.setdefault(column, []).append(function)
        return function

    return register


def suggest(desk: Desk, run_id: int, rule_id: str | None = None) -> pl.DataFrame:
    """Suggestions for the findings of a run, or of one rule in it, best first.

    Columns: rule_id, table, record_key, column, row_id, line, old, new, shown_old, shown_new, source, confidence
    (0 to 1), choices (how many different values are suggested for the field: more than one, the manager must choose),
    previous_id (always null: a field with a pending correction is decided, and left out, as is what it already holds).
    """
    from rpps_audit.corrections import suggest_contact, suggest_names, suggest_places, suggest_situations  # noqa: F401

    run = desk.store.one("SELECT kind, as_of FROM runs WHERE run_id = ?", [run_id])
    if run is None:
        return _EMPTY
    kind, as_of = run
    chosen = [desk.catalogue[rule_id]] if rule_id else list(desk.catalogue)
    parts: list[pl.DataFrame] = []
    with reading(desk.store, state_at(desk.store, as_of), kind=kind) as reader:
        for rule in chosen:
            suggesters = [*_BY_RULE.get(rule.id, ()), *_BY_COLUMN.get(rule.column, ())]
            records = _records(desk.store, reader, run_id, rule) if suggesters else None
            if records is None or records.is_empty():
                continue
            subject = Subject(rule, records, reader)
            said = pl.concat([one(subject).select(SCHEMA.names()).cast(dict(SCHEMA)) for one in suggesters])
            parts.append(_with_old(rule, records, said))
    if not parts:
        return _EMPTY
    return _shown(_fresh(pl.concat(parts), pending(desk.store)))


def run_to_correct(store: Store, state: State) -> int | None:
    """The last evaluation of what is corrected in a state; None when it was not checked yet."""
    runs = state_runs(store, state).filter(pl.col("kind") == corrected_kind(state))
    return int(runs["run_id"][0]) if runs.height else None


def _records(store: Store, reader: duckdb.DuckDBPyConnection, run_id: int, rule: Rule) -> pl.DataFrame:
    """The records a rule's findings point at, every column as text."""
    found = store.sql(
        f"""SELECT f.record_key, {ROW_ID.format(p="f.")} AS row_id, f.snapshot_id, f.line, d.since
           FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no)
           LEFT JOIN departures d USING (run_id, rule_no, record_key)
           WHERE run_id = ? AND u.rule_id = ? AND f.line IS NOT NULL""",
        [run_id, rule.id],
    ).to_arrow_table()
    reader.register("found", found)
    names = [
        row[0]
        for row in reader.execute(f"DESCRIBE {rule.table}").fetchall()
        if row[0] not in ("record_key", "row_id", "line", "snapshot_id")
    ]
    chosen = ", ".join(f"{value_sql(name)} AS {name}" for name in names)
    return fetch_frame(
        reader.execute(
            f"SELECT f.record_key, f.row_id, f.line, f.since, {chosen} FROM (SELECT * FROM {rule.table}) t "
            "JOIN found f USING (row_id)"
        )
    )


def _with_old(rule: Rule, records: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Each suggestion beside what its field holds; the same value from two sources counts once, the surer."""
    columns = said["column"].unique().to_list()
    if not columns:
        return _EMPTY.select(
            "rule_id", "table", "record_key", "column", "row_id", "line", "old", "new", "source", "confidence"
        )
    old = records.select("record_key", "row_id", "line", *columns).unpivot(
        columns, index=["record_key", "row_id", "line"], variable_name="column", value_name="old"
    )
    return (
        said.filter(pl.col("new").is_not_null())
        .sort("confidence", descending=True, maintain_order=True)
        .unique(["record_key", "column", "new"], keep="first", maintain_order=True)
        .join(old.unique(["record_key", "column"]), ["record_key", "column"], maintain_order="left")
        .select(
            pl.lit(rule.id).alias("rule_id"), pl.lit(rule.table).alias("table"), "record_key", "column", "row_id",
            "line", pl.col("old").cast(pl.String), "new", "source", "confidence",
        )
    )  # fmt: skip


def _fresh(said: pl.DataFrame, waiting: pl.DataFrame) -> pl.DataFrame:
    """What somebody has decided is never proposed again, were it the value they rejected."""
    field = ["table", "record_key", "column"]
    undecided = said.join(waiting, field, "anti", maintain_order="left")
    changed = undecided.filter(pl.col("new").ne_missing(pl.col("old")))
    return changed.with_columns(
        choices=pl.col("new").n_unique().over(field).cast(pl.Int32), previous_id=pl.lit(None, pl.Int32)
    )


def _shown(said: pl.DataFrame) -> pl.DataFrame:
    by_field = {(one.table, one.column): one for one in fields()}
    parts = [
        group.with_columns(shown_old=shown_expr(pl.col("old"), known), shown_new=shown_expr(pl.col("new"), known))
        for (table, column), group in said.group_by("table", "column", maintain_order=True)
        if (known := by_field.get((str(table), str(column))))
    ]
    if not parts:
        return _EMPTY
    return (
        pl.concat(parts)
        .select(_EMPTY.columns)
        .sort(
            "rule_id", "record_key", "column", "confidence", descending=[False, False, False, True], maintain_order=True
        )
    )


_EMPTY = pl.DataFrame(
    schema={
        "rule_id": pl.String, "table": pl.String, "record_key": pl.String, "column": pl.String, "row_id": pl.Int64,
        "line": pl.Int32, "old": pl.String, "new": pl.String, "shown_old": pl.String, "shown_new": pl.String,
        "source": pl.String, "confidence": pl.Float64, "choices": pl.Int32, "previous_id": pl.Int32,
    }
)  # fmt: skip


def said(records: pl.DataFrame, column: str, new: pl.Expr, source: str, confidence: float | pl.Expr) -> pl.DataFrame:
    """Suggestions in the agreed form; rows without a new value are dropped."""
    sure = pl.lit(confidence) if isinstance(confidence, float) else confidence
    frame = records.select(
        "record_key",
        pl.lit(column).alias("column"),
        new.alias("new"),
        pl.lit(source).alias("source"),
        sure.alias("confidence"),
    )
    return frame.filter(pl.col("new").is_not_null())
