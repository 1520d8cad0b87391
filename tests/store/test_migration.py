"""A store made by the last release opens in this version, and what was decided in it still holds."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from rpps_audit.audit import judged_runs
from rpps_audit.checks import findings, load_catalogue
from rpps_audit.store import FILE_NAME, Store, open_store

RELEASE = Path(__file__).with_name("release-0.1.duckdb.gz")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / FILE_NAME).write_bytes(gzip.decompress(RELEASE.read_bytes()))
    return open_store(tmp_path)


def test_what_was_tolerated_under_an_old_key_still_is(store: Store) -> None:
    """In release 0.1 the second situation of a person in one place was « #2 »."""
    with store:
        runs = judged_runs(store, load_catalogue())
        found = findings(store, runs["run_id"][0])
    tolerated = found.filter(state="tolerated").select("rule_id", "record_key").rows()
    assert tolerated == [("role-absent", "810000000017@690000015#2020-02-01")]


def test_the_files_of_the_store_are_judged_again_with_their_history(store: Store) -> None:
    with store:
        runs = judged_runs(store, load_catalogue())
        states = dict(findings(store, runs["run_id"][0]).select("rule_id", "state").rows())
        days = store.sql("SELECT as_of FROM runs ORDER BY 1").fetchall()
    assert days == [(date(2026, 9, 1),), (date(2026, 11, 1),)]
    assert states["numero-rpps-absent"] == "persisting"


def test_opening_twice_migrates_once(store: Store, tmp_path: Path) -> None:
    store.close()
    with open_store(tmp_path) as again:
        assert again.sql("SELECT count(*) FROM snapshots").fetchone() == (2,)
