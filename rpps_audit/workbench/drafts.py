"""Drafts of requests: one file per request, under its label; a request that is renamed takes its file with it."""

from __future__ import annotations

from pathlib import Path

from rpps_audit.errors import UsageError
from rpps_audit.nomenclature import Request, read_request, save_request, slug

FOLDER = "demandes"


class Draft:
    """The request being examined and its file (None before the first saving)."""

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / FOLDER
        self.request = Request("")
        self.file: Path | None = None

    def every(self) -> list[Path]:
        """The saved requests, by name."""
        return sorted(self.folder.glob("*.json"))

    def open(self, path: Path) -> None:
        """Take up a saved request."""
        self.request, self.file = read_request(path), path

    def new(self) -> None:
        """Begin another one."""
        self.request, self.file = Request(""), None

    def save(self, request: Request) -> None:
        """Keep it. Without a label it is not written yet; UsageError when another request has that label."""
        if request.label.strip():
            target = self.folder / f"{slug(request.label)}.json"
            if target.exists() and target != self.file:
                raise UsageError(
                    f"Une demande « {target.stem} » est déjà enregistrée : reprenez-la, ou changez le libellé."
                )
            saved = save_request(request, self.folder)
            if self.file is not None and self.file != saved:
                self.file.unlink(missing_ok=True)
            self.file = saved
        self.request = request
