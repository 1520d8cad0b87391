"""The kind `published_contact`: a private address or number stands in the public extract."""

from __future__ import annotations

from rpps_audit.checks.kinds.folds import folded
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import FOLD, SOURCE_COLUMN, Parameter
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


KINDS = (
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
