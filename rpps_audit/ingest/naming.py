"""What a file's name says: the day of its data, and the series it belongs to.

Names are written by people: « personnel 01-09-2026 (1) - Copie.csv », « 1-personnel_20260901_v2.csv ».
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

_MONTHS = (
    "jan(?:v(?:ier)?)?", "f[ée]v(?:r(?:ier)?)?", "mars?", "avr(?:il)?", "mai", "juin", "juil(?:let)?",
    "ao[uû]t", "sept?(?:embre)?", "oct(?:obre)?", "nov(?:embre)?", "d[ée]c(?:embre)?",
)  # fmt: skip
_GAP = r"[-_. ]"
_YEAR = r"(?:19|20)\d\d"
_DAY, _MONTH = r"\d{1,2}(?:er)?", "|".join(f"(?:{month})" for month in _MONTHS)
_TIME = r"(?:[-_T ]?\d{2}[h:\-_]?\d{2}(?:[m:\-_]?\d{2})?)?"
# In the order they are tried at each place; what a longer form took is not looked at again.
_FORMS = re.compile(
    rf"(?<!\d)(?:"
    rf"(?P<y1>{_YEAR})(?P<s1>{_GAP}?)(?P<m1>\d\d)(?P=s1)(?P<d1>\d\d){_TIME}"
    rf"|(?P<d2>\d{{1,2}})(?P<s2>{_GAP})(?P<m2>\d{{1,2}})(?P=s2)(?P<y2>{_YEAR})"
    rf"|(?P<d3>\d\d)(?P<m3>\d\d)(?P<y3>{_YEAR})"
    rf"|(?P<d4>{_DAY}){_GAP}*(?P<m4>{_MONTH}){_GAP}*(?P<y4>{_YEAR})"
    rf"|(?P<y5>{_YEAR}){_GAP}(?P<m5>\d\d)"
    rf"|(?P<m6>\d\d){_GAP}(?P<y6>{_YEAR})"
    rf"|(?P<y7>{_YEAR})(?P<m7>0[1-9]|1[0-2])"
    rf")(?!\d)"
    rf"|(?<![a-zà-ÿ])(?P<m8>{_MONTH}){_GAP}*(?P<y8>{_YEAR})(?!\d)",
    re.IGNORECASE,
)
# What a browser, a desktop or a person adds to the name of a file that is already there.
_ADDED = re.compile(
    r"\(\d+\)"
    rf"|(?<![a-z0-9]){_YEAR}(?![a-z0-9])"
    r"|(?<![a-z0-9])(?:copie|copy)(?:[ _-]+(?:de|of))?(?![a-z0-9])"
    r"|(?<![a-z0-9])(?:v|version)[ _.-]?\d{1,2}(?:[.]\d+)?(?![a-z0-9])"
    r"|(?<![a-z0-9])(?:final(?:e)?|def|definitif|definitive|corrige|corrigee|ok)(?![a-z0-9])"
)
_PREFIX = re.compile(r"^\d{1,2}(?:[-_.)]| - )\s*")
_EXTENSIONS = re.compile(r"(?:\.[a-z][a-z0-9]{1,4}){1,2}$", re.IGNORECASE)


class Named(NamedTuple):
    """A day read in a name; `whole` is False when the name gives a month only (its last day is then taken)."""

    day: date
    whole: bool


def date_in(name: str, today: date | None = None) -> Named | None:
    """The last date written in a name, None when there is none.

    Read as written in France: AAAAMMJJ (with or without a time), AAAA-MM-JJ, JJ-MM-AAAA, JJMMAAAA, « 1er septembre
    2026 », with -, _, . or a blank between. A month alone stands for its last day, or for today while it runs.
    """
    found = [named for named, _ in _dates(name, today or date.today())]
    return found[-1] if found else None


def series_of(kind: str, name: str) -> str:
    """What two deliveries of one export have in common: kind and name without dates, copies and versions."""
    text = _EXTENSIONS.sub("", name)
    for _, (start, end) in reversed(list(_dates(text, date.max))):
        text = f"{text[:start]} {text[end:]}"
    plain = _ADDED.sub(" ", _plain(text))
    plain = _PREFIX.sub("", plain.strip())
    return f"{kind}:{re.sub(r'[-_ .]+', '-', plain).strip('-')}"


def _dates(name: str, today: date) -> Iterator[tuple[Named, tuple[int, int]]]:
    name = unicodedata.normalize("NFC", name)
    for match in _FORMS.finditer(name):
        named = _named(match, today)
        if named:
            yield named, match.span()


def _named(match: re.Match[str], today: date) -> Named | None:
    parts = {key[0]: value for key, value in match.groupdict().items() if value and key[0] in "ymd"}
    year, month = int(parts["y"]), _month(parts["m"])
    try:
        if "d" in parts:
            return Named(date(year, month, int(re.sub(r"\D", "", parts["d"]))), whole=True)
        last = date(year, month, monthrange(year, month)[1])
    except ValueError:
        return None
    return Named(today if date(year, month, 1) <= today < last else last, whole=False)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(rank for rank, month in enumerate(_MONTHS, 1) if re.fullmatch(month, text, re.IGNORECASE))


def _plain(text: str) -> str:
    """Lower case without accents, whichever way they are composed."""
    return "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))
