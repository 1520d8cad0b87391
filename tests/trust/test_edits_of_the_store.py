"""SQL edits of the store behind the tool's back: `prepare` and `sign` refuse, `journal verify` says what changed."""

from __future__ import annotations

import json

import pytest

from rpps_audit.batches.prepare import prepare
from rpps_audit.corrections import propose
from rpps_audit.corrections.operations import settle
from rpps_audit.corrections.witness import approvals, demand_untouched, faults, next_number
from rpps_audit.errors import AuditError, NotAuthorisedError
from rpps_audit.journal import JournalError
from rpps_audit.records import state_at
from rpps_audit.store import open_store
from tests.corrections.literal import authorisation, change, desk, proposals
from tests.trust.decided import NO_PDF, copied, decided, four_eyes, lines

EVENT = "INSERT INTO correction_events SELECT 99, {}, '{}', '{}', '{}', NULL, NULL, NULL, now()::TIMESTAMP"
FORGED = """INSERT INTO operations SELECT 9, 'corrections-approved', '{"corrections":[4],"operation":9}', '300/CPE2',
            now()::TIMESTAMP, NULL"""
EDITS = {
    "a new value": "UPDATE corrections SET new = 'x@exemple.fr' WHERE correction_id = 1",
    "an old value": "UPDATE corrections SET old = 'x@exemple.fr' WHERE correction_id = 1",
    "a value emptied": "UPDATE corrections SET new = NULL WHERE correction_id = 2",
    "two values exchanged": "UPDATE corrections SET new = CASE correction_id WHEN 1 THEN 'neuf2@exemple.fr' ELSE "
    "'neuf1@exemple.fr' END WHERE correction_id IN (1, 2)",
    "a nonce": "UPDATE corrections SET nonce = repeat('0', 64) WHERE correction_id = 1",
    "a record": "UPDATE corrections SET record_key = '810000000004' WHERE correction_id = 1",
    "a field": "UPDATE corrections SET \"column\" = 'mssante' WHERE correction_id = 1",
    "a table": "UPDATE corrections SET \"table\" = 'situation' WHERE correction_id = 1",
    "a kind": "UPDATE corrections SET kind = 'request' WHERE correction_id = 1",
    "a rule": "UPDATE corrections SET rule_id = 'email-format' WHERE correction_id = 1",
    "a reason": "UPDATE corrections SET reason = 'autre' WHERE correction_id = 1",
    "evidence": "UPDATE corrections SET evidence = 'vu' WHERE correction_id = 1",
    "a source": "UPDATE corrections SET source = 'INSEE' WHERE correction_id = 1",
    "a confidence": "UPDATE corrections SET confidence = 1.0 WHERE correction_id = 1",
    "an author": "UPDATE corrections SET author = '300/CPE9' WHERE correction_id = 1",
    "a card": "UPDATE corrections SET card = '1' WHERE correction_id = 1",
    "what was replaced": "UPDATE corrections SET previous_id = 2 WHERE correction_id = 1",
    "when it was proposed": "UPDATE corrections SET proposed_at = TIMESTAMP '2020-01-01' WHERE correction_id = 1",
    "its decision": "UPDATE corrections SET operation_id = 2 WHERE correction_id = 1",
    "its extract": "UPDATE corrections SET snapshot_id = 2 WHERE correction_id = 4",
    "a correction removed": "DELETE FROM corrections WHERE correction_id = 4",
    "a correction added": "INSERT INTO corrections SELECT * REPLACE (9 AS correction_id) FROM corrections "
    "WHERE correction_id = 1",
    "an approval added": EVENT.format(4, "approved", "300/CPE2", "2138450002"),
    "an approval by the author": EVENT.format(4, "approved", "300/CPE1", "2138450001"),
    "a refusal made an approval": "UPDATE correction_events SET event = 'approved' WHERE event = 'refused'",
    "an approver": "UPDATE correction_events SET author = '300/CPE9' WHERE event = 'approved'",
    "an approver's card": "UPDATE correction_events SET card = '1' WHERE event = 'approved'",
    "an approval removed": "DELETE FROM correction_events WHERE event_id = 5",
    "an undoing removed": "DELETE FROM correction_events WHERE event = 'undone'",
    "an event's correction": "UPDATE correction_events SET correction_id = 4 WHERE event_id = 5",
    "an event's time": "UPDATE correction_events SET done_at = TIMESTAMP '2020-01-01' WHERE event_id = 5",
    "an event's batch": "UPDATE correction_events SET batch_id = 'x' WHERE event_id = 9",
    "sent that never left": EVENT.format(1, "sent", "300/CPE1", "2138450001"),
    "a batch's author": "UPDATE batches SET prepared_by = '300/CPE9'",
    "a batch's counts": "UPDATE batches SET changes = 7",
    "a batch removed": "DELETE FROM batches WHERE batch_id LIKE '%002'",
    "a batch added": "INSERT INTO batches SELECT * REPLACE ('20991231-001' AS batch_id) FROM batches LIMIT 1",
    "one more in a batch": "INSERT INTO batch_corrections SELECT batch_id, 4 FROM batches",
    "one less in a batch": "DELETE FROM batch_corrections WHERE correction_id = 2",
    "a package's hash": "UPDATE batch_events SET sha256 = repeat('0', 64)",
    "a package's name": "UPDATE batch_events SET package = 'autre.zip' WHERE event = 'prepared'",
    "an abandonment removed": "DELETE FROM batch_events WHERE event = 'abandoned'",
    "an abandonment made a signature": "UPDATE batch_events SET event = 'signed' WHERE event = 'abandoned'",
    "a decision's words": "UPDATE operations SET data = replace(data, '[1,2,3]', '[1,2,3,4]')",
    "a decision's author": "UPDATE operations SET author = '300/CPE9' WHERE operation_id = 2",
    "a decision's name": "UPDATE operations SET event = 'corrections-approved' WHERE operation_id = 3",
    "a decision removed": "DELETE FROM operations WHERE operation_id = 2",
    "a decision's line": "UPDATE operations SET journal_seq = 2 WHERE operation_id = 2",
    "a decision forged": FORGED,
    "everything removed": "DELETE FROM corrections; DELETE FROM correction_events; DELETE FROM operations;"
    "DELETE FROM batches; DELETE FROM batch_events; DELETE FROM batch_corrections",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return decided(tmp_path_factory.mktemp("registre") / "espace")


@pytest.fixture
def folder(whole, tmp_path):
    return copied(whole, tmp_path / "espace")


def mail(key, new):
    return proposals(change("professional", key, "email", new))


def test_nothing_is_wrong_before(folder):
    with open_store(folder) as store:
        assert faults(four_eyes(store, folder)) == []
        demand_untouched(four_eyes(store, folder), [1, 2])


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_an_edit_is_seen_and_no_batch_is_made(folder, edit):
    with open_store(folder) as store:
        table = four_eyes(store, folder)
        packages = sorted((folder / "lots").iterdir())
        store.connection.execute(EDITS[edit])
        assert faults(table)
        with pytest.raises(JournalError, match="prévenez le DPO"):
            demand_untouched(table, [1, 2])
        # Whatever else would stand in the way, nothing is written.
        with pytest.raises(AuditError):
            prepare(table, authorisation(), options=NO_PDF)
        assert sorted((folder / "lots").iterdir()) == packages


def test_a_decision_put_into_the_store_is_not_carried_to_the_journal(folder):
    with open_store(folder) as store:
        table, before = four_eyes(store, folder), lines(folder)
        store.connection.execute(FORGED)
        with pytest.raises(JournalError, match="pas été prise dans l'outil"):
            settle(table)
        with pytest.raises(JournalError, match="pas été prise dans l'outil"):
            propose(table, authorisation(), state_at(table.store), mail("810000000004", "a@b.fr"), reason="x")
        assert lines(folder) == before


def test_four_eyes_are_looked_for_in_the_journal(folder):
    with open_store(folder) as store:
        table = four_eyes(store, folder)
        with pytest.raises(NotAuthorisedError, match="n° 4"):
            demand_untouched(table, [1, 4])
        assert approvals(table, [1, 2, 4]) == [{"approver": "300/CPE2", "corrections": 2}]


def test_the_number_of_a_batch_is_never_used_again(folder):
    day = lines(folder)[4]["data"]["batch"].partition("-")[0]
    with open_store(folder) as store:
        table = four_eyes(store, folder)
        assert next_number(table, day) == 3
        store.connection.execute("DELETE FROM batches; DELETE FROM batch_events; DELETE FROM batch_corrections")
        assert next_number(table, day) == 3
        assert next_number(table, "20991231") == 1


def test_the_manifest_names_only_who_approved(folder):
    """Abandoning a batch does not approve: the author who undid is nobody's approver."""
    with open_store(folder) as store:
        rows = store.sql("SELECT DISTINCT author, card FROM correction_events WHERE event = 'approved'").fetchall()
    assert rows == [("300/CPE2", "2138450002")]
    import zipfile

    with zipfile.ZipFile(sorted((folder / "lots").iterdir())[-1]) as package:
        manifest = json.loads(package.read("manifest.json"))
    assert manifest["approvals"] == [{"approver": "300/CPE2", "corrections": 2}]


def test_a_workspace_without_four_eyes_is_compared_as_well(tmp_path):
    from rpps_audit.ingest import load
    from tests.batches.test_batches import registered, restricted

    with open_store(tmp_path / "e") as store:
        load(store, [restricted(tmp_path, registered(1))])
        table = desk(store, tmp_path / "e")
        wanted = proposals(change("professional", "810000000001", "email", "a@b.fr"))
        propose(table, authorisation(), state_at(table.store), wanted, reason="x")
        store.connection.execute("UPDATE corrections SET new = 'voleur@b.fr'")
        with pytest.raises(JournalError, match="Correction n° 1"):
            prepare(table, authorisation(), options=NO_PDF)
