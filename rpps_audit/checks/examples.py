"""The examples of a rule's page, executed: the page is its own test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from rpps_audit.checks.catalogue import Catalogue
from rpps_audit.checks.rule import DAMAGED, UNREADABLE, Example, Rule
from rpps_audit.checks.run import check_kind
from rpps_audit.records import TABLES, state_at
from rpps_audit.store import Store, memory_store


def run_examples(rule: Rule) -> list[str]:
    """What the examples get wrong, one French sentence each; empty when all are as the page says."""
    faults = []
    for number, example in enumerate(rule.examples, start=1):
        with memory_store() as store:
            found = _findings(store, rule, example)
        if found is None:
            faults.append(f"{rule.id}, exemple {number} : non évaluable, il manque une source ou une colonne.")
        elif (found > 0) is not (example.verdict == "bad"):
            wanted = "au moins un constat" if example.verdict == "bad" else "aucun constat"
            faults.append(f"{rule.id}, exemple {number} : {wanted} attendu, {found} trouvé.")
    return faults


def load_example(store: Store, example: Example, kind: str) -> int:
    """Put an example's records and other sources in a store, as if files had been loaded; returns a snapshot's id.

    Records that name different files (`file = "B"`) are in files of their own, which stand together.
    """
    loaded = 0
    for one, rows in (*example.sources.items(), (kind, example.rows)):
        for file in dict.fromkeys(row.get("file", "") for row in rows):
            mine = [{key: row[key] for key in row if key != "file"} for row in rows if row.get("file", "") == file]
            loaded = _load_rows(store, one, mine, example.as_of, file)
    return loaded


def _findings(store: Store, rule: Rule, example: Example) -> int | None:
    kind = rule.applies_to[0]
    load_example(store, example, kind)
    run = check_kind(store, state_at(store, date.fromisoformat(example.as_of)), kind, Catalogue((rule,)))
    return None if run.not_evaluable().height else run.findings


def _load_rows(store: Store, kind: str, rows: Iterable[Mapping[str, Any]], data_date: str, file: str) -> int:
    table = TABLES.get(kind, "registrations")
    known = [
        row[0] for row in store.sql("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [table]).fetchall()
    ]
    snapshot_id = store.next_id("snapshots", "snapshot_id")
    records = list(rows)
    store.sql(
        "INSERT INTO snapshots VALUES (?, ?, ?, 'exemple', ?, 'exemple', ?, now(), 'utf-8', 0, ?, ?, 0, ?)",
        [snapshot_id, f"exemple-{snapshot_id}", kind, f"{kind} {file}", data_date, len(records), len(records), known],
    )
    for line, record in enumerate(records, start=2):
        read = {name: value for name, value in record.items() if not name.endswith((UNREADABLE, DAMAGED))}
        names = ", ".join(["snapshot_id", "line", *read])
        marks = ", ".join("?" * (len(read) + 2))
        store.sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", [snapshot_id, line, *read.values()])
        for name in set(record) - set(read):
            if name.endswith(UNREADABLE):
                lost = [snapshot_id, line, name.removesuffix(UNREADABLE), record[name]]
                store.sql("INSERT INTO unreadable VALUES (?, ?, ?, ?)", lost)
            else:
                damage = [snapshot_id, name.removesuffix(DAMAGED), record[name], line]
                store.sql("INSERT INTO cell_causes VALUES (?, ?, ?, 1, true, ?)", damage)
    return snapshot_id
