"""Kinds on codes: nomenclatures and access matrix in force, communes and countries."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rpps_audit import reference
from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import ACCESS, NOMENCLATURE, PLACE, REFERENCE, Parameter, column
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE, TEXT

# Where and when somebody was born is judged on that day; a situation, on the day of the data where it has no other.
_PLACES = {"communes": reference.commune_intervals, "countries": reference.country_intervals}


def _in_nomenclature(columns: Sequence[pl.Expr], context: Context, nomenclature: str) -> pl.Expr:
    return context.nomenclature(nomenclature).known_expr(columns[0]).not_()


def _not_in_nomenclature(columns: Sequence[pl.Expr], context: Context, nomenclature: str) -> pl.Expr:
    return context.nomenclature(nomenclature).known_expr(columns[0])


def _offered(columns: Sequence[pl.Expr], context: Context, nomenclature: str) -> pl.Expr:
    in_force = context.nomenclature(nomenclature).valid_at(context.as_of)
    return columns[0].is_in(in_force.filter(~pl.col("in_portal"))["code"].to_list())


def _granted(columns: Sequence[pl.Expr], context: Context, access: str | None) -> pl.Expr:
    """The role stands in the nomenclature but the matrix says nothing of it: its exposure is not known."""
    matrix = context.access if access is None else reference.load_access(access)
    known = context.nomenclature("roles").known_expr(columns[0])
    return known & columns[0].is_in(list(matrix.roles)).not_()


def _valid_at_date(
    columns: Sequence[pl.Expr], context: Context, reference_name: str, date_column: str | None
) -> pl.Expr:
    """A known code that was not valid on the day (`date_column`, else the day of the data)."""
    day = pl.lit(context.as_of)
    if reference_name in _PLACES:
        intervals, at = _PLACES[reference_name](), pl.col(date_column) if date_column else day
    else:
        intervals = context.nomenclature(reference_name).frame
        at = pl.coalesce(pl.col(date_column), day) if date_column else day
    return reference.outdated_expr(intervals, columns[0], at)


def _dated(rule: Rule, reference_name: str, date_column: str | None) -> pl.Expr:
    given = pl.col(rule.column).is_not_null()
    return given & pl.col(date_column).is_not_null() if date_column and reference_name in _PLACES else given


def _retired(columns: Sequence[pl.Expr], context: Context, nomenclature: str, date_column: str | None) -> pl.Expr:
    """A code younger than the day is not retired: people were registered under it later."""
    frame = context.nomenclature(nomenclature).frame.drop_nulls("valid_to")
    last = columns[0].replace_strict(frame["code"], frame["valid_to"], default=None, return_dtype=pl.Date)
    day = pl.lit(context.as_of)
    return last <= (pl.coalesce(pl.col(date_column), day) if date_column else day)


def _coded(rule: Rule, nomenclature: str, date_column: str | None) -> pl.Expr:
    return pl.col(rule.column).is_not_null()


def _known_place(columns: Sequence[pl.Expr], context: Context, reference_name: str) -> pl.Expr:
    """No commune (or country) of any time since 1943."""
    if reference_name == "communes":
        return reference.commune_known_expr(columns[0]).not_()
    return reference.country_known_expr(columns[0]).not_()


def _split_city(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """Births there are coded by arrondissement (INSEE COG)."""
    return reference.commune_is_split_city_expr(columns[0])


_LIST = (Parameter("nomenclature", NOMENCLATURE, "le nom de la nomenclature"),)

KINDS = (
    Kind("in_nomenclature", "le code n'est pas dans la nomenclature", _LIST, TEXT, predicate=_in_nomenclature),
    Kind("not_in_nomenclature", "le code est dans la nomenclature", _LIST, TEXT, predicate=_not_in_nomenclature),
    Kind("offered", "le code est en vigueur, mais le portail ne le propose pas", _LIST, TEXT, predicate=_offered),
    Kind(
        "granted",
        "le rôle est absent de la matrice des droits d'accès en vigueur",
        (Parameter("access", ACCESS, "une autre version de la matrice que celle en vigueur", None),),
        TEXT,
        predicate=_granted,
    ),
    Kind(
        "valid_at_date",
        "le code n'est pas en vigueur à la date",
        (
            Parameter("reference_name", REFERENCE, "une nomenclature, `communes` ou `countries`"),
            Parameter("date_column", column(DATE), "la date où juger ; sans elle, celle des données", None),
        ),
        TEXT,
        predicate=_valid_at_date,
        looked_at=_dated,
    ),
    Kind(
        "retired",
        "le code est retiré à la date",
        (
            *_LIST,
            Parameter(
                "date_column",
                column(DATE),
                "la date où juger, si le fichier la porte ; sinon celle des données",
                None,
                carried=False,
            ),
        ),
        TEXT,
        predicate=_retired,
        looked_at=_coded,
    ),
    Kind(
        "known_place",
        "la commune ou le pays n'a jamais existé",
        (Parameter("reference_name", PLACE, "`communes` ou `countries`"),),
        TEXT,
        predicate=_known_place,
    ),
    Kind("split_city", "Paris, Lyon ou Marseille sans arrondissement", accepts=TEXT, predicate=_split_city),
)
