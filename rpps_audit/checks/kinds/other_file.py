"""Kinds that look a record up in another file, whichever the rule names."""

from __future__ import annotations

from collections.abc import Sequence

from rpps_audit.checks.kinds.folds import folded, present
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import (
    CODE,
    DAYS,
    FOLD,
    OF_PROFESSION,
    ON,
    SOURCE,
    SOURCE_COLUMN,
    Parameter,
    column,
)
from rpps_audit.checks.rule import Rule
from rpps_audit.records import view_name


def _exists_in(rule: Rule, source: str, source_column: str) -> str:
    return f"""
        SELECT row_id FROM {rule.table}
        WHERE {rule.column} IS NOT NULL AND {rule.column} NOT IN
            (SELECT {source_column} FROM {view_name(source)} WHERE {source_column} IS NOT NULL)"""


def _valued(rule: Rule, source: str, source_column: str) -> str:
    return f"SELECT row_id FROM {rule.table} WHERE {rule.column} IS NOT NULL"


def _disagrees_with(rule: Rule, source: str, on: Sequence[str], source_column: str, fold: str) -> str:
    """The other file knows the record (same `on`) and gives only other values for the column."""
    keys = ", ".join(on)
    joined = " AND ".join(f"m.{name} = o.{name}" for name in on)
    return f"""
        WITH other AS (SELECT {keys}, list(DISTINCT {folded(source_column, fold)}) AS told FROM {view_name(source)}
                       WHERE {source_column} IS NOT NULL GROUP BY {keys})
        SELECT m.row_id FROM {rule.table} m JOIN other o ON {joined}
        WHERE {_at_work(rule)} AND NOT list_contains(o.told, {folded("m." + rule.column, fold)})"""


def _known_there(rule: Rule, source: str, on: Sequence[str], source_column: str, fold: str) -> str:
    joined = " AND ".join(f"m.{name} = o.{name}" for name in on)
    return f"""
        SELECT m.row_id FROM {rule.table} m WHERE {_at_work(rule)}
          AND EXISTS (SELECT 1 FROM {view_name(source)} o WHERE {joined} AND o.{source_column} IS NOT NULL)"""


def _at_work(rule: Rule) -> str:
    return f"m.{rule.column} IS NOT NULL {'AND m.active' if rule.table == 'situation' else ''}"


def _missing_from(
    rule: Rule, source: str, on: Sequence[str], min_days: int, shared_column: str, national_profession: str
) -> str:
    joined = " AND ".join(f"m.{name} = o.{name}" for name in on)
    expected = _expected_there(rule, source, on, min_days, shared_column, national_profession)
    return f"{expected} AND NOT EXISTS (SELECT 1 FROM {view_name(source)} o WHERE {joined})"


def _expected_there(
    rule: Rule, source: str, on: Sequence[str], min_days: int, shared_column: str, national_profession: str
) -> str:
    """Active, begun at least `min_days` ago.

    `shared_column`: only records whose value of it the other file knows. `national_profession`: only records of that
    "Code profession" (99: professionnels à rôle, JDV_J122), for a file that also lists those the orders register.
    """
    shared = f"AND m.{shared_column} IN (SELECT {shared_column} FROM {view_name(source)})" if shared_column else ""
    of_role = f"AND m.national_profession = '{national_profession}'" if national_profession else ""
    return f"""
        SELECT m.row_id FROM situation m
        WHERE m.active AND {present(on, "m.")} {shared} {of_role}
          AND coalesce(m.start_date, DATE '1900-01-01') <= $as_of - INTERVAL {min_days} DAY"""


def _known_otherwise(rule: Rule, source: str, source_column: str, usual: str) -> str:
    """The number stands in the other file with a value other than `usual` in its column."""
    return f"""
        SELECT row_id FROM {rule.table} WHERE professional_id IN
            (SELECT professional_id FROM {view_name(source)} WHERE {source_column} <> '{usual}')"""


def _with_number(rule: Rule, source: str, source_column: str, usual: str) -> str:
    return f"SELECT row_id FROM {rule.table} WHERE professional_id IS NOT NULL"


_SOURCE = Parameter("source", SOURCE, "le genre de l'autre fichier")
_ON = Parameter("on", ON, "les colonnes égales pour parler du même enregistrement")
_THERE = Parameter("source_column", SOURCE_COLUMN, "la colonne de l'autre fichier")

KINDS = (
    Kind(
        "known_otherwise",
        "l'autre fichier connaît le numéro avec une autre valeur que l'habituelle",
        (_SOURCE, _THERE, Parameter("usual", CODE, "la valeur habituelle", "")),
        query=_known_otherwise,
        population=_with_number,
        always=("professional_id",),
    ),
    Kind(
        "exists_in",
        "la valeur n'est pas dans l'autre fichier",
        (_SOURCE, _THERE),
        query=_exists_in,
        population=_valued,
    ),
    Kind(
        "disagrees_with",
        "l'autre fichier connaît l'enregistrement et dit autre chose",
        (_SOURCE, _ON, _THERE, Parameter("fold", FOLD, "comment deux textes se comparent", "exact")),
        query=_disagrees_with,
        population=_known_there,
    ),
    Kind(
        "missing_from",
        "l'autre fichier n'a pas cet enregistrement actif",
        (
            _SOURCE,
            _ON,
            Parameter("min_days", DAYS, "l'ancienneté en jours à partir de laquelle on juge", 0),
            Parameter("shared_column", column(), "ne juger que les valeurs que l'autre fichier connaît", ""),
            Parameter("national_profession", OF_PROFESSION, "ne juger que cette profession nationale", ""),
        ),
        tables=("situation",),
        query=_missing_from,
        population=_expected_there,
    ),
)
