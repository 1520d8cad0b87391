"""The `apdu` back end: a CPS3 card, contact face, by its own commands; pyscard only, no driver to install.

Commands are those that the ANS's Cryptolib and OpenSC send. The card is held alone (exclusive), each use of a key is
PIN, signature, reset: nobody finds the card with its PIN verified.
"""

from __future__ import annotations

import contextlib

from rpps_audit.card.backend import DIGEST_INFO_SHA256, CardInfo, Key, choose_keys
from rpps_audit.card.errors import CardError, CardUnavailableError, PinBlockedError, WrongPinError
from rpps_audit.card.pcsc import Link, ReaderState
from rpps_audit.card.pin_pad import find_pin_pad, verify_on_pad
from rpps_audit.card.pkcs15 import CardObjects, is_cps3, read_objects, read_serial

_OK, _BLOCKED = 0x9000, 0x6983
# MANAGE SECURITY ENVIRONMENT templates: key reference, then algorithm (02 RSA PKCS#1, 42 the same with SHA-256).
_AUTHENTICATION, _DIGITAL_SIGNATURE = 0xA4, 0xB6

UNKNOWN_CARD = (
    "Cette carte n'est pas une CPS3 lue par contact. Pour une CPS4, installez la Cryptolib CPS de l'ANS et réglez "
    'mode = "pkcs11" dans [carte].'
)


class ApduBackend:
    """One CPS3 card."""

    def __init__(self, seen: ReaderState) -> None:
        if not is_cps3(seen.atr):
            raise CardUnavailableError(UNKNOWN_CARD)
        self._seen, self._link = seen, Link(seen.reader)
        self._pad = find_pin_pad(self._link)
        self.pin_pad = self._pad is not None
        self._objects: CardObjects | None = None
        self._references: dict[Key, int] = {}

    def identify(self) -> CardInfo:
        """Serial number, certificates and PIN rules."""
        serial, objects = read_serial(self._link.read_file), read_objects(self._link.read_file)
        chosen = choose_keys((key.reference, key.certificate) for key in objects.keys)
        self._objects, self._references = objects, {key: reference for key, (reference, _) in chosen.items()}
        signature = chosen[Key.SIGNATURE][1] if Key.SIGNATURE in chosen else b""
        authentication = chosen[Key.AUTHENTICATION][1]
        return CardInfo(serial, self._seen.reader, self._seen.atr, authentication, signature, objects.pin)

    def tries_left(self) -> int | None:
        """An empty VERIFY tells and spends nothing."""
        _, status = self._link.transmit(bytes([0x00, 0x20, 0x00, self._known.pin.reference]))
        return _tries(status)

    def use_key(self, key: Key, digest: bytes, pin: bytearray | None) -> bytes:
        """PIN, then INTERNAL AUTHENTICATE or COMPUTE DIGITAL SIGNATURE, then a reset whatever happened."""
        if key not in self._references:
            raise CardError("Cette carte n'a pas de clé de signature.")
        try:
            self._verify(pin)
            self._link.select(self._known.application)
            return self._sign(key, digest)
        finally:
            # A card that has just left cannot be reset; the error under way already says so.
            with contextlib.suppress(CardError):
                self._link.reset()

    def card_is_gone(self) -> None:
        """Let `close` only let go."""
        self._link.card_is_gone()

    def close(self) -> None:
        """Reset and let go."""
        self._link.close()

    @property
    def _known(self) -> CardObjects:
        if self._objects is None:
            self.identify()
        assert self._objects is not None
        return self._objects

    def _verify(self, pin: bytearray | None) -> None:
        rules = self._known.pin
        if pin is None:
            assert self._pad is not None
            status = verify_on_pad(self._link, self._pad, rules)
        else:
            rules.check(pin)
            fill = rules.stored - len(pin) if rules.padding is not None else 0
            command = bytearray((0x00, 0x20, 0x00, rules.reference, len(pin) + fill))
            command += pin
            command += bytes([rules.padding or 0]) * fill
            try:
                _, status = self._link.transmit(command)
            finally:
                command[:] = bytes(len(command))
        if status == _OK:
            return
        left = _tries(status)
        if left == 0:
            raise PinBlockedError
        if left is None:
            raise CardError(f"La carte a refusé de vérifier le code (réponse {status:04X}).")
        raise WrongPinError(left)

    def _sign(self, key: Key, digest: bytes) -> bytes:
        reference = self._references[key]
        if key is Key.AUTHENTICATION:
            self._link.order(0x22, 0x41, _AUTHENTICATION, bytes([0x84, 1, reference, 0x80, 1, 0x02]))
            return self._link.order(0x88, 0x00, 0x00, DIGEST_INFO_SHA256 + digest)
        self._link.order(0x22, 0x41, _DIGITAL_SIGNATURE, bytes([0x80, 1, 0x42, 0x84, 1, reference]))
        return self._link.order(0x2A, 0x9E, 0x9A, digest)


def _tries(status: int) -> int | None:
    if status == _BLOCKED:
        return 0
    return status & 0x0F if status & 0xFFF0 == 0x63C0 else None
