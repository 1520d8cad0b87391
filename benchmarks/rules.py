"""What the contenders share: the professionals of the loaded file as Parquet, and our row rules on them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.checks import Rule, load_catalogue
from rpps_audit.checks.kinds import Context, kind_of

KIND = "annuaire-restreint"
CONTEXT = Context(as_of=date(2026, 11, 1))


def row_rules(frame: pl.LazyFrame, table: str = "professional") -> list[Rule]:
    """The row rules of one table that the frame's columns allow."""
    columns = set(frame.collect_schema().names())
    return [
        rule
        for rule in load_catalogue()
        if rule.table == table
        and kind_of(rule).of_rows
        and KIND in rule.applies_to
        and kind_of(rule).needs(rule) <= columns
    ]


def export_professionals(workspace: Path, target: Path) -> None:
    """Write the professionals of the workspace's latest restricted extract."""
    from rpps_audit.checks.views import prepare_views

    from rpps_audit.store import open_store

    with open_store(workspace) as store:
        found = store.sql("SELECT max(snapshot_id) FROM snapshots WHERE kind = ?", [KIND]).fetchone()
        prepare_views(store.connection, found[0], CONTEXT.as_of, {})
        columns = ", ".join(
            row[0]
            for row in store.sql("SELECT unnest(columns) FROM snapshots WHERE snapshot_id = ?", [found[0]]).fetchall()
            if row[0] not in ("line", "structure_name")
        )
        store.sql(f"COPY (SELECT record_key, line, {columns} FROM professional) TO '{target}' (FORMAT parquet)")
