"""The user's copies of the pages, in `atelier/`: made once, renewed at a click with the old one kept."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from rpps_audit.errors import UsageError
from rpps_audit.workbench.pages import declared, notebook
from rpps_audit.workbench.screen import Screen

FOLDER = "atelier"
KEPT = "anciennes"


def copy_pages(workspace: Path) -> list[str]:
    """Write the pages that are missing; answer the names of those that are no longer the ones of this version."""
    folder = workspace / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    older = []
    for screen in declared():
        mine = folder / f"{screen.name}.ipynb"
        if not mine.exists():
            mine.write_text(notebook(screen), "utf-8")
        elif _differs(mine, screen):
            older.append(mine.name)
    return older


def is_older(screen: Screen) -> bool:
    """The workspace's copy of this page is not the one of this version (another version's, or changed by hand)."""
    mine = screen.workspace.path / FOLDER / f"{screen.name}.ipynb"
    return mine.exists() and _differs(mine, type(screen))


def renew(screen: Screen) -> Path:
    """Put the page of this version in place of the copy, which is kept in `atelier/anciennes/`; answers where.

    Raises UsageError when the folder cannot be written to.
    """
    folder = screen.workspace.path / FOLDER
    mine = folder / f"{screen.name}.ipynb"
    kept = folder / KEPT / f"{screen.name}-{datetime.now():%Y-%m-%d-%H%M%S}.ipynb"
    partial = mine.with_suffix(".partiel")
    try:
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(mine.read_bytes())
        partial.write_text(notebook(type(screen)), "utf-8")
        partial.replace(mine)
    except OSError as error:
        raise UsageError(f"La page {mine.name} ne peut pas être renouvelée : {error.strerror}.") from error
    return kept


def _differs(mine: Path, screen: type[Screen]) -> bool:
    return _sources(mine.read_text("utf-8")) != _sources(notebook(screen))


def _sources(text: str) -> list[str]:
    """The text of the cells, whatever ran in them."""
    try:
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError):
        return []
