"""The table `[carte]` of a workspace's rpps-audit.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rpps_audit.errors import UsageError

Environment = Literal["production", "test"]
_FILE = "rpps-audit.toml"


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
    file = workspace / _FILE
    try:
        table = tomllib.loads(file.read_text("utf-8")).get("carte", {}) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} : fichier de réglages illisible ({error}).") from error
    if not isinstance(table, dict):
        raise UsageError(f"{file} : « carte » doit être une table : écrivez [carte].")
    return _from_table(workspace, f"{file}, [carte]", dict(table))


def _from_table(workspace: Path, where: str, table: dict[str, Any]) -> CardSettings:
    read = _Reader(where, table)
    roots: dict[Environment, Path] = {}
    for environment in ("production", "test"):
        folder = read.text(f"racines_{environment}")
        if folder:
            roots[environment] = workspace / folder
    module, crls = read.text("module"), read.text("crl")
    settings = CardSettings(
        workspace=workspace,
        backend=read.choice("mode", ("apdu", "pkcs11")),
        module=workspace / module if module else None,
        reader=read.text("lecteur"),
        environment=read.choice("environnement", ("production", "test")),
        roots=roots,
        crls=workspace / crls if crls else None,
        idle_seconds=read.seconds("inactivite", 900),
        life_seconds=read.seconds("duree", 4 * 3600),
    )
    read.refuse_others()
    if settings.backend == "pkcs11" and settings.module is None:
        raise UsageError(f'{where} : mode = "pkcs11" demande « module », le chemin du module PKCS#11.')
    return settings


class _Reader:
    """Takes keys out of the table one by one, so that what is left is unknown."""

    def __init__(self, where: str, table: dict[str, Any]) -> None:
        self.where, self.table, self.known = where, table, list[str]()

    def _take(self, key: str) -> Any:
        self.known.append(key)
        return self.table.pop(key, None)

    def text(self, key: str) -> str | None:
        value = self._take(key)
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{self.where} : « {key} » doit être un texte.")
        return value

    def choice(self, key: str, choices: tuple[Any, ...]) -> Any:
        value = self._take(key)
        if value is not None and value not in choices:
            raise UsageError(f"{self.where} : « {key} » doit être l'un de : {', '.join(choices)}.")
        return value or choices[0]

    def seconds(self, key: str, default: int) -> int:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise UsageError(f"{self.where} : « {key} » doit être un nombre de secondes, supérieur à zéro.")
        return value

    def refuse_others(self) -> None:
        if self.table:
            unknown = sorted(self.table)[0]
            raise UsageError(f"{self.where} : réglage inconnu « {unknown} ». Possibles : {', '.join(self.known)}.")
