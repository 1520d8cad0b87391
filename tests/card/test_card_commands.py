"""`card`, `journal verify` and the lines of `doctor`, as their reader sees them."""

import json

import pytest

from rpps_audit.card import CallablePin, doctor_lines, open_session
from rpps_audit.cli import build_parser
from rpps_audit.errors import NotAuthorisedError
from rpps_audit.journal import Journal
from tests.card import pki
from tests.card.fixtures import make_workspace
from tests.card.profiles import PIN, TOKEN, make_card

TYPED = CallablePin(lambda _: bytearray(PIN.encode()))


def run(workspace, *arguments):
    args = build_parser().parse_args(["--workspace", str(workspace), *arguments])
    return args.run(args)


def statuses(workspace):
    return {line.sujet: line.status for line in doctor_lines(workspace)}


# --- card ---


@pytest.mark.card
def test_status_of_a_good_card(card, card_workspace, capsys):
    assert run(card_workspace, "card", "status") == 0
    said = capsys.readouterr().out
    assert TOKEN in said and "Essais restants : 3" in said and "habilité" in said


@pytest.mark.card
def test_status_names_what_would_refuse_a_session(slot, tmp_path, capsys):
    slot.insert(make_card(pki.pseudonymous(), pki.issuer(pki.root("AC RACINE INCONNUE"), "AC INCONNUE")).profile)
    assert run(make_workspace(tmp_path / "e"), "card", "status", "--json") == 4
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["problems"]) == 3


@pytest.mark.card
def test_who_prints_lines_that_managers_toml_accepts(card, tmp_path, capsys):
    workspace = make_workspace(tmp_path / "e", managers="")
    assert run(workspace, "card", "who") == 0
    lines = capsys.readouterr().out.partition("[[gestionnaire]]")
    entry = (lines[1] + lines[2]).replace("etablissements = []", 'etablissements = ["750000001"]')
    (workspace / "managers.toml").write_text(entry, "utf-8")
    with open_session(workspace, TYPED) as session:
        assert session.require(["750000001"])


@pytest.mark.card
def test_login_test_opens_and_closes(card, card_workspace, capsys, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda _prompt: PIN)
    assert run(card_workspace, "card", "login-test") == 0
    said = capsys.readouterr().out
    assert "CAMILLE GESTION-TEST" in said and "750000001" in said and PIN not in said.replace(TOKEN, "")
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "0000")
    with pytest.raises(NotAuthorisedError, match="Essais restants : 2"):
        run(card_workspace, "card", "login-test")


# --- doctor ---


@pytest.mark.card
def test_doctor_on_a_machine_that_is_ready(card, card_workspace):
    found = statuses(card_workspace)
    assert found.pop("Autorités de confiance") == "attention"  # no revocation list here
    assert set(found.values()) == {"ok"}


@pytest.mark.card
def test_doctor_without_card_then_without_service(pcscd, slot, card_workspace):
    lines = {line.sujet: line for line in doctor_lines(card_workspace)}
    assert lines["Carte"].status == "absent" and "Insérez" in lines["Carte"].remède
    pcscd.stop()
    try:
        lines = {line.sujet: line for line in doctor_lines(card_workspace)}
        assert lines["Service et lecteur"].status == "absent" and "pcscd" in lines["Service et lecteur"].remède
    finally:
        pcscd.start()


@pytest.mark.card
def test_doctor_sees_a_blocked_card_and_a_leaking_variable(slot, card_workspace, monkeypatch):
    slot.insert(make_card().profile | {"tries": 0})
    monkeypatch.setenv("OPENSC_DEBUG", "3")
    lines = {line.sujet: line for line in doctor_lines(card_workspace)}
    assert "bloqué" in lines["Carte et pilote (apdu)"].message
    assert lines["Traces"].status == "attention"


@pytest.mark.card
def test_doctor_in_an_empty_workspace_says_what_to_do(slot, tmp_path):
    lines = {line.sujet: line for line in doctor_lines(tmp_path)}
    for subject in ("Autorités de confiance", "Gestionnaires habilités"):
        assert lines[subject].status == "absent" and lines[subject].remède
    (tmp_path / "rpps-audit.toml").write_text("[carte]\nx = 1\n")
    assert doctor_lines(tmp_path)[0].status == "attention"


# --- journal verify ---


@pytest.mark.card
def test_journal_verify_finds_truncation_with_the_last_signed_manifest(card, card_workspace, capsys):
    with open_session(card_workspace, TYPED) as session:
        for batch in ("lot-1", "lot-2"):
            signed = session.sign({"batch": batch}, TYPED, establishments=["750000001"])
            folder = card_workspace / "outbox" / batch
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_bytes(signed.content)
            (folder / "manifest.json.p7s").write_bytes(signed.signature)
    assert run(card_workspace, "journal", "verify") == 0
    assert "Journal intact" in capsys.readouterr().out
    journal = card_workspace / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:4]))
    (card_workspace / "journal.jsonl.tete").unlink()
    assert Journal(journal).verify().intact
    assert run(card_workspace, "journal", "verify") == 3
    assert "tronqué" in capsys.readouterr().out


def test_journal_verify_names_the_first_broken_line(tmp_path, capsys):
    journal = Journal(tmp_path / "journal.jsonl")
    for number in range(4):
        journal.append("correction", {"n": number}, "me")
    journal.path.write_bytes(journal.path.read_bytes().replace(b'"n":2', b'"n":7'))
    assert run(tmp_path, "journal", "verify") == 3
    assert "ligne 3" in capsys.readouterr().out
    assert run(tmp_path, "journal", "verify", "--json") == 3
    assert json.loads(capsys.readouterr().out)["broken_line"] == 3
