"""The nomenclatures of the registry (ANS, NOS) in versions that coexist, the package's and the workspace's.

A version is a pair of files under `rules/nomenclatures/`: `<file>.csv` (the codes) and `<file>.toml` (identifier,
version, source, licence, date of the data, whether the list is complete; `nomenclature`, the name it is a version of,
by default the file's; `in_force_from`, by default the date of the data). A workspace adds versions, or whole
nomenclatures, in its own `rules/nomenclatures/`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.reference.root import rules_root
from rpps_audit.reference.validity import valid_at

_SCHEMA = pl.Schema(
    {
        "code": pl.String,
        "label": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
        "successor": pl.String,
        "in_portal": pl.Boolean,
        "note": pl.String,
    }
)
_HEADER = {
    "identifier": str,
    "oid": str,
    "version": str,
    "source": str,
    "licence": str,
    "data_date": date,
    "complete": bool,
}
_FRENCH = {str: "un texte", date: "une date (AAAA-MM-JJ)", bool: "true ou false"}


@dataclass(frozen=True)
class Nomenclature:
    """One nomenclature, in one version.

    `frame`: `code`, `label`, `valid_from`, `valid_to` (first day out of use; null = still in use),
    `successor`, `in_portal` (offered by the registration portal; null = unknown), `note` (French). One row
    per code. When not `complete`, a code that is absent is unknown, not wrong.
    """

    name: str
    identifier: str
    oid: str
    version: str
    source: str
    licence: str
    data_date: date
    complete: bool
    in_force_from: date
    frame: pl.DataFrame

    @cached_property
    def codes(self) -> frozenset[str]:
        """Every code, in use or not."""
        return frozenset(self.frame["code"])

    @cached_property
    def portal_codes(self) -> frozenset[str]:
        """The codes the registration portal offers today."""
        return frozenset(self.frame.filter("in_portal")["code"])

    def valid_at(self, day: date) -> pl.DataFrame:
        """The rows of `frame` in use on `day`."""
        return valid_at(self.frame, day)

    def label(self, code: str) -> str | None:
        """The label of a code, None when it is not in the nomenclature."""
        return self._lookup("label", code)

    def successor(self, code: str) -> str | None:
        """The code that replaces `code`, None when it has none or when none is known."""
        return self._lookup("successor", code)

    def known_expr(self, code: pl.Expr) -> pl.Expr:
        """Boolean: `code` is or was in it. Null for null, or when absent from a list that is not complete."""
        known = code.is_in(sorted(self.codes))
        return known if self.complete else pl.when(known).then(known)

    def _lookup(self, column: str, code: str) -> str | None:
        found = self.frame.filter(pl.col("code") == code)[column]
        return None if found.is_empty() else found.item()


@dataclass(frozen=True)
class Nomenclatures:
    """Every version at hand of every nomenclature."""

    every: tuple[Nomenclature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names `at` knows, sorted."""
        return tuple(sorted({one.name for one in self.every}))

    def versions(self, name: str) -> tuple[Nomenclature, ...]:
        """The versions of one nomenclature, the oldest first. Raises UsageError for an unknown name."""
        if name not in self.names:
            near = get_close_matches(name, self.names, n=1)
            hint = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
            raise UsageError(
                f"Nomenclature inconnue : « {name} ».{hint} Nomenclatures connues : {', '.join(self.names)}."
            )
        found = [one for one in self.every if one.name == name]
        return tuple(sorted(found, key=lambda one: (one.in_force_from, one.version)))

    def at(self, name: str, day: date | None = None) -> Nomenclature:
        """The version in force on `day`: the last one begun, else the oldest known. Without a day, the last one."""
        versions = self.versions(name)
        begun = [one for one in versions if day is None or one.in_force_from <= day]
        return begun[-1] if begun else versions[0]


def load_nomenclatures(workspace: Path | None = None) -> Nomenclatures:
    """The package's nomenclatures, and the versions that a workspace adds.

    Raises UsageError naming the file that cannot be read.
    """
    shipped = _shipped()
    folder = None if workspace is None else workspace / "rules" / "nomenclatures"
    # The workspace may be the project itself.
    if folder is None or not folder.is_dir() or folder.resolve() == (rules_root() / "nomenclatures").resolve():
        return shipped
    added = _read_folder(folder)
    replaced = {(one.name, one.version) for one in added}
    return Nomenclatures((*(one for one in shipped.every if (one.name, one.version) not in replaced), *added))


@cache
def _shipped() -> Nomenclatures:
    return Nomenclatures(_read_folder(rules_root() / "nomenclatures"))


def _read_folder(folder: Path) -> tuple[Nomenclature, ...]:
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Nomenclature:
    try:
        header = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} : ce n'est pas un fichier TOML en UTF-8 ({error}).") from error
    known = {name: _value(header, name, kind, path) for name, kind in _HEADER.items()}
    begins = header.get("in_force_from", header["data_date"])
    return Nomenclature(
        name=str(header.get("nomenclature", path.stem)), in_force_from=begins, frame=_codes(path), **known
    )


def _value(header: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    if type(header.get(name)) is not kind:
        raise UsageError(f"{path} : le champ « {name} » doit être {_FRENCH[kind]}.")
    return header[name]


def _codes(path: Path) -> pl.DataFrame:
    table = path.with_suffix(".csv")
    expected = ",".join(_SCHEMA)
    try:
        with table.open(encoding="utf-8") as stream:
            heading = stream.readline().strip()
        if heading != expected:
            raise UsageError(f"{table} : la première ligne doit être « {expected} ».")
        return pl.read_csv(table, schema=_SCHEMA)
    except OSError as error:
        raise UsageError(f"{table} : fichier des codes absent ou illisible, attendu à côté de {path.name}.") from error
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{table} : un code, une date (AAAA-MM-JJ) ou un true/false ne se lit pas.") from error
