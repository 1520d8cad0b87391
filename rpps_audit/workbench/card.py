"""The card panel: is the card there, whose is it, how long is the session still open; and where the PIN is typed.

The panel's `pin` is a `PinSource` of the card room. That room asks and waits, so it works in a thread of its own while
the kernel hears the browser's answer. The PIN comes as bytes in one message, goes into the array the card room zeroes,
and is never an attribute of anything.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rpps_audit.card import (
    Authorisation,
    CallablePin,
    CardSession,
    Perimeter,
    PinRequest,
    Role,
    find_card,
    load_settings,
    open_session,
)
from rpps_audit.errors import AuditError, NotAuthorisedError
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.live import LiveWidget

_WATCH_SECONDS = 0.1
_GIVEN_UP = None


class CardPanel(LiveWidget):
    """Opens and closes a session. `on_change()` hears of both, whoever closes it: the user, a removal, the clock."""

    drawn_by = "card"

    def __init__(self, workspace: Path, *, on_change: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.workspace = workspace
        self._on_change = on_change
        self._session: CardSession | None = None
        self._question: Mapping[str, Any] | None = None
        self._answers: queue.Queue[bytearray | None] = queue.Queue(1)
        self._opening: threading.Thread | None = None
        self._busy = False
        self._watching: threading.Thread | None = None
        self._said_closed = ""
        self.pin = CallablePin(self._ask_pin, self._confirm_last_try, self._announce_pad)

    # -- the session ---------------------------------------------------------------------------------------------

    @property
    def session(self) -> CardSession | None:
        """The open session, None when there is none."""
        return self._session if self._session is not None and not self._session.closed else None

    def perimeter(self) -> Perimeter:
        """Where the holder may look now, as author or approver.

        Empty without a session: nothing may then be shown but keys.
        """
        session = self.session
        if session is None:
            return Perimeter()
        return session.perimeter("author") | session.perimeter("approver")

    def require(self, role: Role) -> Authorisation:
        """The right to act now; the idle clock starts again. Raises NotAuthorisedError, which says why not."""
        if self._session is None:
            raise NotAuthorisedError("Ouvrez d’abord votre session avec votre carte, en haut de la page.")
        return self._session.require(role=role)

    def do_open_session(self) -> None:
        """Ask the card room for a session; it will ask for the PIN."""
        if self.session is None and not self._busy:
            self._busy = True
            self._opening = threading.Thread(target=self._open, name="rpps-audit-session", daemon=True)
            self._opening.start()

    def do_close_session(self) -> None:
        """Close it at once."""
        if self._session is not None:
            self._session.close()

    def wait(self) -> None:
        """Until what was begun is over: the opening, and what a closed session changes (tests)."""
        if self._opening:
            self._opening.join()
        if self._watching and self.session is None:
            self._watching.join()

    def _open(self) -> None:
        self.message = ""
        try:
            session = open_session(self.workspace, self.pin)
        except AuditError as error:
            # A wrong PIN or an unknown card is said as it is; it needs no reference.
            self.message = str(error) if self._look()[0] else "La carte a été retirée : la session n’est pas ouverte."
        except Exception as error:
            self.message = tell_fault(error)
        else:
            self._session = session
            self._watching = threading.Thread(
                target=self._watch, args=(session,), name="rpps-audit-veille", daemon=True
            )
            self._watching.start()
            self.refresh()
            self._on_change()
        finally:
            # However it ended, the button can be pressed again.
            self._busy, self._question = False, None
        self.refresh()

    def _watch(self, session: CardSession) -> None:
        """Say at once that the session has closed, and why."""
        over = threading.Event()
        while not session.closed:
            over.wait(_WATCH_SECONDS)
        self._said_closed = session.closed
        # A question that waits for this card has no answer any longer.
        self._answer(_GIVEN_UP)
        self.refresh()
        self._on_change()

    # -- the PIN -----------------------------------------------------------------------------------------------------

    def _ask_pin(self, request: PinRequest) -> bytearray | None:
        """The PIN typed in the dialog, None when the holder gives up."""
        return self._put("Code de la carte", request.sentence().rstrip(" :"), "Valider", request.longest)

    def _confirm_last_try(self, request: PinRequest) -> bool:
        """One try is left before the card blocks: go on?"""
        warning = f"Dernier essai avant le blocage de la carte de {request.holder}. Êtes-vous sûr de votre code ?"
        return self._put("Dernier essai", warning, "Continuer", 0) is not _GIVEN_UP

    def _announce_pad(self, request: PinRequest) -> None:
        """The PIN is to be typed on the reader."""
        self._question = {
            "title": "Code de la carte",
            "sentence": f"Tapez le code sur le clavier du lecteur « {request.reader} ».",
            "go": "",
            "digits": 0,
        }
        self.refresh()

    def do_answer(self, buffers: list[Any] | None = None) -> None:
        """The dialog was validated."""
        self._answer(bytearray(buffers[0]) if buffers else bytearray())

    def do_give_up(self) -> None:
        """The dialog was left."""
        self._answer(_GIVEN_UP)

    def _put(self, title: str, sentence: str, go: str, digits: int) -> bytearray | None:
        with contextlib.suppress(queue.Empty):
            # The answer to a question that nobody waits for any longer.
            self._answers.get_nowait()
        self._question = {"title": title, "sentence": sentence, "go": go, "digits": digits}
        self.refresh()
        answer = self._heard()
        self._question = None
        self.refresh()
        return answer

    def _heard(self) -> bytearray | None:
        """The answer; a card that leaves meanwhile gives the question up."""
        while True:
            try:
                return self._answers.get(timeout=_WATCH_SECONDS)
            except queue.Empty:
                if self.session is None and not self._look()[0]:
                    return _GIVEN_UP

    def _answer(self, answer: bytearray | None) -> None:
        if self._question is not None and self._answers.empty():
            self._answers.put(answer)

    # -- view ----------------------------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """The panel, and the question when one waits."""
        session = self.session
        present, state = (True, _opened(session)) if session else self._look()
        return {
            "state": state,
            "can_open": present and session is None and not self._busy,
            "can_close": session is not None,
            "seconds_left": session.seconds_left() if session else 0,
            "question": self._question,
        }

    def _look(self) -> tuple[bool, str]:
        closed = f"Session fermée : {self._said_closed}. " if self._said_closed else ""
        try:
            find_card(load_settings(self.workspace).reader)
        except AuditError as error:
            return False, f"{closed}{error}"
        return True, f"{closed}Carte dans le lecteur, session fermée : les noms restent masqués."


def _opened(session: CardSession) -> str:
    """Whose session it is, and at once whether their card will be able to sign."""
    return f"Session ouverte : {session.identity.name}. {session.signature_problem}".rstrip()
