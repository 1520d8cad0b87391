"""Kinds on what the public extract shows and should not: private contacts, closed situations."""

from __future__ import annotations

from rpps_audit.checks.kinds.folds import folded
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import DAYS, FOLD, SOURCE_COLUMN, Parameter
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import TEXT


def _published_contact(rule: Rule, source_column: str, fold: str) -> str:
    """Slide: contact data are not published."""
    mine, theirs = folded("p." + rule.column, fold), folded("o." + source_column, fold)
    return f"""
        SELECT DISTINCT p.row_id FROM professional p JOIN annuaire_public o USING (professional_id)
        WHERE {mine} = {theirs} AND {mine} <> ''"""


def _published_people(rule: Rule, source_column: str, fold: str) -> str:
    return f"""
        SELECT row_id FROM professional WHERE {rule.column} IS NOT NULL
          AND professional_id IN (SELECT professional_id FROM annuaire_public WHERE {source_column} IS NOT NULL)"""


def _closed_still_published(rule: Rule, min_days: int) -> str:
    """Closed here for `min_days`, and still published in the same establishment: it was not closed in the portal."""
    return f"""
        SELECT s.row_id FROM situation s
        WHERE NOT s.active AND (NOT s.is_open OR s.end_date < $as_of) AND s.finess IS NOT NULL
          AND coalesce(s.end_date, s.start_date, DATE '1900-01-01') < $as_of - INTERVAL {min_days} DAY
          AND EXISTS (SELECT 1 FROM annuaire_public o WHERE o.professional_id = s.professional_id
                      AND o.finess = s.finess AND coalesce(o.national_profession, '99') = '99')
          AND NOT EXISTS (SELECT 1 FROM situation t WHERE t.active AND t.professional_id = s.professional_id
                          AND t.finess = s.finess)"""


def _closed(rule: Rule, min_days: int) -> str:
    return "SELECT row_id FROM situation WHERE NOT active AND (NOT is_open OR end_date < $as_of) AND finess IS NOT NULL"


KINDS = (
    Kind(
        "closed_still_published",
        "fermée ici, la situation est encore publiée",
        (Parameter("min_days", DAYS, "les jours admis depuis la fin"),),
        tables=("situation",),
        query=_closed_still_published,
        population=_closed,
        sources=("annuaire-public",),
        source_columns=("finess",),
        always=("professional_id", "finess", "is_open", "end_date"),
    ),
    Kind(
        "published_contact",
        "le contact privé figure parmi les coordonnées publiées",
        (
            Parameter("source_column", SOURCE_COLUMN, "la colonne publiée"),
            Parameter("fold", FOLD, "comment deux textes se comparent", "lower"),
        ),
        TEXT,
        tables=("professional",),
        query=_published_contact,
        population=_published_people,
        sources=("annuaire-public",),
        always=("professional_id",),
    ),
)
