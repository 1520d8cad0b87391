"""Birth places: a commune or a country existed, or not, on the day of birth."""

import time
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.reference import (
    commune_intervals,
    commune_is_split_city_expr,
    commune_known_expr,
    commune_search,
    commune_successors,
    commune_valid_expr,
    communes,
    communes_at,
    countries_at,
    country_known_expr,
    country_valid_expr,
    is_france_expr,
)


def answer(expr: pl.Expr) -> bool | None:
    found: bool | None = pl.select(expr).item()
    return found


def valid(code: str | None, at: date | None) -> bool | None:
    return answer(commune_valid_expr(pl.lit(code, pl.String), pl.lit(at, pl.Date)))


def known(code: str | None) -> bool | None:
    return answer(commune_known_expr(pl.lit(code, pl.String)))


@pytest.mark.parametrize(
    ("code", "at", "expected"),
    [
        ("20004", date(1975, 12, 31), True),  # Ajaccio before Corsica was split
        ("20004", date(1976, 1, 1), False),
        ("2A004", date(1975, 12, 31), False),
        ("2A004", date(1976, 1, 1), True),
        ("97608", date(2011, 3, 30), False),  # Mayotte
        ("97608", date(2011, 3, 31), True),
        ("97123", date(2007, 7, 14), True),  # Saint-Barthélemy
        ("97123", date(2007, 7, 15), False),
        ("97701", date(1960, 1, 1), True),  # a collectivity: its dates are unknown, so it always holds
        ("75056", date(1980, 1, 1), True),
        ("75101", date(1980, 1, 1), True),
        ("39378", date(1930, 5, 1), True),  # before INSEE's history: read as its first day
        ("99999", date(1980, 1, 1), False),
        (None, date(1980, 1, 1), None),
        ("75056", None, None),
    ],
)
def test_commune_at_birth(code: str | None, at: date | None, expected: bool | None) -> None:
    assert valid(code, at) is expected


def test_what_the_files_do_not_hold_is_not_evaluable() -> None:
    assert valid("91352", date(1960, 1, 1)) is None  # perhaps Algeria
    assert valid("91999", date(1970, 1, 1)) is False
    assert valid("91228", date(1960, 1, 1)) is False  # Évry is known, and younger
    assert valid("98511", date(2000, 1, 1)) is None  # Mayotte's older codes
    assert known("98511") is None
    assert known("00000") is False
    assert known("20004") is True
    assert known(None) is None


def test_a_restored_commune_has_a_hole() -> None:
    twice = commune_intervals().group_by("code").len().filter(pl.col("len") > 1)
    assert twice.height == 268
    first, second = (commune_intervals().filter(pl.col("code") == twice["code"].min())["valid_to", "valid_from"]).rows()
    hole = pl.date_range(first[0], second[1], closed="left", eager=True)
    frame = pl.DataFrame({"code": [twice["code"].min()] * 2, "at": [hole[0], second[1]]})
    assert frame.select(commune_valid_expr(pl.col("code"), pl.col("at"))).to_series().to_list() == [False, True]


def test_births_in_split_cities_are_coded_by_arrondissement() -> None:
    codes = pl.DataFrame({"code": ["75056", "13055", "69123", "75101", None]})
    assert codes.select(commune_is_split_city_expr(pl.col("code"))).to_series().to_list() == [True] * 3 + [False, None]


def test_number_of_communes_is_the_official_one() -> None:
    # INSEE's counts on 1 January, overseas collectivities left out.
    for year, count in {2015: 36_658, 2016: 35_885, 2019: 34_970, 2023: 34_945, 2025: 34_875}.items():
        assert communes_at(date(year, 1, 1)).filter(pl.col("kind") == "commune").height == count


@given(st.integers(0, commune_successors().height - 1))
def test_a_successor_exists_from_the_day_of_the_change(row: int) -> None:
    code, day, successor = commune_successors().row(row)
    assert code != successor
    assert valid(successor, day) is True
    assert valid(code, day) is False


def test_every_code_that_ended_has_a_successor() -> None:
    ended = commune_intervals().drop_nulls("valid_to").select("code", date="valid_to")
    assert ended.join(commune_successors(), on=["code", "date"], how="anti").is_empty()


@given(st.integers(0, communes().height - 1))
def test_each_row_holds_on_its_first_day_and_not_before_the_code_existed(row: int) -> None:
    code, _, start, end, _ = communes().row(row)
    assert valid(code, start or date(1943, 1, 1)) is True
    assert end is None or start is None or start < end


# -- countries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "at", "expected"),
    [
        ("99100", date(1950, 1, 1), True),
        ("99000", date(1950, 1, 1), True),
        ("99352", date(1962, 7, 4), False),  # Algeria before independence
        ("99352", date(1962, 7, 5), True),
        ("99100", date(1900, 1, 1), True),
        ("33000", date(1980, 1, 1), False),
        (None, date(1980, 1, 1), None),
    ],
)
def test_country_at_birth(code: str | None, at: date, expected: bool | None) -> None:
    assert answer(country_valid_expr(pl.lit(code, pl.String), pl.lit(at))) is expected


def test_france_has_two_codes() -> None:
    codes = pl.DataFrame({"code": ["99100", "99000", "99101", None]})
    assert codes.select(is_france_expr(pl.col("code"))).to_series().to_list() == [True, True, False, None]
    assert codes.select(country_known_expr(pl.col("code"))).to_series().to_list() == [True, True, True, None]
    assert countries_at(date(2000, 1, 1)).filter(pl.col("label") == "France")["code"].to_list() == ["99000", "99100"]


# -- search -----------------------------------------------------------------------------------------------------


def shown(name: str, at: date = date(1985, 1, 1), limit: int = 20) -> list[str]:
    return commune_search(name, at, limit)["shown"].to_list()


def test_search_forgives_case_accents_articles_and_saint() -> None:
    assert shown("hay les roses") == shown("L’Haÿ-les-Roses") == ["L'Haÿ-les-Roses (94038)"]
    assert shown("ST ETIENNE", limit=2) == ["Saint-Étienne (04178)", "Saint-Étienne (42218)"]


def test_search_shows_homonyms_exact_names_first() -> None:
    assert shown("saint-denis", limit=6)[:5] == [
        "Saint-Denis (11339)",
        "Saint-Denis (30247)",
        "Saint-Denis (89342)",
        "Saint-Denis (93066)",
        "Saint-Denis (97411)",
    ]
    assert "L'Île-Saint-Denis (93039)" in shown("saint-denis", limit=100)


def test_search_speaks_of_the_day() -> None:
    assert shown("ajaccio", date(1970, 1, 1)) == ["Ajaccio (20004)"]
    assert shown("ajaccio", date(1980, 1, 1)) == ["Ajaccio (2A004)"]


def test_a_code_has_one_name_a_day() -> None:
    for year in (1950, 1977, 1990, 2017, 2026):
        assert communes_at(date(year, 6, 1))["code"].is_unique().all()


def test_search_by_code_or_postcode() -> None:
    assert shown("2a004") == ["Ajaccio (2A004)"]
    assert "Châtillon-sur-Chalaronne (01093)" in shown("01400")


@pytest.mark.parametrize("name", ["", "   ", "Zzz", ".*", "'", "%"])
def test_search_of_nothing_finds_nothing(name: str) -> None:
    assert shown(name) == []


def test_search_answers_while_one_types() -> None:
    commune_search("lyon", date(1985, 1, 1))
    start = time.perf_counter()
    commune_search("saint", date(1985, 1, 1))
    assert time.perf_counter() - start < 0.25  # about 0.01 alone; room for a busy machine
