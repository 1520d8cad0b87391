"""Four eyes are two people, whatever the cards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rpps_audit.card.person import Person, folded
from rpps_audit.corrections import approve, propose
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.ingest import load
from rpps_audit.records import state_at
from rpps_audit.store import open_store
from tests.batches.test_batches import registered, restricted
from tests.corrections.literal import OTHER_SITE, authorisation, change, proposals
from tests.trust.decided import four_eyes

CPE = Person("300/CPE1", "1", folded("Camille GESTION-TEST"))
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Person("300/CPE1", "2", "X"), True),
        (Person("300/CPE2", "1", "X"), True),
        (Person("810002813839", "2", folded("CAMILLE Gestion Test")), True),
        (Person("810002813839", "2", folded("Camille Gestion")), True),
        (Person("300/CPE2", "2", folded("Dominique AUTRE")), False),
        (Person("300/CPE2", "2", ""), True),
    ],
)
def test_the_same_person_with_another_card(other, same):
    assert CPE.same_as(other) is same
    assert other.same_as(CPE) is same


def test_what_is_certain_counts_more_than_a_name():
    one, two = Person("810000000001", "1", "MARTIN LEA"), Person("810000000002", "2", "MARTIN LEA")
    assert not one.same_as(two)
    assert not CPE._replace(declared="a").same_as(CPE._replace(number="x", card="y", declared="b"))
    assert CPE._replace(declared="a").same_as(Person("x", "y", "AUTRE", "a"))


@pytest.fixture
def table(tmp_path):
    with open_store(tmp_path / "e") as store:
        load(store, [restricted(tmp_path, registered(1), registered(2, finess=OTHER_SITE))])
        yield four_eyes(store, tmp_path / "e")


def mail(**other):
    return proposals(change("professional", "810000000001", "email", "x@y.fr", **other))


def test_a_second_card_of_the_author_does_not_approve(table):
    propose(table, authorisation(), state_at(table.store), mail(), reason="x")
    second = authorisation("810002813839", "9", "approver", name="Camille Gestion-Test")
    with pytest.raises(NotAuthorisedError, match="est la vôtre"):
        approve(table, second, [1], shown_at=NOW)
    approve(table, authorisation("300/CPE2", "3", "approver"), [1], shown_at=NOW)


@pytest.mark.parametrize("act", ["propose", "approve"])
def test_what_is_no_longer_allowed_at_the_commit_is_not_written(table, act):
    def gone(_role):
        raise NotAuthorisedError("la carte a été retirée")

    if act == "approve":
        propose(table, authorisation(), state_at(table.store), mail(), reason="x")
    before = table.store.sql("SELECT count(*) FROM correction_events").fetchone()
    lines = len(list(table.journal.entries()))
    with pytest.raises(NotAuthorisedError, match="retirée"):
        if act == "propose":
            propose(table, authorisation(_rights_now=gone), state_at(table.store), mail(), reason="x")
        else:
            approve(table, authorisation("300/CPE2", "3", "approver", _rights_now=gone), [1], shown_at=NOW)
    assert table.store.sql("SELECT count(*) FROM correction_events").fetchone() == before
    assert len(list(table.journal.entries())) == lines


def test_an_unknown_kind_and_an_added_situation_in_two_places_are_refused(table):
    with pytest.raises(UsageError, match="Genre de correction inconnu"):
        propose(table, authorisation(), state_at(table.store), mail(kind="merge"), reason="x")
    key = f"810000000001@{OTHER_SITE}"
    fields = (("role", "GENR11"), ("finess", "690000015"))
    rows = [change("situation", key, column, new, kind="add") for column, new in fields]
    with pytest.raises(UsageError, match="doivent être les"):
        propose(table, authorisation(), state_at(table.store), proposals(*rows), reason="x")
    with pytest.raises(NotAuthorisedError, match=OTHER_SITE):
        propose(table, authorisation(), state_at(table.store), proposals(rows[0]), reason="x")


def test_the_person_a_duplicate_becomes_part_of_must_be_in_the_perimeter_too(table):
    wanted = proposals(change("professional", "810000000001", "professional_id", "810000000002"))
    with pytest.raises(NotAuthorisedError, match=OTHER_SITE):
        propose(table, authorisation(), state_at(table.store), wanted, reason="x", evidence="vu")
