"""The kind `crowd`: one date on too many records."""

from __future__ import annotations

from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import COUNT, SHARE, Parameter, column
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE


def _crowd(rule: Rule, min_records: int, min_share: float, within: str) -> str:
    """One date on at least `min_records` records and `min_share` of them all (of those with the same `within`)."""
    group = f"{within}, " if within else ""
    joined = f"USING ({within})" if within else "ON true"
    return f"""
        WITH counted AS (SELECT {group}{rule.column}, count(*) AS n FROM lines
                         WHERE {rule.column} IS NOT NULL GROUP BY ALL),
        total AS (SELECT {group}sum(n) AS every FROM counted GROUP BY ALL),
        crowded AS (SELECT {group}{rule.column} FROM counted JOIN total {joined}
                    WHERE n >= {min_records} AND n >= {min_share} * every)
        SELECT row_id FROM {rule.table} SEMI JOIN crowded USING ({group}{rule.column})"""


def _dated(rule: Rule, min_records: int, min_share: float, within: str) -> str:
    return f"SELECT row_id FROM {rule.table} WHERE {rule.column} IS NOT NULL"


KINDS = (
    Kind(
        "crowd",
        "une même date revient trop souvent",
        (
            Parameter("min_records", COUNT, "le nombre d'enregistrements à partir duquel on juge"),
            Parameter("min_share", SHARE, "la part de tous les enregistrements, de 0 à 1"),
            Parameter("within", column(), "la colonne qui délimite l'ensemble ; sans elle, tout le fichier", ""),
        ),
        DATE,
        query=_crowd,
        population=_dated,
    ),
)
