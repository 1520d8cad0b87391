"""A workspace: the folder with the store, the journal, the outbox, the reports and `rpps-audit.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from rpps_audit.checks import Catalogue, load_catalogue, state_runs
from rpps_audit.errors import UsageError
from rpps_audit.exposure import Exposure, compute_exposure
from rpps_audit.records import State, state_at
from rpps_audit.reference import AccessMatrix, load_access
from rpps_audit.store import Store, open_store

SETTINGS_FILE = "rpps-audit.toml"
# Who reads each: this module, corrections/desk, batches/transport, card/settings.
_TABLES = ("espace", "corrections", "envoi", "carte")


@dataclass(frozen=True)
class Workspace:
    """A folder and what its `rpps-audit.toml` says in `[espace]`; every setting has a default."""

    path: Path
    organisation: str = ""
    memory_limit: str = "1GB"
    access: str | None = None

    @property
    def reports(self) -> Path:
        """Where reports are written."""
        return self.path / "reports"

    def store(self) -> Store:
        """Open the store (context manager); UsageError when another process holds it."""
        return open_store(self.path, memory_limit=self.memory_limit)

    def catalogue(self) -> Catalogue:
        """The rules in force here."""
        return load_catalogue(self.path)

    def access_matrix(self) -> AccessMatrix:
        """The grants in force here: the version or file the workspace names, else the one shipped."""
        return load_access(self.access)


def open_workspace(path: Path) -> Workspace:
    """Read a workspace's settings. Raises UsageError naming the key that cannot be understood."""
    file = path / SETTINGS_FILE
    if not file.exists():
        return Workspace(path)
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} : fichier de réglages illisible ({error}).") from error
    strange = sorted(set(tables) - set(_TABLES))
    if strange:
        # A setting above the first table would be read by nobody.
        known = ", ".join(f"[{table}]" for table in _TABLES)
        raise UsageError(f"{file} : « {strange[0]} » n'est dans aucun tableau connu. Possibles : {known}.")
    settings = tables.get("espace", {})
    french = {"organisme": "organisation", "memoire": "memory_limit", "matrice": "access"}
    unknown = sorted(set(settings) - set(french))
    if unknown:
        raise UsageError(f"{file}, [espace] : réglage inconnu « {unknown[0]} ». Possibles : {', '.join(french)}.")
    return Workspace(path, **{french[key]: str(value) for key, value in settings.items()})


def exposure_of(store: Store, workspace: Workspace, state: State | None = None) -> Exposure:
    """Exposure of the people registered, from the kind of extract that tells most and the matrix in force here."""
    state = state or state_at(store)
    runs = state_runs(store, state)
    primary = runs["run_id"].to_list()[:1]
    return compute_exposure(store, primary, workspace.access_matrix(), state.as_of)
