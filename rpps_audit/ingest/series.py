"""Which series a newly read file belongs to, told from who and where it is about, not only from its name.

`personnel.csv` of one establishment and `personnel.csv` of another are two series; `effectifs-novembre.xlsx` of the
people of `personnel-octobre.csv` is the next of its series. Where neither the name nor the content decides, we ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

# From this share of its people (or, without them, of its establishments), a file is about the same ones.
SAME = 0.5
# Below this one, it is about others.
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
    """The series of a file, by its name (`named`, from `Source.series`) and by what it is `about` (`finess`, `person`).

    `known` gives, for each series of the same kind, its latest file. The person keys are any that compare equal from one
    file to the next. Pure: reads and writes nothing else.
    """
    alike = {series: _alike(about, latest.about) for series, latest in known.items()}
    if named in known:
        if alike[named] is None or alike[named] >= OTHER:  # type: ignore[operator]
            return Choice(named)
        return _beside(named, known)
    same = sorted((series for series, share in alike.items() if (share or 0) >= SAME), key=lambda one: -(alike[one] or 0))
    if len(same) == 1 or (same and (alike[same[0]] or 0) > (alike[same[1]] or 0)):
        return Choice(same[0], _replaces(known[same[0]], about))
    doubtful = [series for series, share in alike.items() if share is None or share >= OTHER]
    candidates = tuple(dict.fromkeys([*same, *sorted(doubtful, key=lambda one: -(alike[one] or 0))]))
    if not candidates:
        return Choice(named)
    numbers = ", ".join(f"n° {known[one].snapshot_id}" for one in candidates)
    return Choice(
        named,
        f"ce fichier remplace-t-il l'extraction {numbers}, ou s'y ajoute-t-il ? Ni son nom ni son contenu ne le disent : "
        "les mêmes personnes n'y sont qu'en partie. Indiquez-le.",
        ask=True,
        candidates=candidates,
    )


def _alike(new: pl.DataFrame, old: pl.DataFrame) -> float | None:
    """Share (0 to 1) of the smaller file found in the other: of people, else of establishments; None without either.

    People of other establishments are others: a person who works in two places does not make one file of two.
    """
    places = _share(new["finess"], old["finess"])
    people = _share(new["person"], old["person"])
    if places == 0:
        return 0.0
    return people if people is not None else places


def _share(new: pl.Series, old: pl.Series) -> float | None:
    left, right = set(new.drop_nulls()), set(old.drop_nulls())
    return len(left & right) / min(len(left), len(right)) if left and right else None


def _replaces(latest: Latest, about: pl.DataFrame) -> str:
    same_places = _share(about["finess"], latest.about["finess"])
    why = "mêmes établissements" if same_places else "mêmes personnes"
    return f"remplace l'extraction n° {latest.snapshot_id} : {why}."


def _beside(named: str, known: Mapping[str, Latest]) -> Choice:
    """The same name for other people: a series of its own, numbered."""
    rank = next(rank for rank in range(2, len(known) + 3) if f"{named}#{rank}" not in known)
    return Choice(
        f"{named}#{rank}",
        f"porte le nom de l'extraction n° {known[named].snapshot_id} mais parle d'autres établissements ou d'autres "
        "personnes : elle ne la remplace pas, les deux restent.",
    )
