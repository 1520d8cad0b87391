"""Corrections as decisions: written, refused, seen by the next author, undone, approved by somebody else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from rpps_audit.corrections.deciding import approve, undo
from rpps_audit.corrections.perimeter import only_inside
from rpps_audit.corrections.proposing import ConflictError, add_situation, close_situations, propose
from rpps_audit.corrections.values import field_values
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.records import state_at as now
from rpps_audit.store import memory_store
from tests.checks.literal import key, person, snapshot
from tests.corrections.literal import EMAIL, OTHER_SITE, SITE, authorisation, change, desk, proposals, rule

ONE = f"8{1:011d}"


@pytest.fixture
def store():
    with memory_store() as opened:
        yield opened


def value(store, table, record_key, column):
    frame = field_values(store, now(store), proposals(change(table, record_key, column, None)))
    return frame["base"].item(), frame["value"].item()


def one(table="professional", record_key=ONE, column="email", new="a@b.fr", **other):
    return proposals(change(table, record_key, column, new, **other))


def test_a_correction_changes_the_view_and_never_the_export(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b")])
    table = desk(store, tmp_path, EMAIL)
    done = propose(table, authorisation(), now(table.store), one(), reason="faute de frappe")
    assert done.accepted["correction_id"].to_list() == [1]
    assert value(store, "professional", ONE, "email") == ("a@b", "a@b.fr")
    assert store.sql("SELECT email FROM registrations").fetchall() == [("a@b",)]


def test_the_journal_has_keys_and_salted_hashes_and_no_value(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="ancienne@exemple.fr", role="GENR08")])
    table = desk(store, tmp_path)
    both = proposals(
        change("professional", ONE, "email", "nouvelle@exemple.fr"), change("situation", key(1), "role", "GENR11")
    )
    propose(table, authorisation(), now(table.store), both, reason="mise à jour")
    text = table.journal.path.read_text("utf-8")
    assert ONE in text
    assert "corrections-proposed" in text
    assert not any(secret in text for secret in ("ancienne", "nouvelle", "GENR"))
    entry = next(table.journal.entries())
    assert len(set(entry.data["corrections"]["before"] + entry.data["corrections"]["after"])) == 4


def test_a_correction_that_breaks_a_rule_is_refused_with_its_title(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr"), person(2, email="c@d.fr")])
    table = desk(store, tmp_path, EMAIL)
    wanted = proposals(
        change("professional", ONE, "email", "a-b"), change("professional", f"8{2:011d}", "email", "e@f.fr")
    )
    done = propose(table, authorisation(), now(table.store), wanted, reason="essai")
    assert done.accepted["record_key"].to_list() == [f"8{2:011d}"]
    assert done.refused["record_key"].to_list() == [ONE]
    assert "Titre de matches" in done.refused["reason"][0]
    assert value(store, "professional", ONE, "email") == ("a@b.fr", "a@b.fr")


def test_an_error_with_somebody_untouched_is_seen(store, tmp_path):
    shared = rule("shared_value", "professional", "email", parameters={"fold": "lower"})
    snapshot(store, "suivi", [person(1, email="a@b.fr"), person(2, email="C@d.fr"), person(3)])
    done = propose(desk(store, tmp_path, shared), authorisation(), now(store), one(new="c@D.fr"), reason="essai")
    assert done.accepted.is_empty()
    assert done.refused["rule_id"].to_list() == ["shared_value"]


def test_an_error_that_was_there_before_does_not_refuse(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="mauvaise", phone="1")])
    done = propose(
        desk(store, tmp_path, EMAIL), authorisation(), now(store), one(column="phone", new="0601020304"), reason="x"
    )
    assert done.accepted.height == 1


def test_the_second_author_sees_the_first(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    table = desk(store, tmp_path)
    propose(table, authorisation("premier", "1"), now(table.store), one(new="un@b.fr"), reason="x")
    second = authorisation("second", "2")
    with pytest.raises(ConflictError, match=r"premier a déjà corrigé ce champ \(correction n° 1, proposée\)") as caught:
        propose(table, second, now(table.store), one(new="deux@b.fr"), reason="x")
    assert "un@b.fr" not in str(caught.value)
    propose(table, second, now(table.store), one(new="deux@b.fr", previous_id=1), reason="x")
    assert value(store, "professional", ONE, "email") == ("a@b.fr", "deux@b.fr")
    assert store.sql("SELECT old, new FROM corrections ORDER BY 1").fetchall() == [
        ("a@b.fr", "un@b.fr"),
        ("un@b.fr", "deux@b.fr"),
    ]


def test_any_correction_is_undone_not_only_the_last(store, tmp_path):
    snapshot(store, "suivi", [person(1, email="a@b.fr", phone="0601020304")])
    table = desk(store, tmp_path)
    propose(table, authorisation(), now(table.store), one(new="un@b.fr"), reason="x")
    propose(table, authorisation(), now(table.store), one(column="phone", new="0605060708"), reason="x")
    undo(table, authorisation(), [1], reason="erreur")
    assert value(store, "professional", ONE, "email") == ("a@b.fr", "a@b.fr")
    assert value(store, "professional", ONE, "phone") == ("0601020304", "0605060708")
    with pytest.raises(UsageError, match="déjà annulée"):
        undo(table, authorisation(), [1], reason="encore")


@pytest.mark.parametrize(
    ("row", "allowed"),
    [
        ({"finess": SITE}, True),
        ({"finess": OTHER_SITE}, False),
        ({"finess": OTHER_SITE, "finess_legal": "690000999"}, True),
        ({"finess": None}, False),
    ],
)
def test_the_store_that_writes_checks_the_perimeter(store, tmp_path, row, allowed):
    snapshot(store, "suivi", [person(1, **row)])
    table, who = desk(store, tmp_path), authorisation(operators=("690000999",))
    if allowed:
        assert propose(table, who, now(table.store), one(), reason="x").accepted.height == 1
    else:
        with pytest.raises(NotAuthorisedError, match="périmètre"):
            propose(table, who, now(table.store), one(), reason="x")
        assert store.sql("SELECT count(*) FROM corrections").fetchone() == (0,)


def test_a_situation_is_not_moved_outside_the_perimeter(store, tmp_path):
    snapshot(store, "suivi", [person(1)])
    with pytest.raises(NotAuthorisedError, match=OTHER_SITE):
        propose(
            desk(store, tmp_path),
            authorisation(),
            now(store),
            one("situation", key(1), "finess", OTHER_SITE),
            reason="x",
        )


def test_an_approver_does_not_propose(store, tmp_path):
    snapshot(store, "suivi", [person(1)])
    with pytest.raises(NotAuthorisedError, match="auteur"):
        propose(desk(store, tmp_path), authorisation(role="approver"), now(store), one(), reason="x")


@pytest.mark.parametrize(
    ("proposal", "said"),
    [
        (one(column="civil_status_state", new="C"), "ne se corrige pas"),
        (one(record_key="8999"), "n'est pas dans l'état"),
    ],
)
def test_what_cannot_be_corrected_is_said(store, tmp_path, proposal, said):
    snapshot(store, "suivi", [person(1)])
    with pytest.raises(UsageError, match=said):
        propose(desk(store, tmp_path), authorisation(), now(store), proposal, reason="x")


@pytest.mark.parametrize(
    ("table", "record_key", "column", "new"),
    [
        ("situation", key(1), "end_date", "31/12/2026"),
        ("situation", key(1), "end_date", "2026-02-30"),
        ("situation", key(1), "is_open", "oui"),
        ("situation", key(1), "role", "GENR 11"),
        ("professional", ONE, "birth_name", "DU\nPONT"),
        ("professional", ONE, "email", "  "),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(store, tmp_path, table, record_key, column, new):
    snapshot(store, "suivi", [person(1, email="a@b.fr")])
    done = propose(desk(store, tmp_path), authorisation(), now(store), one(table, record_key, column, new), reason="x")
    assert done.accepted.is_empty()
    assert "forme" in done.refused["reason"][0]


@pytest.mark.parametrize("column", ["end_date", "end_reason", "is_open"])
def test_a_field_can_be_emptied(store, tmp_path, column):
    held = {"end_date": date(2026, 10, 1), "end_reason": "CHA", "is_open": False}
    snapshot(store, "suivi", [person(1, **held)])
    done = propose(
        desk(store, tmp_path), authorisation(), now(store), one("situation", key(1), column, None), reason="x"
    )
    assert done.accepted.height == 1
    assert value(store, "situation", key(1), column)[1] is None


def test_certified_civil_status_is_a_request_with_evidence(store, tmp_path):
    snapshot(store, "suivi", [person(1, birth_name="DUPOND", civil_status_state="C"), person(2, birth_name="X")])
    table = desk(store, tmp_path)
    done = propose(table, authorisation(), now(table.store), one(column="birth_name", new="DUPONT"), reason="x")
    assert "justificatif" in done.refused["reason"][0]
    evidence = "acte de naissance vu le 02/11/2026"
    propose(
        table, authorisation(), now(table.store), one(column="birth_name", new="DUPONT"), reason="x", evidence=evidence
    )
    propose(
        table, authorisation(), now(table.store), one(record_key=f"8{2:011d}", column="birth_name", new="Y"), reason="x"
    )
    assert store.sql("SELECT kind, evidence FROM corrections ORDER BY correction_id").fetchall() == [
        ("request", evidence),
        ("edit", ""),
    ]


def test_a_situation_is_ended_with_its_date_its_reason_and_its_state(store, tmp_path):
    still_open = rule("past_end_still_open", "situation", "end_date", parameters={"open_column": "is_open"})
    snapshot(store, "suivi", [person(1), person(2)])
    table = desk(store, tmp_path, still_open)
    alone = propose(
        table, authorisation(), now(table.store), one("situation", key(1), "end_date", "2026-10-01"), reason="départ"
    )
    assert alone.refused["rule_id"].to_list() == ["past_end_still_open"]
    ends = pl.DataFrame({"record_key": [key(1), key(2)], "end_date": [date(2026, 10, 1), date(2026, 9, 30)]})
    done = close_situations(table, authorisation(), now(table.store), ends, end_reason="CHA", reason="départ")
    assert done.refused.is_empty()
    assert sorted(done.accepted["column"].to_list()) == [
        "end_date",
        "end_date",
        "end_reason",
        "end_reason",
        "is_open",
        "is_open",
    ]
    assert store.sql("SELECT count(DISTINCT operation_id) FROM corrections").fetchone() == (1,)
    with pytest.raises(UsageError, match="Motif de fin inconnu"):
        close_situations(table, authorisation(), now(table.store), ends, end_reason="PARTI", reason="départ")


def test_a_second_situation_only_when_no_request_is_pending(store, tmp_path):
    rows = [person(1), person(2, pending_request_date=date(2026, 10, 1))]
    snapshot(store, "suivi", rows)
    table, who = desk(store, tmp_path, EMAIL), authorisation(establishments=(SITE, OTHER_SITE))
    new = {"finess": OTHER_SITE, "role": "GENR11", "profession": "326", "start_date": "2026-11-01"}
    assert add_situation(table, who, now(table.store), ONE, new, reason="x").accepted.height == 4
    waiting = add_situation(table, who, now(table.store), f"8{2:011d}", new, reason="x")
    assert waiting.accepted.is_empty()
    assert "en attente" in waiting.refused["reason"][0]
    with pytest.raises(UsageError, match="existe déjà"):
        add_situation(table, who, now(table.store), ONE, new | {"finess": SITE}, reason="x")


def test_an_added_situation_is_judged_by_the_rules(store, tmp_path):
    snapshot(store, "suivi", [person(1)])
    known_role = rule("one_of", "situation", "role", parameters={"values": ["GENR11"]})
    new = {"finess": SITE.replace("15", "23"), "role": "GENR99", "start_date": "2026-11-01"}
    who = authorisation(establishments=(SITE, new["finess"]))
    done = add_situation(desk(store, tmp_path, known_role), who, now(store), ONE, new, reason="x")
    assert set(done.refused["rule_id"]) == {"one_of"}


def test_four_eyes_another_card_approves_and_the_time_it_took_is_kept(store, tmp_path):
    snapshot(store, "suivi", [person(1), person(2)])
    table = desk(store, tmp_path, four_eyes=True)
    both = proposals(
        change("professional", ONE, "email", "a@b.fr"), change("professional", f"8{2:011d}", "email", "c@d.fr")
    )
    propose(table, authorisation(), now(table.store), both, reason="x")
    shown = datetime.now(UTC) - timedelta(seconds=30)
    for author, card in (("300/CPE1", "autre carte"), ("autre nom", "2138450001")):
        with pytest.raises(NotAuthorisedError, match="Aucune exception"):
            approve(table, authorisation(author, card, "approver"), [1, 2], shown_at=shown)
    with pytest.raises(NotAuthorisedError, match="approbateur"):
        approve(table, authorisation("autre", "2"), [1], shown_at=shown)
    reviewer = authorisation("autre", "2", "approver")
    approve(table, reviewer, [1], shown_at=shown)
    approve(table, reviewer, [2], shown_at=shown, refuse="adresse douteuse")
    states = store.sql("SELECT state FROM correction_states ORDER BY correction_id").fetchall()
    assert states == [("approved",), ("refused",)]
    last = list(table.journal.entries())[-2].data
    assert last["decided_together"] == 1
    assert last["decided_in_seconds"] >= 30


def test_a_reason_is_always_asked(store, tmp_path):
    snapshot(store, "suivi", [person(1)])
    with pytest.raises(UsageError, match="motif"):
        propose(desk(store, tmp_path), authorisation(), now(store), one(), reason="  ")


def test_only_inside_keeps_the_rows_of_the_perimeter_in_their_order(store, tmp_path):
    here, there = person(1, finess=SITE), person(2, finess=OTHER_SITE)
    snapshot(store, "suivi", [here, there, person(3, finess=SITE)])
    rows = proposals(
        change("professional", f"8{3:011d}", "email", None, kept=True),
        change("situation", f"8{2:011d}@{OTHER_SITE}", "role", None, kept=False),
        change("professional", f"8{2:011d}", "email", None, kept=False),
        change("situation", key(1), "role", None, kept=True),
    )
    mine = only_inside(store, authorisation(), now(store), rows)
    assert mine.equals(rows.filter("kept"))
    assert only_inside(store, authorisation(establishments=(SITE, OTHER_SITE)), now(store), rows).equals(rows)
    assert only_inside(store, authorisation(), now(store), rows.clear()).is_empty()


def test_a_record_that_a_correction_moves_out_is_not_inside(store, tmp_path):
    snapshot(store, "suivi", [person(1, finess=SITE)])
    both = authorisation(establishments=(SITE, OTHER_SITE))
    move = proposals(change("situation", key(1), "finess", OTHER_SITE))
    assert propose(desk(store, tmp_path), both, now(store), move, reason="mutation").refused.is_empty()
    assert only_inside(store, authorisation(), now(store), move).is_empty()
    assert only_inside(store, both, now(store), move).height == 1


def test_a_value_that_is_compared_with_others_may_be_lacking(store, tmp_path):
    twins = rule("shared_value", "professional", "birth_name", "first_names", id="meme-personne",
                 parameters={"fold": "name", "exact_columns": ["birth_date"]})  # fmt: skip
    snapshot(store, "suivi", [person(1, birth_name="DUPOND"), person(2, birth_name="MARTIN")])
    done = propose(desk(store, tmp_path, twins), authorisation(), now(store), one(column="birth_name", new="DUPONT"),
                   reason="x")  # fmt: skip
    assert done.accepted.height == 1
