"""One spelling for names, so that two ways of writing the same name compare equal."""

import polars as pl

from rpps_audit.records.folding import word, words


def normalise_word(text: str) -> str:
    """The same for one text."""
    return word(text)


def normalise(expr: pl.Expr) -> pl.Expr:
    """The words of a name: `rpps_audit.records.folding.words`, which says what compares equal."""
    return words(expr)
