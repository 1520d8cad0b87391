"""French as it is printed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.reports import french


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("Où : ici ; là ?", "Où\u00a0: ici\u202f; là\u202f?"),
        ("50 % sûr !", "50\u202f% sûr\u202f!"),
        ("dit « oui » ici", "dit «\u00a0oui\u00a0» ici"),
        ("l'ESMS d'ici", "l’ESMS d’ici"),
        ("à 10:30", "à 10:30"),
        ("ligne 12", "ligne\u00a012"),
        ("https://exemple.example/a?b=1", "https://exemple.example/a?b=1"),
    ],
)
def test_spaces_and_apostrophes(written: str, printed: str) -> None:
    assert french.typeset(written) == printed


@given(st.text(alphabet="ab :;?!%«»'1 \u00a0\u202f", max_size=20))
def test_typesetting_twice_changes_nothing_more(text: str) -> None:
    once = french.typeset(text)
    assert french.typeset(once) == once


def test_numbers_and_dates() -> None:
    assert french.number(1234567) == "1\u202f234\u202f567"
    assert french.number(0.5, 1) == "0,5"
    assert french.day(date(2026, 11, 1)) == "1er\u00a0novembre\u00a02026"
    assert french.day(date(2026, 8, 12)) == "12\u00a0août\u00a02026"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0\u202f%"),
        (1, "100\u202f%"),
        (0.5, "50,0\u202f%"),
        (0.99999, "plus de 99,9\u202f%"),
        (0.00001, "moins de 0,1\u202f%"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(value: float, said: str) -> None:
    assert french.share(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1, "1\u00a0jour"),
        (59, "59\u00a0jours"),
        (90, "3\u00a0mois"),
        (365, "1\u00a0an"),
        (800, "2\u00a0ans et 2\u00a0mois"),
    ],
)
def test_a_length_of_time(value: int, said: str) -> None:
    assert french.days(value) == said


def test_plurals_begin_at_two() -> None:
    assert french.counted(0, "constat") == "0\u00a0constat"
    assert french.counted(1, "cheval", "chevaux") == "1\u00a0cheval"
    assert french.counted(2, "cheval", "chevaux") == "2\u00a0chevaux"
