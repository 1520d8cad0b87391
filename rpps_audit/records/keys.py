"""The key of a record: whom it is about, where, since when. Its text grammar stands here and nowhere else.

    professional   <person>                            8 and the RPPS number, or id:<keyed hash of civil identity>
    situation      <person>@<place>[#<start>][.<rank>]  place: FINESS, else the structure's identifier, else ?

No key holds a line number: sorting a file, or an older twin leaving it, changes none. `rank` (from 2) tells apart the
situations of one person that begin in one place on the same day. `ambigu:<hash>` stands for people without a number
who cannot be told apart: nothing is followed nor proven for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

AMBIGUOUS = "ambigu:"
UNNUMBERED = "id:"
UNKNOWN_PLACE = "?"


@dataclass(frozen=True)
class RecordKey:
    """A key in its parts. A professional's key has no place."""

    person: str
    place: str | None = None
    start: date | None = None
    rank: int = 1

    @classmethod
    def parse(cls, text: str) -> RecordKey:
        """The parts of a key's text. Raises ValueError for a start that is no date or a rank that is no number."""
        person, at, rest = text.partition("@")
        if not at:
            return cls(person)
        place, _, since = rest.partition("#")
        # Without a start the rank follows the place.
        since, _, rank = since.partition(".") if since else ("", *place.partition(".")[1:])
        return cls(
            person,
            place if since else place.partition(".")[0],
            date.fromisoformat(since) if since else None,
            int(rank or 1),
        )

    @property
    def ambiguous(self) -> bool:
        """Whether it stands for people who cannot be told apart."""
        return self.person.startswith(AMBIGUOUS)

    def __str__(self) -> str:
        if self.place is None:
            return self.person
        start = f"#{self.start}" if self.start else ""
        return f"{self.person}@{self.place}{start}{f'.{self.rank}' if self.rank > 1 else ''}"


# --- the same, for columns of keys ------------------------------------------------------------------------------------


def person_of(key: pl.Expr) -> pl.Expr:
    """The person of each key."""
    return key.str.split("@").list.first()


def place_of(key: pl.Expr) -> pl.Expr:
    """The place of each key, null for a professional's."""
    return key.str.extract(r"^[^@]*@([^#.]*)")


def moved(key: pl.Expr, place: pl.Expr, start: pl.Expr) -> pl.Expr:
    """The key under which a situation comes back when its place or start (ISO text) is corrected; null leaves as is."""
    parts = key.str.extract_groups(r"^([^@]*)@([^#.]*)(?:#([0-9-]+))?(.*)$").struct
    person, there, since, rank = (parts.field(str(number)) for number in range(1, 5))
    began = pl.coalesce(start, since)
    return (
        pl.when(key.str.contains("@", literal=True))
        .then(
            pl.concat_str(
                person,
                pl.lit("@"),
                pl.coalesce(place, there),
                pl.when(began.is_null()).then(pl.lit("")).otherwise(pl.concat_str(pl.lit("#"), began)),
                rank,
            )
        )
        .otherwise(key)
    )


def person_sql(key: str = "record_key") -> str:
    """SQL: the person of a key."""
    return f"split_part({key}, '@', 1)"


def place_sql(key: str = "record_key") -> str:
    """SQL: the place of a situation's key."""
    return f"regexp_extract({key}, '^[^@]*@([^#.]*)', 1)"


def situation_sql(person: str, place: str, start: str, rank: str) -> str:
    """SQL: the key of a situation from expressions of its parts; `start` and `rank` may be null."""
    return (
        f"{person} || '@' || coalesce({place}, '{UNKNOWN_PLACE}') || coalesce('#' || {start}, '') "
        f"|| coalesce('.' || {rank}, '')"
    )
