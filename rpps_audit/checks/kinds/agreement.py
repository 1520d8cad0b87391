"""Kinds that compare two columns of one record."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from rpps_audit import reference
from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import PAIRS, Parameter, column
from rpps_audit.records.columns import TEXT

# What makes an ASCII capital a small letter, and the last of these: beyond are the bytes of accented letters.
_SMALL, _LAST_LETTER = 0x20, ord("z")


def _differs_from(columns: Sequence[pl.Expr], context: Context, other_column: str) -> pl.Expr:
    pairs = pl.struct(columns[0].alias("name"), pl.col(other_column).alias("names"))
    return pairs.map_batches(_same_name, return_dtype=pl.Boolean)


def _agrees_with(
    columns: Sequence[pl.Expr], context: Context, other_column: str, pairs: dict[str, list[str]]
) -> pl.Expr:
    broken = [(columns[0] == value) & pl.col(other_column).is_in(accepted).not_() for value, accepted in pairs.items()]
    return pl.any_horizontal(broken)


def _forbidden_pairs(
    columns: Sequence[pl.Expr], context: Context, other_column: str, pairs: dict[str, list[str]]
) -> pl.Expr:
    broken = [(columns[0] == value) & pl.col(other_column).is_in(others) for value, others in pairs.items()]
    return pl.any_horizontal(broken)


def _same_name(pairs: pl.Series) -> pl.Series:
    """Normalising is dear: only pairs with the same initial and about the same length are looked at."""
    frame = pairs.struct.unnest()
    name, names = pl.col("name"), pl.col("names")
    initial, other = (_initial(frame[column]) for column in ("name", "names"))
    # An accented initial may be written without its accent.
    near = frame.with_row_index("row").filter((initial == other) | (initial > _LAST_LETTER) | (other > _LAST_LETTER))
    length = pl.coalesce(names.str.find(",", literal=True), names.str.len_bytes()).cast(pl.Int64)
    # Accents and ligatures change the length by a byte or two each.
    near = near.filter((length - name.str.len_bytes()).abs() <= 4)
    # In two steps: in one, polars would normalise again at each mention.
    written = near.select("row", left=reference.normalise(name), right=reference.normalise(names))
    left, right = pl.col("left"), pl.col("right")
    same = written.select((right == left) | right.str.starts_with(left + ",")).to_series()
    return pl.repeat(False, frame.height, eager=True).scatter(near["row"], same.fill_null(False))


def _initial(names: pl.Series) -> pl.Series:
    """The first byte of each name as a number, letters as small ones; null for an empty name."""
    return names.cast(pl.Binary).bin.head(1).bin.reinterpret(dtype=pl.UInt8, endianness="little") | _SMALL


_OTHER = Parameter("other_column", column(TEXT), "l'autre colonne")

KINDS = (
    Kind(
        "differs_from",
        "le nom est égal au premier de l'autre colonne, casse et accents mis à part",
        (_OTHER,),
        TEXT,
        predicate=_differs_from,
    ),
    Kind(
        "agrees_with",
        "les deux valeurs ne vont pas ensemble",
        (_OTHER, Parameter("pairs", PAIRS, "pour une valeur, celles que l'autre colonne peut avoir")),
        TEXT,
        predicate=_agrees_with,
    ),
    Kind(
        "forbidden_pairs",
        "l'autre valeur est de celles qui ne vont pas avec celle-ci",
        (_OTHER, Parameter("pairs", PAIRS, "pour une valeur, celles que l'autre colonne ne peut avoir")),
        TEXT,
        predicate=_forbidden_pairs,
    ),
)
