"""Invented identifiers with true check digits: RPPS, FINESS, SIRET and the telephone numbers kept for fiction.

Everything is computed on whole columns of integers; a number is a function of its rank, so no two ranks share one.
"""

from __future__ import annotations

import numpy as np
import polars as pl

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]

# Arcep, plan national de numérotation: blocks of 10 000 numbers that are never given to anybody.
_FICTION_MOBILE = "063998"
_FICTION_LANDLINES = ("019900", "026191", "035301", "046571", "053649")
# E.164 country code that is given to nobody: beyond the 10 000 French mobiles there is no other safe block.
_NOWHERE = "+999"
_BLOCK = 10_000


def luhn_key(number: Ints) -> Ints:
    """The digit that, put after `number`, makes the Luhn sum a multiple of 10."""
    total = np.zeros_like(number)
    rest, doubled = number.copy(), True
    while rest.any():
        digit = rest % 10
        total += np.where(digit > 4, digit * 2 - 9, digit * 2) if doubled else digit
        rest, doubled = rest // 10, not doubled
    return -total % 10


def rpps(rank: Ints) -> pl.Series:
    """RPPS numbers: 10, eight digits that do not look ranked, and the key. One for each rank below 10^8."""
    order = 10 * 10**8 + (rank * 70_368_743 + 13_579_246) % 10**8
    return _text(order * 10 + luhn_key(order))


def broken_key(number: pl.Expr) -> pl.Expr:
    """The number with its last digit changed, so that its key is wrong."""
    last = (number.str.slice(-1).cast(pl.Int8) + 3) % 10
    return pl.concat_str(number.str.head(-1), last.cast(pl.String))


def finess(department: pl.Series, order: Ints) -> pl.Series:
    """FINESS numbers: department (two digits), 0, five digits of order, and the key."""
    body = department.cast(pl.Int64).to_numpy() * 10**6 + order
    return _text(body * 10 + luhn_key(body), width=9)


def siret(rank: Ints) -> pl.Series:
    """SIRET numbers of legal units 000..., which INSEE has never given."""
    siren = rank * 10 + luhn_key(rank)
    body = siren * 10**4 + 1
    return _text(body * 10 + luhn_key(body), width=14)


def mobile(rank: Ints) -> pl.Series:
    """Telephone numbers nobody has, one for each rank, written as people write them."""
    digits = pl.Series(rank % _BLOCK).cast(pl.String).str.zfill(4)
    style = pl.Series(rank % 5)
    frame = pl.DataFrame({"rank": rank, "digits": digits, "style": style})
    pairs = pl.concat_str(pl.col("digits").str.head(2), pl.lit(" "), pl.col("digits").str.tail(2))
    french = (
        pl.when(pl.col("style") == 0)
        .then(pl.concat_str(pl.lit("+33"), pl.lit(_FICTION_MOBILE[1:]), "digits"))
        .when(pl.col("style") == 1)
        .then(pl.concat_str(pl.lit("06 39 98 "), pairs))
        .when(pl.col("style") == 2)
        .then(pl.concat_str(pl.lit("06.39.98."), pairs.str.replace(" ", ".", literal=True)))
        .otherwise(pl.concat_str(pl.lit(_FICTION_MOBILE), "digits"))
    )
    elsewhere = pl.concat_str(pl.lit(_NOWHERE), pl.col("rank").cast(pl.String).str.zfill(9))
    return frame.select(phone=pl.when(pl.col("rank") < _BLOCK).then(french).otherwise(elsewhere))["phone"]


def landline(rank: Ints) -> pl.Series:
    """Fixed lines kept for fiction: 50 000 of them, then again the first."""
    blocks = pl.Series(_FICTION_LANDLINES).gather(pl.Series(rank // _BLOCK % len(_FICTION_LANDLINES)))
    return (blocks + pl.Series(rank % _BLOCK).cast(pl.String).str.zfill(4)).alias("phone")


def _text(number: Ints, width: int = 0) -> pl.Series:
    return pl.Series(number).cast(pl.String).str.zfill(width)
