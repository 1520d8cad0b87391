"""How two texts are compared: SQL that gives them one form."""

from __future__ import annotations

from collections.abc import Sequence

FOLDS = {
    "exact": "{c}",
    "lower": "lower(CAST({c} AS VARCHAR))",
    # The national number, whatever the prefix and the punctuation.
    "digits": "right(translate(CAST({c} AS VARCHAR), ' .-()/+', ''), 9)",
    # Case, accents, hyphens, apostrophes and spaces set aside; dates and codes pass through unchanged.
    "name": "translate(strip_accents(upper(CAST({c} AS VARCHAR))), ' -''’.,', '')",
}


def folded(column: str, fold: str) -> str:
    """SQL: the column in its compared form."""
    return FOLDS[fold].format(c=column)


def all_folded(columns: Sequence[str], fold: str) -> str:
    """SQL: the columns in their compared form, listed."""
    return ", ".join(folded(name, fold) for name in columns)


def present(columns: Sequence[str], alias: str = "") -> str:
    """SQL: every column holds a value."""
    return " AND ".join(f"{alias}{name} IS NOT NULL" for name in columns) or "true"
