"""Dates as people, payroll software and spreadsheets write them. Only cells that are not plain JJ/MM/AAAA come here.

ISO with or without a time and a zone, JJ-MM-AAAA, AAAAMMJJ, months in letters, two-digit years, numbers that a
spreadsheet put in place of a date; partial dates of birth; ends that mean "no end". The lists are in rules/cells.toml.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from functools import cache

import polars as pl

from rpps_audit.ingest.sources import WORKBOOK, Source
from rpps_audit.ingest.understood import keys, understood
from rpps_audit.reference import normalise

# The day before day 1 of a workbook: 1 January 1900 is day 1, and 29 February 1900, which never was, is day 60.
ORIGIN_1900, ORIGIN_1904 = date(1899, 12, 30), date(1904, 1, 1)
PLAIN = "%d/%m/%Y"
_OLDEST = 1000
_TIME = r"(?:(?:T| +)(?P<time>\d{1,2}[:hH]\d{2}(?::\d{2}(?:[.,]\d+)?)?) ?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
_SHAPES = (
    rf"^(?P<d>\d{{1,2}})(?P<s>[/.\- ])(?P<m>\d{{1,2}})[/.\- ](?P<y>\d{{4}}|\d{{2}}){_TIME}$",
    rf"^(?P<y>\d{{4}})[/.\-](?P<m>\d{{1,2}})[/.\-](?P<d>\d{{1,2}}){_TIME}$",
    r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})$",
)
# Said after accents, case, hyphens and dots are gone: 1ER JANVIER 2024, 15 JANV 24, LUNDI 3 MARS 2026.
_IN_LETTERS = r"^(?:[A-Z]+DI |DIMANCHE |LE )?(?P<d>\d{1,2})(?:ER)? (?P<m>[A-Z]+) (?P<y>\d{4}|\d{2})$"
_PARTIAL = (r"^(?:00[/\-])?(?:00[/\-])?(\d{4})$|^(\d{4})-00-00$|^(\d{4})0000$", r"^00[/\-](\d{2}[/\-]\d{4})$")
_PARTIAL_AS_IS = r"^\d{2}/\d{4}$|^\d{4}-\d{2}$"


def workbook_origin(source: Source) -> date:
    """The day 0 of a workbook: an `.xlsx` says when it counts from 1904, as those made on a Macintosh did."""
    if source.head(2) != b"PK":
        return ORIGIN_1900
    with source.open() as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as book:
        says = book.read(WORKBOOK) if WORKBOOK in book.namelist() else b""
    return ORIGIN_1904 if re.search(rb'date1904="(?:1|true)"', says) else ORIGIN_1900


def is_plain(day: pl.Expr) -> pl.Expr:
    """Whether a date read at once is anybody's: neither a two-digit year nor a far end that may mean "no end"."""
    return day.dt.year().is_between(_OLDEST, understood("dates")["endless_from"] - 1)


def read_dates(cells: pl.Series, field: str, origin: date = ORIGIN_1900) -> pl.DataFrame:
    """Different odd cells → `cell`, `value` (Date), `text`, `cause`, `lost`.

    `text` keeps what is not a whole date: a partial date of birth, or the raw cell when it is `lost`. `origin` is the
    workbook's day 0. A time is left; a UTC time that is not midnight is first told in Paris time.
    """
    known = understood("dates")
    words = normalise(pl.col("cell").str.replace_all(".", " ", literal=True))
    frame = cells.alias("cell").to_frame().with_columns(word=words, **_parts(words))
    day, short, in_letters = pl.col("day"), pl.col("y").str.len_chars() == 2, pl.col("in_letters")
    serial = pl.col("cell").str.extract(r"^(\d{5})(?:[.,]\d+)?$").cast(pl.Int32)
    frame = frame.with_columns(
        day=_day(field),
        serial=pl.when(serial.is_between(known["serial_from"], known["serial_to"])).then(
            pl.lit(origin) + pl.duration(days=serial)
        ),
        partial=_partial() if field in known["partial"] else pl.lit(None, pl.String),
        nothing=pl.col("cell").is_in(known["nothing"]),
    ).with_columns(endless=_endless() if field in known["ends"] else pl.lit(value=False))
    value = pl.when(~pl.col("endless") & ~pl.col("nothing")).then(pl.coalesce("day", "serial"))
    cause = (
        pl.when("nothing").then(pl.lit("no_date"))
        .when("endless").then(pl.lit("no_end"))
        .when(day.is_not_null() & short).then(pl.lit("two_digit_year"))
        .when(day.is_not_null() & in_letters).then(pl.lit("month"))
        .when(day.is_not_null() & pl.col("time").is_not_null()).then(pl.lit("time"))
        .when(day.is_null() & pl.col("serial").is_not_null()).then(pl.lit("serial"))
        .when(pl.col("partial").is_not_null() & (pl.col("partial") != pl.col("cell"))).then(pl.lit("partial"))
    )  # fmt: skip
    partial = pl.when(value.is_null() & ~pl.col("nothing")).then("partial")
    lost = value.is_null() & pl.col("partial").is_null() & ~pl.col("endless") & ~pl.col("nothing")
    text = pl.when(lost).then("cell").otherwise(partial)
    return frame.select("cell", value=value, text=text, cause=cause, lost=lost)


def _parts(words: pl.Expr) -> dict[str, pl.Expr]:
    """Day, month, year (text), time and zone, from whichever shape fits."""
    found = [pl.col("cell").str.extract_groups(shape).struct for shape in _SHAPES]
    letters = words.str.extract_groups(_IN_LETTERS).struct
    month = letters.field("m").replace_strict(_months(), default=None, return_dtype=pl.String)
    return {
        "d": pl.coalesce(*(one.field("d") for one in found), pl.when(month.is_not_null()).then(letters.field("d"))),
        "m": pl.coalesce(*(one.field("m") for one in found), month),
        "y": pl.coalesce(*(one.field("y") for one in found), letters.field("y")),
        "time": pl.coalesce(*(one.field("time") for one in found[:2])),
        "zone": pl.coalesce(*(one.field("zone") for one in found[:2])),
        "in_letters": month.is_not_null(),
    }


def _day(field: str) -> pl.Expr:
    """The real day that day, month and year make, null otherwise."""
    known = understood("dates")
    pivot = known["pivot_birth"] if field in known["partial"] else known["pivot"]
    year = pl.col("y").cast(pl.Int32)
    century = pl.when(year < pivot).then(2000).otherwise(1900)
    full = pl.when(pl.col("y").str.len_chars() == 2).then(year + century).otherwise(year)
    written = pl.concat_str(full.cast(pl.String).str.zfill(4), "m", "d", separator="-").str.to_date(
        "%Y-%m-%d", strict=False
    )
    day = pl.when(written.dt.year() >= _OLDEST).then(written)
    # A machine that writes in UTC puts midnight in Paris on the day before.
    clock = pl.concat_str(day.cast(pl.String), pl.col("time").str.slice(0, 5), separator=" ")
    instant = clock.str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="us")
    paris = instant.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris").dt.date()
    utc = pl.col("zone").is_in(["Z", "+00:00", "+0000"]) & (pl.col("time").str.slice(0, 5) != "00:00")
    return pl.when(utc.fill_null(value=False)).then(paris).otherwise(day)


def _partial() -> pl.Expr:
    cell = pl.col("cell")
    year = pl.coalesce(*(cell.str.extract(_PARTIAL[0], group) for group in (1, 2, 3)))
    month = cell.str.extract(_PARTIAL[1]).str.replace("-", "/", literal=True)
    as_is = pl.when(cell.str.contains(_PARTIAL_AS_IS) & ~cell.str.starts_with("00/")).then(cell)
    return pl.coalesce(year, month, as_is)


def _endless() -> pl.Expr:
    far = pl.col("day").dt.year() >= understood("dates")["endless_from"]
    return pl.col("word").is_in(_endless_keys()) | far.fill_null(value=False)


@cache
def _months() -> dict[str, str]:
    months = understood("dates")["months"]
    return dict(zip(keys(list(months)), (f"{number:02}" for number in months.values()), strict=True))


@cache
def _endless_keys() -> list[str]:
    return keys(understood("dates")["endless_words"])
