"""Kinds on dates, inside one record; those on forgotten situations say since when."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import DAYS, YEARS, Parameter, column, columns
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE, YES_NO

_DAYS_PER_YEAR = 365.25
# Twelve months of 31 days: days of the calendar keep their order, and birthdays fall a whole number of years apart.
_CALENDAR_YEAR = 12 * 31


def _date_order(columns: Sequence[pl.Expr], context: Context, before_column: str) -> pl.Expr:
    return columns[0] < pl.col(before_column)


def _not_in_future(columns: Sequence[pl.Expr], context: Context, days: int) -> pl.Expr:
    return columns[0] > pl.lit(context.as_of).dt.offset_by(f"{days}d")


def _older_than(columns: Sequence[pl.Expr], context: Context, days: int) -> pl.Expr:
    return columns[0] < pl.lit(context.as_of).dt.offset_by(f"-{days}d")


def _age_between(
    columns: Sequence[pl.Expr], context: Context, birth_column: str, min_years: float, max_years: float
) -> pl.Expr:
    # By the calendar: on a birthday, the age is that number of years exactly.
    lived = _calendar_days(columns[0]) - _calendar_days(pl.col(birth_column))
    return (lived < round(min_years * _CALENDAR_YEAR)) | (lived > round(max_years * _CALENDAR_YEAR))


def _past_end_still_open(columns: Sequence[pl.Expr], context: Context, open_column: str) -> pl.Expr:
    return pl.col(open_column) & (columns[0] < pl.lit(context.as_of))


def _end(columns: Sequence[pl.Expr], context: Context, open_column: str) -> pl.Expr:
    return columns[0]


def _open_too_long(
    columns: Sequence[pl.Expr], context: Context, years: float, end_column: str, open_column: str, sign_column: str
) -> pl.Expr:
    long, today = f"{round(years * _DAYS_PER_YEAR)}d", pl.lit(context.as_of)
    # An end as far away as 2099 is none.
    endless = pl.col(end_column).is_null() | (pl.col(end_column) > today.dt.offset_by(long))
    still_open = pl.col(open_column).fill_null(True) & endless
    return still_open & (_last_sign(columns[0], context, sign_column) < today.dt.offset_by(f"-{long}"))


def _term(
    columns: Sequence[pl.Expr], context: Context, years: float, end_column: str, open_column: str, sign_column: str
) -> pl.Expr:
    return _last_sign(columns[0], context, sign_column).dt.offset_by(f"{round(years * _DAYS_PER_YEAR)}d")


def _last_sign(start: pl.Expr, context: Context, sign_column: str) -> pl.Expr:
    """A confirmation in the future confirms nothing."""
    sign = pl.col(sign_column)
    return pl.max_horizontal(start, pl.when(sign <= pl.lit(context.as_of)).then(sign))


def _calendar_days(day: pl.Expr) -> pl.Expr:
    return (day.dt.year() * 12 + day.dt.month().cast(pl.Int32)) * 31 + day.dt.day()


def _later_than(columns: Sequence[pl.Expr], context: Context, other_columns: list[str], days: int) -> pl.Expr:
    """A date to come is another fault."""
    late = (columns[0] - pl.max_horizontal(other_columns)) > pl.duration(days=days)
    return late & (columns[0] <= pl.lit(context.as_of))


def _equal_to(columns: Sequence[pl.Expr], context: Context, other_column: str) -> pl.Expr:
    return columns[0] == pl.col(other_column)


def _given(rule: Rule, other_columns: list[str], days: int) -> pl.Expr:
    return pl.col(rule.column).is_not_null()


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
        "later_than",
        "la date vient trop longtemps après toutes les autres",
        (
            Parameter("other_columns", columns(DATE), "les autres dates ; une date vide ne dit rien"),
            Parameter("days", DAYS, "les jours admis entre elles"),
        ),
        DATE,
        predicate=_later_than,
        looked_at=_given,
    ),
    Kind(
        "equal_to",
        "les deux dates sont les mêmes",
        (Parameter("other_column", column(DATE), "l'autre date"),),
        DATE,
        predicate=_equal_to,
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
