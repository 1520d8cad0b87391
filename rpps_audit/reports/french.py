"""French as it is printed: numbers, dates, plurals, spaces that never break a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

_NARROW, _NO_BREAK = "\u202f", "\u00a0"
_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_END = r"(?=[\s.,)»]|$)"
_SPACES = (
    (re.compile(rf"(?<=[^\s;?!%])\s*([;?!%]){_END}"), rf"{_NARROW}\1"),
    (re.compile(r"\s([:»])(?=[\s.,;)]|$)"), rf"{_NO_BREAK}\1"),
    (re.compile(r"«\s?"), f"«{_NO_BREAK}"),
    (re.compile(r"\b(n°|p\.|art\.|ligne) (?=\d)"), rf"\1{_NO_BREAK}"),
    (re.compile(r"(?<=[^\W\d_])'(?=\w)"), "’"),
)
# What at least one of these needs.
_SET = re.compile(r"[;?!%:«»']|n°|\.|ligne")


def typeset(text: str) -> str:
    """Put no-break spaces where French wants them, and curly apostrophes inside words."""
    # Most cells are a number or a code: nothing to set.
    if _SET.search(text):
        for pattern, replacement in _SPACES:
            text = pattern.sub(replacement, text)
    return text


def number(value: float, decimals: int = 0) -> str:
    """1234567.5 as « 1 234 567,5 »."""
    return f"{value:,.{decimals}f}".replace(",", _NARROW).replace(".", ",")


def share(value: float) -> str:
    """A share of 0 to 1 in per cent; never rounded up to all or down to nothing."""
    percent = 100 * value
    if 0 < percent < 0.1:
        return f"moins de 0,1{_NARROW}%"
    if 99.9 < percent < 100:
        return f"plus de 99,9{_NARROW}%"
    return f"{number(percent, 0 if percent in (0, 100) else 1)}{_NARROW}%"


def day(value: date) -> str:
    """2026-11-01 as « 1er novembre 2026 »."""
    first = "1er" if value.day == 1 else str(value.day)
    return _NO_BREAK.join((first, _MONTHS[value.month - 1], str(value.year)))


def days(value: int) -> str:
    """A number of days as people say it: days, then months, then years and months."""
    if value < 60:
        return counted(value, "jour")
    months = round(value / 30.4375)
    years, rest = divmod(months, 12)
    if not years:
        return f"{months}{_NO_BREAK}mois"
    said = counted(years, "an")
    return said if not rest else f"{said} et {rest}{_NO_BREAK}mois"


def counted(value: int, singular: str, plural: str = "") -> str:
    """« 1 constat », « 1 204 constats »; in French the plural begins at two."""
    return f"{number(value)}{_NO_BREAK}{singular if abs(value) < 2 else plural or singular + 's'}"


def listed(words: Sequence[str]) -> str:
    """« a, b et c »."""
    return " et ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
