"""Invented numbers: true keys, no two alike, nobody's."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from rpps_audit.sample import numbers
from rpps_audit.sample.establishments import spare_finess

ranks = st.lists(st.integers(0, 10**8 - 1), min_size=1, max_size=30, unique=True)


def _ints(values: list[int]) -> numbers.Ints:
    return np.array(values, dtype=np.int64)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_key_makes_the_luhn_sum_a_multiple_of_ten(values: list[int]) -> None:
    keys = numbers.luhn_key(_ints(values))
    assert all(luhn.is_valid(f"{value}{key}") for value, key in zip(values, keys, strict=True))


@given(ranks)
def test_rpps_numbers_are_valid_and_different(values: list[int]) -> None:
    made = numbers.rpps(_ints(values))
    assert made.n_unique() == len(values)
    assert all(number.startswith("10") and len(number) == 11 and luhn.is_valid(number) for number in made)


@given(ranks)
def test_a_broken_key_is_never_valid(values: list[int]) -> None:
    frame = numbers.rpps(_ints(values)).alias("number").to_frame()
    broken = frame.select(numbers.broken_key(pl.col("number"))).to_series()
    assert not any(luhn.is_valid(number) for number in broken)


@given(ranks)
def test_no_two_ranks_share_a_telephone(values: list[int]) -> None:
    made = numbers.mobile(_ints(values))
    assert made.str.replace_all("[^0-9]", "").str.tail(9).n_unique() == len(values)


def test_telephones_are_of_the_ranges_kept_for_fiction() -> None:
    digits = numbers.mobile(_ints([0, 9_999, 10_000, 1_999_999])).str.replace_all("[ .]", "")
    assert digits.to_list() == ["+33639980000", "0639989999", "+999000010000", "+999001999999"]
    assert numbers.landline(_ints([0, 10_000]))[1] == "0261910000"


def test_finess_and_siret_have_true_keys() -> None:
    made = numbers.finess(pl.Series(["01", "69"]), _ints([99_999, 12]))
    assert [len(number) for number in made] == [9, 9]
    assert made[0].startswith("01099999")
    every = [*made, *spare_finess(_ints([0, 9_999, 10_000])), *numbers.siret(_ints([1, 90_000]))]
    assert all(luhn.is_valid(number) for number in every)
