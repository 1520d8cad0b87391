"""What is due on the day of the last evaluation: forgotten situations and open findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from rpps_audit.checks import OPEN_STATES, findings
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workbench.frames import field_labels
from rpps_audit.workspace import Workspace


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
    from rpps_audit.audit import exposure_of, primary_runs

    runs = primary_runs(store)
    if runs.is_empty():
        return None
    numbers = runs["run_id"].to_list()
    titles = pl.DataFrame([(rule.id, rule.title) for rule in workspace.catalogue()], ["rule_id", "title"], orient="row")
    open_now = [
        _placed(store, findings(store, run_id).filter(pl.col("state").is_in(OPEN_STATES)), snapshot_id)
        for run_id, snapshot_id in runs.select("run_id", "snapshot_id").rows()
    ]
    exposure = exposure_of(store, workspace)
    lacking = store.sql(_NOT_EVALUABLE, [numbers]).fetchone()
    return Due(
        as_of=exposure.as_of,
        snapshots=tuple(runs["snapshot_id"]),
        forgotten=exposure.forgotten()
        .drop("finess")
        .join(fetch_frame(store.sql(_DEPARTED, [numbers])), on="record_key", how="left", maintain_order="left"),
        findings=pl.concat(open_now)
        .join(titles, on="rule_id", how="left", maintain_order="left")
        .with_columns(title=pl.coalesce("title", "rule_id"), field=pl.col("column").replace(field_labels())),
        not_evaluable=lacking[0] if lacking else 0,
    )


def _placed(store: Store, here: pl.DataFrame, snapshot_id: int) -> pl.DataFrame:
    """The findings of a snapshot with the establishment and the name on their line."""
    lines = fetch_frame(store.sql(_LINES, [snapshot_id]))
    return here.join(lines, on="line", how="left", maintain_order="left").with_columns(snapshot_id=pl.lit(snapshot_id))


_OPERATOR = """coalesce(g.finess_legal, (SELECT any_value(e.finess_legal) FROM establishments e
               WHERE e.finess = g.finess)) AS finess_legal"""
_LINES = f"""
    SELECT line, finess, {_OPERATOR}, coalesce(structure_name, finess) AS structure_name, birth_name, first_names
    FROM registrations g WHERE snapshot_id = ?"""
_DEPARTED = f"""
    SELECT DISTINCT ON (d.record_key) d.record_key, g.finess, {_OPERATOR},
           coalesce(g.structure_name, g.finess) AS structure_name, g.birth_name, g.first_names
    FROM departures d JOIN runs USING (run_id) JOIN registrations g USING (snapshot_id, line)
    WHERE list_contains(?, d.run_id)"""
_NOT_EVALUABLE = """
    SELECT count(DISTINCT rule_id) FROM rule_runs WHERE status = 'not_evaluable' AND list_contains(?, run_id)"""
