"""Codes and dates beside one another: retired codes, pairs that do not go together, one date long after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from rpps_audit import reference
from rpps_audit.checks.predicates import Context, row_kind


@row_kind
def retired(columns: Sequence[pl.Expr], context: Context, nomenclature: str, day_if_known: str) -> pl.Expr:
    """The code was withdrawn before the day (`day_if_known`, else the day of the data).

    A code younger than the day is not retired: people were registered under it later.
    """
    frame = reference.load_nomenclature(nomenclature).frame.drop_nulls("valid_to")
    last = columns[0].replace_strict(frame["code"], frame["valid_to"], default=None, return_dtype=pl.Date)
    return last <= pl.coalesce(pl.col(day_if_known), pl.lit(context.as_of))


@row_kind
def forbidden_pairs(
    columns: Sequence[pl.Expr], context: Context, other_column: str, pairs: Mapping[str, Sequence[str]]
) -> pl.Expr:
    """The other column's value is among those that do not go with this one."""
    broken = [(columns[0] == value) & pl.col(other_column).is_in(list(others)) for value, others in pairs.items()]
    return pl.any_horizontal(broken)


@row_kind
def later_than(columns: Sequence[pl.Expr], context: Context, other_columns: Sequence[str], days: int) -> pl.Expr:
    """The date comes more than `days` after all the others; an empty one among them says nothing, nor does a date to
    come, which is another fault."""
    late = (columns[0] - pl.max_horizontal(other_columns)) > pl.duration(days=days)
    return late & (columns[0] <= pl.lit(context.as_of))


@row_kind
def equal_to(columns: Sequence[pl.Expr], context: Context, other_column: str) -> pl.Expr:
    """The two columns hold the same value."""
    return columns[0] == pl.col(other_column)
