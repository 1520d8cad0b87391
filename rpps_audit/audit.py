"""The main job: load files, check them, compute exposure, write the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rpps_audit.batches.proof import prove
from rpps_audit.checks import REGISTRATION_KINDS, Catalogue, Run, primary_runs, run_checks
from rpps_audit.corrections import open_desk
from rpps_audit.ingest import Loaded, load
from rpps_audit.reports import build_report, prepare_figures, write_html
from rpps_audit.store import Store
from rpps_audit.workspace import Workspace, exposure_of

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
        with ThreadPoolExecutor(1) as aside:
            # Drawing begins with half a second of imports: made while the files are read.
            aside.submit(prepare_figures)
            loaded = load(store, paths, progress=lambda what, share: tell(what, share / 2))
        runs = check_snapshots(store, workspace.catalogue(), as_of=as_of, progress=lambda w, s: tell(w, 0.5 + s * 0.4))
        prove_corrections(store, workspace, loaded)
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


def prove_corrections(store: Store, workspace: Workspace, loaded: Sequence[Loaded]) -> None:
    """Let each newly loaded export confirm or contradict the corrections asked for before it."""
    fresh = [one for one in loaded if not one.already_loaded]
    asked = store.sql("SELECT count(*) FROM corrections").fetchone()
    if not fresh or asked == (0,):
        return
    desk = open_desk(workspace, store)
    for one in sorted(fresh, key=lambda file: file.data_date):
        prove(desk, one.snapshot_id)


def write_report(store: Store, workspace: Workspace) -> Path:
    """The HTML report of the store's latest snapshots, under the workspace's reports/."""
    report = build_report(store, workspace)
    path = workspace.reports / "rapport.html"
    write_html(report, path)
    return path


_REGISTRATIONS = "SELECT snapshot_id FROM snapshots WHERE list_contains(?, kind) ORDER BY data_date, snapshot_id"

__all__ = ["Audit", "audit", "check_snapshots", "exposure_of", "primary_runs", "prove_corrections", "write_report"]
