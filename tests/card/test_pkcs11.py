"""The same software card through OpenSC's PKCS#11 module: authentication, as OpenSC cannot sign with a CPS3."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from rpps_audit.card import (
    CallablePin,
    CardError,
    CardUnavailableError,
    Key,
    PinBlockedError,
    SessionClosedError,
    WrongPinError,
    connect,
    find_card,
    load_settings,
    open_session,
)
from rpps_audit.errors import UsageError
from tests.card.fixtures import make_workspace
from tests.card.profiles import PIN, TOKEN, make_card
from tests.card.stack import INSTALL, until

pytestmark = pytest.mark.card
MODULE = Path("/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so")
TYPED = CallablePin(lambda _: bytearray(PIN.encode()), lambda _: True)


@pytest.fixture
def workspace(tmp_path):
    found = sorted(Path("/usr/lib").glob("*/opensc-pkcs11.so"))
    assert found, f"OpenSC's module is missing. Install it: {INSTALL}"
    return make_workspace(tmp_path / "e", settings=f'mode = "pkcs11"\nmodule = "{found[0]}"\n')


def test_the_card_is_the_same_by_both_ways(card, workspace, card_workspace):
    seen = []
    for folder in (workspace, card_workspace):
        settings = load_settings(folder)
        backend = connect(settings, find_card(None))
        seen.append(backend.identify())
        backend.close()
    by_module, by_commands = seen
    assert by_module.serial == by_commands.serial == TOKEN
    assert by_module.authentication == by_commands.authentication
    assert by_module.signature == by_commands.signature
    assert by_module.pin == by_commands.pin


def test_the_authentication_key_signs_and_the_card_is_reset(card, workspace):
    made_card = make_card()
    card.eject()
    card.insert(made_card.profile)
    backend = connect(load_settings(workspace), find_card(None))
    backend.identify()
    signed = backend.use_key(Key.AUTHENTICATION, hashlib.sha256(b"challenge").digest(), bytearray(PIN.encode()))
    made_card.authentication.public_key().verify(signed, b"challenge", padding.PKCS1v15(), hashes.SHA256())
    assert card.state()["verified"] is False
    backend.close()


def test_a_session_opens_and_the_missing_signature_is_explained(card, workspace):
    with open_session(workspace, TYPED) as session:
        assert session.require(["750000001"]).card == TOKEN
        with pytest.raises(CardError, match="Cryptolib"):
            session.sign({}, TYPED, establishments=["750000001"])
        assert session.closed


def test_wrong_then_blocked_pin(card, workspace):
    wrong = CallablePin(lambda _: bytearray(b"0000"), lambda _: True)
    for _ in range(2):
        with pytest.raises(WrongPinError):
            open_session(workspace, wrong)
    with pytest.raises((PinBlockedError, WrongPinError)):
        open_session(workspace, wrong)
    assert card.state()["tries_left"] == 0
    with pytest.raises(PinBlockedError):
        open_session(workspace, TYPED)


def test_removal_closes_the_session_and_a_new_one_works(card, workspace):
    session = open_session(workspace, TYPED)
    card.eject()
    until(lambda: session.closed, "the end of the session", 2)
    with pytest.raises(SessionClosedError):
        session.require()
    card.insert()
    with open_session(workspace, TYPED) as again:
        assert not again.closed


def test_the_module_must_exist_and_not_be_a_spy(card, tmp_path):
    for name, expected in (("absent.so", "introuvable"), ("pkcs11-spy.so", "espion")):
        settings = load_settings(make_workspace(tmp_path / name, settings=f'mode = "pkcs11"\nmodule = "{name}"\n'))
        with pytest.raises(CardUnavailableError, match=expected):
            connect(settings, find_card(None))


def test_the_mode_needs_a_module(tmp_path):
    with pytest.raises(UsageError, match="module"):
        load_settings(make_workspace(tmp_path / "e", settings='mode = "pkcs11"\n'))
