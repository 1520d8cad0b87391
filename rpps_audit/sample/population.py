"""The people of the sample and their situations: clean records, a batch at a time.

A person is a rank. Everything that must be unique is a function of the rank (RPPS number, e-mail, telephone, the pair
of birth name and birth date), everything else is drawn from a generator seeded by the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from rpps_audit import reference
from rpps_audit.sample import numbers
from rpps_audit.sample.establishments import establishments, spare_finess
from rpps_audit.sample.numbers import Ints

BLOCK = 400  # every block of people carries each defect once
BATCH = 250 * BLOCK
FIRST_DAY, LAST_DAY = date(2026, 9, 1), date(2026, 11, 1)

_DATA = Path(__file__).parent / "data"
_FIRST_BIRTH = date(1961, 1, 1)
_BIRTH_DAYS = 14_243  # prime: people of the same slot meet on the same day as seldom as can be; ends on 2000-01-01
_FIRST_START, _START_DAYS = date(2022, 3, 1), 1_600  # the roles exist since 2022-02-25; ends on 2026-07-17
_FIRST_END = date(2026, 4, 1)  # every profession of the sample is in the nomenclature by then
_PER_ESTABLISHMENT = 18


@dataclass(frozen=True)
class Layout:
    """What the slots of a block ask of their people.

    `situations` gives how many situations the person of each slot has (0: as it comes), `closed` marks the slots that
    work in a closed establishment. Both have one entry a slot.
    """

    situations: Ints
    closed: np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class World:
    """What is fixed for a sample: how many people, the seed, where they work (closed establishments come last)."""

    professionals: int
    seed: int
    places: pl.DataFrame
    open_places: int
    layout: Layout

    @classmethod
    def make(cls, professionals: int, seed: int, layout: Layout, count: int | None = None) -> World:
        """A world with one establishment for 18 people, unless `count` says otherwise."""
        count = count or max(20, -(-professionals // _PER_ESTABLISHMENT))
        closed = -(-professionals // BLOCK)
        return cls(professionals, seed, establishments(count, closed, seed), count, layout)

    def batches(self) -> Iterator[pl.DataFrame]:
        """The situations of all the people, in order, about 135 000 lines at a time."""
        for first in range(0, self.professionals, BATCH):
            yield situations(self, first, min(first + BATCH, self.professionals))


def situations(world: World, first: int, last: int) -> pl.DataFrame:
    """The lines of the people `first` to `last`: the typed columns of a registration, and what other files need.

    Beside the store's columns: person, slot, block, rank (of the situation), copy (0), place (row of `world.places`),
    card_until, card_opposed, mailbox, roster_number (the HR file knows the number), roster_end, true_finess,
    true_start, spare_rpps, spare_finess.
    """
    rng = np.random.default_rng([world.seed, 2, first])
    rank = np.arange(first, last)
    people = _people(world, rank, rng)
    asked = world.layout.situations[_slots(world, rank)]
    drawn = rng.choice([1, 2, 3], len(rank), p=[0.60, 0.33, 0.07])
    count = np.where(asked > 0, asked, drawn)
    person = np.repeat(np.arange(len(rank)), count)
    order = np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    plain = np.repeat(asked > 0, count)
    lines = people[person].with_columns(rank=pl.Series(order))
    return _work(world, lines, plain, rng)


def _people(world: World, rank: Ints, rng: np.random.Generator) -> pl.DataFrame:
    count = len(rank)
    slot = _slots(world, rank)
    plain = world.layout.situations[slot] > 0
    woman = rng.random(count) < 0.72
    names = [_first_names(rng, woman, count) for _ in range(3)]
    day = rank * 6_007 % _BIRTH_DAYS
    birth_name = _birth_names(world, rank, day)
    abroad = (rng.random(count) < 0.09) & ~plain
    commune = _communes()[rng.integers(0, _communes().height, count)]
    country = _countries()[rng.integers(0, _countries().height, count)]
    more = rng.random(count)
    married = woman & (rng.random(count) < 0.25)
    frame = pl.DataFrame(
        {
            "person": rank,
            "slot": slot,
            "day": day,
            "block": rank // BLOCK,
            "pp_id": numbers.rpps(rank),
            "birth_name": birth_name,
            "first_names": names[0],
            "second": names[1],
            "third": names[2],
            "birth_commune": commune["code"],
            "birth_place": commune["label"],
            "country": country["code"],
            "city": country["city"],
            "phone": numbers.mobile(rank),
            "spare_rpps": numbers.rpps(10**8 - 1 - rank),
            "spare_finess": spare_finess(rank // BLOCK),
            "used": _family_names().gather(pl.Series(rng.integers(0, _family_names().len(), count))),
            "state": rng.choice(["C", "FC", "FCP"], count, p=[0.8, 0.15, 0.05]),
        }
    )
    first_name, second, third = pl.col("first_names"), pl.col("second"), pl.col("third")
    several = pl.concat_str(
        first_name,
        pl.when(pl.Series(more < 0.7) & (second != first_name)).then(", " + second).otherwise(pl.lit("")),
        pl.when(pl.Series(more < 0.4) & (third != first_name) & (third != second))
        .then(", " + third)
        .otherwise(pl.lit("")),
    )
    born_abroad, is_woman = pl.Series(abroad), pl.Series(woman)
    return frame.select(
        "person",
        "slot",
        "block",
        "pp_id",
        "birth_name",
        "phone",
        "spare_rpps",
        "spare_finess",
        id_type=pl.lit("8"),
        other_ids=pl.lit(None, pl.String),
        professional_id="8" + pl.col("pp_id"),
        first_names=several,
        birth_date=pl.lit(_FIRST_BIRTH) + pl.duration(days="day"),
        birth_date_text=pl.lit(None, pl.String),
        birth_commune=pl.when(~born_abroad).then("birth_commune"),
        birth_place=pl.when(born_abroad).then("city").otherwise("birth_place"),
        birth_country=pl.when(born_abroad).then("country").otherwise(pl.lit("99100")),
        sex=pl.when(is_woman).then(pl.lit("F")).otherwise(pl.lit("M")),
        civility=pl.when(is_woman).then(pl.lit("MME")).otherwise(pl.lit("M")),
        civil_status_state="state",
        exercise_name=pl.when(pl.Series(married & ~plain)).then("used").otherwise("birth_name"),
        exercise_first_name=first_name,
        email=pl.concat_str(
            _address(first_name),
            pl.lit("."),
            _address(pl.col("birth_name")),
            pl.col("person"),
            pl.lit("@courriel.example"),
        ),
        card_until=pl.when(pl.Series((rng.random(count) < 0.1) & ~plain)).then(pl.lit(date(2028, 5, 31))),
        card_opposed=pl.lit(None, pl.Date),
        skilled=pl.lit(value=False),
        graduate=pl.lit(value=False),
        mailbox=pl.Series((rng.random(count) < 0.2) & ~plain),
        roster_number=pl.Series((rng.random(count) < 0.8) | plain),
    )


def _work(
    world: World, lines: pl.DataFrame, plain: np.ndarray[tuple[int], np.dtype[np.bool_]], rng: np.random.Generator
) -> pl.DataFrame:
    """Where, as what, since when and until when: the person's first situation is always open."""
    count = lines.height
    place = _places(world, lines)
    jobs = _jobs()
    job = jobs[rng.choice(jobs.height, count, p=(jobs["weight"] / jobs["weight"].sum()).to_numpy())]
    later = lines["rank"].to_numpy() > 0
    closed = later & ~plain & (rng.random(count) < 0.3)
    start = rng.integers(0, np.where(closed, _START_DAYS // 2, _START_DAYS))
    end = rng.integers(0, 130, count)
    fixed_term = ~closed & ~plain & (rng.random(count) < 0.05)
    draws = pl.DataFrame(
        {
            "place": place,
            "closed": closed,
            "fixed_term": fixed_term,
            "start": start,
            "end": end,
            "horizon": rng.integers(60, 400, count),
            "notice": rng.integers(0, 14, count),
            "confirmed": rng.integers(0, 220, count),
        }
    )
    at = world.places.select(
        "finess", "finess_legal", "siret", "structure_id", "structure_name", "structure_phone", "structure_email"
    )
    begun = pl.lit(_FIRST_START) + pl.duration(days="start")
    ended = (
        pl.when("closed")
        .then(pl.lit(_FIRST_END) + pl.duration(days="end"))
        .when("fixed_term")
        .then(pl.lit(LAST_DAY) + pl.duration(days="horizon"))
    )
    dates = draws.select(
        "place",
        start_date=begun,
        start_date_text=pl.lit(None, pl.String),
        end_date=ended,
        end_date_text=pl.lit(None, pl.String),
        end_reason=pl.when("closed").then(pl.lit("CHL")).when("fixed_term").then(pl.lit("AUT")),
        is_open=pl.col("closed").not_(),
        last_confirmed=pl.when(pl.col("closed").not_()).then(
            pl.max_horizontal(begun, pl.lit(date(2026, 1, 10)) + pl.duration(days="confirmed"))
        ),
        notice_date=begun + pl.duration(days="notice"),
        pending_request_date=pl.lit(None, pl.Date),
        roster_end=pl.lit(None, pl.Date),
    )
    whole = pl.concat([lines, at[place], job.select("profession", "role"), dates], how="horizontal")
    return whole.with_columns(
        # The identity is checked before the first registration: one day for all the lines of a person.
        face_to_face_date=pl.col("start_date").min().over("person") - pl.duration(days=5),
        national_profession=pl.lit("99"),
        authority=pl.lit("ENREG/ENREG/ENREG"),
        true_finess="finess",
        true_start="start_date",
        copy=pl.lit(0),
    )


def _places(world: World, lines: pl.DataFrame) -> Ints:
    """The establishment of each line. The two people of a pair of ranks never work in the same one."""
    person, rank = lines["person"].to_numpy(), lines["rank"].to_numpy()
    mixed = person // 2 * 2_654_435_761 % 2**32 / 2**32  # a fraction drawn from the pair, the same in every batch
    first = (mixed**1.3 * world.open_places).astype(np.int64)
    chosen = (first + person % 2 + rank * 5) % world.open_places
    return np.where(world.layout.closed[lines["slot"].to_numpy()], world.open_places + person // BLOCK, chosen)


def _slots(world: World, rank: Ints) -> Ints:
    """The place of each person in their block; -1, which carries nothing, in the last block when it is not whole."""
    return np.where(rank < world.professionals // BLOCK * BLOCK, rank % BLOCK, -1)


def _birth_names(world: World, rank: Ints, day: Ints) -> pl.Series:
    """A name for each person: two people born on the same day never have the same.

    People born on the same day differ by `rank // days`, which moves the name on. Beyond what the list can tell apart,
    names are doubled.
    """
    names = _family_names()
    rounds = -(-world.professionals // _BIRTH_DAYS)
    size = len(names) * -(-rounds // len(names))
    shift = np.random.default_rng([world.seed, 3]).integers(0, size, _BIRTH_DAYS)
    chosen = (shift[day] + rank // _BIRTH_DAYS * 101) % size
    single = names.gather(pl.Series(chosen % len(names)))
    if size == len(names):
        return single
    double = names.gather(pl.Series((chosen + chosen // len(names) * 37) % len(names)))
    doubled = pl.Series(chosen >= len(names))
    frame = pl.DataFrame({"single": single, "double": double, "doubled": doubled})
    return frame.select(
        pl.when("doubled").then(pl.concat_str("single", pl.lit("-"), "double")).otherwise("single")
    ).to_series()


def _first_names(rng: np.random.Generator, woman: np.ndarray[tuple[int], np.dtype[np.bool_]], count: int) -> pl.Series:
    women, men = _lines("first-names-women.txt"), _lines("first-names-men.txt")
    drawn = rng.random(count) ** 1.5  # the frequent names come first
    index = np.where(woman, drawn * len(women), len(women) + drawn * len(men)).astype(np.int64)
    return pl.concat([women, men]).gather(pl.Series(index))


def _address(name: pl.Expr) -> pl.Expr:
    return reference.normalise(name).str.to_lowercase().str.replace_all(" ", "-", literal=True)


@cache
def _lines(file: str) -> pl.Series:
    return pl.Series((_DATA / file).read_text("utf-8").splitlines())


def _family_names() -> pl.Series:
    return _lines("family-names.txt")


@cache
def _jobs() -> pl.DataFrame:
    return pl.read_csv(_DATA / "jobs.csv", schema={"profession": pl.String, "role": pl.String, "weight": pl.Float64})


@cache
def _countries() -> pl.DataFrame:
    return pl.read_csv(_DATA / "birth-countries.csv", infer_schema=False)


@cache
def _communes() -> pl.DataFrame:
    """Where people are born: towns, mostly; each existed under its code all the time since 1943.  [code, label]"""
    codes = reference.commune_intervals().filter(pl.col("valid_from").is_null(), pl.col("valid_to").is_null())
    label = reference.communes_at(_FIRST_BIRTH).filter(pl.col("kind") != "overseas").select("code", "label")
    forever = (
        label.join(codes, on="code", how="semi").filter(~pl.col("code").is_in(reference.SPLIT_CITIES)).sort("code")
    )
    towns = forever.filter(pl.col("code").is_in(_lines("birth-cities.txt").implode()))
    villages = forever.gather_every(40)
    return pl.concat([towns] * 40 + [villages])
