"""A desk on literal records, and an authorisation without a card."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from rpps_audit.card import Authorisation, Perimeter
from rpps_audit.card.authorisation import grant
from rpps_audit.checks import Catalogue, Rule
from rpps_audit.corrections.desk import Desk, Settings
from rpps_audit.journal import Journal
from rpps_audit.store import Store

SITE, OTHER_SITE, OPERATOR = "690000015", "010000024", "690000999"


def authorisation(
    author: str = "300/CPE1",
    card: str = "2138450001",
    role: str = "author",
    establishments: tuple[str, ...] = (SITE,),
    operators: tuple[str, ...] = (),
    name: str | None = None,
    **other: Any,
) -> Authorisation:
    """What an open session would give; another author has another name unless it is given."""
    return grant(
        {
            "author": author,
            "name": name or ("Camille Gestion-Test" if author == "300/CPE1" else f"Porteur {author}"),
            "card": card,
            "role": role,
            "perimeter": Perimeter(frozenset(establishments), frozenset(operators)),
            "environment": "test",
            "granted_at": datetime.now(UTC),
            "_still_open": lambda: None,
            **other,
        }
    )


def desk(store: Store, folder: Path, *rules: Rule, **settings: Any) -> Desk:
    """A desk with a few rules."""
    return Desk(store, Journal(folder / "journal.jsonl"), Catalogue(rules), folder, "Foyer test", Settings(**settings))


def rule(kind: str, table: str, *columns: str, severity: str = "error", **other: Any) -> Rule:
    """A rule of a kind, on the suivi; `id` is the kind unless given."""
    fields = {
        "id": kind, "title": f"Titre de {kind}", "category": "conformance", "basis": "", "source": "", "since": "",
        "applies_to": ("suivi", "annuaire-restreint"), "when": {}, "parameters": {},
    }  # fmt: skip
    return Rule(table=table, columns=columns, kind=kind, severity=severity, **(fields | other))


EMAIL = rule(
    "matches", "professional", "email", id="email-format", parameters={"pattern": r"^[^@\s]+@[^@\s]+\.[a-z]+$"}
)


def change(table: str, key: str, column: str, new: str | None, **other: Any) -> dict[str, Any]:
    """One proposal."""
    return {"table": table, "record_key": key, "column": column, "new": new, **other}


def proposals(*rows: dict[str, Any]) -> pl.DataFrame:
    """Several, with the columns that any of them has."""
    return pl.DataFrame(list(rows), infer_schema_length=None)
