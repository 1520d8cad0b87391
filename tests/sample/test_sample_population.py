"""People who could exist, no two of whom can be taken for each other."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from rpps_audit import reference
from rpps_audit.sample.population import BLOCK, Layout, World, situations

NOTHING = Layout(np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.bool_))


@pytest.fixture(scope="module")
def world() -> World:
    return World.make(30_000, 7, NOTHING)


@pytest.fixture(scope="module")
def lines(world: World) -> pl.DataFrame:
    return pl.concat(world.batches())


def test_everybody_has_at_least_one_open_situation(lines: pl.DataFrame) -> None:
    assert lines["person"].n_unique() == 30_000
    assert lines.filter(rank=0)["is_open"].all()
    assert 1.3 < lines.height / 30_000 < 1.6


@pytest.mark.parametrize("column", ["pp_id", "email", "phone"])
def test_what_identifies_is_not_shared(lines: pl.DataFrame, column: str) -> None:
    assert lines.filter(rank=0)[column].n_unique() == 30_000


def test_birth_name_and_date_identify(lines: pl.DataFrame) -> None:
    folded = lines.filter(rank=0).select(
        reference.normalise(pl.col("birth_name")).str.replace_all("[^A-Z]", ""), "birth_date"
    )
    assert folded.n_unique() == 30_000


def test_names_are_doubled_when_the_list_is_too_short() -> None:
    many = World.make(12_000_000, 7, NOTHING, count=20)
    tail = situations(many, 11_990_000, 11_991_000)
    start = situations(many, 0, 1_000)
    assert tail["birth_name"].str.contains("-").mean() > 0.3  # type: ignore[operator]
    assert pl.concat([start, tail]).filter(rank=0).select("birth_name", "birth_date").n_unique() == 2_000


def test_birth_places_existed_on_the_day(lines: pl.DataFrame) -> None:
    commune = reference.commune_valid_expr(pl.col("birth_commune"), pl.col("birth_date"))
    country = reference.country_valid_expr(pl.col("birth_country"), pl.col("birth_date"))
    asked = lines.select(commune=commune.fill_null(value=True), country=country)
    assert asked["commune"].all()
    assert asked["country"].all()
    assert lines.filter(pl.col("birth_commune").is_null())["birth_country"].is_in(["99100"]).sum() == 0


def test_nobody_starts_as_a_child_nor_after_the_first_file(lines: pl.DataFrame) -> None:
    age = (lines["start_date"] - lines["birth_date"]).dt.total_days() / 365.25
    assert age.min() > 18  # type: ignore[operator]
    assert lines["start_date"].max() < date(2026, 9, 1)  # type: ignore[operator]
    assert (lines["last_confirmed"].drop_nulls() >= date(2026, 1, 10)).all()


def test_a_person_works_once_in_a_place_and_pairs_never_share_one(lines: pl.DataFrame) -> None:
    assert lines.select("person", "finess").is_unique().all()
    first = lines.filter(rank=0).sort("person")
    pairs = first.select("finess", other=pl.col("finess").shift(1)).gather_every(2, 1)
    assert (pairs["finess"] != pairs["other"]).all()


def test_establishments_have_numbers_of_their_own(world: World) -> None:
    assert world.places["finess"].n_unique() == world.places.height
    assert not set(world.places["finess"]) & set(world.places["finess_legal"])
    assert world.places["closed_on"].is_not_null().sum() == 30_000 // BLOCK
    assert World.make(800, 7, NOTHING).open_places == 45
