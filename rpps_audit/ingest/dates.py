"""Dates as people, payroll software and spreadsheets write them. Only cells that are not plain JJ/MM/AAAA come here.

ISO with or without a time and a zone, JJ-MM-AAAA, AAAAMMJJ, months in letters, two-digit years, numbers that a
spreadsheet put in place of a date; partial dates of birth; ends that mean "no end". The lists are in rules/cells.toml.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rpps_audit.ingest.sources import WORKBOOK, Source
from rpps_audit.ingest.understood import Said, keys, understood
from rpps_audit.reference import normalise_word

# The day before day 1 of a workbook: 1 January 1900 is day 1, and 29 February 1900, which never was, is day 60.
ORIGIN_1900, ORIGIN_1904 = date(1899, 12, 30), date(1904, 1, 1)
PLAIN, ISO = "%d/%m/%Y", "%Y-%m-%d"
_OLDEST = 1000
_TIME = r"(?:(?:T| +)(?P<hour>\d{1,2})[:hH](?P<minute>\d\d)(?::\d\d(?:[.,]\d+)?)? ?(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        rf"(?P<d>\d\d?)[/.\- ](?P<m>\d\d?)[/.\- ](?P<y>\d{{4}}|\d\d){_TIME}",
        rf"(?P<y>\d{{4}})[/.\-](?P<m>\d\d?)[/.\-](?P<d>\d\d?){_TIME}",
        r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
    )
)
# Said after accents, case, hyphens and dots are gone: 1ER JANVIER 2024, 15 JANV 24, LUNDI 3 MARS 2026.
_IN_LETTERS = re.compile(r"(?:[A-Z]+DI |DIMANCHE |LE )?(?P<d>\d\d?)(?:ER)? (?P<m>[A-Z]+) (?P<y>\d{4}|\d\d)")
_YEAR = re.compile(r"(?:00[/\-])?(?:00[/\-])?(\d{4})|(\d{4})-00-00|(\d{4})0000")
_MONTH = re.compile(r"(?:00[/\-])?(\d\d[/\-]\d{4})|(\d{4}-\d\d)")
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?")
_UTC = ("Z", "+00:00", "+0000")


class Told(NamedTuple):
    """What one cell says. `text` keeps a partial date, or the cell itself when it is `lost`."""

    value: date | None = None
    text: str | None = None
    cause: str | None = None
    lost: bool = False


def workbook_origin(source: Source) -> date:
    """The day 0 of a workbook: an `.xlsx` says when it counts from 1904, as those made on a Macintosh did."""
    if source.head(2) != b"PK":
        return ORIGIN_1900
    with source.open() as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as book:
        says = book.read(WORKBOOK) if WORKBOOK in book.namelist() else b""
    return ORIGIN_1904 if re.search(rb'date1904="(?:1|true)"', says) else ORIGIN_1900


def plain_days() -> tuple[int, int]:
    """The first and last day (from 1970) that are anybody's: no two-digit year, no far end that may mean "no end"."""
    ends = (date(_OLDEST, 1, 1), date(understood("dates")["endless_from"] - 1, 12, 31))
    return (ends[0] - date(1970, 1, 1)).days, (ends[1] - date(1970, 1, 1)).days


def read_dates(words: list[str], field: str, origin: date = ORIGIN_1900) -> Said:
    """Different odd cells: the day they mean. `origin` is the workbook's day 0."""
    # A loop over the few different cells of a column: building expressions for them takes longer than reading them.
    told = [_told(word, field, origin) for word in words]
    return Said(*map(list, zip(*told, strict=True)))


def _told(cell: str, field: str, origin: date) -> Told:
    known = understood("dates")
    spoken = normalise_word(cell.replace(".", " "))
    if cell in known["nothing"]:
        return Told(cause="no_date")
    if field in known["ends"] and spoken in _endless_words():
        return Told(cause="no_end")
    day, cause = _day(cell, spoken, known["pivot_birth"] if field in known["partial"] else known["pivot"])
    if day is not None:
        endless = field in known["ends"] and day.year >= known["endless_from"]
        return Told(cause="no_end") if endless else Told(day, cause=cause)
    if (found := _SERIAL.fullmatch(cell)) and known["serial_from"] <= int(found[1]) <= known["serial_to"]:
        return Told(origin + timedelta(int(found[1])), cause="serial")
    if field in known["partial"] and (partial := _partial(cell)):
        return Told(text=partial, cause="partial" if partial != cell else None)
    return Told(text=cell, lost=True)


def _day(cell: str, spoken: str, pivot: int) -> tuple[date | None, str | None]:
    """The real day a cell writes, and why it is not plain."""
    found = next((match for shape in _SHAPES if (match := shape.fullmatch(cell))), None)
    in_letters = None if found else _IN_LETTERS.fullmatch(spoken)
    parts = (found or in_letters).groupdict() if found or in_letters else {}  # type: ignore[union-attr]
    month = _months().get(parts["m"]) if in_letters else parts.get("m")
    if month is None:
        return None, None
    year = int(parts["y"])
    short = len(parts["y"]) == 2
    try:
        day = date(year + (2000 if year < pivot else 1900) if short else year, int(month), int(parts["d"]))
    except ValueError:
        return None, None
    if day.year < _OLDEST:
        return None, None
    if hour := parts.get("hour"):
        day = _in_paris(day, int(hour), int(parts["minute"]), parts["zone"])
    return day, "two_digit_year" if short else "month" if in_letters else "time" if parts.get("hour") else None


def _in_paris(day: date, hour: int, minute: int, zone: str | None) -> date:
    """A machine that writes in UTC puts midnight in Paris on the day before; any other clock is left."""
    if zone not in _UTC or (hour, minute) == (0, 0) or hour > 23 or minute > 59:
        return day
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).astimezone(ZoneInfo("Europe/Paris")).date()


def _partial(cell: str) -> str | None:
    if found := _YEAR.fullmatch(cell):
        return next(group for group in found.groups() if group)
    if found := _MONTH.fullmatch(cell):
        return found[2] or found[1].replace("-", "/")
    return None


@cache
def _months() -> dict[str, int]:
    months = understood("dates")["months"]
    return dict(zip(keys(list(months)), months.values(), strict=True))


@cache
def _endless_words() -> frozenset[str]:
    return frozenset(keys(understood("dates")["endless_words"]))
