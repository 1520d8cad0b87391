"""The mapping proposed for an HR file: from its headings and from what its cells hold, with a reason for each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.ingest.headings import header_key
from rpps_audit.reference import normalise, rules_root
from rpps_audit.roster.contents import NATURES, shares
from rpps_audit.roster.jobs import UNKNOWN, propose_jobs
from rpps_audit.roster.reading import Table

# So much of the cells must be of the nature a column asks for.
_ENOUGH = 0.6
_ALONE = 0.9
_SAYS_NOTHING = "intitulé qui ne dit rien"
_SMALL = {"de", "du", "des", "d", "l", "la", "le", "les", "et", "a", "au", "n", "no", "numero", "e", "s"}


@dataclass(frozen=True)
class Choice:
    """One heading of the file: `column` is our heading (rules/layouts/rh.toml), None when it is not kept.

    Not `sure`: told by its contents alone, or by its heading over an empty column; a person should look.
    """

    heading: str
    column: str | None
    reason: str
    sure: bool = True


def columns() -> tuple[str, ...]:
    """Our headings a heading of the file can be mapped to."""
    return tuple(one["header"] for one in _file()["column"])


def fields() -> dict[str, tuple[str, str]]:
    """Our heading → the store's column and its type."""
    return {one["header"]: (one["field"], one.get("type", "text")) for one in _file()["column"]}


def propose(table: Table, places: pl.Series | None = None, today: date | None = None) -> list[Choice]:
    """One choice for each heading, in the order of the file. `places`: the labels, FINESS and SIRET of the perimeter.

    A heading and the nature of its cells must agree; where the heading says nothing, some natures are enough. Each of
    our columns is given once, to the heading that fits best.
    """
    known = places if places is not None else pl.Series([], dtype=pl.String)
    labels = pl.concat([known.to_frame("l").select(normalise(pl.col("l")))["l"], known]).drop_nulls().unique()
    cells = {heading: table.column(heading) for heading in table.header}
    texts = pl.concat([column.alias("cell") for column in cells.values()]) if cells else pl.Series([], dtype=pl.String)
    jobs = propose_jobs(texts.filter(texts.str.contains(r"^\p{L}"))).filter(pl.col("reason") != UNKNOWN)
    job_words = jobs.select(normalise(pl.col("job")))["job"].unique()
    natures = {head: shares(column, labels, job_words, today or date.today()) for head, column in cells.items()}
    refused = {heading: reason for heading in table.header if (reason := _never(heading, natures[heading]))}
    scores = [
        (score, heading, one["header"], reason)
        for heading in table.header
        if heading not in refused
        for one in _file()["column"]
        for score, reason in [
            _score(heading, natures[heading], one, cells[heading].null_count() == cells[heading].len())
        ]
        if score > 0
    ]
    taken: dict[str, Choice] = {}
    for _, heading, ours, reason in sorted(scores, key=lambda one: -one[0]):
        if heading not in taken and ours not in {one.column for one in taken.values()}:
            taken[heading] = Choice(heading, ours, reason, _SAYS_NOTHING not in reason)
    useless = "sans usage ici : ne sera pas gardé"
    return [taken.get(one) or Choice(one, None, refused.get(one, useless)) for one in table.header]


def corrected(choices: list[Choice], told: list[str]) -> list[Choice]:
    """The choices after a person's corrections, each « Intitulé=Notre colonne » or « Intitulé= » to leave it out.

    Raises UsageError for a heading or a column that does not exist.
    """
    answer = {one.heading: one for one in choices}
    for text in told:
        heading, equals, column = (part.strip() for part in text.partition("="))
        if not equals or heading not in answer:
            raise UsageError(f"« {text} » : attendu « Intitulé=Colonne ». Intitulés du fichier : {', '.join(answer)}.")
        if column and column not in columns():
            raise UsageError(f"« {column} » n'existe pas. Colonnes possibles : {', '.join(columns())}.")
        for other in [name for name, one in answer.items() if column and one.column == column]:
            answer[other] = Choice(other, None, f"laissé à « {heading} »")
        answer[heading] = Choice(heading, column or None, "choisi par une personne")
    return list(answer.values())


# ---------------------------------------------------------------------------------------------------------- scoring


def _score(heading: str, nature: dict[str, float], one: dict[str, Any], empty: bool) -> tuple[float, str]:
    """How well a heading fits one of our columns, and why; 0 when it does not."""
    asked = one["contents"]
    share = nature[asked]
    words = _words(heading)
    said = max(
        (len(group) + len(group) / len(words) for group in map(_words, one["words"]) if group <= words), default=0.0
    )
    told = f"« {heading} »" if said else _SAYS_NOTHING
    held = f"{round(100 * share)} % de {NATURES[asked]}"
    if said and empty:
        return said, f"{told}, colonne vide dans ce fichier"
    if said and asked in {"place", "job"}:
        # An establishment or a function may be written in words nobody knows yet.
        return said + share + 0.5, f"{told}, {held}"
    if said and share >= _ENOUGH:
        return said + share, f"{told}, {held}"
    if not said and one.get("alone") and share >= _ALONE:
        return share, f"{told}, mais {held}"
    return 0.0, ""


def _never(heading: str, nature: dict[str, float]) -> str:
    """Why a heading must not be kept, whatever else it could be; empty when it may."""
    if nature["nir"] >= _ENOUGH:
        return "contient des numéros de sécurité sociale : jamais gardé"
    words = _words(heading)
    kept = any(_words(group) <= words for one in _file()["column"] for group in one["words"])
    for one in _file()["never"]:
        if not kept and any(_words(group) <= words for group in one["words"]):
            return str(one["reason"])
    return ""


def _words(text: str) -> frozenset[str]:
    return frozenset(header_key(text).split()) - _SMALL or frozenset(header_key(text).split())


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((rules_root() / "roster" / "headings.toml").read_text("utf-8"))
