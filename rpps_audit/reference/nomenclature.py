"""The nomenclatures of the registry (ANS, NOS), as versioned data: codes, labels, validity, successors.

Each is a pair of files under `rules/nomenclatures/`: `<name>.csv` (the codes) and `<name>.toml` (identifier,
version, source, licence, date of the data, whether the list is complete).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache, cached_property

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.reference.names import normalise
from rpps_audit.reference.root import rules_root
from rpps_audit.reference.validity import interval_expr, valid_at

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

    def _lookup(self, column: str, code: str) -> str | None:
        found = self.frame.filter(pl.col("code") == code)[column]
        return None if found.is_empty() else found.item()


def nomenclature_names() -> list[str]:
    """The names `load_nomenclature` knows, sorted."""
    return sorted(path.stem for path in (rules_root() / "nomenclatures").glob("*.toml"))


@cache
def load_nomenclature(name: str) -> Nomenclature:
    """One of the shipped nomenclatures, by its file's name (`roles`, `professions` ...).

    Raises `UsageError` naming the known ones when there is no such nomenclature.
    """
    names = nomenclature_names()
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
        raise UsageError(f"Nomenclature inconnue : « {name} ».{hint} Nomenclatures connues : {', '.join(names)}.")
    folder = rules_root() / "nomenclatures"
    header = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
    return Nomenclature(
        name=name,
        identifier=header["identifier"],
        oid=header["oid"],
        version=header["version"],
        source=header["source"],
        licence=header["licence"],
        data_date=header["data_date"],
        complete=header["complete"],
        frame=pl.read_csv(folder / f"{name}.csv", schema=_SCHEMA),
    )


@cache
def load_aliases(name: str) -> pl.DataFrame:
    """Other labels under which a nomenclature's codes are met: `code`, `alias`, `source`, `key` (the alias,
    normalised).

    Known for `roles` and `professions`. Slides, portal and national files word the same code differently, so
    a label is matched by `key`, never by equality.
    """
    path = rules_root() / "nomenclatures" / "aliases" / f"{name}.csv"
    if not path.exists():
        raise UsageError(f"Aucune table d’équivalence de libellés pour la nomenclature « {name} ».")
    return pl.read_csv(path, infer_schema=False).with_columns(key=normalise(pl.col("alias")))


def nomenclature_valid_expr(name: str, code: pl.Expr, at: pl.Expr) -> pl.Expr:
    """Boolean: `code` (String) is in use at date `at`. Null when either is null.

    An unknown code is False, or null (not evaluable) when the shipped nomenclature is not complete. A code
    enters the nomenclature long after people began to work: judge a situation at its end or at the date of
    the data, not at its start.
    """
    nomenclature = load_nomenclature(name)
    absent = pl.lit(value=False) if nomenclature.complete else pl.lit(None, pl.Boolean)
    return interval_expr(nomenclature.frame, code, at, unknown=absent)


def nomenclature_known_expr(name: str, code: pl.Expr) -> pl.Expr:
    """Boolean: `code` is or was in the nomenclature.

    Null when `code` is null, or when it is absent from a nomenclature that is not complete.
    """
    nomenclature = load_nomenclature(name)
    known = _among(nomenclature, code)
    return known if nomenclature.complete else pl.when(known).then(known)


def nomenclature_offered_expr(name: str, code: pl.Expr) -> pl.Expr:
    """Boolean: the registration portal offers `code` today. Null when `code` is null or nobody knows."""
    frame = load_nomenclature(name).frame
    return code.replace_strict(frame["code"], frame["in_portal"], default=None, return_dtype=pl.Boolean)


def nomenclature_label_expr(name: str, code: pl.Expr) -> pl.Expr:
    """The label of `code`, null when unknown."""
    frame = load_nomenclature(name).frame
    return code.replace_strict(frame["code"], frame["label"], default=None, return_dtype=pl.String)


def _among(nomenclature: Nomenclature, code: pl.Expr) -> pl.Expr:
    return code.is_in(sorted(nomenclature.codes))
