"""Kinds on presence: a value that is missing, or that stands where none may."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import YES_NO


def everybody(rule: Rule) -> pl.Expr:
    """Absence is looked for in every record."""
    return pl.lit(value=True)


def _required(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """None holds a value (a date whose text could not be read is given: another rule says so)."""
    return pl.all_horizontal([column.is_null() for column in columns])


def _forbidden(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    return columns[0].is_not_null()


def _is_true(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """A flag computed at loading."""
    return columns[0]


KINDS = (
    Kind(
        "required",
        "toutes les colonnes sont vides",
        many=True,
        predicate=_required,
        looked_at=everybody,
        spares_unreadable=True,
    ),
    Kind("forbidden", "la colonne est remplie", predicate=_forbidden, looked_at=everybody),
    Kind("is_true", "la marque posée au chargement est levée", accepts=YES_NO, predicate=_is_true),
)
