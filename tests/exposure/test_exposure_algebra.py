"""Laws of exposure on arbitrary people, and a naive count day by day."""

from collections.abc import Iterator
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registered import GRANTS, HERE, THERE, TODAY, forget, held, matrix, register

from rpps_audit.exposure import Exposure, compute_exposure, what_if
from rpps_audit.store import memory_store

ROLES = ("GENR08", "GENR09", "GENR11")
days = st.integers(0, 12).map(lambda n: TODAY - timedelta(n))
situations = st.lists(
    st.builds(
        lambda person, role, place, start, gone, is_open: held(
            person, role, place, start_date=start, since=gone, is_open=is_open, end_date=None if is_open else gone
        ),
        st.sampled_from(["P1", "P2"]),
        st.sampled_from([*ROLES, "GENR99"]),
        st.sampled_from([HERE, THERE]),
        days,
        st.none() | days.map(lambda day: day - timedelta(1)),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=6,
)
grants = st.fixed_dictionaries({role: st.text("abcd", max_size=4) for role in ROLES}).map(lambda g: matrix(**g))
calm = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def shared() -> Iterator[object]:
    with memory_store() as opened:
        yield opened


def exposed(store, people, access=GRANTS) -> Exposure:
    forget(store)
    return compute_exposure(store, [register(store, people)], access, TODAY)


def naive(people, access):
    """(person, document, day) open, and those open through forgotten situations only, one day at a time."""
    opened, justified = set(), set()
    for situation in people:
        if not situation["is_open"]:
            continue
        day = situation["start_date"]
        while day <= TODAY:
            triples = {(situation["professional_id"], d, day) for d in access.documents_of([situation["role"]])}
            opened |= triples
            if situation["since"] is None or day <= situation["since"]:
                justified |= triples
            day += timedelta(1)
    return opened, opened - justified


@calm
@given(people=situations, access=grants)
def test_days_are_those_counted_one_by_one(shared, people, access):
    opened, forgotten = naive(people, access)
    exposure = exposed(shared, people, access)
    totals = exposure.totals()
    assert (totals["person_days"].item() or 0) == len(opened)
    assert (totals["person_days_forgotten"].item() or 0) == len(forgotten)
    by_document = exposure.by_document()
    for document, spent, late in by_document.select("document_type", "person_days", "person_days_forgotten").rows():
        assert spent == sum(triple[1] == document for triple in opened)
        assert late == sum(triple[1] == document for triple in forgotten)


@calm
@given(people=situations, access=grants)
def test_every_view_adds_up_to_the_same_total(shared, people, access):
    exposure = exposed(shared, people, access)
    totals, persons, documents = exposure.totals(), exposure.by_professional(), exposure.by_document()
    for per_person, summed in (
        ("documents", "person_documents"),
        ("documents_forgotten", "person_documents_forgotten"),
    ):
        assert persons[per_person].sum() == (totals[summed].item() or 0)
    assert documents["professionals"].sum() == (totals["person_documents"].item() or 0)
    assert documents["professionals_forgotten"].sum() == (totals["person_documents_forgotten"].item() or 0)
    for name in ("person_days", "person_days_forgotten"):
        assert persons[name].sum() == documents[name].sum() == (totals[name].item() or 0)


@calm
@given(people=situations, access=grants)
def test_what_is_forgotten_is_part_of_the_whole(shared, people, access):
    exposure = exposed(shared, people, access)
    frame = exposure.by_professional().drop_nulls(["documents", "person_days"])
    assert (frame["documents_forgotten"] <= frame["documents"]).all()
    assert (frame["person_days_forgotten"] <= frame["person_days"]).all()
    timeline = exposure.timeline("day")
    assert (timeline["professionals_forgotten"] <= timeline["professionals"]).all()
    assert (timeline["professionals_forgotten"] >= 0).all()


@calm
@given(people=situations, extra=situations)
def test_a_person_opens_the_union_of_what_their_situations_open(shared, people, extra):
    def documents(rows):
        return exposed(shared, rows).by_document().filter(pl.col("professionals") > 0)["document_type"].to_list()

    people = [row | {"professional_id": "P1"} for row in people]
    extra = [row | {"professional_id": "P1"} for row in extra]
    assert set(documents(people + extra)) == set(documents(people)) | set(documents(extra))


@calm
@given(people=situations, access=grants, more=grants)
def test_more_grants_never_open_less(shared, people, access, more):
    wider = matrix(**{r: "".join(access.documents_of([r]) | more.documents_of([r])) for r in ROLES})
    before = exposed(shared, people, access).totals()["person_documents"].item() or 0
    assert before <= (exposed(shared, people, wider).totals()["person_documents"].item() or 0)
    assert what_if(exposed(shared, people, access), access=wider).totals()["lost"].item() == 0


@calm
@given(people=situations, access=grants, other=grants)
def test_going_back_undoes_a_what_if(shared, people, access, other):
    there = what_if(exposed(shared, people, access), access=other)
    ways = [(there.totals(), there.by_document(), there.by_establishment(), there.by_role())]
    back = what_if(exposed(shared, people, other), access=access)
    ways.append((back.totals(), back.by_document(), back.by_establishment(), back.by_role()))
    for frame, mirrored in zip(*ways, strict=True):
        key = next(iter(set(frame.columns) & {"document_type", "finess", "role"}), None)
        turned = mirrored.rename(
            {"gained": "lost", "lost": "gained"}
            | (
                {"professionals_gaining": "professionals_losing", "professionals_losing": "professionals_gaining"}
                if "professionals_gaining" in mirrored.columns
                else {}
            )
        ).select(frame.columns)
        assert frame.sort(key or "gained").equals(turned.sort(key or "gained"))


@calm
@given(people=situations, access=grants, other=grants)
def test_a_what_if_is_the_difference_of_two_exposures(shared, people, access, other):
    change = what_if(exposed(shared, people, access), access=other).totals()
    before = exposed(shared, people, access).totals()["person_documents"].item() or 0
    after = exposed(shared, people, other).totals()["person_documents"].item() or 0
    assert after - before == change["gained"].item() - change["lost"].item()
