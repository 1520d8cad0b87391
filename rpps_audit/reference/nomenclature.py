"""The shipped nomenclatures, in their last version: codes, labels, aliases, and expressions that look codes up.

Which versions there are, and which one is in force on a day: `versions.py`.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.reference.names import normalise
from rpps_audit.reference.root import rules_root
from rpps_audit.reference.validity import interval_expr
from rpps_audit.reference.versions import Nomenclature, load_nomenclatures


def nomenclature_names() -> list[str]:
    """The names `load_nomenclature` knows, sorted."""
    return list(load_nomenclatures().names)


def load_nomenclature(name: str) -> Nomenclature:
    """One of the shipped nomenclatures in its last version, by its name (`roles`, `professions` ...).

    Raises `UsageError` naming the known ones when there is no such nomenclature.
    """
    return load_nomenclatures().at(name)


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
    return load_nomenclature(name).known_expr(code)


def nomenclature_offered_expr(name: str, code: pl.Expr) -> pl.Expr:
    """Boolean: the registration portal offers `code` today. Null when `code` is null or nobody knows."""
    frame = load_nomenclature(name).frame
    return code.replace_strict(frame["code"], frame["in_portal"], default=None, return_dtype=pl.Boolean)


def nomenclature_label_expr(name: str, code: pl.Expr) -> pl.Expr:
    """The label of `code`, null when unknown."""
    frame = load_nomenclature(name).frame
    return code.replace_strict(frame["code"], frame["label"], default=None, return_dtype=pl.String)
