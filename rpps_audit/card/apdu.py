"""The `apdu` back end: a CPS3 card, contact face, by its own commands; pyscard only, no driver to install.

Commands are those that the ANS's Cryptolib and OpenSC send. Each use of a key is PIN, signature, reset, with the
card held alone (exclusive): nobody else can use it, or find it with its PIN verified.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rpps_audit.card.backend import DIGEST_INFO_SHA256, CardInfo, Key, choose_keys
from rpps_audit.card.errors import CardError, CardRemovedError, CardUnavailableError, PinBlockedError, WrongPinError
from rpps_audit.card.pcsc import Link, ReaderState, probe_card
from rpps_audit.card.pin_pad import find_pin_pad, verify_on_pad
from rpps_audit.card.pkcs15 import is_cps3, read_objects, read_serial

_OK, _BLOCKED = 0x9000, 0x6983
# MANAGE SECURITY ENVIRONMENT templates: key reference, then algorithm (02 RSA PKCS#1, 42 the same with SHA-256).
_AUTHENTICATION, _DIGITAL_SIGNATURE = 0xA4, 0xB6

UNKNOWN_CARD = (
    "Cette carte n'est pas une CPS3 lue par contact. Pour une CPS4, installez la Cryptolib CPS de l'ANS et réglez "
    'mode = "pkcs11" dans [carte].'
)


class ApduBackend:
    """One CPS3 card. Between two uses it is free: the manager may need it to log in to the portal meanwhile."""

    def __init__(self, seen: ReaderState) -> None:
        if not is_cps3(seen.atr):
            raise CardUnavailableError(UNKNOWN_CARD)
        self._seen = seen
        self._link: Link | None = None
        with self._linked() as link:
            self._pad = find_pin_pad(link)
        self.pin_pad = self._pad is not None
        self._info: CardInfo | None = None
        self._application = b""
        self._references: dict[Key, int] = {}

    def identify(self) -> CardInfo:
        """Serial number, certificates and PIN rules."""
        with self._linked() as link:
            serial, objects = read_serial(link.read_file), read_objects(link.read_file)
        chosen = choose_keys((key.reference, key.certificate) for key in objects.keys)
        self._application, self._references = objects.application, {key: ref for key, (ref, _) in chosen.items()}
        signature = chosen[Key.SIGNATURE][1] if Key.SIGNATURE in chosen else b""
        authentication = chosen[Key.AUTHENTICATION][1]
        self._info = CardInfo(serial, self._seen.reader, self._seen.atr, authentication, signature, objects.pin)
        return self._info

    def tries_left(self) -> int | None:
        """An empty VERIFY tells and spends nothing."""
        reference = self._known.pin.reference
        with self._linked() as link:
            _, status = link.transmit(bytes([0x00, 0x20, 0x00, reference]))
        return _tries(status)

    def use_key(self, key: Key, digest: bytes, pin: bytearray | None) -> bytes:
        """PIN, then INTERNAL AUTHENTICATE or COMPUTE DIGITAL SIGNATURE, then a reset whatever happened."""
        known = self._known
        if key not in self._references:
            raise CardError("Cette carte n'a pas de clé de signature.")
        with self._linked() as link:
            if read_serial(link.read_file) != known.serial:
                raise CardRemovedError("Ce n'est plus la même carte. Ouvrez une autre session.")
            self._verify(link, pin)
            link.select(self._application)
            return self._sign(link, key, digest)

    def probe(self) -> None:
        """Any answer will do."""
        probe_card(self._seen.reader)

    def card_is_gone(self) -> None:
        """Let the exchange under way, if any, end without a reset."""
        if self._link is not None:
            self._link.card_is_gone()

    def close(self) -> None:
        """Nothing is held between two uses."""

    @contextlib.contextmanager
    def _linked(self) -> Iterator[Link]:
        """The card for ourselves alone, reset at the end."""
        self._link = link = Link(self._seen.reader)
        try:
            yield link
        finally:
            self._link = None
            link.close()

    @property
    def _known(self) -> CardInfo:
        return self._info or self.identify()

    def _verify(self, link: Link, pin: bytearray | None) -> None:
        rules = self._known.pin
        if pin is None:
            assert self._pad is not None
            status = verify_on_pad(link, self._pad, rules)
        else:
            rules.check(pin)
            fill = rules.stored - len(pin) if rules.padding is not None else 0
            command = bytearray((0x00, 0x20, 0x00, rules.reference, len(pin) + fill))
            command += pin
            command += bytes([rules.padding or 0]) * fill
            try:
                _, status = link.transmit(command)
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

    def _sign(self, link: Link, key: Key, digest: bytes) -> bytes:
        reference = self._references[key]
        if key is Key.AUTHENTICATION:
            link.order(0x22, 0x41, _AUTHENTICATION, bytes([0x84, 1, reference, 0x80, 1, 0x02]))
            return link.order(0x88, 0x00, 0x00, DIGEST_INFO_SHA256 + digest)
        link.order(0x22, 0x41, _DIGITAL_SIGNATURE, bytes([0x80, 1, 0x42, 0x84, 1, reference]))
        return link.order(0x2A, 0x9E, 0x9A, digest)


def _tries(status: int) -> int | None:
    if status == _BLOCKED:
        return 0
    return status & 0x0F if status & 0xFFF0 == 0x63C0 else None
