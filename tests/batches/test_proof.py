"""What the next export says of each correction, in the cases where it is not simply the new value."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from rpps_audit.batches.proof import prove
from rpps_audit.corrections.deciding import undo
from rpps_audit.corrections.proposing import add_situation, close_situations, propose
from rpps_audit.corrections.values import field_values, reading
from rpps_audit.records import state_at as now
from rpps_audit.store import memory_store
from tests.checks.literal import key, person, snapshot
from tests.corrections.literal import OTHER_SITE, SITE, authorisation, change, desk, proposals

ONE = f"8{1:011d}"
NEXT = date(2026, 11, 15)


@pytest.fixture
def store():
    with memory_store() as opened:
        yield opened


def proven(table, _loaded):
    """What the state says once a further file is loaded."""
    return prove(table, now(table.store))


def states(store) -> list[str]:
    return [row[0] for row in store.sql("SELECT state FROM correction_states ORDER BY correction_id").fetchall()]


def one(table="professional", record_key=ONE, column="email", new="b@b.fr", **other):
    return proposals(change(table, record_key, column, new, **other))


def test_two_corrections_of_one_field_are_one_change(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(), reason="x")
    propose(table, authorisation(), now(table.store), one(new="c@b.fr", previous_id=1), reason="x")
    snapshot(store, "suivi", [person(1, email="c@b.fr")], day=NEXT)
    assert prove(table, now(table.store)).seen == 2
    assert states(store) == ["seen", "seen"]


def test_the_first_of_two_may_take_alone(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(), reason="x")
    propose(table, authorisation(), now(table.store), one(new="c@b.fr", previous_id=1), reason="x")
    proven(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=NEXT))
    assert states(store) == ["seen", "proposed"]


def test_what_was_undone_is_not_compared(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(), reason="x")
    undo(table, authorisation(), [1], reason="x")
    proven(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=NEXT))
    assert states(store) == ["undone"]


def test_a_record_that_vanished_proves_nothing_but_an_ended_situation_does(store, tmp_path):
    snapshot(store, "suivi", [person(1), person(2, email="a@b.fr")])
    table = desk(store, tmp_path)
    ends = proposals({"record_key": key(1), "end_date": "2026-10-01"})
    close_situations(table, authorisation(), now(table.store), ends, end_reason="CHA", reason="x")
    propose(table, authorisation(), now(table.store), one(record_key=f"8{2:011d}"), reason="x")
    told = proven(table, snapshot(store, "suivi", [person(3)], day=NEXT))
    assert (told.seen, told.vanished) == (3, 1)
    assert states(store) == ["seen", "seen", "seen", "vanished"]


def test_a_situation_that_moved_is_found_where_it_went(store, tmp_path):
    snapshot(store, "suivi", [person(1, role="GENR08")])
    table, who = desk(store, tmp_path), authorisation(establishments=(SITE, OTHER_SITE))
    both = proposals(change("situation", key(1), "finess", OTHER_SITE), change("situation", key(1), "role", "GENR11"))
    propose(table, who, now(table.store), both, reason="x")
    proven(table, snapshot(store, "suivi", [person(1, finess=OTHER_SITE, role="GENR11")], day=NEXT))
    assert states(store) == ["seen", "seen"]


def test_an_added_situation_is_waited_for(store, tmp_path):
    snapshot(store, "suivi", [person(1)])
    table, who = desk(store, tmp_path), authorisation(establishments=(SITE, OTHER_SITE))
    add_situation(table, who, now(table.store), ONE, {"finess": OTHER_SITE, "role": "GENR11"}, reason="x")
    assert proven(table, snapshot(store, "suivi", [person(1)], day=NEXT)).waiting == 2
    proven(table, snapshot(store, "suivi", [person(1), person(1, finess=OTHER_SITE)], day=date(2026, 11, 20)))
    assert states(store) == ["seen", "seen"]


def test_lines_of_one_person_that_disagree_have_not_taken(store, tmp_path):
    rows = [person(1, email="a@b.fr"), person(1, finess=OTHER_SITE, email="a@b.fr")]
    snapshot(store, "suivi", rows)
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(), reason="x")
    half = [person(1, email="b@b.fr"), person(1, finess=OTHER_SITE, email="a@b.fr")]
    assert proven(table, snapshot(store, "suivi", half, day=NEXT)).waiting == 1
    assert states(store) == ["proposed"]


def test_a_contradicted_correction_no_longer_holds_and_can_come_true(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(), reason="x")
    snapshot(store, "suivi", [person(1, email="autre@b.fr")], day=NEXT)
    prove(table, now(table.store))
    assert states(store) == ["contradicted"]
    seen = field_values(store, now(store), proposals(change("professional", ONE, "email", None)))
    assert (seen["value"].item(), seen["previous_id"].item()) == ("autre@b.fr", None)
    proven(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=date(2026, 12, 1)))
    assert states(store) == ["seen"]


def test_only_what_was_sent_is_overdue(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr"), person(2, email="d@b.fr")])
    table = desk(store, tmp_path, overdue_days=10)
    both = proposals(
        change("professional", ONE, "email", "b@b.fr"), change("professional", f"8{2:011d}", "email", "e@b.fr")
    )
    propose(table, authorisation(), now(table.store), both, reason="x")
    store.sql("INSERT INTO batches VALUES ('lot', now(), 'x', 1, 1)")
    sent = datetime(2026, 11, 2)
    store.sql("INSERT INTO batch_events VALUES (1, 'lot', 'sent', 'x', NULL, 'p', 'h', ?)", [sent])
    store.sql("INSERT INTO correction_events VALUES (99, 1, 'sent', 'x', NULL, NULL, 'lot', NULL, ?)", [sent])
    rows = [person(1, email="a@b.fr"), person(2, email="d@b.fr")]
    proven(table, snapshot(store, "suivi", rows, day=date(2026, 11, 12)))
    assert states(store) == ["sent", "proposed"]
    proven(table, snapshot(store, "suivi", rows, day=date(2026, 11, 13)))
    assert states(store) == ["overdue", "proposed"]


def test_another_kind_of_file_says_nothing(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(), reason="x")
    assert proven(table, snapshot(store, "annuaire-public", [person(1)], day=NEXT)).seen == 0
    assert states(store) == ["proposed"]


def test_a_file_that_has_not_come_yet_neither_proves_nor_denies(store, tmp_path):
    """Two establishments deliver each their file; the one that did not hold the record says nothing."""
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    snapshot(store, "suivi", [person(2, finess=OTHER_SITE)], day=date(2026, 11, 2))
    store.sql("UPDATE snapshots SET series = 'autre' WHERE snapshot_id = 2")
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(store), one(), reason="x")
    snapshot(store, "suivi", [person(2, finess=OTHER_SITE)], day=NEXT)
    store.sql("UPDATE snapshots SET series = 'autre' WHERE snapshot_id = 3")
    assert prove(table, now(store)) == (0, 0, 0, 0, 0)
    assert proven(table, snapshot(store, "suivi", [person(1, email="b@b.fr")], day=date(2026, 11, 20))).seen == 1


def test_nothing_is_corrected_nor_proven_for_people_who_cannot_be_told_apart(store, tmp_path):
    nobody = {"professional_id": None, "pp_id": None, "birth_name": None, "first_names": None}
    snapshot(store, "suivi", [person(1, email="a@b.fr", **nobody), person(2, email="c@b.fr", **nobody)])
    table = desk(store, tmp_path)
    state = now(store)
    with reading(store, state) as reader:
        key = reader.execute("SELECT record_key FROM professional ORDER BY ALL").fetchone()[0]
    done = propose(table, authorisation(), state, one(record_key=key), reason="x")
    assert "on ne sait pas de qui parle" in done.refused["reason"][0]
