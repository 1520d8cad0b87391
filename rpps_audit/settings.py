"""The one reader of a workspace's `rpps-audit.toml`. Paths in it start at the workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rpps_audit.errors import UsageError

SETTINGS_FILE = "rpps-audit.toml"
TABLES = {
    "espace": "le nom de l'organisme, la mémoire, le tableau des droits, le périmètre",
    "corrections": "les quatre yeux, le délai de retard",
    "envoi": "où partent les lots signés",
    "carte": "le lecteur, les autorités de confiance, la durée des sessions",
    "limites": "ce qu'un fichier peut contenir au plus",
}


class Table:
    """One table of the settings: keys are taken out one by one, so that what is left is unknown.

    Each verb raises UsageError naming the file, the table and the key that cannot be understood.
    """

    def __init__(self, folder: Path, name: str, values: dict[str, Any]) -> None:
        self.folder, self.values = folder, values
        self.where = f"{folder / SETTINGS_FILE}, [{name}]"
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def raw(self, key: str) -> Any:
        """Whatever stands there; None when absent."""
        self._known.append(key)
        return self.values.pop(key, None)

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise UsageError(f"{self.where} : « {key} » doit être un texte entre guillemets.")
        return value

    def path(self, key: str) -> Path | None:
        """A path, from the workspace when it is relative."""
        text = self.text(key)
        return self.folder / Path(text).expanduser() if text else None

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of the choices; the first when absent."""
        value = self.raw(key)
        if value is not None and value not in choices:
            raise UsageError(f"{self.where} : « {key} » doit être l'un de : {', '.join(choices)}.")
        return value or choices[0]

    def flag(self, key: str, *, default: bool = False) -> bool:
        """true or false."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            raise UsageError(f"{self.where} : « {key} » vaut true ou false.")
        return default if value is None else value

    def number(self, key: str, default: int, unit: str) -> int:
        """A whole number above zero; `unit` is what it counts, in French."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise UsageError(f"{self.where} : « {key} » doit être un nombre de {unit}, supérieur à zéro.")
        return value

    def refuse_others(self) -> None:
        """Nothing is left that nobody reads."""
        if self.values:
            raise UsageError(
                f"{self.where} : réglage inconnu « {min(self.values)} ». Possibles : {', '.join(self._known)}."
            )


def read_table(folder: Path, name: str) -> Table:
    """One table of the settings, empty when absent.

    Raises UsageError when the file cannot be read, or holds something outside the known tables: it would be read by
    nobody.
    """
    tables = _read(folder)
    values = tables.get(name, {})
    if not isinstance(values, dict):
        raise UsageError(f"{folder / SETTINGS_FILE} : « {name} » doit être une table : écrivez [{name}].")
    return Table(folder, name, dict(values))


def _read(folder: Path) -> dict[str, Any]:
    file = folder / SETTINGS_FILE
    if not file.exists():
        return {}
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} : fichier de réglages illisible ({error}).") from error
    strange = sorted(set(tables) - set(TABLES))
    if strange:
        known = ", ".join(f"[{table}]" for table in TABLES)
        raise UsageError(f"{file} : « {strange[0]} » n'est dans aucun tableau connu. Possibles : {known}.")
    return tables
