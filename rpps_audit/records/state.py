"""The state of the register: for a day, the latest file of each series of each kind, together.

This is what is judged, compared, exposed and corrected. Asking for the same day again, with the same files loaded,
gives the same state: nothing depends on the order in which questions were asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from rpps_audit.records.keyed import ensure_keys
from rpps_audit.store import Store, fetch_frame

# The extracts that say who is registered, the one that tells most first.
REGISTRATION_KINDS = ("suivi", "annuaire-restreint", "annuaire-public")
# What is known best today, whatever day is asked: their lines carry their own dates of validity.
REFERENCE_KINDS = ("finess", "cog")

_SNAPSHOTS = """
    SELECT snapshot_id, kind, series, layout, file_name, data_date, columns, rows_kept FROM snapshots
    ORDER BY kind, series, data_date, snapshot_id"""


@dataclass(frozen=True)
class State:
    """The register on the day `as_of`.

    `snapshots` has one row per file of the state: snapshot_id, kind, series, layout, file_name, data_date, columns,
    rows_kept.
    """

    as_of: date
    snapshots: pl.DataFrame = field(repr=False)

    @property
    def name(self) -> str:
        """As said to the reader, in French."""
        count = self.snapshots.height
        return f"état du {self.as_of:%d/%m/%Y} ({count} fichier{'s' * (count > 1)})"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of registration it holds, the one that tells most first."""
        held = set(self.snapshots["kind"])
        return tuple(kind for kind in REGISTRATION_KINDS if kind in held)

    @property
    def primary(self) -> str | None:
        """The kind that tells most of situations; None when nobody is registered in it."""
        return next(iter(self.kinds), None)

    def files(self, kind: str) -> tuple[int, ...]:
        """The snapshots of a kind, sorted."""
        return tuple(self.snapshots.filter(pl.col("kind") == kind)["snapshot_id"].sort())

    def sources(self, kind: str) -> dict[str, tuple[int, ...]]:
        """By kind, the files that a kind of registration is compared with."""
        return {other: self.files(other) for other in sorted(set(self.snapshots["kind"]) - {kind})}

    def later(self, kind: str) -> tuple[int, ...]:
        """The files of a kind whose data are later than the day asked."""
        mine = self.snapshots.filter((pl.col("kind") == kind) & (pl.col("data_date") > self.as_of))
        return tuple(mine["snapshot_id"].sort())

    def carried(self, kind: str) -> dict[int, frozenset[str]]:
        """By snapshot of a kind, the typed columns its file really carries."""
        mine = self.snapshots.filter(pl.col("kind") == kind)
        return {row[0]: frozenset(row[1]) for row in mine.select("snapshot_id", "columns").rows()}

    def without(self, snapshots: frozenset[int]) -> State:
        """The same day without some files."""
        return State(self.as_of, self.snapshots.filter(~pl.col("snapshot_id").is_in(list(snapshots))))

    def label(self, kind: str) -> str:
        """The files of a kind, as said to the reader."""
        names = self.snapshots.filter(pl.col("kind") == kind)["file_name"].to_list()
        if len(names) <= 1:
            return names[0] if names else ""
        return f"{names[0]} et {len(names) - 1} autre{'s' * (len(names) > 2)}"


def state_at(store: Store, day: date | None = None) -> State:
    """The state of the register on a day; on the last day that a file about people speaks of when none is asked.

    Of registrations, only files of that day or before, unless none is that old. Of what they are compared with, the
    nearest: later files where no earlier one exists, so that an old extract is judged with what was known of its time.
    """
    ensure_keys(store)
    every = fetch_frame(store.sql(_SNAPSHOTS))
    as_of = day or last_day(every) or date.today()
    return State(as_of, _chosen(every, as_of))


def state_of(store: Store, snapshot_ids: list[int], as_of: date | None = None) -> State:
    """The state made of these files only, on their last day unless another is given."""
    ensure_keys(store)
    every = fetch_frame(store.sql(_SNAPSHOTS)).filter(pl.col("snapshot_id").is_in(snapshot_ids))
    return State(as_of or last_day(every) or date.today(), every)


def state_around(store: Store, snapshot_id: int) -> State:
    """The state of a file's own day, with that file alone of its kind."""
    row = store.one("SELECT kind, data_date FROM snapshots WHERE snapshot_id = ?", [snapshot_id])
    kind, day = row if row is not None else ("", date.today())
    around = state_at(store, day).snapshots.filter(pl.col("kind") != kind)["snapshot_id"]
    return state_of(store, [snapshot_id, *around], day)


def state_days(store: Store) -> list[date]:
    """The days whose states tell the history: each closes a round of deliveries, in which no series comes twice.

    The last is the day of the present state. Fifty establishments that deliver in one month make one round.
    """
    every = fetch_frame(store.sql(_SNAPSHOTS))
    registered = every.filter(pl.col("kind").is_in(REGISTRATION_KINDS)).sort("data_date", "snapshot_id")
    rounds: list[date] = []
    seen: set[str] = set()
    last: date | None = None
    for series, day in registered.select("series", "data_date").rows():
        if series in seen and last is not None and day > last:
            rounds.append(last)
            seen = set()
        seen.add(series)
        last = day
    today = last_day(every)
    return sorted({*rounds, *([today] if last is not None and today else [])})


def last_day(snapshots: pl.DataFrame) -> date | None:
    """The last day that files about people speak of; references are dated by their publisher and say nothing of it."""
    people = snapshots.filter(~pl.col("kind").is_in(REFERENCE_KINDS))
    found = (people if people.height else snapshots)["data_date"].max()
    return found if isinstance(found, date) else None


def _chosen(every: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One snapshot per series."""
    known, registered = pl.col("data_date") <= as_of, pl.col("kind").is_in(REGISTRATION_KINDS)
    reference = pl.col("kind").is_in(REFERENCE_KINDS)
    # The latest known; among later ones, the nearest.
    distance = (pl.col("data_date") - pl.lit(as_of)).dt.total_days()
    rank = pl.when(known | reference).then(distance).otherwise(-distance)
    best = (
        every.with_columns(known=known | reference, rank=rank)
        .sort("kind", "series", "known", "rank", "snapshot_id", descending=[False, False, True, True, True])
        .unique(["kind", "series"], keep="first", maintain_order=True)
    )
    old_enough = pl.col("known") | ~pl.col("known").any().over("kind")
    return best.filter(~registered | old_enough).drop("known", "rank").sort("kind", "series")
