"""What reading lost, converted or repaired, column by column: counts and causes, never a value."""

from __future__ import annotations

from typing import Any

import polars as pl

from rpps_audit.ingest.layouts import layouts
from rpps_audit.ingest.understood import understood
from rpps_audit.reference import words
from rpps_audit.reports.facts import Facts
from rpps_audit.reports.model import Column, Table, make_table

_DAMAGE = "abîmée par un tableur : "


def losses_table(facts: Facts) -> Table:
    """One row per column of the state's files that lost, converted or got back cells; the lost ones first."""
    found = facts.losses
    labels = [column_label(layout, column) for layout, column in found.select("layout", "column").rows()]
    return make_table(
        "lecture-perdue",
        "Ce qui s'est perdu ou a été compris autrement à la lecture",
        found.with_columns(
            label=pl.Series(labels, dtype=pl.String),
            why=pl.Series([_why(causes or []) for causes in found["causes"].to_list()], dtype=pl.String),
        ),
        {
            "file_name": Column("Fichier", "name"),
            "label": Column("Colonne"),
            "filled": Column("Cellules remplies", "count"),
            "read": Column("Lues", "count"),
            "unreadable": Column("Illisibles ou inconnues", "count"),
            "converted": Column("Dont converties", "count"),
            "why": Column("Pourquoi"),
            "first_line": Column("Première ligne", "count"),
        },
        empty="Toutes les cellules remplies ont été lues telles qu'elles sont écrites.",
        complete="rpps-audit load --json, liste « cells »",
        note="Remplies = lues + illisibles. Une cellule illisible n'est ni absente ni fausse : corrigez le fichier et "
        "rechargez-le. Une colonne abîmée par un tableur est une seule cause, quel que soit le nombre de cellules ; ce "
        "qui a été rétabli est compté parmi les cellules converties.",
    )


def column_label(layout: str, column: str) -> str:
    """The French name of a stored column, else its heading in the layout, else its name."""
    if column in words("columns"):
        return words("columns")[column]
    headings = {one.id: one.fields() for one in layouts()}.get(layout, {})
    return headings[column].header if column in headings else column


def _why(causes: list[dict[str, Any]]) -> str:
    known = understood("causes")
    said = [
        f"{_DAMAGE if one['damage'] else ''}{known[str(one['cause'])]['text']} ({one['cells']})"
        for one in causes
    ]  # fmt: skip
    return " ; ".join(said) or "ce qui est écrit n'a ni la forme ni le code attendus"
