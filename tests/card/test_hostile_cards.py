"""Hostile or tired cards: whatever they answer, at whatever moment, a refusal in French within a bound."""

from __future__ import annotations

import time

import pytest

from rpps_audit.card import CallablePin, CardError, GetpassPin, PinRequest, open_session, pcsc
from rpps_audit.card.ber import parse
from rpps_audit.card.pkcs15 import read_objects
from rpps_audit.errors import NotAuthorisedError
from rpps_audit.journal import Journal
from tests.card import pki
from tests.card.profiles import PIN, make_card

TYPED = CallablePin(lambda _: bytearray(PIN.encode()))
FAULTS = ("empty", "more", "more and more", "endless", "wrong length", "garbage", "refusal", "mute")
REQUEST = PinRequest("ouvrir la session", "X", "lecteur", 3, 4, 4)


@pytest.mark.card
@pytest.mark.parametrize("at", [0, 6, 20])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_card_that_misbehaves_is_refused_in_time(slot, card_workspace, monkeypatch, fault, at):
    monkeypatch.setattr(pcsc, "_ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(pcsc, "_CONNECTION_SECONDS", 3.0)
    slot.insert(make_card().profile | {"fault": fault, "fault_at": at})
    began = time.monotonic()
    with pytest.raises(NotAuthorisedError):
        open_session(card_workspace, TYPED)
    assert time.monotonic() - began < 10
    assert "session-opened" not in [entry.event for entry in Journal(card_workspace / "journal.jsonl").entries()]


@pytest.mark.card
def test_a_card_removed_before_the_commit_writes_nothing(card, card_workspace):
    with open_session(card_workspace, TYPED) as session:
        right = session.require(["750000001"])
        right.confirm()
        card.eject()
        with pytest.raises(NotAuthorisedError):
            right.confirm()
        assert session.closed


@pytest.mark.card
def test_rights_taken_away_before_the_commit_are_gone(card, card_workspace):
    file = card_workspace / "managers.toml"
    with open_session(card_workspace, TYPED) as session:
        right = session.require(["750000001"])
        file.write_text(file.read_text("utf-8").replace("750000001", "750000009"), "utf-8")
        with pytest.raises(NotAuthorisedError, match="réduits"):
            right.confirm()


@pytest.mark.card
def test_an_expired_signature_certificate_is_said_at_login(slot, card_workspace):
    whole = make_card()
    tired = pki.card_certificate(
        pki.cpe(), pki.issuer(pki.root()), "holder-sig", signing=True, ends=pki.NOW - pki.YEAR / 2
    )
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import Encoding

    slot.insert(whole.profile | {"signature_certificate": b64encode(tired.public_bytes(Encoding.DER)).decode()})
    with open_session(card_workspace, TYPED) as session:
        assert "ne pourra pas signer" in session.signature_problem
        assert "périmée" in session.signature_problem


@pytest.mark.parametrize("left", [EOFError, KeyboardInterrupt])
def test_leaving_the_prompt_gives_up(monkeypatch, left):
    def leave(_prompt=""):
        raise left

    monkeypatch.setattr("getpass.getpass", leave)
    monkeypatch.setattr("builtins.input", leave)
    assert GetpassPin().ask(REQUEST) is None
    assert GetpassPin().confirm_last_try(REQUEST) is False


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xa0",
        b"\xa0\x84\xff\xff\xff\xff",
        b"\xa0\xff" + bytes(300),
        b"\x30\x80",
        b"\x30\x02\x30\x00" * 9,
        bytes(range(1, 255)),
    ],
)
def test_a_directory_that_is_rubbish_is_a_card_error(content):
    with pytest.raises(CardError):
        read_objects(lambda _path: content)
    with pytest.raises(CardError):
        list(parse(b"\x30\x88" + content))
