"""Places of birth: the code against what is written in words, and the codes of territories that have left France."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from rpps_audit.checks.predicates import Context, row_kind
from rpps_audit.reference.places import agreeing, commune_names, formerly_abroad_expr, postcode_names

_FRENCH = r"^(?:[0-8][0-9]|2[AB]|9[0-8])"


@row_kind
def french_commune(columns: Sequence[pl.Expr], context: Context, birth_column: str) -> pl.Expr:
    """The code is a French commune's (with `when`: for somebody born abroad), and was one on the day of birth."""
    abroad = formerly_abroad_expr(columns[0], pl.col(birth_column))
    return columns[0].str.contains(_FRENCH) & abroad.not_()


@row_kind
def postcode_given(columns: Sequence[pl.Expr], context: Context, place_column: str) -> pl.Expr:
    """The code is the postcode of the written place, and not the code of a commune of that name."""
    return _pairs(columns[0], pl.col(place_column), _postcodes)


@row_kind
def other_place(columns: Sequence[pl.Expr], context: Context, code_column: str, birth_column: str) -> pl.Expr:
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
