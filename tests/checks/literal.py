"""Literal records in a store in memory, as if files had been loaded."""

from __future__ import annotations

from datetime import date
from typing import Any

from rpps_audit.checks import Catalogue, Rule, Run, check_kind
from rpps_audit.records import state_at
from rpps_audit.store import Store

TABLES = {"rh": "employments", "finess": "establishments", "cartes": "cards", "mssante": "mailboxes"}


def snapshot(
    store: Store,
    kind: str,
    rows: list[dict[str, Any]],
    *,
    day: date = date(2026, 11, 1),
    columns: list[str] | None = None,
) -> int:
    """Put `rows` in the table of `kind`; returns the snapshot's id."""
    table = TABLES.get(kind, "registrations")
    known = "SELECT column_name FROM duckdb_columns() WHERE table_name = ?"
    carried = columns or [row[0] for row in store.sql(known, [table]).fetchall()]
    snapshot_id = store.next_id("snapshots", "snapshot_id")
    store.sql(
        "INSERT INTO snapshots VALUES (?, ?, ?, 'literal', ?, 'literal', ?, now(), 'utf-8', 0, ?, ?, 0, ?)",
        [snapshot_id, f"hash-{snapshot_id}", kind, kind, day, len(rows), len(rows), carried],
    )
    for line, row in enumerate(rows, start=2):
        names = ", ".join(["snapshot_id", "line", *row])
        marks = ", ".join("?" * (len(row) + 2))
        store.sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", [snapshot_id, line, *row.values()])
    return snapshot_id


def person(number: int = 1, **other: Any) -> dict[str, Any]:
    """A professional in establishment 690000015, open since 2024."""
    return {
        "professional_id": f"8{number:011d}",
        "pp_id": f"{number:011d}",
        "finess": "690000015",
        "role": "GENR11",
        "profession": "326",
        "start_date": date(2024, 1, 1),
        "is_open": True,
        **other,
    }


def key(number: int = 1, finess: str = "690000015", start: str = "2024-01-01") -> str:
    """The record key of `person(number)`'s situation."""
    return f"8{number:011d}@{finess}#{start}"


def run_checks(store: Store, snapshot_id: int, catalogue: Catalogue, *, as_of: date | None = None) -> Run:
    """Judge one file among those loaded: its kind, in the state of its day."""
    kind, day = store.sql("SELECT kind, data_date FROM snapshots WHERE snapshot_id = ?", [snapshot_id]).fetchone() or ()
    return check_kind(store, state_at(store, as_of or day), kind, catalogue)


def rule(kind: str, table: str, *columns: str, forgotten: bool = False, **parameters: Any) -> Rule:
    """A rule of a kind, applied to the suivi."""
    return Rule(
        id=f"rule-{kind}",
        title="",
        table=table,
        columns=columns,
        kind=kind,
        severity="error",
        category="timeliness",
        basis="",
        source="",
        since="",
        parameters=parameters,
        applies_to=("suivi",),
        forgotten=forgotten,
    )
