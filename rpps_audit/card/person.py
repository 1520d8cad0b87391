"""Who a card's holder is as a person: two cards may be one person, and four eyes are two people.

Two holders are surely two people when each has a national identifier (the CN of a CPS: 8 and the RPPS number) and they
differ, or when managers.toml says who each is (« personne ») and it differs. Otherwise the same card, the same CN, the
same « personne », or names of which one holds the other make them one: a CPS and a CPE do not bear the same number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

_NATIONAL = re.compile(r"8\d{11}")


class Person(NamedTuple):
    """What is known of the holder of a card, as the journal keeps it."""

    number: str
    """CN of the certificate."""
    card: str
    name: str
    """Folded: capitals, no accent, words in order; empty when nobody knows it (decisions of an earlier release)."""
    declared: str = ""
    """« personne » of managers.toml."""

    def described(self) -> dict[str, str]:
        """For the journal."""
        return self._asdict()

    def same_as(self, other: Person) -> bool:
        """May be the same human being; certain knowledge of the contrary is needed to say no."""
        if self.number == other.number or self.card == other.card:
            return True
        if self.declared and other.declared:
            return self.declared == other.declared
        if _NATIONAL.fullmatch(self.number) and _NATIONAL.fullmatch(other.number):
            return False
        mine, theirs = set(self.name.split()), set(other.name.split())
        # An unknown name is a subset of any.
        return mine <= theirs or theirs <= mine


def person_of(described: Mapping[str, Any]) -> Person:
    """The inverse of `described`. Raises KeyError or TypeError for what the journal does not hold."""
    return Person(**{field: str(described[field]) for field in Person._fields})


def folded(name: str) -> str:
    """« Zoé DONNAT-GADY » as « DONNAT GADY ZOE »."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").upper()
    return " ".join(sorted(set(re.findall(r"[A-Z0-9]+", plain))))
