"""How two texts are compared: SQL that gives them one form (`rpps_audit.records.folding` for names and phones)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rpps_audit.records.folding import digits_sql, folded_sql

FOLDS: Mapping[str, Callable[[str], str]] = {
    "exact": str,
    "lower": "lower(CAST({} AS VARCHAR))".format,
    "digits": digits_sql,
    "name": folded_sql,
}
# Coarser than any of these: who has not this in common is unrelated for sure.
COARSE = "right(regexp_replace({}, '[^A-Z0-9]', '', 'g'), 9)"


def folded(column: str, fold: str) -> str:
    """SQL: the column in its compared form."""
    return FOLDS[fold](column)


def coarse(column: str) -> str:
    """SQL: the column in a form that is equal whenever one of the compared forms is."""
    return COARSE.format(folded_sql(column))


def all_folded(columns: Sequence[str], fold: str) -> str:
    """SQL: the columns in their compared form, listed."""
    return ", ".join(folded(name, fold) for name in columns)


def present(columns: Sequence[str], alias: str = "") -> str:
    """SQL: every column holds a value."""
    return " AND ".join(f"{alias}{name} IS NOT NULL" for name in columns) or "true"
