"""What the next export says of each correction, in the cases where it is not simply the new value."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from rpps_audit.batches.proof import prove
from rpps_audit.corrections.deciding import undo
from rpps_audit.corrections.proposing import add_situation, close_situations, propose
from rpps_audit.corrections.values import field_values
from rpps_audit.store import memory_store
from tests.checks.literal import key, person, snapshot
from tests.corrections.literal import OTHER_SITE, SITE, authorisation, change, desk, proposals

ONE = f"8{1:011d}"
NEXT = date(2026, 11, 15)


@pytest.fixture
def store():
    with memory_store() as opened:
        yield opened


def states(store) -> list[str]:
    return [row[0] for row in store.sql("SELECT state FROM correction_states ORDER BY correction_id").fetchall()]


def one(table="professional", record_key=ONE, column="email", new="b@b.fr", **other):
    return proposals(change(table, record_key, column, new, **other))


def test_two_corrections_of_one_field_are_one_change(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), snapshot_id, one(), reason="x")
    propose(table, authorisation(), snapshot_id, one(new="c@b.fr", previous_id=1), reason="x")
    after = snapshot(store, "suivi", [person(1, email="c@b.fr")], day=NEXT)
    assert prove(table, after).seen == 2
    assert states(store) == ["seen", "seen"]


def test_the_first_of_two_may_take_alone(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), snapshot_id, one(), reason="x")
    propose(table, authorisation(), snapshot_id, one(new="c@b.fr", previous_id=1), reason="x")
    prove(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=NEXT))
    assert states(store) == ["seen", "proposed"]


def test_what_was_undone_is_not_compared(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), snapshot_id, one(), reason="x")
    undo(table, authorisation(), [1], reason="x")
    prove(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=NEXT))
    assert states(store) == ["undone"]


def test_a_record_that_vanished_proves_nothing_but_an_ended_situation_does(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1), person(2, email="a@b.fr")])
    table = desk(store, tmp_path)
    ends = proposals({"record_key": key(1), "end_date": "2026-10-01"})
    close_situations(table, authorisation(), snapshot_id, ends, end_reason="CHA", reason="x")
    propose(table, authorisation(), snapshot_id, one(record_key=f"8{2:011d}"), reason="x")
    told = prove(table, snapshot(store, "suivi", [person(3)], day=NEXT))
    assert (told.seen, told.vanished) == (3, 1)
    assert states(store) == ["seen", "seen", "seen", "vanished"]


def test_a_situation_that_moved_is_found_where_it_went(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, role="GENR08")])
    table, who = desk(store, tmp_path), authorisation(establishments=(SITE, OTHER_SITE))
    both = proposals(change("situation", key(1), "finess", OTHER_SITE), change("situation", key(1), "role", "GENR11"))
    propose(table, who, snapshot_id, both, reason="x")
    prove(table, snapshot(store, "suivi", [person(1, finess=OTHER_SITE, role="GENR11")], day=NEXT))
    assert states(store) == ["seen", "seen"]


def test_an_added_situation_is_waited_for(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1)])
    table, who = desk(store, tmp_path), authorisation(establishments=(SITE, OTHER_SITE))
    add_situation(table, who, snapshot_id, ONE, {"finess": OTHER_SITE, "role": "GENR11"}, reason="x")
    assert prove(table, snapshot(store, "suivi", [person(1)], day=NEXT)).waiting == 2
    prove(table, snapshot(store, "suivi", [person(1), person(1, finess=OTHER_SITE)], day=date(2026, 11, 20)))
    assert states(store) == ["seen", "seen"]


def test_lines_of_one_person_that_disagree_have_not_taken(store, tmp_path):
    rows = [person(1, email="a@b.fr"), person(1, finess=OTHER_SITE, email="a@b.fr")]
    snapshot_id = snapshot(store, "suivi", rows)
    table = desk(store, tmp_path)
    propose(table, authorisation(), snapshot_id, one(), reason="x")
    half = [person(1, email="b@b.fr"), person(1, finess=OTHER_SITE, email="a@b.fr")]
    assert prove(table, snapshot(store, "suivi", half, day=NEXT)).waiting == 1
    assert states(store) == ["proposed"]


def test_a_contradicted_correction_no_longer_holds_and_can_come_true(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), snapshot_id, one(), reason="x")
    after = snapshot(store, "suivi", [person(1, email="autre@b.fr")], day=NEXT)
    prove(table, after)
    assert states(store) == ["contradicted"]
    seen = field_values(store, after, proposals(change("professional", ONE, "email", None)))
    assert (seen["value"].item(), seen["previous_id"].item()) == ("autre@b.fr", None)
    prove(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=date(2026, 12, 1)))
    assert states(store) == ["seen"]


def test_only_what_was_sent_is_overdue(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, email="a@b.fr"), person(2, email="d@b.fr")])
    table = desk(store, tmp_path, overdue_days=10)
    both = proposals(
        change("professional", ONE, "email", "b@b.fr"), change("professional", f"8{2:011d}", "email", "e@b.fr")
    )
    propose(table, authorisation(), snapshot_id, both, reason="x")
    store.sql("INSERT INTO batches VALUES ('lot', ?, 'suivi', now(), 'x', 1, 1)", [snapshot_id])
    sent = datetime(2026, 11, 2)
    store.sql("INSERT INTO batch_events VALUES (1, 'lot', 'sent', 'x', NULL, 'p', 'h', ?)", [sent])
    store.sql("INSERT INTO correction_events VALUES (99, 1, 'sent', 'x', NULL, NULL, 'lot', NULL, ?)", [sent])
    rows = [person(1, email="a@b.fr"), person(2, email="d@b.fr")]
    prove(table, snapshot(store, "suivi", rows, day=date(2026, 11, 12)))
    assert states(store) == ["sent", "proposed"]
    prove(table, snapshot(store, "suivi", rows, day=date(2026, 11, 13)))
    assert states(store) == ["overdue", "proposed"]


def test_another_kind_of_file_says_nothing(store, tmp_path):
    snapshot_id = snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), snapshot_id, one(), reason="x")
    assert prove(table, snapshot(store, "annuaire-public", [person(1)], day=NEXT)).seen == 0
    assert states(store) == ["proposed"]
