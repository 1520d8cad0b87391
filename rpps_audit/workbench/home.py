"""Accueil: drop a file, see what came in, know where to go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.reports.french import counted
from rpps_audit.reports.labels import KINDS
from rpps_audit.store import fetch_frame
from rpps_audit.workbench.drop import DropZone
from rpps_audit.workbench.panel import Panel
from rpps_audit.workbench.screen import Screen, section
from rpps_audit.workbench.task import Task, Tell
from rpps_audit.workspace import Workspace

if TYPE_CHECKING:
    from rpps_audit.audit import Audit

PASSAGE = "depot"


class Home(Screen):
    """The first page."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.task = Task()
        self.last: list[str] = []
        self._panels: list[Panel] = []

    @section
    def files(self) -> Widget:
        """Where files are dropped, and the bar of the audit that follows."""
        zone = DropZone(self.workspace.path / PASSAGE, self.audit)
        return VBox([zone, self.task, self._panel("loaded", self._last_loaded)])

    @section
    def state(self) -> Widget:
        """What the workspace holds."""
        return self._panel("state", self._state)

    @section
    def next(self) -> Widget:
        """The other pages and the report."""
        return self._panel("next", self._next)

    def audit(self, paths: list[Path]) -> None:
        """Load and check in the background; what was dropped is removed, the store keeps the original."""
        self.task.start(lambda tell: self._audit(paths, tell), self._audited)

    def _audit(self, paths: list[Path], tell: Tell) -> Audit:
        from rpps_audit.audit import audit

        try:
            return audit(self.workspace, paths, progress=tell)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    def _audited(self, result: Audit) -> str:
        self.last = [line for loaded in result.loaded for line in (loaded.sentence(), *loaded.notes)]
        for panel in self._panels:
            panel.refresh()
        findings = sum(run.findings for run in result.runs)
        return f"Terminé : {counted(findings, 'constat', 'constats')}."

    def _panel(self, template: str, values: Any) -> Panel:
        panel = Panel(template, values)
        self._panels.append(panel)
        return panel

    def _last_loaded(self) -> dict[str, Any]:
        return {"lines": self.last}

    def _state(self) -> dict[str, Any]:
        if not self.has_store:
            return {"snapshots": [], "organisation": self.workspace.organisation}
        with self.store() as store:
            snapshots = fetch_frame(store.sql(_SNAPSHOTS)).to_dicts()
        for snapshot in snapshots:
            snapshot["kind"] = KINDS.get(snapshot["kind"], snapshot["kind"])
        return {"snapshots": snapshots, "organisation": self.workspace.organisation}

    def _next(self) -> dict[str, Any]:
        return {"ready": bool(self._state()["snapshots"]), "report": (self.workspace.reports / "rapport.html").exists()}


_SNAPSHOTS = """
    SELECT s.snapshot_id, s.kind, s.file_name, s.data_date, s.rows_read, s.rows_kept, s.rows_rejected,
           (SELECT sum(failed)::BIGINT FROM rule_runs WHERE run_id =
               (SELECT arg_max(run_id, asked_at) FROM runs r WHERE list_contains(r.snapshots, s.snapshot_id)))
           AS findings
    FROM snapshots s ORDER BY s.loaded_at DESC, s.snapshot_id DESC LIMIT 50"""
