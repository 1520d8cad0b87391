"""Who a card's certificate names: the subjects of CPS, CPE and CPA cards (IGC-Santé)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from rpps_audit.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

# RFC 4514 has no short name for these; they are what readers of a French card expect.
_SHORT = {"2.5.4.42": "GN", "2.5.4.4": "SN", "2.5.4.12": "title", "2.5.4.65": "pseudonym", "2.5.4.5": "serialNumber"}


class Identity(NamedTuple):
    """The holder of a card."""

    number: str
    """The CN: `8` and the RPPS number for a CPS, `<structure>/<number>` for a CPE or CPA. Unique for an issuer."""
    name: str
    """Given name and family name; empty on a card that names nobody."""
    kind: str
    """`CPS` or `CPE/CPA`: the certificate does not tell the last two apart."""
    rpps: str | None
    """RPPS number, on a CPS only."""
    subject: str
    """Whole subject, RFC 4514."""
    issuer: str
    """Whole issuer, RFC 4514."""
    pseudonymous: bool
    """A service card without a name: it cannot sign."""


def read_identity(certificate: bytes) -> Identity:
    """The identity in a DER certificate. All values of an RDN are read: IGC-Santé puts CN, SN and GN into one."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parsed = x509.load_der_x509_certificate(certificate)

    def first(oid: x509.ObjectIdentifier) -> str:
        values = parsed.subject.get_attributes_for_oid(oid)
        return str(values[0].value) if values else ""

    number = first(NameOID.COMMON_NAME)
    rpps = re.fullmatch(r"8(\d{11})", number)
    name = f"{first(NameOID.GIVEN_NAME)} {first(NameOID.SURNAME)}".strip()
    return Identity(
        number=number,
        name=name,
        kind="CPE/CPA" if "/" in number else "CPS",
        rpps=rpps[1] if rpps else None,
        subject=distinguished_name(parsed.subject),
        issuer=distinguished_name(parsed.issuer),
        pseudonymous=bool(first(NameOID.PSEUDONYM)) or not name,
    )


def distinguished_name(name: x509.Name) -> str:
    """RFC 4514, as `card who` prints it and managers.toml takes it."""
    from cryptography import x509

    return name.rfc4514_string({x509.ObjectIdentifier(oid): short for oid, short in _SHORT.items()})


def same_name(typed: str, found: str) -> bool:
    """Two RFC 4514 names are one, whatever the order inside an RDN. Raises UsageError on what is not a name."""
    return _parse(typed) == _parse(found)


def _parse(text: str) -> x509.Name:
    from cryptography import x509

    overrides = {short: x509.ObjectIdentifier(oid) for oid, short in _SHORT.items()}
    try:
        return x509.Name.from_rfc4514_string(text, overrides)
    except ValueError as error:
        raise UsageError(
            f"« {text} » n'est pas un nom de certificat. Recopiez celui que donne « rpps-audit card who »."
        ) from error
