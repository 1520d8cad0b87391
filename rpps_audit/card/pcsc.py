"""PC/SC through pyscard's thin layer: readers, states, one connection. Nothing here logs what is exchanged.

pyscard's CardConnection and CardMonitor are not used: they hide errors in destructors and threads, and a session
that trusts them stays open when the service stops.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from rpps_audit.card.errors import CardBusyError, CardError, CardRemovedError, CardUnavailableError

# Read from winscard.h: names are the same on every PC/SC.
NO_SERVICE, SERVICE_STOPPED, NO_READERS, TIMEOUT = 0x8010001D, 0x8010001E, 0x8010002E, 0x8010000A
_SHARING, _ACCESS_DENIED = 0x8010000B, 0x8010006A
_GONE = {
    0x80100069,
    0x8010000C,
    0x80100009,
    0x80100017,
    0x80100003,
    NO_SERVICE,
    SERVICE_STOPPED,
    NO_READERS,
    0x80100013,
}
_OK, _END_OF_FILE = 0x9000, 0x6B00
# A CPS3 gives at most this many bytes at a time.
_MOST_READ = 0xE7
# A sound card answers in milliseconds, and signs in one second; its longest file has 2 kB, its answers 256 bytes.
_ANSWER_SECONDS, _CONNECTION_SECONDS = 10.0, 30.0
_MOST_PARTS, _LARGEST_FILE = 16, 0x7FFF
# The exchange failed: the card is leaving, or is not well in its reader.
_BROKEN_EXCHANGE = {0x80100016, 0x8010002F, 0x80100066, 0x80100067, 0x80100068}
_SERVICE = {NO_SERVICE, SERVICE_STOPPED, 0x80100013}

_ENDLESS = "La carte répond sans fin : ce n'est pas une carte CPx, ou elle est abîmée. Retirez-la."
_MUTE = "La carte ne répond plus. Retirez-la, puis réinsérez-la ; si cela se répète, elle est abîmée."
INSTALL = "depuis le dossier de rpps-audit, « make card » (il faut libpcsclite-dev et un compilateur C)"
MISSING_LIBRARY = f"La lecture des cartes n'est pas installée (bibliothèque pyscard absente). Installez-la : {INSTALL}."
MISSING_SERVICE = (
    "Le service PC/SC ne répond pas. Sous Debian ou Ubuntu : sudo apt-get install pcscd, puis "
    "sudo systemctl enable --now pcscd.socket"
)
MISSING_READER = "Aucun lecteur de carte n'est branché sur cette machine. Branchez-en un."
MISSING_CARD = "Aucune carte n'est dans le lecteur. Insérez votre carte CPx, puce vers l'intérieur."


class ReaderState(NamedTuple):
    """A reader as the service sees it."""

    reader: str
    present: bool
    atr: bytes
    raw: int
    """State word to wait from; its high half counts insertions and removals."""


def scard() -> Any:
    """pyscard's module of PC/SC functions. Raises CardUnavailableError when pyscard is not installed."""
    try:
        from smartcard import scard as functions  # type: ignore[import-untyped]
    except ImportError as error:
        raise CardUnavailableError(MISSING_LIBRARY) from error
    return functions


def check(result: int, doing: str) -> None:
    """Turn a PC/SC result into the matching error."""
    code = result & 0xFFFFFFFF
    if code == 0:
        return
    if code in _SERVICE:
        raise CardUnavailableError(MISSING_SERVICE)
    if code == NO_READERS:
        raise CardUnavailableError(MISSING_READER)
    if code == _SHARING:
        raise CardBusyError
    if code == _ACCESS_DENIED:
        raise CardUnavailableError(
            "Le service PC/SC refuse l'accès à cet utilisateur (règle polkit). Demandez à l'administrateur."
        )
    if code in _GONE | _BROKEN_EXCHANGE:
        raise CardRemovedError
    raise CardError(f"Le lecteur a répondu une erreur ({doing}, 0x{code:08X}). Retirez puis réinsérez la carte.")


@contextmanager
def context() -> Iterator[Any]:
    """A PC/SC context, released at the end."""
    functions = scard()
    result, handle = functions.SCardEstablishContext(functions.SCARD_SCOPE_USER)
    check(result, "contexte")
    try:
        yield handle
    finally:
        functions.SCardReleaseContext(handle)


def reader_states() -> list[ReaderState]:
    """Every reader now. Raises CardUnavailableError without library, service or reader."""
    functions = scard()
    with context() as handle:
        result, names = functions.SCardListReaders(handle, [])
        check(result, "liste des lecteurs")
        if not names:
            raise CardUnavailableError(MISSING_READER)
        result, states = functions.SCardGetStatusChange(handle, 0, [(name, 0) for name in names])
        if result & 0xFFFFFFFF != TIMEOUT:
            check(result, "état des lecteurs")
        present = functions.SCARD_STATE_PRESENT
        return [ReaderState(name, bool(raw & present), bytes(atr), raw) for name, raw, atr in states]


def find_card(reader: str | None) -> ReaderState:
    """The reader that holds the card: the named one, else the only one with a card. Never a guess between two."""
    states = reader_states()
    if reader is not None:
        states = [state for state in states if state.reader == reader]
        if not states:
            raise CardUnavailableError(f"Le lecteur « {reader} » (réglage carte.lecteur) n'est pas branché.")
    holding = [state for state in states if state.present]
    if not holding:
        raise CardUnavailableError(MISSING_CARD)
    if len(holding) > 1:
        names = ", ".join(f"« {state.reader} »" for state in holding)
        raise CardError(f"Plusieurs lecteurs contiennent une carte : {names}. Retirez-en une, ou réglez carte.lecteur.")
    return holding[0]


def probe_card(reader: str) -> None:
    """Raises CardError unless the card answers now: GET CHALLENGE, which selects, verifies and changes nothing.

    A card that another program holds alone is there. It is left as it is: that program may have its PIN verified.
    """
    try:
        link = Link(reader, exclusive=False)
    except CardBusyError:
        return
    try:
        link.transmit(bytes([0x00, 0x84, 0x00, 0x00, 0x08]))
    finally:
        link.close(reset=False)


class Link:
    """A connection to the card of one reader, T=0. Close it: `close` resets the card, unless it is gone.

    Everything is bounded: how long one answer and the whole connection may take, in how many parts an answer comes, how
    long a file is. What goes beyond is a CardError.
    """

    def __init__(self, reader: str, *, exclusive: bool = True) -> None:
        self.reader = reader
        self._stuck = False
        self._scard = scard()
        self._share = self._scard.SCARD_SHARE_EXCLUSIVE if exclusive else self._scard.SCARD_SHARE_SHARED
        result, self._context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        check(result, "contexte")
        result, self._card, _ = self._scard.SCardConnect(
            self._context, reader, self._share, self._scard.SCARD_PROTOCOL_T0
        )
        self._open = result == 0
        if not self._open:
            self._scard.SCardReleaseContext(self._context)
        check(result, "connexion")
        self._gone = False
        self._ends = time.monotonic() + _CONNECTION_SECONDS

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Data and status word; fetches what T=0 announces (61xx) and repeats with the right length (6Cxx)."""
        data, status = self._exchange(command)
        if status >> 8 == 0x6C:
            data, status = self._exchange(bytes(command[:4]) + bytes([status & 0xFF]))
        for _ in range(_MOST_PARTS):
            if status >> 8 != 0x61:
                return data, status
            more, status = self._exchange(bytes([0x00, 0xC0, 0x00, 0x00, status & 0xFF]))
            data += more
        raise CardError(_ENDLESS)

    def order(self, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        """A command that must succeed: its answer."""
        answer, status = self.transmit(bytes([0x00, ins, p1, p2, len(data)]) + data)
        if status != _OK:
            raise CardError(f"La carte a refusé une commande (INS {ins:02X}, réponse {status:04X}).")
        return answer

    def select(self, path: bytes) -> None:
        """Select a folder or file by its path from the root."""
        self.order(0xA4, 0x09, 0x0C, path)

    def read_file(self, path: bytes) -> bytes:
        """The whole content of a file, by its path from the root."""
        self.select(path)
        content = b""
        while True:
            at = len(content)
            part, status = self.transmit(bytes([0x00, 0xB0, at >> 8, at & 0xFF, _MOST_READ]))
            if status == _END_OF_FILE and content:
                return content
            if status != _OK:
                raise CardError(f"Un fichier de la carte ne peut pas être lu (réponse {status:04X}).")
            content += part
            if len(part) < _MOST_READ:
                return content
            if len(content) > _LARGEST_FILE - _MOST_READ:
                raise CardError(_ENDLESS)

    def control(self, code: int, payload: bytes) -> bytes:
        """A request to the reader itself."""
        result, answer = self._scard.SCardControl(self._card, code, list(payload))
        self._note(result, "lecteur")
        return bytes(answer)

    def close(self, *, reset: bool = True) -> None:
        """Reset the card and let it go. A card already gone is only let go: resetting it can wedge the service."""
        if not self._open:
            return
        self._open = False
        ending = self._scard.SCARD_RESET_CARD if reset and not self._gone else self._scard.SCARD_LEAVE_CARD

        def let_go() -> None:
            self._scard.SCardDisconnect(self._card, ending)
            self._scard.SCardReleaseContext(self._context)

        if self._stuck:
            # The service waits for the card's answer: it lets go when that comes, or when the card leaves.
            threading.Thread(target=let_go, name="rpps-audit-carte-fin", daemon=True).start()
        else:
            let_go()

    def card_is_gone(self) -> None:
        """Told by who watches the reader: `close` must not reset."""
        self._gone = True

    def _exchange(self, command: bytes | bytearray) -> tuple[bytes, int]:
        # SWIG wants a list; it is emptied because the command may hold a PIN.
        numbers = list(command)
        try:
            result, answer = self._bounded(
                lambda: self._scard.SCardTransmit(self._card, self._scard.SCARD_PCI_T0, numbers)
            )
        finally:
            numbers[:] = [0] * len(numbers)
        self._note(result, "échange")
        if len(answer) < 2:
            raise CardError("La carte a répondu de façon incomplète. Retirez puis réinsérez la carte.")
        return bytes(answer[:-2]), answer[-2] << 8 | answer[-1]

    def _bounded(self, call: Callable[[], Any]) -> Any:
        """The call's answer, or a CardError when it does not come: a mute card would hold the program for ever."""
        answers: list[Any] = []
        caller = threading.Thread(target=lambda: answers.append(call()), name="rpps-audit-carte-echange", daemon=True)
        caller.start()
        caller.join(max(0.0, min(_ANSWER_SECONDS, self._ends - time.monotonic())))
        if not answers:
            self._stuck = caller.is_alive()
            raise CardError(_MUTE)
        return answers[0]

    def _note(self, result: int, doing: str) -> None:
        if result & 0xFFFFFFFF in _GONE:
            self._gone = True
            raise CardRemovedError
        check(result, doing)
