"""Labels that stand for registry numbers."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.errors import UsageError
from rpps_audit.privacy import KEY_FILE, Pseudonyms, open_pseudonyms

KEY = bytes(range(32))
NUMBER = "810000000017"


def test_a_label_is_stable_in_a_workspace_and_differs_in_another(tmp_path: Path) -> None:
    here = open_pseudonyms(tmp_path / "a").label(NUMBER)
    assert here == open_pseudonyms(tmp_path / "a").label(NUMBER)
    assert here != open_pseudonyms(tmp_path / "b").label(NUMBER)


def test_a_label_is_short_readable_and_depends_on_the_whole_key() -> None:
    label = Pseudonyms(KEY).label(NUMBER)
    assert re.fullmatch(r"P-[A-Z2-7]{8}", label)
    assert Pseudonyms(KEY[:-1] + b"\xff").label(NUMBER) != label


def test_the_prefix_keeps_kinds_apart() -> None:
    pseudonyms = Pseudonyms(KEY)
    assert pseudonyms.label(NUMBER, "S")[2:] != pseudonyms.label(NUMBER, "P")[2:]


@given(st.lists(st.none() | st.text(max_size=12), max_size=30))
def test_labels_of_a_column_are_those_of_its_values(values: list[str | None]) -> None:
    pseudonyms = Pseudonyms(KEY)
    labels = pseudonyms.labels(pl.Series(values, dtype=pl.String)).to_list()
    assert labels == [None if value is None else pseudonyms.label(value) for value in values]


def test_the_key_is_private_and_not_shown(tmp_path: Path) -> None:
    pseudonyms = open_pseudonyms(tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert pseudonyms.key.hex() not in repr(pseudonyms)
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_damaged_key_is_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    path.write_text("abc")
    path.chmod(0o600)
    with pytest.raises(UsageError, match="abîmée"):
        open_pseudonyms(tmp_path)
    assert path.read_text() == "abc"


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    open_pseudonyms(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        open_pseudonyms(tmp_path)
