"""Which series a newly read file belongs to, told from who and where it is about, not only from its name.

`personnel.csv` of one establishment and `personnel.csv` of another are two series; `effectifs-novembre.xlsx` of the
people of `personnel-octobre.csv` is the next of its series. Where neither the name nor the content decides, we ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

# A file replaces another when it holds at least this share of its people (or, without them, of its establishments).
SAME = 0.5
# Below this share in common, two files are about others.
OTHER = 0.1


class Latest(NamedTuple):
    """The latest file of a series: its snapshot and what it is about: `finess`, `person` (both may be null)."""

    snapshot_id: int
    about: pl.DataFrame


class Choice(NamedTuple):
    """The `series` to join; `note` says why in French, "" where nothing need be said. `ask`: the person must decide.

    `candidates` are then the series it may belong to, the likeliest first.
    """

    series: str
    note: str = ""
    ask: bool = False
    candidates: tuple[str, ...] = ()


def series_by_content(named: str, about: pl.DataFrame, known: Mapping[str, Latest]) -> Choice:
    """The series of a file, by its name (`named`, from `Source.series`) and what it is `about` (`finess`, `person`).

    `known` gives, for each series of the same kind, its latest file. The person keys are any that compare equal from
    one file to the next. Pure: reads and writes nothing else.
    """
    overlaps = {series: _overlap(about, latest.about) for series, latest in known.items()}
    namesakes = [series for series in known if series.split("#")[0] == named]
    if namesakes:
        best = max(namesakes, key=lambda one: overlaps[one].of_smaller if overlaps[one].known else OTHER)
        if not overlaps[best].known or overlaps[best].of_smaller >= OTHER:
            return Choice(best)
    ranked = sorted(known, key=lambda one: (-overlaps[one].of_old, one))
    if ranked and overlaps[ranked[0]].of_old >= SAME:
        return Choice(ranked[0], _replaces(known[ranked[0]], about))
    if namesakes:
        return _beside(named, known)
    candidates = tuple(one for one in ranked if not overlaps[one].known or overlaps[one].of_smaller >= OTHER)
    if not candidates:
        return Choice(named)
    numbers = ", ".join(f"n° {known[one].snapshot_id}" for one in candidates)
    return Choice(
        named,
        f"ce fichier remplace-t-il l'extraction {numbers}, ou s'y ajoute-t-il ? Ni son nom ni son contenu ne le "
        "disent : il ne parle que d'une partie des mêmes personnes. Indiquez-le.",
        ask=True,
        candidates=candidates,
    )


class _Overlap(NamedTuple):
    """Shares (0 to 1) of the old file found in the new one, and of the smaller in the other; `known`: could be told."""

    of_old: float
    of_smaller: float
    known: bool


def _overlap(new: pl.DataFrame, old: pl.DataFrame) -> _Overlap:
    """Of people, else of establishments. People of other establishments are others: somebody who works in two places
    does not make one file of two."""
    places = _shared(new["finess"], old["finess"])
    people = _shared(new["person"], old["person"])
    if places and not places.of_old:
        return places
    return people or places or _Overlap(0.0, 0.0, known=False)


def _shared(new: pl.Series, old: pl.Series) -> _Overlap | None:
    left, right = set(new.drop_nulls()), set(old.drop_nulls())
    if not left or not right:
        return None
    common = len(left & right)
    return _Overlap(common / len(right), common / min(len(left), len(right)), known=True)


def _replaces(latest: Latest, about: pl.DataFrame) -> str:
    places = _shared(about["finess"], latest.about["finess"])
    why = "mêmes établissements" if places and places.of_old else "mêmes personnes"
    return f"remplace l'extraction n° {latest.snapshot_id} : {why}."


def _beside(named: str, known: Mapping[str, Latest]) -> Choice:
    """The same name for other people: a series of its own, numbered."""
    rank = next(rank for rank in range(2, len(known) + 3) if f"{named}#{rank}" not in known)
    return Choice(
        f"{named}#{rank}",
        f"porte le nom de l'extraction n° {known[named].snapshot_id} mais parle d'autres établissements ou d'autres "
        "personnes : elle ne la remplace pas, les deux restent.",
    )
