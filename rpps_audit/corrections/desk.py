"""What every act on corrections needs: the store, the journal, the rules in force and the site's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rpps_audit.checks import Catalogue
from rpps_audit.journal import FILE_NAME, Journal
from rpps_audit.settings import read_table
from rpps_audit.store import Store
from rpps_audit.workspace import Workspace


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
    settings = Settings(table.flag("quatre_yeux"), table.number("retard_jours", 30, "jours"))
    table.refuse_others()
    return settings


def safety(folder: Path) -> dict[str, Any]:
    """The settings whose change makes a workspace less safe, in clear, for the journal."""
    card, space = read_table(folder, "carte"), read_table(folder, "espace")
    return {
        "four_eyes": load_settings(folder).four_eyes,
        "environment": card.raw("environnement") or "production",
        "card_mode": card.raw("mode") or "apdu",
        "session_seconds": [card.raw("inactivite") or 900, card.raw("duree") or 4 * 3600],
        "revocation_lists": card.raw("crl") is not None,
        "access": space.raw("matrice") or "",
    }
