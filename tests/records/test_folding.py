"""Two ways of writing one name compare equal, in the database as in frames."""

from __future__ import annotations

import unicodedata

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpps_audit.records.folding import digits_sql, folded, folded_sql, initial_sql, words

LETTERS = "ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸÑÆŒØŁĐàâäçéèêëîïôöùûüÿñæœøłđ"
SIGNS = " '’‘-–.,\u00a0\u202f\u2009\u200b\t"
NAMES = st.text(st.sampled_from("AZaz09" + LETTERS + SIGNS + "\u0301\u0327"), max_size=12)


def in_sql(texts: list[str], sql: str) -> list[str]:
    connection = duckdb.connect()
    return [row[0] for row in connection.execute(f"SELECT {sql} FROM unnest(?) u(t)", [texts]).fetchall()]


def in_frames(texts: list[str]) -> list[str]:
    return pl.DataFrame({"t": texts}).select(folded(pl.col("t"))).to_series().to_list()


@pytest.mark.parametrize(
    "written",
    ["Sacré-Cœur", "SACRE COEUR", "SACRÉ\u00a0CŒUR", "sacre\u0301 cœur", "Sacré–Cœur.", "SACRE\u200bCOEUR"],
)
def test_one_name_whatever_its_writing(written: str) -> None:
    assert in_sql([written], folded_sql("t")) == ["SACRECOEUR"]
    assert in_frames([written]) == ["SACRECOEUR"]


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=20))
def test_the_database_and_the_frames_fold_alike(texts: list[str]) -> None:
    assert in_sql(texts, folded_sql("t")) == in_frames(texts)


def test_every_accented_latin_letter_folds_alike() -> None:
    latin = [chr(p) for p in range(0xC0, 0x250) if unicodedata.normalize("NFD", chr(p))[0].isascii()]
    assert in_sql(latin, folded_sql("t")) == in_frames(latin)


@settings(deadline=None)
@given(NAMES.filter(lambda text: text[:1].isalpha() and not unicodedata.combining(text[:1])))
def test_names_that_fold_alike_have_the_same_initial(text: str) -> None:
    assert in_sql([text], initial_sql("t"))[0] == in_sql([text], folded_sql("t"))[0][:1]


def test_words_stay_words() -> None:
    frame = pl.DataFrame({"t": ["  Élodie-Anne\u00a0d’Œuvre ", None]})
    assert frame.select(words(pl.col("t"))).to_series().to_list() == ["ELODIE ANNE D OEUVRE", None]


@pytest.mark.parametrize(
    "written",
    [
        "06\u00a039\u202f98\u200900\u200b24",
        "+33 (0)6.39-98/00 24",
        "0033639980024",
        "0639980024",
        "06\u201139\u201198\u201100\u201124",
    ],
)
def test_phones_are_their_last_nine_digits(written: str) -> None:
    assert in_sql([written], digits_sql("t")) == ["639980024"]
