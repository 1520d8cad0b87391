"""What a way of driving a card must do; `apdu` and `pkcs11` are the two."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, Protocol, TypeVar

from rpps_audit.card.errors import CardError, MalformedPinError

# RFC 8017, section 9.2, note 1: what PKCS#1 v1.5 signs for a SHA-256 hash.
DIGEST_INFO_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
Handle = TypeVar("Handle")


class Key(Enum):
    """The two keys of a CPx card, known by the keyUsage of their certificates."""

    AUTHENTICATION = "digitalSignature"
    SIGNATURE = "nonRepudiation"


class PinRules(NamedTuple):
    """What the card says of its PIN (PKCS#15 AODF)."""

    shortest: int = 4
    longest: int = 4
    stored: int = 4
    """Length the card wants, filled up with `padding` when that is set."""
    padding: int | None = None
    reference: int = 1

    def check(self, pin: bytearray) -> None:
        """Raises MalformedPinError for what cannot be the PIN, so that a typing slip spends no try."""
        if not self.shortest <= len(pin) <= self.longest or not all(0x30 <= digit <= 0x39 for digit in pin):
            size = f"{self.shortest}" if self.shortest == self.longest else f"de {self.shortest} à {self.longest}"
            raise MalformedPinError(f"Le code porteur a {size} chiffres. Aucun essai n'a été consommé.")


class CardInfo(NamedTuple):
    """What a card tells without its PIN."""

    serial: str
    """`8025000001/` and ten digits (EF.SN); the token's serial number for cards without one."""
    reader: str
    atr: bytes
    authentication: bytes
    """X.509 certificate, DER."""
    signature: bytes
    """X.509 certificate, DER; empty when the driver cannot use the signature key."""
    pin: PinRules


class CardBackend(Protocol):
    """One card in one reader."""

    pin_pad: bool
    """The PIN can be typed on the reader."""

    def identify(self) -> CardInfo:
        """Read the card, once for each insertion. Raises CardError for a card that is not a CPx."""

    def tries_left(self) -> int | None:
        """PIN tries left, 0 when blocked, None when the driver does not tell. Spends none."""

    def use_key(self, key: Key, digest: bytes, pin: bytearray | None) -> bytes:
        """Verify the PIN (None: on the PIN pad), sign a SHA-256 digest (PKCS#1 v1.5), reset the card.

        Raises WrongPinError, PinBlockedError, CardRemovedError.
        """

    def probe(self) -> None:
        """Make the card answer, now, without disturbing anybody: raises CardError when it does not."""

    def card_is_gone(self) -> None:
        """The watcher saw the card leave: `close` must not reset."""

    def close(self) -> None:
        """Reset the card and let it go. May be called twice."""


def choose_keys(certificates: Iterable[tuple[Handle, bytes]]) -> dict[Key, tuple[Handle, bytes]]:
    """Which certificate is which, by keyUsage: ids and order differ between cards."""
    from cryptography import x509

    chosen: dict[Key, tuple[Handle, bytes]] = {}
    for handle, der in certificates:
        try:
            usage = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.KeyUsage).value
        except Exception:
            # Whatever the library says of bytes that are no certificate, they are none.
            continue
        if usage.content_commitment:
            chosen.setdefault(Key.SIGNATURE, (handle, der))
        elif usage.digital_signature:
            chosen.setdefault(Key.AUTHENTICATION, (handle, der))
    if Key.AUTHENTICATION not in chosen:
        raise CardError(
            "Cette carte ne porte pas de certificat d'authentification : ce n'est pas une carte CPx lisible."
        )
    return chosen
