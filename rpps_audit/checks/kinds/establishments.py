"""Kinds on the establishment as FINESS describes it: its opening, its category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import PAIRS, Parameter
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE, TEXT


def _outside_opening(rule: Rule) -> str:
    """The situation begins before the establishment opened, or after it closed (FINESS)."""
    return """
        WITH opening AS (SELECT finess, min(opened_on) AS opened_on,
                                CASE WHEN bool_and(closed_on IS NOT NULL) THEN max(closed_on) END AS closed_on
                         FROM finess GROUP BY finess)
        SELECT s.row_id FROM situation s JOIN opening f USING (finess)
        WHERE s.start_date < f.opened_on OR s.start_date > f.closed_on"""


def _role_of_category(rule: Rule, pairs: Mapping[str, Sequence[str]]) -> str:
    """The role does not go with the establishment's category (FINESS): role → categories where it has no place."""
    told = " OR ".join(f"(s.role = '{role}' AND f.category IN ({_quoted(codes)}))" for role, codes in pairs.items())
    return f"SELECT DISTINCT s.row_id FROM situation s JOIN finess f USING (finess) WHERE {told}"


def _quoted(codes: Sequence[str]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


def _dated(rule: Rule) -> str:
    return "SELECT row_id FROM situation WHERE start_date IS NOT NULL AND finess IN (SELECT finess FROM finess)"


def _in_known_establishment(rule: Rule, pairs: Mapping[str, Sequence[str]]) -> str:
    return "SELECT row_id FROM situation WHERE role IS NOT NULL AND finess IN (SELECT finess FROM finess)"


KINDS = (
    Kind(
        "outside_opening",
        "la situation commence hors de la vie de l'établissement",
        accepts=DATE,
        tables=("situation",),
        query=_outside_opening,
        population=_dated,
        sources=("finess",),
        source_columns=("finess", "opened_on"),
        always=("finess", "start_date"),
    ),
    Kind(
        "role_of_category",
        "le rôle ne va pas avec la catégorie de l'établissement",
        (Parameter("pairs", PAIRS, "pour un rôle, les catégories où il n'a pas de place"),),
        TEXT,
        tables=("situation",),
        query=_role_of_category,
        population=_in_known_establishment,
        sources=("finess",),
        source_columns=("finess", "category"),
        always=("finess", "role"),
    ),
)
