"""The main job: load files, check them, compute exposure, write the report.

Rooms are imported where they are used: who only asks for the runs of a state does not wait for the report's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from rpps_audit.checks import Catalogue, state_runs, worst
from rpps_audit.journal import note, note_settings
from rpps_audit.records import State, state_at, state_days

if TYPE_CHECKING:
    from rpps_audit.checks import Run
    from rpps_audit.ingest import Loaded
    from rpps_audit.store import Store
    from rpps_audit.workspace import Workspace

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Audit:
    """What one audit did: the files it read, the state it judged, the runs made or found, where the report is, and
    the gravest severity open in the state (None when nothing is, or all is tolerated)."""

    loaded: list[Loaded]
    state: State
    runs: list[Run]
    report: Path
    worst: str | None


def audit(
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    as_of: date | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Load `paths`, check the state of the register, compute exposure and write the HTML report.

    `as_of` is the day judged (the last day the files speak of by default), and the date of the data of files whose name
    tells none. Running it twice on the same files loads and checks nothing again. Raises UnreadableInputError when a
    file cannot be read (the store is then unchanged) and UsageError for wrong rules or settings.
    """
    from rpps_audit.corrections.desk import safety
    from rpps_audit.ingest import load
    from rpps_audit.reports import prepare_figures

    tell = progress or (lambda _what, _share: None)
    with workspace.store() as store:
        with ThreadPoolExecutor(1) as aside:
            # Drawing begins with half a second of imports: made while the files are read.
            aside.submit(prepare_figures)
            loaded = load(store, paths, data_date=as_of, progress=lambda what, share: tell(what, share / 2))
        runs = check(store, workspace.catalogue(), as_of=as_of, progress=lambda w, s: tell(w, 0.5 + s * 0.4))
        prove_corrections(store, workspace, loaded)
        note_settings(workspace.path, safety(workspace.path))
        note(workspace.path, "audit-made", {"files": told_files(loaded), "runs": told_runs(runs)})
        tell("rapport", 0.9)
        report = write_report(store, workspace, as_of=as_of)
        state = state_at(store, as_of)
        gravest = worst(store, [run.run_id for run in runs])
        tell("terminé", 1.0)
    return Audit(loaded, state, runs, report, gravest)


def check(
    store: Store, catalogue: Catalogue, *, as_of: date | None = None, progress: Progress | None = None
) -> list[Run]:
    """Check the state of a day (the present one by default), and the earlier states that were never judged.

    Answers the runs of the state asked, the kind of registration that tells most first.
    """
    from rpps_audit.checks import check_state

    tell = progress or (lambda _what, _share: None)
    asked = state_at(store, as_of)
    earlier = [state_at(store, day) for day in state_days(store) if day < asked.as_of]
    past = [state for state in earlier if not judged(store, state)]
    runs: list[Run] = []
    for done, state in enumerate([*past, asked]):
        runs = check_state(
            store,
            state,
            catalogue,
            progress=lambda what, share, done=done: tell(what, (done + share) / (len(past) + 1)),  # type: ignore[misc]
        )
    return runs


def judged_runs(store: Store, catalogue: Catalogue, as_of: date | None = None) -> pl.DataFrame:
    """The runs of a state (columns of `state_runs`), checked now by the rules in force where it never was."""
    state = state_at(store, as_of)
    if not judged(store, state):
        check(store, catalogue, as_of=as_of)
    return state_runs(store, state)


def judged(store: Store, state: State) -> bool:
    """Whether every kind of registration of a state has been checked, by whatever rules."""
    return state_runs(store, state).height == len(state.kinds)


def prove_corrections(store: Store, workspace: Workspace, loaded: Sequence[Loaded]) -> None:
    """Let each newly loaded export, in the state of its day, confirm or contradict what was asked before it."""
    from rpps_audit.batches.proof import prove
    from rpps_audit.corrections import open_desk

    fresh = [one for one in loaded if not one.already_loaded]
    asked = store.one("SELECT count(*) FROM corrections")
    if not fresh or asked == (0,):
        return
    desk = open_desk(workspace, store)
    for day in sorted({one.data_date for one in fresh}):
        prove(desk, state_at(store, day))


def write_report(store: Store, workspace: Workspace, *, as_of: date | None = None) -> Path:
    """The HTML report of a state, under the workspace's reports/."""
    from rpps_audit.reports import build_report, write_html

    report = build_report(store, workspace, as_of=as_of)
    path = workspace.reports / "rapport.html"
    write_html(report, path)
    return path


def told_files(loaded: Sequence[Loaded]) -> list[dict[str, object]]:
    """What the journal says of files loaded: number, kind, how many rows were kept; no file name, no value."""
    return [
        {"snapshot": one.snapshot_id, "kind": one.kind, "kept": one.rows_kept, "known": one.already_loaded}
        for one in loaded
    ]


def told_runs(runs: Sequence[Run]) -> list[dict[str, object]]:
    """What the journal says of an evaluation: what was judged, when, and how many findings."""
    return [
        {"run": run.run_id, "kind": run.kind, "as_of": run.as_of.isoformat(), "findings": run.findings} for run in runs
    ]
