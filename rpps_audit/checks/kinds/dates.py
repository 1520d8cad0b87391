"""Kinds on dates, inside one record; those on forgotten situations say since when."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import DAYS, YEARS, Parameter, column
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE, YES_NO

_DAYS_PER_YEAR = 365.25


def _date_order(columns: Sequence[pl.Expr], context: Context, before_column: str) -> pl.Expr:
    return columns[0] < pl.col(before_column)


def _not_in_future(columns: Sequence[pl.Expr], context: Context, days: int) -> pl.Expr:
    return columns[0] > pl.lit(context.as_of).dt.offset_by(f"{days}d")


def _older_than(columns: Sequence[pl.Expr], context: Context, days: int) -> pl.Expr:
    return columns[0] < pl.lit(context.as_of).dt.offset_by(f"-{days}d")


def _age_between(
    columns: Sequence[pl.Expr], context: Context, birth_column: str, min_years: float, max_years: float
) -> pl.Expr:
    years = (columns[0] - pl.col(birth_column)).dt.total_days() / _DAYS_PER_YEAR
    return (years < min_years) | (years > max_years)


def _past_end_still_open(columns: Sequence[pl.Expr], context: Context, open_column: str) -> pl.Expr:
    return pl.col(open_column) & (columns[0] < pl.lit(context.as_of))


def _end(columns: Sequence[pl.Expr], context: Context, open_column: str) -> pl.Expr:
    return columns[0]


def _open_too_long(
    columns: Sequence[pl.Expr], context: Context, years: float, end_column: str, open_column: str, sign_column: str
) -> pl.Expr:
    last_sign = pl.max_horizontal(columns[0], pl.col(sign_column))
    still_open = pl.col(open_column).fill_null(True) & pl.col(end_column).is_null()
    return still_open & (last_sign < pl.lit(context.as_of).dt.offset_by(f"-{round(years * _DAYS_PER_YEAR)}d"))


def _term(
    columns: Sequence[pl.Expr], context: Context, years: float, end_column: str, open_column: str, sign_column: str
) -> pl.Expr:
    last_sign = pl.max_horizontal(columns[0], pl.col(sign_column))
    return last_sign.dt.offset_by(f"{round(years * _DAYS_PER_YEAR)}d")


def _signed(rule: Rule, years: float, end_column: str, open_column: str, sign_column: str) -> pl.Expr:
    return pl.col(rule.column).is_not_null() | pl.col(sign_column).is_not_null()


KINDS = (
    Kind(
        "date_order",
        "la date précède celle qui doit la précéder",
        (Parameter("before_column", column(DATE), "la date qui doit venir avant"),),
        DATE,
        predicate=_date_order,
    ),
    Kind(
        "not_in_future",
        "la date est trop loin après celle des données",
        (Parameter("days", DAYS, "les jours admis après la date des données", 0),),
        DATE,
        predicate=_not_in_future,
    ),
    Kind(
        "older_than",
        "la date est trop loin avant celle des données",
        (Parameter("days", DAYS, "les jours admis avant la date des données"),),
        DATE,
        predicate=_older_than,
    ),
    Kind(
        "age_between",
        "l'âge à la date sort des bornes",
        (
            Parameter("birth_column", column(DATE), "la date de naissance"),
            Parameter("min_years", YEARS, "l'âge le plus bas"),
            Parameter("max_years", YEARS, "l'âge le plus haut"),
        ),
        DATE,
        predicate=_age_between,
    ),
    Kind(
        "past_end_still_open",
        "la fin est passée et la situation ouverte",
        (Parameter("open_column", column(YES_NO), "la colonne qui dit la situation ouverte"),),
        DATE,
        tables=("situation",),
        predicate=_past_end_still_open,
        since=_end,
    ),
    Kind(
        "open_too_long",
        "ouverte sans date de fin, ni commencée ni confirmée depuis ce temps",
        (
            Parameter("years", YEARS, "les années admises sans signe de présence"),
            Parameter("end_column", column(DATE), "la date de fin"),
            Parameter("open_column", column(YES_NO), "la colonne qui dit la situation ouverte"),
            Parameter("sign_column", column(DATE), "la dernière confirmation de présence"),
        ),
        DATE,
        tables=("situation",),
        predicate=_open_too_long,
        looked_at=_signed,
        since=_term,
    ),
)
