"""A session ends when the card moves, the service stops or time runs out; never the other way round."""

import os
import signal
import time

import pytest

from rpps_audit.card import (
    CallablePin,
    CardError,
    CardRemovedError,
    CardUnavailableError,
    SessionClosedError,
    open_session,
)
from rpps_audit.journal import Journal
from tests.card.fixtures import make_workspace
from tests.card.profiles import PIN, make_card
from tests.card.stack import READER, readers, until

pytestmark = pytest.mark.card


def typed(before=lambda: None):
    def ask(_):
        before()
        return bytearray(PIN.encode())

    return CallablePin(ask)


def last_reason(workspace):
    return list(Journal(workspace / "journal.jsonl").entries())[-1].data["reason"]


# --- The card leaves ---


def test_removal_closes_the_session_within_a_second(card, card_workspace):
    session = open_session(card_workspace, typed())
    card.eject(wait=False)
    until(lambda: session.closed, "the end of the session", 1)
    assert session.closed == "la carte a été retirée"
    with pytest.raises(SessionClosedError, match="retirée"):
        session.require(["750000001"])
    assert last_reason(card_workspace) == "la carte a été retirée"


@pytest.mark.parametrize("pause", [0.0, 0.6])
def test_a_card_taken_out_and_put_back_needs_a_new_session(card, card_workspace, pause):
    session = open_session(card_workspace, typed())
    card.eject()
    time.sleep(pause)
    card.insert()
    until(lambda: session.closed, "the end of the session", 2)
    with open_session(card_workspace, typed()) as again:
        assert not again.closed


def test_a_swapped_card_ends_the_session(card, card_workspace):
    session = open_session(card_workspace, typed())
    card.eject()
    card.insert(make_card(serial="2138450009").profile)
    until(lambda: session.closed, "the end of the session", 2)
    with pytest.raises(SessionClosedError):
        session.sign({}, typed(), establishments=["750000001"])


def test_removal_while_the_pin_is_typed_at_login(card, card_workspace):
    with pytest.raises((CardRemovedError, SessionClosedError)):
        open_session(card_workspace, typed(before=lambda: card.eject(wait=False)))


def test_a_swap_while_the_pin_is_typed_never_sends_the_pin_to_the_other_card(card, card_workspace):
    def swap():
        card.eject()
        card.insert(make_card(serial="2138450009").profile)

    with pytest.raises((CardRemovedError, SessionClosedError, CardError)):
        open_session(card_workspace, typed(before=swap))
    assert not any(command.startswith("0020") for command in card.state()["commands"])


def test_removal_while_the_pin_is_typed_for_a_signature(card, card_workspace):
    session = open_session(card_workspace, typed())
    with pytest.raises((CardRemovedError, SessionClosedError)):
        session.sign({}, typed(before=lambda: card.eject(wait=False)), establishments=["750000001"])
    until(lambda: session.closed, "the end of the session", 2)


def login_and_sign(workspace):
    with open_session(workspace, typed()) as session:
        session.sign({}, typed(), establishments=["750000001"])


def test_removal_at_every_step_is_a_refusal_and_the_next_login_works(card, tmp_path):
    login_and_sign(make_workspace(tmp_path / "count"))
    count = len(card.state()["commands"])
    workspace = make_workspace(tmp_path / "e")
    for step in range(0, count, max(1, count // 10)):
        card.eject()
        card.insert(make_card().profile | {"leaves_at": step})
        with pytest.raises(CardError):
            login_and_sign(workspace)
    card.eject()
    card.insert(make_card().profile)
    login_and_sign(workspace)
    signed = [entry for entry in Journal(workspace / "journal.jsonl").entries() if entry.event == "manifest-signed"]
    assert len(signed) == 1


# --- The service ---


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_service_stops(pcscd, card, card_workspace, how):
    session = open_session(card_workspace, typed())
    try:
        pcscd.stop(how)
        until(lambda: session.closed, "the end of the session", 2)
        with pytest.raises(SessionClosedError):
            session.require(["750000001"])
        with pytest.raises(CardUnavailableError, match="service PC/SC"):
            open_session(card_workspace, typed())
    finally:
        card.order("eject")
        pcscd.start()
    card.insert()
    with open_session(card_workspace, typed()) as again:
        assert not again.closed


def test_a_service_that_hangs_is_a_card_that_is_gone(pcscd, card, card_workspace):
    session = open_session(card_workspace, typed())
    pcscd.process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: session.closed, "the end of the lease", 4)
        assert "ne répond plus" in session.closed
        with pytest.raises(SessionClosedError):
            session.require(["750000001"])
    finally:
        pcscd.process.send_signal(signal.SIGCONT)
    until(lambda: READER in readers(), "the service again")


def test_no_reader_at_all(pcscd, slot, card_workspace):
    pcscd.stop()
    try:
        pcscd.start(with_readers=False)
        with pytest.raises(CardUnavailableError, match="Aucun lecteur"):
            open_session(card_workspace, typed())
    finally:
        pcscd.stop()
        pcscd.start()


# --- Time ---


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_idle_time_closes_the_session_and_each_act_renews_it(card, tmp_path):
    clock = Clock()
    workspace = make_workspace(tmp_path / "e", settings="inactivite = 60\n")
    session = open_session(workspace, typed(), clock=clock)
    for _ in range(3):
        clock.now += 50
        session.require(["750000001"])
    clock.now += 61
    with pytest.raises(SessionClosedError, match="inactivité de 1 min"):
        session.require(["750000001"])
    assert card.state()["verified"] is False


def test_the_watcher_closes_an_idle_session_by_itself(card, tmp_path):
    clock = Clock()
    session = open_session(make_workspace(tmp_path / "e", settings="inactivite = 60\n"), typed(), clock=clock)
    clock.now += 61
    until(lambda: session.closed, "the end of the idle session", 2)


def test_absolute_life_ends_even_a_busy_session(card, tmp_path):
    clock = Clock()
    session = open_session(make_workspace(tmp_path / "e", settings="duree = 120\n"), typed(), clock=clock)
    clock.now += 100
    session.require(["750000001"])
    clock.now += 21
    with pytest.raises(SessionClosedError, match="durée maximale"):
        session.require(["750000001"])


def test_the_time_left_is_that_of_the_first_limit_and_none_once_closed(card, tmp_path):
    clock = Clock()
    workspace = make_workspace(tmp_path / "e", settings="inactivite = 60\nduree = 120\n")
    session = open_session(workspace, typed(), clock=clock)
    clock.now += 50
    assert session.seconds_left() == 10
    session.require(["750000001"])
    assert session.seconds_left() == 60
    clock.now += 40
    session.require(["750000001"])
    assert session.seconds_left() == 30
    session.close()
    assert session.seconds_left() == 0


# --- The process ---


def test_a_forked_child_has_no_session(card, card_workspace):
    with open_session(card_workspace, typed()) as session:
        child = os.fork()
        if child == 0:
            try:
                session.require(["750000001"])
            except SessionClosedError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert session.require(["750000001"])
