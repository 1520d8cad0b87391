"""Files that were dropped, looked at before they are loaded: what must be asked of whoever drops them.

A file whose data are of a day to come is refused. One without a date in its name, or that holds the establishments of a
file of the same kind under another name, is loaded only once the question is answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest import recognise
from rpps_audit.ingest.naming import date_in
from rpps_audit.ingest.sources import Source
from rpps_audit.records import REGISTRATION_KINDS
from rpps_audit.store import Store, fetch_frame

# From this share of its establishments on, a file may stand for another one of its kind.
_ALIKE = 0.5
_READ_BYTES = 64 << 20
_DATED_KINDS = (*REGISTRATION_KINDS, "rh")
_NUMBER = re.compile(rb"(?<![0-9A-Z])[0-9][0-9AB][0-9]{7}(?![0-9A-Z])")
_DATED = re.compile(r"(?<!\d)(?:19|20)\d\d[-_]?\d\d[-_]?\d\d(?!\d)")


@dataclass(frozen=True)
class Arrival:
    """One file. `day`: of its data, None when its name does not say; `dated`: its kind has one. `like`: the file it may
    replace (number, name), from its content; None when there is none, or when its name already says so."""

    path: Path
    day: date | None
    dated: bool = True
    like: tuple[int, str] | None = None

    @property
    def asks_day(self) -> bool:
        """The day of its data must be said."""
        return self.dated and self.day is None

    @property
    def asks(self) -> bool:
        """Something must be answered first."""
        return self.asks_day or self.like is not None


def look(store: Store | None, path: Path, today: date) -> Arrival:
    """What is known of a file before it is loaded. Raises UnreadableInputError for one that tells of the future."""
    day = Source(path).data_date()
    if day is not None and day > today:
        raise UnreadableInputError(
            f"{path.name} : son nom dit que ses données sont du {day:%d/%m/%Y}, qui est à venir. Rien n’est chargé : "
            "corrigez la date dans le nom du fichier, ou retirez-la pour qu’elle vous soit demandée."
        )
    layout = recognise(path).layout
    # What is nothing known is refused when it is loaded, and reference files have no day of their own.
    if layout is None or layout.kind not in _DATED_KINDS:
        return Arrival(path, day, dated=False)
    arrival = Arrival(path, day)
    if store is None or path.suffix.lower() == ".zip":
        return arrival
    return replace(arrival, like=_like(store, path, layout.kind))


def answered(arrival: Arrival, day: date) -> Path:
    """The file under a name that says the day that was answered."""
    path, named = arrival.path, date_in(arrival.path.name)
    if named is not None and named.day == day:
        return path
    dated = path.with_name(f"{_DATED.sub('', path.stem).strip('-_ ') or 'extraction'}-{day:%Y-%m-%d}{path.suffix}")
    return path.replace(dated) if path.exists() else dated


def _like(store: Store, path: Path, kind: str) -> tuple[int, str] | None:
    source = Source(path)
    there = fetch_frame(store.sql(_SERIES, [kind, source.series(kind)]))
    if there.is_empty() or store.one("SELECT 1 FROM snapshots WHERE series = ?", [source.series(kind)]):
        return None
    here = _numbers(path)
    counts = (
        fetch_frame(store.sql(_PLACES, [there["snapshot_id"].to_list()]))
        .with_columns(common=pl.col("finess").is_in(list(here)))
        .group_by("snapshot_id").agg(pl.col("common").mean().alias("share"))
        .filter(pl.col("share") >= _ALIKE).sort("share", "snapshot_id", descending=True)
    )  # fmt: skip
    if counts.is_empty():
        return None
    chosen = there.filter(pl.col("snapshot_id") == counts["snapshot_id"][0]).row(0, named=True)
    return int(chosen["snapshot_id"]), str(chosen["file_name"])


def _numbers(path: Path) -> frozenset[str]:
    """The FINESS-like numbers a file holds, wherever they stand."""
    if path.suffix.lower() == ".xlsx":
        sheets = pl.read_excel(path, sheet_id=0, infer_schema_length=0)
        content = "\n".join(frame.write_csv() for frame in sheets.values()).encode()
    else:
        with path.open("rb") as file:
            content = file.read(_READ_BYTES)
    return frozenset(number.decode() for number in _NUMBER.findall(content))


# The last file of each other series of the kind.
_SERIES = """
    SELECT snapshot_id, file_name FROM snapshots WHERE kind = ? AND series <> ?
    QUALIFY row_number() OVER (PARTITION BY series ORDER BY data_date DESC, snapshot_id DESC) = 1"""
_PLACES = """SELECT DISTINCT snapshot_id, finess FROM registrations
             WHERE list_contains(?, snapshot_id) AND finess IS NOT NULL"""
