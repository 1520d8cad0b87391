"""Login on the real PC/SC stack: who gets a session, and who does not."""

import copy
import pickle

import pytest

from rpps_audit.card import (
    CallablePin,
    CardError,
    CardUnavailableError,
    MalformedPinError,
    PinBlockedError,
    PinRefusedError,
    UntrustedCardError,
    WrongPinError,
    open_session,
)
from rpps_audit.card.pcsc import Link
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.journal import Journal
from tests.card import pki
from tests.card.fixtures import make_workspace, manager_entry
from tests.card.profiles import PIN, TOKEN, make_card
from tests.card.stack import READER, SECOND_READER

pytestmark = pytest.mark.card


def typed(pin=PIN, confirm=True):
    return CallablePin(lambda _: bytearray(pin.encode()), lambda _: confirm)


def never_asked():
    def fail(_):
        raise AssertionError("the PIN was asked for")

    return CallablePin(fail, fail)


def events(workspace):
    return [entry.event for entry in Journal(workspace / "journal.jsonl").entries()]


# --- Login ---


def test_the_listed_manager_opens_a_session_and_the_card_is_left_without_pin(card, card_workspace):
    with open_session(card_workspace, typed()) as session:
        assert not session.closed
        assert (session.identity.name, session.card) == ("CAMILLE GESTION-TEST", TOKEN)
        assert session.identity.number == "300000000029751/CPE0000001"
        assert card.state()["verified"] is False
    assert session.closed == "fermée par l'utilisateur"
    assert events(card_workspace) == ["managers-changed", "pin-verified", "session-opened", "session-closed"]


def test_a_health_professional_is_known_by_their_rpps_number(slot, tmp_path):
    slot.insert(make_card(pki.cps("10002813839")).profile)
    workspace = make_workspace(tmp_path / "e", manager_entry(subject=pki.cps("10002813839").rfc4514_string()))
    with open_session(workspace, typed()) as session:
        assert (session.identity.kind, session.identity.rpps) == ("CPS", "10002813839")


def listed_by_card(name):
    rights = 'organismes = ["750000002"]\nroles = ["approbateur"]\ndu = 2020-01-01\n'
    return f'[[gestionnaire]]\n{name}carte = "{TOKEN}"\n{rights}'


@pytest.mark.parametrize("name", ["", 'nom = "Dominique Autre"\n'])
def test_a_card_number_that_no_certificate_signs_gives_no_rights_by_itself(card, tmp_path, name):
    with pytest.raises(NotAuthorisedError, match="seul ne donne aucun droit"):
        open_session(make_workspace(tmp_path / "e", listed_by_card(name)), never_asked())


def test_a_manager_may_be_listed_by_card_number_and_the_name_of_the_certificate(card, tmp_path):
    entry = listed_by_card('nom = "Gestion-Test Camille"\n')
    with open_session(make_workspace(tmp_path / "e", entry), typed()) as session:
        operators = {"750000009": "750000002"}
        assert session.require(["750000009"], "approver", operators).role == "approver"
        with pytest.raises(NotAuthorisedError, match="750000009"):
            session.require(["750000009"], "approver")
        with pytest.raises(NotAuthorisedError, match="rôle « auteur »"):
            session.require(["750000009"], "author", operators)


# --- PIN ---


def test_a_wrong_pin_says_how_many_tries_are_left(card, card_workspace):
    with pytest.raises(WrongPinError, match="Essais restants : 2") as refused:
        open_session(card_workspace, typed("0000"))
    assert refused.value.tries_left == 2
    assert card.state()["tries_left"] == 2
    assert "0000" not in str(refused.value)
    assert events(card_workspace)[-2:] == ["pin-wrong", "session-refused"]


@pytest.mark.parametrize("pin", ["", "482", "48211", "48a1", "４８２１"])
def test_a_malformed_pin_spends_no_try(card, card_workspace, pin):
    with pytest.raises((MalformedPinError, PinRefusedError), match=r"Aucun essai|annulée"):
        open_session(card_workspace, typed(pin) if pin else CallablePin(lambda _: None))
    assert card.state()["tries_left"] == 3
    assert not any(command.startswith("0020") and command != "00200001" for command in card.state()["commands"])


def test_the_last_try_needs_a_confirmation_and_the_third_error_blocks(card, card_workspace):
    for _ in range(2):
        with pytest.raises(WrongPinError):
            open_session(card_workspace, typed("0000"))
    with pytest.raises(PinRefusedError, match="Dernier essai"):
        open_session(card_workspace, typed("0000", confirm=False))
    assert card.state()["tries_left"] == 1
    with pytest.raises(PinBlockedError):
        open_session(card_workspace, typed("0000"))
    with pytest.raises(PinBlockedError):
        open_session(card_workspace, never_asked())
    assert card.state()["tries_left"] == 0
    assert "pin-blocked" in events(card_workspace)


def test_the_holder_is_told_the_tries_left(card, card_workspace):
    told = []
    with pytest.raises(PinRefusedError):
        open_session(card_workspace, CallablePin(told.append))
    assert (told[0].tries_left, told[0].shortest, told[0].longest) == (3, 4, 4)
    assert "essais restants : 3" in told[0].sentence()


def test_the_lengths_of_the_pin_are_read_from_the_card(slot, card_workspace):
    slot.insert(make_card(pin="123456", pin_length=(6, 8)).profile)
    with pytest.raises(MalformedPinError, match="de 6 à 8 chiffres"):
        open_session(card_workspace, typed("4821"))
    with open_session(card_workspace, typed("123456")) as session:
        assert not session.closed


@pytest.mark.parametrize("variable", ["OPENSC_DEBUG", "PKCS11SPY"])
def test_no_login_where_a_driver_would_log_the_pin(card, card_workspace, monkeypatch, variable):
    monkeypatch.setenv(variable, "9")
    with pytest.raises(PinRefusedError, match=variable):
        open_session(card_workspace, never_asked())
    assert card.state()["commands"] == []


# --- Cards that are refused, before any PIN ---


def test_an_expired_card(slot, card_workspace):
    slot.insert(make_card(starts=pki.NOW - 2 * pki.YEAR, ends=pki.NOW - pki.YEAR).profile)
    with pytest.raises(UntrustedCardError, match="périmée depuis"):
        open_session(card_workspace, never_asked())
    assert events(card_workspace)[-1] == "session-refused"


def test_a_card_that_is_not_valid_yet(slot, card_workspace):
    slot.insert(make_card(starts=pki.NOW + pki.YEAR, ends=pki.NOW + 2 * pki.YEAR).profile)
    with pytest.raises(UntrustedCardError, match="pas encore valable"):
        open_session(card_workspace, never_asked())


def test_an_unlisted_card(slot, card_workspace):
    slot.insert(make_card(pki.cpe("JEAN", "AUTRE-TEST", "300000000029751/CPE0000002"), holder="other").profile)
    with pytest.raises(NotAuthorisedError, match=r"JEAN AUTRE-TEST .* n'est pas dans managers.toml"):
        open_session(card_workspace, never_asked())


def test_the_same_name_from_another_issuer_is_unlisted(slot, card_workspace):
    other = pki.issuer(pki.root(), "AC IGC-SANTE FORT PERSONNES")
    slot.insert(make_card(pki.cpe(), other).profile)
    (card_workspace / "racines/production/fort.pem").write_bytes(other.pem())
    with pytest.raises(NotAuthorisedError, match="n'est pas dans managers"):
        open_session(card_workspace, never_asked())


def test_a_manager_whose_time_is_over(card, tmp_path):
    workspace = make_workspace(tmp_path / "e", manager_entry(extra="au = 2021-01-01"))
    with pytest.raises(NotAuthorisedError, match="pas en vigueur"):
        open_session(workspace, never_asked())


def test_an_untrusted_card(slot, card_workspace):
    unknown = pki.issuer(pki.root("AC RACINE INCONNUE"), "AC INCONNUE")
    slot.insert(make_card(pki.cpe(), unknown).profile)
    with pytest.raises(UntrustedCardError, match="aucune autorité de confiance"):
        open_session(card_workspace, never_asked())


def test_a_card_signed_by_a_look_alike_authority_is_untrusted(slot, card_workspace):
    genuine = pki.issuer(pki.root())
    look_alike = pki.Authority(genuine.name, "forger", genuine.certificate)
    slot.insert(make_card(pki.cpe(), look_alike).profile)
    with pytest.raises(UntrustedCardError, match="aucune autorité de confiance"):
        open_session(card_workspace, never_asked())


def test_a_test_card_in_production(slot, card_workspace):
    authority = pki.issuer(pki.root("TEST AC RACINE IGC-SANTE STANDARD", "IGC-SANTE TEST"), "TEST AC PERSONNES")
    slot.insert(make_card(pki.cpe(), authority).profile)
    with pytest.raises(UntrustedCardError, match="carte de test"):
        open_session(card_workspace, never_asked())


def test_a_test_root_among_the_production_roots_stops_everything(card, card_workspace):
    root = pki.root("TEST AC RACINE IGC-SANTE STANDARD", "IGC-SANTE TEST")
    (card_workspace / "racines/production/test.pem").write_bytes(root.pem())
    with pytest.raises(UntrustedCardError, match="racine de test"):
        open_session(card_workspace, never_asked())


def test_nothing_is_trusted_by_default(card, tmp_path):
    (tmp_path / "managers.toml").write_text(manager_entry(), "utf-8")
    with pytest.raises(UsageError, match="Aucune autorité de confiance"):
        open_session(tmp_path, never_asked())


def test_a_pseudonymous_card(slot, tmp_path):
    slot.insert(make_card(pki.pseudonymous()).profile)
    workspace = make_workspace(tmp_path / "e", manager_entry(subject=pki.pseudonymous().rfc4514_string()))
    with pytest.raises(UntrustedCardError, match="ne nomme personne"):
        open_session(workspace, never_asked())


def test_a_fake_card_that_accepts_any_pin_and_has_no_key(slot, card_workspace):
    slot.insert(make_card(fake=True).profile)
    with pytest.raises(UntrustedCardError, match="n'a pas prouvé"):
        open_session(card_workspace, typed())
    assert events(card_workspace)[-1] == "session-refused"


# --- Readers ---


def test_two_readers_with_one_card(pcscd, card, second_slot, card_workspace):
    with open_session(card_workspace, typed()) as session:
        assert not session.closed


def test_two_cards_are_never_a_guess(card, second_slot, tmp_path):
    second_slot.insert(make_card(serial="2138450002").profile)
    workspace = make_workspace(tmp_path / "e")
    with pytest.raises(CardError, match="Plusieurs lecteurs"):
        open_session(workspace, never_asked())
    chosen = make_workspace(tmp_path / "f", settings=f'lecteur = "{SECOND_READER}"\n')
    with open_session(chosen, typed()) as session:
        assert session.card.endswith("2138450002")


def test_the_named_reader_is_not_there(card, tmp_path):
    workspace = make_workspace(tmp_path / "e", settings='lecteur = "Gemalto 7"\n')
    with pytest.raises(CardUnavailableError, match="Gemalto 7"):
        open_session(workspace, never_asked())


def test_no_card(slot, card_workspace):
    with pytest.raises(CardUnavailableError, match="Aucune carte"):
        open_session(card_workspace, never_asked())


def test_another_program_holds_the_card(card, card_workspace):
    other = Link(READER)
    try:
        with pytest.raises(CardError, match="un autre logiciel"):
            open_session(card_workspace, never_asked())
    finally:
        other.close()


def test_between_two_uses_the_card_is_free_for_other_programs(card, card_workspace):
    with open_session(card_workspace, typed()) as session:
        other = Link(READER)
        assert other.transmit(bytes([0x00, 0x20, 0x00, 0x01]))[1] == 0x63C3
        other.close()
        assert not session.closed
        assert session.sign({}, typed(), establishments=["750000001"]).signature


# --- What a session gives ---


def test_a_perimeter_is_checked_when_asked_and_when_written(card, card_workspace):
    with open_session(card_workspace, typed()) as session:
        authorisation = session.require(["750000001"])
        authorisation.check(["750000001"])
        with pytest.raises(NotAuthorisedError, match="750000003"):
            authorisation.check(["750000001", "750000003"])
        with pytest.raises(NotAuthorisedError, match="750000003"):
            session.require(["750000003"])
    with pytest.raises(NotAuthorisedError, match="Session de la carte fermée"):
        authorisation.check(["750000001"])


def test_somebody_removed_from_the_list_loses_their_rights_at_once(card, card_workspace):
    with open_session(card_workspace, typed()) as session:
        session.require(["750000001"])
        (card_workspace / "managers.toml").write_text(manager_entry(establishments='["750000008"]'), "utf-8")
        with pytest.raises(NotAuthorisedError, match="750000001"):
            session.require(["750000001"])
    assert events(card_workspace).count("managers-changed") == 2


def test_an_authorisation_is_not_made_by_accident(card, card_workspace):
    with open_session(card_workspace, typed()) as session:
        authorisation = session.require(["750000001"])
        for act in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                act(authorisation)
        fields = {name: getattr(authorisation, name) for name in type(authorisation).__slots__ if name != "_seal"}
        with pytest.raises(TypeError, match="CardSession"):
            type(authorisation)(**fields, _seal=None)
