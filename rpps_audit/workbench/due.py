"""What is due on the day of the last evaluation: forgotten situations and open findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from rpps_audit.checks import OPEN_STATES, findings, state_runs
from rpps_audit.records import state_at
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workbench.frames import field_labels
from rpps_audit.workspace import Workspace, exposure_of


@dataclass(frozen=True)
class Due:
    """What is to be done on `as_of`. Both frames have record_key, finess, finess_legal, structure_name, birth_name and
    first_names beside the columns of `Exposure.forgotten` and `checks.findings`."""

    as_of: date
    snapshots: tuple[int, ...]
    forgotten: pl.DataFrame
    findings: pl.DataFrame
    not_evaluable: int


def read_due(store: Store, workspace: Workspace) -> Due | None:
    """What the last evaluations say; None before the first one."""
    state = state_at(store)
    runs = state_runs(store, state).filter("primary")
    if runs.is_empty():
        return None
    numbers, snapshots = runs["run_id"].to_list(), runs["snapshots"][0].to_list()
    titles = pl.DataFrame([(rule.id, rule.title) for rule in workspace.catalogue()], ["rule_id", "title"], orient="row")
    open_now = findings(store, numbers[0]).filter(pl.col("state").is_in(OPEN_STATES))
    lines = fetch_frame(store.sql(_LINES, [snapshots]))
    exposure = exposure_of(store, workspace, state)
    lacking = store.one(_NOT_EVALUABLE, [numbers])
    return Due(
        as_of=exposure.as_of,
        snapshots=tuple(snapshots),
        forgotten=exposure.forgotten()
        .drop("finess")
        .join(fetch_frame(store.sql(_DEPARTED, [numbers])), on="record_key", how="left", maintain_order="left"),
        findings=told_apart(open_now.join(lines, on=["snapshot_id", "line"], how="left", maintain_order="left"))
        .join(titles, on="rule_id", how="left", maintain_order="left")
        .with_columns(title=pl.coalesce("title", "rule_id"), field=pl.col("column").replace(field_labels())),
        not_evaluable=lacking[0] if lacking else 0,
    )


def told_apart(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows [finess, structure_name]: establishments of the same name get their department beside it."""
    homonym = (pl.col("finess").n_unique().over("structure_name") > 1) & pl.col("finess").is_not_null()
    named = pl.format("{} ({})", "structure_name", pl.col("finess").str.head(2))
    return frame.with_columns(structure_name=pl.when(homonym).then(named).otherwise("structure_name"))


_OPERATOR = """coalesce(g.finess_legal, (SELECT any_value(e.finess_legal) FROM establishments e
               WHERE e.finess = g.finess)) AS finess_legal"""
_LINES = f"""
    SELECT snapshot_id, line, finess, {_OPERATOR}, coalesce(structure_name, finess) AS structure_name, birth_name,
           first_names
    FROM registrations g WHERE list_contains(?, snapshot_id)"""
_DEPARTED = f"""
    SELECT DISTINCT ON (d.record_key) d.record_key, g.finess, {_OPERATOR},
           coalesce(g.structure_name, g.finess) AS structure_name, g.birth_name, g.first_names
    FROM departures d JOIN registrations g USING (snapshot_id, line)
    WHERE list_contains(?, d.run_id)"""
_NOT_EVALUABLE = """
    SELECT count(DISTINCT rule_id) FROM rule_runs WHERE status = 'not_evaluable' AND list_contains(?, run_id)"""
