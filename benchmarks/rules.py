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
    from rpps_audit.records import open_state, state_at
    from rpps_audit.store import open_store

    with open_store(workspace) as store:
        state = state_at(store)
        carried = frozenset[str]().union(*state.carried(KIND).values()) - {"line", "structure_name"}
        with open_state(store, state, KIND) as reader:
            columns = ", ".join(sorted(carried))
            reader.execute(
                f"COPY (SELECT record_key, line, {columns} FROM professional) TO '{target}' (FORMAT parquet)"
            )
