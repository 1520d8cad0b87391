"""Kinds on the form of a text. Patterns stay in the regular expressions common to Rust, RE2 and Java."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl

from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import LENGTH, PATTERN, VALUES, Parameter, columns
from rpps_audit.records.columns import TEXT

# Whatever stands between the digits of a phone number: blanks of every kind, stops, hyphens, strokes, brackets.
_PUNCTUATION = "[^0-9A-Za-z+]*"


def _matches(columns: Sequence[pl.Expr], context: Context, pattern: str) -> pl.Expr:
    return columns[0].str.contains(pattern).not_()


def _not_matching(columns: Sequence[pl.Expr], context: Context, pattern: str) -> pl.Expr:
    return columns[0].str.contains(pattern)


def _one_of(columns: Sequence[pl.Expr], context: Context, values: list[str]) -> pl.Expr:
    return columns[0].is_in(values).not_()


def _phone(columns: Sequence[pl.Expr], context: Context, forms: list[str]) -> pl.Expr:
    """In a form, `x` is a digit, `z` a digit from 1 to 9, `…` six to thirteen digits; spaces are for the reader."""
    return columns[0].str.contains(phone_forms(forms)).not_()


def _check_digit(columns: Sequence[pl.Expr], context: Context, length: int) -> pl.Expr:
    """`length` digits whose Luhn key is wrong (MOS: RPPS, FINESS, SIREN, SIRET). Other forms: another rule."""
    # A sign would pass for a number: "+" and "-" sort before the digits.
    form = (columns[0].str.len_bytes() == length) & (columns[0] >= "0")
    return form & (_luhn(columns[0], length) != 0)


def _concatenation(columns: Sequence[pl.Expr], context: Context, parts_columns: list[str]) -> pl.Expr:
    return columns[0] != pl.concat_str([pl.col(name) for name in parts_columns])


def phone_forms(forms: Sequence[str]) -> str:
    """A pattern for the numbers that have one of the forms, whatever stands between the digits."""
    known = "|".join(_phone_pattern(form) for form in forms)
    return f"^{_PUNCTUATION}(?:{known}){_PUNCTUATION}$"


def _phone_pattern(form: str) -> str:
    """Punctuation is allowed for between digits rather than removed first: a third of the time."""
    signs = {"x": "[0-9]", "z": "[1-9]", "+": r"\+", "…": f"(?:{_PUNCTUATION}[0-9]){{6,13}}"}
    return _PUNCTUATION.join(signs.get(sign, sign) for sign in form if sign != " ")


def _luhn(text: pl.Expr, length: int) -> pl.Expr:
    """The Luhn sum modulo 10 of a text of `length` digits; null for another text.

    Four digits at a time from a table of their 10 000 sums: an even number of digits keeps the doubling in step.
    """
    chunks = [pl.col("number") // 10_000**rank % 10_000 for rank in range((length + 3) // 4)]
    total = pl.sum_horizontal([pl.lit(_luhn_table()).gather(chunk) for chunk in chunks]) % 10

    def add_up(digits: pl.Series) -> pl.Series:
        # Done here, reading the number is done once: polars would read it again for each chunk.
        return digits.cast(pl.Int64, strict=False).alias("number").to_frame().select(total).to_series()

    return text.map_batches(add_up, return_dtype=pl.Int8)


@cache
def _luhn_table() -> pl.Series:
    number = pl.int_range(10_000, eager=True)
    digits = [number // 10**rank % 10 for rank in range(4)]
    doubled = [digit * 2 - (digit > 4).cast(pl.Int64) * 9 for digit in digits[1::2]]
    sums: pl.Series = digits[0] + digits[2] + doubled[0] + doubled[1]
    return sums.cast(pl.Int8).alias("luhn")


_FORM = Parameter("pattern", PATTERN, "la forme, en expression régulière")

KINDS = (
    Kind("matches", "le texte n'a pas la forme", (_FORM,), TEXT, predicate=_matches),
    Kind("not_matching", "le texte a la forme interdite", (_FORM,), TEXT, predicate=_not_matching),
    Kind(
        "one_of",
        "la valeur n'est pas dans la liste",
        (Parameter("values", VALUES, "les valeurs admises"),),
        TEXT,
        predicate=_one_of,
    ),
    Kind(
        "phone",
        "le numéro n'a aucune des formes (x : un chiffre ; z : de 1 à 9 ; … : six à treize chiffres)",
        (Parameter("forms", VALUES, "les formes admises"),),
        TEXT,
        predicate=_phone,
    ),
    Kind(
        "check_digit",
        "la clé de Luhn est fausse",
        (Parameter("length", LENGTH, "le nombre de chiffres"),),
        TEXT,
        predicate=_check_digit,
    ),
    Kind(
        "concatenation",
        "l'identifiant n'est pas ses parties bout à bout",
        (Parameter("parts_columns", columns(TEXT), "les colonnes des parties, dans l'ordre"),),
        TEXT,
        predicate=_concatenation,
    ),
)
