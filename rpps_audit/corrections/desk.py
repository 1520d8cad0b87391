"""What every act on corrections needs: the store, the journal, the rules in force and the site's settings."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rpps_audit.checks import Catalogue
from rpps_audit.errors import UsageError
from rpps_audit.journal import FILE_NAME, Journal
from rpps_audit.store import Store
from rpps_audit.workspace import SETTINGS_FILE, Workspace

_KEYS = {"quatre_yeux": bool, "retard_jours": int}


@dataclass(frozen=True)
class Settings:
    """`[corrections]` of rpps-audit.toml."""

    four_eyes: bool = False
    """Another card must approve before anything is signed."""
    overdue_days: int = 30
    """From how many days after sending a change that no export shows is overdue."""


@dataclass(frozen=True)
class Desk:
    """Where corrections are made. `folder` is the workspace."""

    store: Store
    journal: Journal
    catalogue: Catalogue
    folder: Path
    organisation: str = ""
    settings: Settings = field(default_factory=Settings)


def open_desk(workspace: Workspace, store: Store) -> Desk:
    """The desk of a workspace whose store is open. Raises UsageError for a setting that cannot be understood."""
    return Desk(
        store,
        Journal(workspace.path / FILE_NAME),
        workspace.catalogue(),
        workspace.path,
        workspace.organisation,
        load_settings(workspace.path),
    )


def load_settings(folder: Path) -> Settings:
    """Read `[corrections]`. Raises UsageError naming the wrong key."""
    table = read_table(folder, "corrections")
    where = f"{folder / SETTINGS_FILE}, [corrections]"
    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise UsageError(f"{where} : réglage inconnu « {unknown[0]} ». Possibles : {', '.join(_KEYS)}.")
    wrong = [key for key, value in table.items() if type(value) is not _KEYS[key]]
    if wrong or table.get("retard_jours", 1) < 1:
        raise UsageError(f"{where} : « quatre_yeux » vaut true ou false, « retard_jours » un nombre de jours.")
    return Settings(table.get("quatre_yeux", False), table.get("retard_jours", 30))


def read_table(folder: Path, name: str) -> dict[str, Any]:
    """One table of the workspace's settings, empty when absent."""
    file = folder / SETTINGS_FILE
    if not file.exists():
        return {}
    try:
        table = tomllib.loads(file.read_text("utf-8")).get(name, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} : fichier de réglages illisible ({error}).") from error
    if not isinstance(table, dict):
        raise UsageError(f"{file} : « {name} » doit être une table : écrivez [{name}].")
    return table
