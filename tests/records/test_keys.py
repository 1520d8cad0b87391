"""Keys: their grammar, people without a number, and those who cannot be told apart."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.audit import check
from rpps_audit.checks import Catalogue, findings
from rpps_audit.records import AMBIGUOUS, RecordKey, moved, open_state, person_of, place_of, state_at
from rpps_audit.store import Store, memory_store
from tests.checks.literal import person, rule, snapshot

BORN = {"birth_name": "ROUX", "first_names": "Ida, Ève", "birth_date": date(1990, 1, 2)}
ROLE_REQUIRED = rule("required", "situation", "role")
keys = st.builds(
    RecordKey,
    st.sampled_from(["810000000017", "id:0a1b2c", "ambigu:0a1b2c"]),
    st.sampled_from(["690000015", "C49940088500020", "?"]),
    st.none() | st.dates(),
    st.integers(1, 3),
)


@given(keys)
def test_a_key_reads_back_as_it_was_written(record: RecordKey) -> None:
    frame = pl.DataFrame({"key": [str(record)]})
    assert RecordKey.parse(str(record)) == record
    assert frame.select(person_of(pl.col("key")), place=place_of(pl.col("key"))).row(0) == (record.person, record.place)


def test_a_key_follows_what_is_corrected() -> None:
    frame = pl.DataFrame({"key": ["8001@69#2024-01-01.2", "8001@69", "8001"], "to": ["42", None, None]})
    began = pl.Series([None, "2025-02-01", None], dtype=pl.String)
    assert frame.select(moved(pl.col("key"), pl.col("to"), pl.lit(began))).to_series().to_list() == [
        "8001@42#2024-01-01.2",
        "8001@69#2025-02-01",
        "8001",
    ]


def unnumbered(**other: object) -> dict[str, object]:
    return person(1, **{"professional_id": None, "pp_id": None, **BORN, **other})


def people(store: Store) -> list[str]:
    with open_state(store, state_at(store), "suivi") as reader:
        return [row[0] for row in reader.execute("SELECT person_key FROM situation ORDER BY line").fetchall()]


def test_without_a_number_a_person_is_known_by_civil_identity() -> None:
    rows = [
        unnumbered(),
        unnumbered(finess="690000023", birth_name="Roux"),
        unnumbered(birth_name="MARTIN"),
        unnumbered(birth_commune="69381"),
    ]
    with memory_store() as store:
        snapshot(store, "suivi", rows)
        first, again, other, elsewhere = people(store)
    assert first == again
    assert len({first, other, elsewhere}) == 3
    assert "ROUX" not in first


@pytest.mark.parametrize(
    "rows",
    [
        [unnumbered(sex="F"), unnumbered(sex="M", finess="690000023")],
        [unnumbered(birth_date=None, email="a@b.fr"), unnumbered(birth_date=None, email="c@d.fr")],
        [unnumbered(birth_name=None, first_names=None)],
    ],
    ids=["two sexes", "no date of birth, two contents", "no name"],
)
def test_people_who_cannot_be_told_apart_are_ambiguous(rows: list[dict[str, object]]) -> None:
    with memory_store() as store:
        snapshot(store, "suivi", rows)
        assert all(name.startswith(AMBIGUOUS) for name in people(store))


def test_nothing_is_followed_for_the_ambiguous() -> None:
    rows = [unnumbered(sex="F", role=None), unnumbered(sex="M", role=None, finess="690000023")]
    with memory_store() as store:
        snapshot(store, "suivi", rows, day=date(2026, 9, 1))
        snapshot(store, "suivi", rows, day=date(2026, 11, 1))
        run = check(store, Catalogue((ROLE_REQUIRED,)))[0]
        assert set(findings(store, run.run_id)["state"]) == {"new"}


def test_a_record_goes_on_under_the_number_that_arrives() -> None:
    with memory_store() as store:
        snapshot(store, "suivi", [unnumbered(role=None)], day=date(2026, 9, 1))
        snapshot(store, "suivi", [person(1, **BORN, birth_commune="69381", role=None)], day=date(2026, 11, 1))
        run = check(store, Catalogue((ROLE_REQUIRED,)))[0]
        assert findings(store, run.run_id).select("record_key", "state").rows() == [
            (f"8{1:011d}@690000015#2024-01-01", "persisting")
        ]


def test_two_homonyms_arriving_are_not_taken_for_the_one_before() -> None:
    with memory_store() as store:
        snapshot(store, "suivi", [unnumbered(role=None)], day=date(2026, 9, 1))
        arrived = [person(number, **BORN, role=None) for number in (1, 2)]
        snapshot(store, "suivi", arrived, day=date(2026, 11, 1))
        run = check(store, Catalogue((ROLE_REQUIRED,)))[0]
        states = findings(store, run.run_id)["state"].to_list()
        assert sorted(states) == ["new", "new", "vanished"]
