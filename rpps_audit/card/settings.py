"""The table `[carte]` of a workspace's rpps-audit.toml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from rpps_audit.errors import UsageError
from rpps_audit.settings import Table, read_table

Environment = Literal["production", "test"]


@dataclass(frozen=True)
class CardSettings:
    """Which reader and driver to use, whom to trust, how long a session lasts. No root is trusted by default."""

    workspace: Path
    backend: Literal["apdu", "pkcs11"] = "apdu"
    module: Path | None = None
    """PKCS#11 module, for `pkcs11` only (the Cryptolib CPS of the ANS, or OpenSC)."""
    reader: str | None = None
    """Name of the reader; needed only when several hold a card."""
    environment: Environment = "production"
    roots: dict[Environment, Path] = field(default_factory=dict)
    """Folder of CA certificates (PEM or DER) for each environment."""
    crls: Path | None = None
    """Folder of revocation lists (PEM or DER) that the site keeps fresh."""
    idle_seconds: int = 900
    life_seconds: int = 4 * 3600


def load_settings(workspace: Path) -> CardSettings:
    """Read `[carte]`; relative folders start at the workspace. Raises UsageError naming the wrong key."""
    return _from_table(workspace, read_table(workspace, "carte"))


def _from_table(workspace: Path, read: Table) -> CardSettings:
    roots: dict[Environment, Path] = {}
    for environment in ("production", "test"):
        folder = read.path(f"racines_{environment}")
        if folder:
            roots[environment] = folder
    settings = CardSettings(
        workspace=workspace,
        backend=cast(Literal["apdu", "pkcs11"], read.choice("mode", ("apdu", "pkcs11"))),
        module=read.path("module"),
        reader=read.text("lecteur"),
        environment=cast(Environment, read.choice("environnement", ("production", "test"))),
        roots=roots,
        crls=read.path("crl"),
        idle_seconds=read.number("inactivite", 900, "secondes"),
        life_seconds=read.number("duree", 4 * 3600, "secondes"),
    )
    read.refuse_others()
    if settings.backend == "pkcs11" and settings.module is None:
        raise UsageError(f'{read.where} : mode = "pkcs11" demande « module », le chemin du module PKCS#11.')
    return settings
