"""Kinds on places of birth: the code against the place in words, and codes of territories that have left France."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import Parameter, column
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE, TEXT
from rpps_audit.reference.places import agreeing, commune_names, formerly_abroad_expr, postcode_names

_FRENCH = r"^(?:[0-8][0-9]|2[AB]|9[0-8])"


def _french_commune(columns: Sequence[pl.Expr], context: Context, birth_column: str) -> pl.Expr:
    """The code is a French commune's (with `when`: for somebody born abroad), and was one on the day of birth."""
    abroad = formerly_abroad_expr(columns[0], pl.col(birth_column))
    return columns[0].str.contains(_FRENCH) & abroad.not_()


def _postcode_given(columns: Sequence[pl.Expr], context: Context, place_column: str) -> pl.Expr:
    """The code is the postcode of the written place, and not the code of a commune of that name."""
    return _pairs(columns[0], pl.col(place_column), _postcodes)


def _other_place(columns: Sequence[pl.Expr], context: Context, code_column: str, birth_column: str) -> pl.Expr:
    """The written place is none of the names that the commune's code ever stood for (a postcode: another rule)."""
    code = pl.col(code_column)
    abroad = formerly_abroad_expr(code, pl.col(birth_column)).fill_null(value=False)
    return _pairs(code, columns[0], _elsewhere) & abroad.not_()


def _pairs(code: pl.Expr, place: pl.Expr, accused: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.Expr:
    """Ask once for each distinct pair of code and place."""

    def answer(pairs: pl.Series) -> pl.Series:
        frame = pairs.struct.unnest()
        found = accused(frame.unique().drop_nulls()).select("code", "place", broken=pl.lit(value=True))
        return frame.join(found, ["code", "place"], how="left", maintain_order="left")["broken"]

    return pl.struct(code.alias("code"), place.alias("place")).map_batches(answer, return_dtype=pl.Boolean)


def _elsewhere(written: pl.DataFrame) -> pl.DataFrame:
    apart = agreeing(written, commune_names()).filter(~pl.col("agrees"))
    return apart.join(_postcodes(apart.select("code", "place")), ["code", "place"], how="anti")


def _postcodes(written: pl.DataFrame) -> pl.DataFrame:
    named = agreeing(written, postcode_names()).filter("agrees").select("code", "place")
    right = agreeing(named, commune_names()).filter("agrees")
    return named.join(right, ["code", "place"], how="anti")


def _coded(rule: Rule, code_column: str, birth_column: str) -> pl.Expr:
    return pl.col(rule.column).is_not_null() & pl.col(code_column).is_not_null()


def _given(rule: Rule, birth_column: str) -> pl.Expr:
    return pl.col(rule.column).is_not_null()


_BIRTH = Parameter("birth_column", column(DATE), "la date de naissance")

KINDS = (
    Kind(
        "french_commune",
        "le code est celui d'une commune alors française",
        (_BIRTH,),
        TEXT,
        predicate=_french_commune,
        looked_at=_given,
    ),
    Kind(
        "postcode_given",
        "le code est le code postal du lieu écrit, et pas son code Insee",
        (Parameter("place_column", column(TEXT), "le lieu en toutes lettres"),),
        TEXT,
        predicate=_postcode_given,
    ),
    Kind(
        "other_place",
        "le lieu écrit n'est aucun des noms de la commune codée",
        (Parameter("code_column", column(TEXT), "le code de la commune"), _BIRTH),
        TEXT,
        predicate=_other_place,
        looked_at=_coded,
    ),
)
