"""Corrections have an algebra: what is undone never was, whatever the order; and many are as easy as one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpps_audit.batches.package import Options
from rpps_audit.batches.prepare import prepare
from rpps_audit.batches.verify import verify
from rpps_audit.corrections.deciding import undo
from rpps_audit.corrections.proposing import propose
from rpps_audit.corrections.values import field_values
from rpps_audit.ingest import load
from rpps_audit.records import state_at as now
from rpps_audit.store import memory_store, open_store
from tests.batches.test_batches import AT, registered, restricted
from tests.checks.literal import key, person, snapshot
from tests.corrections.literal import EMAIL, authorisation, change, desk, proposals

FIELDS = [
    ("professional", f"8{1:011d}", "email"),
    ("professional", f"8{2:011d}", "email"),
    ("situation", key(1), "role"),
    ("situation", key(1), "end_date"),
]
VALUES = {
    "email": ["a@b.fr", "c@d.fr", None],
    "role": ["GENR08", "GENR11"],
    "end_date": ["2026-10-01", "2026-10-02", None],
}


@st.composite
def histories(draw):
    """Some changes of some fields, and an order in which to take them all back."""
    made = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=6))
    steps = [(place, draw(st.sampled_from(VALUES[place[2]]))) for place in made]
    return steps, draw(st.permutations(range(len(steps))))


def held(store) -> list:
    return field_values(store, now(store), proposals(*(change(*place, None) for place in FIELDS)))["value"].to_list()


@settings(max_examples=15, deadline=None)
@given(histories())
def test_apply_and_undo_in_any_order_give_the_original(history):
    steps, order = history
    with memory_store() as store, tempfile.TemporaryDirectory() as folder:
        snapshot(store, "suivi", [person(1, email="x@y.fr"), person(2)])
        table, who = desk(store, Path(folder)), authorisation()
        original, written, last = held(store), [], {}
        for place, new in steps:
            one = proposals(change(*place, new, previous_id=last.get(place)))
            numbers = propose(table, who, now(table.store), one, reason="x").accepted["correction_id"].to_list()
            written += numbers
            last |= dict.fromkeys([place] * len(numbers), numbers[0] if numbers else None)
        expected = dict(zip(FIELDS, original, strict=True)) | dict(steps)
        assert held(store) == list(expected.values())
        for place in [index for index in order if index < len(written)]:
            undo(table, who, [written[place]], reason="x")
        assert held(store) == original
        assert store.sql("SELECT count(*) FROM registrations WHERE email = 'x@y.fr'").fetchone() == (1,)


@pytest.mark.slow
def test_ten_thousand_corrections_in_seconds(tmp_path):
    people = [
        registered(1).replace("10000000001", f"{10_000_000_000 + number}").replace("p1@", f"p{number}@")
        for number in range(10_000)
    ]
    with open_store(tmp_path / "espace") as store:
        load(store, [restricted(tmp_path, *people)])
        table, who = desk(store, tmp_path / "espace", EMAIL), authorisation()
        keys = [f"8{10_000_000_000 + number}" for number in range(10_000)]
        wanted = pl.DataFrame({"record_key": keys}).with_columns(
            table=pl.lit("professional"), column=pl.lit("email"), new=pl.format("n{}@exemple.fr", "record_key")
        )
        start = time.perf_counter()
        assert propose(table, who, now(table.store), wanted, reason="changement de domaine").accepted.height == 10_000
        proposed = time.perf_counter() - start
        made = prepare(table, who, at=AT, options=Options(pdf=False))
        prepared = time.perf_counter() - start - proposed
        assert (made.changes, made.persons) == (10_000, 10_000)
        assert verify(made.path).intact
    print(f"proposed in {proposed:.1f} s, prepared in {prepared:.1f} s")
    assert proposed + prepared < 60
