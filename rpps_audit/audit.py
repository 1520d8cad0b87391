"""The main job: load files, check them, compute exposure, write the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.checks import Catalogue, Run, latest_runs, run_checks
from rpps_audit.exposure import Exposure, compute_exposure
from rpps_audit.ingest import Loaded, load
from rpps_audit.reports import build_report, write_html
from rpps_audit.store import Store
from rpps_audit.workspace import Workspace

REGISTRATION_KINDS = ("suivi", "annuaire-restreint", "annuaire-public")
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Audit:
    """What one audit did: the files it read, the runs it made or found, and where the report is."""

    loaded: list[Loaded]
    runs: list[Run]
    report: Path

    def worst(self) -> str | None:
        """The gravest severity found on any snapshot."""
        found = {run.worst() for run in self.runs}
        return next((severity for severity in ("error", "warning", "information") if severity in found), None)


def audit(
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    as_of: date | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Load `paths`, check every registration snapshot that needs it, compute exposure and write the HTML report.

    Running it twice on the same files loads and checks nothing again. Raises UnreadableInputError when a file cannot
    be read (the store is then unchanged) and UsageError for wrong rules or settings.
    """
    tell = progress or (lambda _what, _share: None)
    with workspace.store() as store:
        loaded = load(store, paths, progress=lambda what, share: tell(what, share / 2))
        runs = check_snapshots(store, workspace.catalogue(), as_of=as_of, progress=lambda w, s: tell(w, 0.5 + s * 0.4))
        tell("rapport", 0.9)
        report = write_report(store, workspace)
        tell("terminé", 1.0)
    return Audit(loaded, runs, report)


def check_snapshots(
    store: Store, catalogue: Catalogue, *, as_of: date | None = None, progress: Progress | None = None
) -> list[Run]:
    """Check the registration snapshots not yet judged by these rules with these sources, oldest first."""
    tell = progress or (lambda _what, _share: None)
    waiting = [row[0] for row in store.sql(_REGISTRATIONS, [list(REGISTRATION_KINDS)]).fetchall()]
    runs = []
    for done, snapshot_id in enumerate(waiting):
        run = run_checks(
            store,
            snapshot_id,
            catalogue,
            as_of=as_of,
            progress=lambda what, share, done=done: tell(what, (done + share) / len(waiting)),  # type: ignore[misc]
        )
        runs.append(run)
    return runs


def exposure_of(store: Store, workspace: Workspace) -> Exposure:
    """Exposure of the people registered, from the best kind of extract at hand."""
    runs = primary_runs(store)
    as_of = runs["as_of"].max() if runs.height else date.today()
    assert isinstance(as_of, date)
    return compute_exposure(store, runs["run_id"].to_list(), workspace.access_matrix(), as_of)


def primary_runs(store: Store) -> pl.DataFrame:
    """The latest runs of the kind that tells most of situations: suivi, else restricted, else public extract."""
    runs = latest_runs(store)
    for kind in REGISTRATION_KINDS:
        chosen = runs.filter(pl.col("kind") == kind)
        if chosen.height:
            return chosen
    return runs


def write_report(store: Store, workspace: Workspace) -> Path:
    """The HTML report of the store's latest snapshots, under the workspace's reports/."""
    report = build_report(store, workspace)
    path = workspace.reports / "rapport.html"
    write_html(report, path)
    return path


_REGISTRATIONS = "SELECT snapshot_id FROM snapshots WHERE list_contains(?, kind) ORDER BY data_date, snapshot_id"
