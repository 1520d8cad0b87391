"""Files from the user's computer into the workspace, by pieces, written under a temporary name until whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rpps_audit.errors import UnreadableInputError
from rpps_audit.reports.french import counted
from rpps_audit.workbench.live import LiveWidget


class DropZone(LiveWidget):
    """Receives files into `folder` (mode 0600); `on_files(paths)` hears of them once all are whole."""

    drawn_by = "drop"

    def __init__(self, folder: Path, on_files: Callable[[list[Path]], None]) -> None:
        super().__init__()
        self.folder = folder
        self._on_files = on_files
        self._whole: list[Path] = []
        self.said = "Aucun fichier ne quitte cet ordinateur."

    def do_receive(self, name: str, start: int, last: bool, buffers: list[Any]) -> None:
        """One piece of a file. Raises UnreadableInputError when a piece is missing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Only the last part of the name: a file never lands outside the folder.
        target = self.folder / (Path(name.replace("\\", "/")).name or "fichier")
        partial = target.with_name(target.name + ".partiel")
        if start == 0:
            partial.unlink(missing_ok=True)
            partial.touch(mode=0o600)
        elif not partial.exists() or partial.stat().st_size != start:
            raise UnreadableInputError(f"La copie de {target.name} a été coupée. Déposez ce fichier à nouveau.")
        with partial.open("ab") as file:
            file.write(bytes(buffers[0]) if buffers else b"")
        self.said = f"Copie de {target.name}…"
        if last:
            partial.replace(target)
            self._whole.append(target)

    def do_finish(self) -> None:
        """Every file has come."""
        files, self._whole = self._whole, []
        self.said = f"{counted(len(files), 'fichier reçu', 'fichiers reçus')}."
        if files:
            self._on_files(files)

    def view(self) -> dict[str, Any]:
        """What is going on."""
        return {"status": self.said}
