"""Cards to insert: who holds them, who issued them, what is wrong with them."""

from base64 import b64encode
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.card import pki

PIN = "4821"
SERIAL = "2138450001"
TOKEN = f"8025000001/{SERIAL}"


@dataclass(frozen=True)
class TestCard:
    """A card, and what its holder knows."""

    __test__ = False
    signature: x509.Certificate
    authentication: x509.Certificate
    fields: dict

    @property
    def profile(self) -> dict:
        return self.fields


def make_card(
    subject: x509.Name | None = None,
    authority: pki.Authority | None = None,
    *,
    serial: str = SERIAL,
    pin: str = PIN,
    holder: str = "holder",
    pin_length: tuple[int, int] = (4, 4),
    fake: bool = False,
    **validity,
) -> TestCard:
    """By default: the nominative CPE card of the sample manager, valid for a year."""
    subject = subject or pki.cpe()
    authority = authority or pki.issuer(pki.root())
    signing = pki.card_certificate(subject, authority, f"{holder}-sig", signing=True, **validity)
    logging_in = pki.card_certificate(subject, authority, f"{holder}-aut", signing=False, **validity)
    fields = {
        "serial": serial,
        "pin": pin,
        "signature_key": _pem(f"{holder}-sig"),
        "authentication_key": _pem(f"{holder}-aut"),
        "signature_certificate": _text(signing.public_bytes(serialization.Encoding.DER)),
        "authentication_certificate": _text(logging_in.public_bytes(serialization.Encoding.DER)),
        "pin_length": pin_length,
        "fake": fake,
    }
    return TestCard(signing, logging_in, fields)


def _pem(name: str) -> str:
    form = serialization.PrivateFormat.PKCS8
    return _text(pki.key(name).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


def _text(content: bytes) -> str:
    return b64encode(content).decode()
