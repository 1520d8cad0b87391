"""Asking for the PIN, and leaving no trace of it.

It lives in a `bytearray` that is zeroed after the one call that needs it; it is never returned to the user, logged,
stored, or put into an error. What `getpass` reads passes through a Python `str`, which cannot be wiped: the workbench
therefore uses its own form, and a reader with keys is better than both.
"""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from rpps_audit.card.backend import PinRules
from rpps_audit.card.errors import PinBlockedError, PinRefusedError

# Each makes a driver write the PIN in clear into a log.
LEAKING_VARIABLES = ("OPENSC_DEBUG", "PKCS11SPY", "PKCS11SPY_OUTPUT")
# Jupyter's: at DEBUG they write the content of each message that a form sends.
_LEAKING_LOGGERS = ("Comm", "IPKernelApp")


class PinRequest(NamedTuple):
    """What the holder is told when asked."""

    purpose: str
    """In French, what the PIN will do: « ouvrir la session », « signer le lot … »."""
    holder: str
    reader: str
    tries_left: int | None
    shortest: int
    longest: int

    def sentence(self) -> str:
        """The question, in one French sentence."""
        left = "" if self.tries_left is None else f" (essais restants : {self.tries_left})"
        return f"Code porteur de {self.holder} pour {self.purpose}{left} : "


class PinSource(Protocol):
    """Where the PIN comes from."""

    def ask(self, request: PinRequest) -> bytearray | None:
        """The digits as ASCII bytes; None when the holder gives up."""

    def confirm_last_try(self, request: PinRequest) -> bool:
        """One try is left: does the holder want to risk it?"""

    def announce_pad(self, request: PinRequest) -> None:
        """Tell the holder to type on the reader."""


class GetpassPin:
    """The PIN typed in a terminal, or in the notebook's own password prompt."""

    def ask(self, request: PinRequest) -> bytearray | None:
        """Prompt without echo; an empty answer, Ctrl + D or Ctrl + C gives up."""
        try:
            return bytearray(getpass.getpass(request.sentence()), "ascii", "replace") or None
        except (EOFError, KeyboardInterrupt):
            return None

    def confirm_last_try(self, request: PinRequest) -> bool:
        """Only the whole word « oui » is a yes."""
        question = "Dernier essai avant le blocage de la carte. Écrivez « oui » pour continuer : "
        try:
            return input(question).strip().lower() == "oui"
        except (EOFError, KeyboardInterrupt):
            return False

    def announce_pad(self, request: PinRequest) -> None:
        """One line."""
        print(f"Tapez le code sur le clavier du lecteur « {request.reader} ».")


class CallablePin:
    """The PIN from a form: `ask` returns the bytes that the form received in a message that is not stored.

    Without `confirm`, the last try is never risked.
    """

    def __init__(
        self,
        ask: Callable[[PinRequest], bytearray | None],
        confirm: Callable[[PinRequest], bool] = lambda _request: False,
        announce: Callable[[PinRequest], None] = lambda _request: None,
    ) -> None:
        self._ask, self._confirm, self._announce = ask, confirm, announce

    def ask(self, request: PinRequest) -> bytearray | None:
        """Ask the form."""
        return self._ask(request)

    def confirm_last_try(self, request: PinRequest) -> bool:
        """Ask the form."""
        return self._confirm(request)

    def announce_pad(self, request: PinRequest) -> None:
        """Tell the form."""
        self._announce(request)


@contextmanager
def asked_pin(source: PinSource, request: PinRequest, rules: PinRules, *, pad: bool) -> Iterator[bytearray | None]:
    """The PIN for one use, zeroed afterwards; None when it is to be typed on the reader.

    Raises PinBlockedError, PinRefusedError, MalformedPinError before any try is spent.
    """
    refuse_leaks()
    if request.tries_left == 0:
        raise PinBlockedError
    if request.tries_left == 1 and not source.confirm_last_try(request):
        raise PinRefusedError("Dernier essai non confirmé : le code n'a pas été envoyé à la carte.")
    if pad:
        source.announce_pad(request)
        yield None
        return
    keep_out_of_core_files()
    pin = source.ask(request)
    if pin is None:
        raise PinRefusedError("Saisie du code annulée. Aucun essai n'a été consommé.")
    try:
        rules.check(pin)
        yield pin
    finally:
        pin[:] = bytes(len(pin))


def find_leak() -> str:
    """In French, what on this machine would write the PIN in clear into a log; empty when nothing would."""
    for name in LEAKING_VARIABLES:
        if os.environ.get(name) not in (None, "", "0"):
            return f"la variable d'environnement {name} est active"
    for name in _LEAKING_LOGGERS:
        if _writes_debug(logging.getLogger(name)):
            return f"la journalisation détaillée (DEBUG) de « {name} » est active"
    return ""


def _writes_debug(logger: logging.Logger | None) -> bool:
    """A DEBUG record of this logger reaches a handler that writes it."""
    if logger is None or not logger.isEnabledFor(logging.DEBUG):
        return False
    while logger is not None:
        if any(handler.level <= logging.DEBUG for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def refuse_leaks() -> None:
    """Raises PinRefusedError where a log would hold the PIN. A form calls it before it shows its field."""
    leak = find_leak()
    if leak:
        raise PinRefusedError(
            f"Code porteur non demandé : {leak}, il serait écrit en clair. Désactivez-la et relancez."
        )


def keep_out_of_core_files() -> None:
    """From the first PIN on, a crash of this process leaves no image of its memory."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        # Cores handed to a collector ignore the limit: keep every memory area out of them.
        Path("/proc/self/coredump_filter").write_text("0", "ascii")
    except OSError:
        return
