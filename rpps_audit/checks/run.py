"""The catalogue evaluated on one kind of registration of a state: rows through pandera by batches, sets by SQL."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

import duckdb
import polars as pl
from pandera.polars import DataFrameSchema

from rpps_audit import __version__, reference
from rpps_audit.checks import kinds
from rpps_audit.checks.catalogue import Catalogue
from rpps_audit.checks.kinds import Context, kind_of
from rpps_audit.checks.plan import Plan, make_plan
from rpps_audit.checks.rule import Rule
from rpps_audit.checks.schemas import broken_rows, build_schema
from rpps_audit.records import LINE_OF_ROW, SNAPSHOT_OF_ROW, State, make_comparisons, open_state
from rpps_audit.store import Store, fetch_frame

# Large enough that the fixed cost of a pandera check (about 1.5 ms) stays small beside its work.
BATCH_ROWS = 400_000
Progress = Callable[[str, float], None]
# A broken record is known by its row until the end: keys are made for the few, not for all.
_HITS = pl.Schema({"rule_no": pl.Int16, "row_id": pl.Int64, "since": pl.Date})
_RULE_RUNS = {
    "run_id": pl.Int32,
    "rule_no": pl.Int16,
    "rule_id": pl.String,
    "rule_fingerprint": pl.String,
    "table": pl.String,
    "column": pl.String,
    "severity": pl.String,
    "category": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "evaluated": pl.Int64,
    "failed": pl.Int64,
}
# Row rules read neither the key of a situation nor whether it is active.
_READ_AS = {"professional": "professional", "situation": "lines"}
_ROW = pl.col("row_id").cast(pl.Int64)
_KEYED = f"""
    SELECT rule_no, record_key, {SNAPSHOT_OF_ROW} AS snapshot_id, {LINE_OF_ROW} AS line, since
    FROM (SELECT rule_no, record_key, min(row_id) AS row_id, min(since) AS since
          FROM hits JOIN {{table}} USING (row_id) WHERE list_contains($numbers, rule_no) GROUP BY ALL)"""


@dataclass(frozen=True)
class Run:
    """What one evaluation said. `rules` has one row per rule: the columns of the store's `rule_runs`.

    `snapshots` are the files judged together, `files` their names as said to the reader.
    """

    run_id: int
    kind: str
    as_of: date
    snapshots: tuple[int, ...]
    files: str
    rules: pl.DataFrame

    @property
    def findings(self) -> int:
        """How many findings in all."""
        return int(self.rules["failed"].sum())

    def not_evaluable(self) -> pl.DataFrame:
        """The rules that lacked data, and what they lacked [rule_id, reason]."""
        return self.rules.filter(pl.col("status") == "not_evaluable").select("rule_id", "reason")


class _Judged(NamedTuple):
    """What one batch gave: its rows, how many each rule looked at, and the broken ones."""

    rows: int
    looked_at: dict[str, int]
    hits: list[pl.DataFrame]


def check_state(store: Store, state: State, catalogue: Catalogue, *, progress: Progress | None = None) -> list[Run]:
    """Evaluate the catalogue on every kind of registration of a state, the one that tells most first.

    When nothing the answer depends on has changed (rules, references, files, day), the stored run is returned as it
    is. One transaction per kind: an interrupted run leaves nothing behind. Raises UsageError for a wrong rule.
    """
    tell = progress or (lambda _label, _share: None)
    registered = state.kinds
    return [
        check_kind(
            store,
            state,
            kind,
            catalogue,
            progress=lambda what, share, done=done: tell(what, (done + share) / len(registered)),  # type: ignore[misc]
        )
        for done, kind in enumerate(registered)
    ]


def check_kind(store: Store, state: State, kind: str, catalogue: Catalogue, *, progress: Progress | None = None) -> Run:
    """Evaluate every rule that applies to one kind of registration of a state."""
    context = Context(state.as_of, catalogue.references)
    rules = [rule for rule in catalogue if rule.enabled and kind in rule.applies_to]
    tell = progress or (lambda _label, _share: None)
    beside = sorted(number for group in state.sources(kind).values() for number in group)
    question = [kind, state.as_of, list(state.files(kind)), beside, _fingerprint(rules, context)]
    known = store.one(_KNOWN_RUN, question)
    if known is not None and known[0] is not None:
        store.sql("UPDATE runs SET asked_at = ? WHERE run_id = ?", [_now(), known[0]])
        return _stored_run(store, state, known[0])
    plan = make_plan(store, rules, state, kind)
    # Temporary views belong to the connection that made them: reading has its own, writing stays in the transaction.
    with open_state(store, state.without(plan.useless), kind) as reader:
        make_comparisons(reader, state, kind)
        evaluated, hits = _evaluate_rows(reader, plan, context, tell)
        evaluated |= _evaluate_sets(reader, plan, context, hits, tell)
        reader.register("hits", pl.concat(hits).to_arrow())
        with store.transaction():
            run_id = store.next_id("runs", "run_id")
            store.sql("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [run_id, *question, _now(), _now()])
            _persist(store, reader, run_id, rules, plan, evaluated)
    return _stored_run(store, state, run_id)


_KNOWN_RUN = """
    SELECT max(run_id) FROM runs
    WHERE (kind, as_of, snapshots, sources, rule_set_fingerprint) = (?, ?, ?, ?, ?)"""


def _stored_run(store: Store, state: State, run_id: int) -> Run:
    row = store.one("SELECT kind, as_of, snapshots FROM runs WHERE run_id = ?", [run_id])
    assert row is not None
    kind, as_of, snapshots = row
    rules = store.sql("SELECT * EXCLUDE (run_id) FROM rule_runs WHERE run_id = ? ORDER BY rule_no", [run_id])
    return Run(run_id, kind, as_of, tuple(snapshots), state.label(kind), fetch_frame(rules))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _fingerprint(rules: Sequence[Rule], context: Context) -> str:
    """The rule set, the code that evaluates it and the references it is judged against, as one value."""
    told = [Catalogue(tuple(rules)).fingerprint, context.references.fingerprint]
    judged = [*told, __version__, reference.provenance().write_csv()]
    return hashlib.sha256("\n".join(judged).encode()).hexdigest()[:16]


def _evaluate_rows(
    reader: duckdb.DuckDBPyConnection, plan: Plan, context: Context, tell: Progress
) -> tuple[dict[str, int], list[pl.DataFrame]]:
    """Stream each table once through its pandera schemas; how many records each rule looked at, and the broken ones."""
    evaluated: dict[str, int] = {}
    hits = [pl.DataFrame(schema=_HITS)]
    for share, (table, rules) in enumerate(plan.row_rules.items()):
        if not rules:
            continue
        schema = build_schema(rules, context, table)
        needed = sorted(frozenset[str]().union(*(kind_of(rule).reads(rule) for rule in rules)))
        total, seen = _count(reader, table), 0

        def judge(batch: pl.DataFrame, schema: DataFrameSchema = schema, rules: Sequence[Rule] = rules) -> _Judged:
            broken = broken_rows(schema, batch)
            looked = batch.select([_looked_at(rule, plan) for rule in rules]).row(0, named=True)
            return _Judged(batch.height, looked, list(_row_hits(batch, broken, rules, plan, context)))

        read = f"SELECT row_id, snapshot_id, {', '.join(needed)} FROM {_READ_AS[table]}"
        for judged in _side_by_side(judge, _batches(reader, read)):
            hits.extend(judged.hits)
            evaluated |= {name: evaluated.get(name, 0) + count for name, count in judged.looked_at.items()}
            seen += judged.rows
            tell("contrôles des enregistrements", (share + seen / max(total, 1)) / 3)
    return evaluated, hits


def _evaluate_sets(
    reader: duckdb.DuckDBPyConnection, plan: Plan, context: Context, hits: list[pl.DataFrame], tell: Progress
) -> dict[str, int]:
    """Run the set rules, adding their broken records to `hits`; how many records each looked at."""
    evaluated: dict[str, int] = {}
    kinds.prepare(reader, plan.set_rules)
    judged = {rule.id: f"{SNAPSHOT_OF_ROW} NOT IN ({_listed(plan.gaps.get(rule.id))})" for rule in plan.set_rules}
    for done, rule in enumerate(plan.set_rules):
        # The keys of the broken records are made once, at the end.
        broken = f"SELECT row_id, since FROM ({kinds.query(rule, context.references)}) WHERE {judged[rule.id]}"
        found = fetch_frame(reader.execute(broken, kinds.given_day(broken, context.as_of)))
        hits.append(found.select(_number(rule, plan.numbers), _ROW, "since"))
        looked = f"SELECT count(*) FROM ({kinds.population(rule)}) WHERE {judged[rule.id]}"
        row = next(iter(reader.execute(looked, kinds.given_day(looked, context.as_of)).fetchall()), None)
        evaluated[rule.id] = 0 if row is None else row[0]
        tell("contrôles entre enregistrements", (2 + (done + 1) / len(plan.set_rules)) / 3)
    return evaluated


def _listed(snapshots: Sequence[int] | None) -> str:
    return ", ".join(map(str, snapshots or [-1]))


def _row_hits(
    batch: pl.DataFrame, broken: dict[str, pl.Series], rules: Sequence[Rule], plan: Plan, context: Context
) -> Iterator[pl.DataFrame]:
    """The broken rows of one batch, rule by rule."""
    for rule in rules:
        rows = broken.get(rule.id)
        if rows is None or rows.is_empty():
            continue
        day = kinds.since(rule, context)
        since = (pl.lit(None) if day is None else day).cast(pl.Date).alias("since")
        columns = ["row_id", *kind_of(rule).reads(rule)] if day is not None else ["row_id"]
        found = batch.select("snapshot_id", *columns)[rows]
        if rule.id in plan.gaps:
            found = found.filter(plan.judged(rule, pl.col("snapshot_id")))
        if rule.id in plan.spared and len(plan.spared[rule.id]):
            found = found.filter(~pl.col("row_id").is_in(plan.spared[rule.id].implode()))
        yield found.select(_number(rule, plan.numbers), _ROW, since)


def _number(rule: Rule, numbers: dict[str, int]) -> pl.Expr:
    return pl.lit(numbers[rule.id], pl.Int16).alias("rule_no")


def _looked_at(rule: Rule, plan: Plan) -> pl.Expr:
    said = kinds.looked_at(rule)
    if rule.id in plan.gaps:
        said = said & plan.judged(rule, pl.col("snapshot_id"))
    return (said & pl.col("row_id").is_not_null()).sum().alias(rule.id)


def _persist(
    store: Store,
    reader: duckdb.DuckDBPyConnection,
    run_id: int,
    rules: Sequence[Rule],
    plan: Plan,
    evaluated: dict[str, int],
) -> None:
    """Findings once per rule and record key, whatever the number of lines that carry the record."""
    for table in plan.row_rules:
        numbers = [plan.numbers[rule.id] for rule in rules if rule.table == table]
        keyed = reader.execute(_KEYED.format(table=table), {"numbers": numbers}).to_arrow_table()
        store.connection.register("keyed", keyed)
        store.sql("INSERT INTO findings_by_run SELECT ?, rule_no, record_key, snapshot_id, line FROM keyed", [run_id])
        store.sql(
            "INSERT INTO departures SELECT ?, rule_no, record_key, snapshot_id, line, since FROM keyed "
            "WHERE since IS NOT NULL",
            [run_id],
        )
        store.connection.unregister("keyed")
    failed = dict(
        store.sql("SELECT rule_no, count(*) FROM findings_by_run WHERE run_id = ? GROUP BY 1", [run_id]).fetchall()
    )
    judged = pl.DataFrame(
        [
            (
                run_id,
                plan.numbers[rule.id],
                rule.id,
                rule.fingerprint,
                rule.table,
                rule.column,
                rule.severity,
                rule.category,
                _status(rule, plan, evaluated),
                plan.missing.get(rule.id) or plan.partly.get(rule.id),
                evaluated.get(rule.id, 0),
                failed.get(plan.numbers[rule.id], 0),
            )
            for rule in rules
        ],
        schema=_RULE_RUNS,
        orient="row",
    )
    store.connection.register("judged", judged.to_arrow())
    store.sql("INSERT INTO rule_runs SELECT * FROM judged")
    store.connection.unregister("judged")
    gaps = [(run_id, plan.numbers[name], number) for name, numbers in plan.gaps.items() for number in numbers]
    if gaps:
        store.connection.executemany("INSERT INTO rule_gaps VALUES (?, ?, ?)", gaps)


def _status(rule: Rule, plan: Plan, evaluated: dict[str, int]) -> str:
    """A rule that looked at nothing has not succeeded: it had no object."""
    if rule.id in plan.missing:
        return "not_evaluable"
    return "evaluated" if evaluated.get(rule.id, 0) else "no_object"


def _batches(reader: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pl.DataFrame]:
    # Text as views, which is how polars holds it: nothing is copied twice. The settings are the whole store's, and
    # a table of views that a later statement registers could not be filtered: they are put back.
    reader.execute("SET arrow_output_version = '1.4'")
    reader.execute("SET produce_arrow_string_view = true")
    try:
        for batch in reader.execute(sql).to_arrow_reader(BATCH_ROWS):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            if frame.height:
                yield frame
    finally:
        reader.execute("RESET produce_arrow_string_view")
        reader.execute("RESET arrow_output_version")


def _side_by_side(judge: Callable[[pl.DataFrame], _Judged], batches: Iterator[pl.DataFrame]) -> Iterator[_Judged]:
    """A batch per core: one check runs on one core only. One more batch waits, so that no core does."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        waiting: deque[Future[_Judged]] = deque()
        for batch in batches:
            waiting.append(pool.submit(judge, batch))
            if len(waiting) > cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _count(reader: duckdb.DuckDBPyConnection, table: str) -> int:
    # Every line but the echoes tells a professional: subtracting is cheaper than joining.
    echoes = "- (SELECT count(*) FROM echoes)" if table == "professional" else ""
    row = next(iter(reader.execute(f"SELECT count(*) {echoes} FROM lines").fetchall()), None)
    assert row is not None
    return int(row[0])
