"""The `pkcs11` back end: a card through its manufacturer's module, for CPS4 cards or sites that impose it.

The ANS's Cryptolib drives both keys; OpenSC only the authentication key. Always RSA_PKCS over a DigestInfo: the one
mechanism that both accept. The module shares the card, so pyscard resets it after each use: logging out does not
clear the PIN.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from rpps_audit.card.backend import DIGEST_INFO_SHA256, CardInfo, Key, PinRules, choose_keys
from rpps_audit.card.errors import (
    CardError,
    CardRemovedError,
    CardUnavailableError,
    MalformedPinError,
    PinBlockedError,
    WrongPinError,
)
from rpps_audit.card.pcsc import MISSING_LIBRARY, Link, ReaderState, probe_card
from rpps_audit.card.pkcs15 import is_cps3, read_objects, read_serial

_NO_SIGNATURE = (
    "Le module PKCS#11 ne sait pas utiliser la clé de signature de cette carte (c'est le cas d'OpenSC). Installez la "
    'Cryptolib CPS de l\'ANS, ou réglez mode = "apdu" pour une CPS3.'
)


class Pkcs11Backend:
    """One card, by a PKCS#11 module."""

    def __init__(self, seen: ReaderState, module: Path) -> None:
        self._seen, self._library = seen, load_module(module)
        self._info: CardInfo | None = None
        self._ids: dict[Key, bytes] = {}
        self._gone = False
        self._errors = _errors()
        self.pin_pad = bool(self._token().flags & _pkcs11().TokenFlag.PROTECTED_AUTHENTICATION_PATH)

    def identify(self) -> CardInfo:
        """Serial number and PIN rules by pyscard where the card is a CPS3, certificates by the module."""
        pkcs11 = _pkcs11()
        serial, rules = self._by_pyscard()
        with self._translated(), self._token().open() as session:
            wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE}
            found = [
                (bytes(entry[pkcs11.Attribute.ID]), bytes(entry[pkcs11.Attribute.VALUE]))
                for entry in session.get_objects(wanted)
            ]
        chosen = choose_keys(found)
        self._ids = {key: identifier for key, (identifier, _) in chosen.items()}
        signature = chosen[Key.SIGNATURE][1] if Key.SIGNATURE in chosen else b""
        authentication = chosen[Key.AUTHENTICATION][1]
        self._info = CardInfo(serial, self._seen.reader, self._seen.atr, authentication, signature, rules)
        return self._info

    def tries_left(self) -> int | None:
        """PKCS#11 only tells « last try » and « locked »."""
        flags, known = self._token().flags, _pkcs11().TokenFlag
        if flags & known.USER_PIN_LOCKED:
            return 0
        return 1 if flags & known.USER_PIN_FINAL_TRY else None

    def use_key(self, key: Key, digest: bytes, pin: bytearray | None) -> bytes:
        """Log in, sign, close every session, reset the card."""
        pkcs11 = _pkcs11()
        if key not in self._ids:
            raise CardError(_NO_SIGNATURE)
        typed: Any = pkcs11.PROTECTED_AUTH if pin is None else pin.decode("ascii")
        try:
            with self._translated(), self._token().open(user_pin=typed) as session:
                del typed
                found = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=self._ids[key])
                signed: bytes = found.sign(DIGEST_INFO_SHA256 + digest, mechanism=pkcs11.Mechanism.RSA_PKCS)
                return signed
        finally:
            self._reset()

    def probe(self) -> None:
        """By pyscard: the module answers from its memory."""
        probe_card(self._seen.reader)

    def card_is_gone(self) -> None:
        """Let `close` not reset."""
        self._gone = True

    def close(self) -> None:
        """Reset the card and make the module let it go: it would keep it open for as long as the program lives."""
        self._reset()
        self._gone = True
        if self._library.initialized:
            with contextlib.suppress(self._errors.PKCS11Error):
                self._library.finalize()

    def _token(self) -> Any:
        with self._translated():
            for slot in self._library.get_slots(token_present=True):
                # The module cuts or pads the reader's name to the 64 characters of PKCS#11.
                if slot.slot_description.strip() == self._seen.reader[:64].strip():
                    return slot.get_token()
        raise CardUnavailableError(
            f"Le module PKCS#11 ne reconnaît pas la carte du lecteur « {self._seen.reader} ». Vérifiez qu'il gère "
            "cette génération de carte (une CPS4 demande la Cryptolib CPS 5.2 ou plus récente)."
        )

    def _by_pyscard(self) -> tuple[str, PinRules]:
        if not is_cps3(self._seen.atr):
            return bytes(self._token().serial).decode("ascii", "replace").strip(), PinRules(4, 8, 8)
        link = Link(self._seen.reader, exclusive=False)
        try:
            return read_serial(link.read_file), read_objects(link.read_file).pin
        finally:
            link.close()

    def _reset(self) -> None:
        if self._gone:
            return
        # A card that has just left needs no reset; the error under way, if any, already says so.
        with contextlib.suppress(CardError):
            link = Link(self._seen.reader, exclusive=False)
            link.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        error = self._errors
        try:
            yield
        except error.PinIncorrect:
            raise WrongPinError(None) from None
        except error.PinLocked:
            raise PinBlockedError from None
        except (error.PinLenRange, error.PinInvalid):
            raise MalformedPinError("Le module PKCS#11 refuse la forme du code porteur.") from None
        except (error.DeviceRemoved, error.TokenNotPresent, error.TokenNotRecognised, error.SessionHandleInvalid):
            self._gone = True
            raise CardRemovedError from None
        except (error.MechanismInvalid, error.FunctionNotSupported, error.KeyTypeInconsistent):
            raise CardError(_NO_SIGNATURE) from None
        except error.PKCS11Error as other:
            raise CardError(f"Le module PKCS#11 a répondu une erreur ({type(other).__name__}).") from None


def load_module(module: Path) -> Any:
    """The PKCS#11 library. Raises CardUnavailableError when python-pkcs11 or the module is missing."""
    if "spy" in module.name:
        raise CardUnavailableError(
            f"{module} est un espion PKCS#11 : il écrirait le code porteur. Choisissez un autre module."
        )
    if not module.exists():
        raise CardUnavailableError(f"Module PKCS#11 introuvable : {module} (réglage carte.module).")
    if "opensc" in module.name:
        os.environ["OPENSC_CONF"] = str(files("rpps_audit.card") / "opensc.conf")
    try:
        return _pkcs11().lib(str(module))
    except _errors().PKCS11Error as error:
        raise CardUnavailableError(f"Module PKCS#11 inutilisable : {module} ({type(error).__name__}).") from error


def _pkcs11() -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise CardUnavailableError(MISSING_LIBRARY.replace("pyscard", "python-pkcs11")) from error
    return pkcs11


def _errors() -> Any:
    _pkcs11()
    from pkcs11 import exceptions

    return exceptions
