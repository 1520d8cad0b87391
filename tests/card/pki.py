"""A test health PKI: roots, issuing authorities and card certificates, with the subjects seen on real cards."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)
_USAGES = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name, made once: making them is the slow part."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Authority:
    name: x509.Name
    key_name: str
    certificate: x509.Certificate

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@cache
def root(common_name: str = "AC RACINE IGC-SANTE STANDARD", unit: str = "IGC-SANTE") -> Authority:
    name = _name([("C", "FR"), ("O", "ASIP-SANTE"), ("OU", unit), ("CN", common_name)])
    return Authority(name, common_name, _certificate(name, name, common_name, common_name, True))


@cache
def issuer(parent: Authority, common_name: str = "AC IGC-SANTE STANDARD PERSONNES") -> Authority:
    name = _name([("C", "FR"), ("O", "ASIP-SANTE"), ("CN", common_name)])
    label = parent.key_name + common_name
    return Authority(name, label, _certificate(name, parent.name, label, parent.key_name, True))


def revocations(authority: Authority, serials: tuple[int, ...] = (), next_update: datetime | None = None) -> bytes:
    """A certificate revocation list, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.name)
        .last_update(NOW - timedelta(days=2))
        .next_update(next_update or NOW + timedelta(days=5))
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=1)).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key(authority.key_name), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


# --- Subjects ---


def cpe(given: str = "CAMILLE", family: str = "GESTION-TEST", number: str = "300000000029751/CPE0000001") -> x509.Name:
    """A nominative employee card: the last RDN has three values."""
    first = _rdns([("C", "FR"), ("O", "FOYER TEST LES TILLEULS"), ("L", "Paris (75)"), ("OU", "300000000029751")])
    return x509.Name([*first, _multi([("GN", given), ("SN", family), ("CN", number)])])


def cps(rpps: str = "10002813839") -> x509.Name:
    """A health professional's card: CN is 8 and the RPPS number, in one RDN with the names."""
    return x509.Name(
        [*_rdns([("C", "FR"), ("T", "Médecin")]), _multi([("CN", "8" + rpps), ("SN", "DOC-TEST"), ("GN", "ISA")])]
    )


def pseudonymous() -> x509.Name:
    """A service card that names nobody."""
    parts = [("C", "FR"), ("O", "CH TEST"), ("OU", "1760021832"), ("PSEUDO", "EMPLOYE 18")]
    return _name([*parts, ("CN", "3760021832/000000018")])


def card_certificate(
    subject: x509.Name,
    authority: Authority,
    key_name: str,
    *,
    signing: bool,
    starts: datetime = NOW - YEAR,
    ends: datetime = NOW + YEAR,
) -> x509.Certificate:
    """The certificate of one of the two keys of a card."""
    return _certificate(subject, authority.name, key_name, authority.key_name, False, signing, starts, ends)


def _certificate(subject, issuer_name, key_name, signer, is_authority, signing=False, starts=None, ends=None):
    usage = (
        ["key_cert_sign", "crl_sign"] if is_authority else ["content_commitment" if signing else "digital_signature"]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key(key_name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts or NOW - 5 * YEAR)
        .not_valid_after(ends or NOW + 5 * YEAR)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.KeyUsage(**{name: name in usage for name in _USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key(key_name).public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key(signer).public_key()), critical=False)
    )
    if not is_authority and not signing:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return builder.sign(key(signer), hashes.SHA256())


_OIDS = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "L": NameOID.LOCALITY_NAME,
    "T": NameOID.TITLE,
    "CN": NameOID.COMMON_NAME,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "PSEUDO": NameOID.PSEUDONYM,
}


def _multi(parts):
    return x509.RelativeDistinguishedName([x509.NameAttribute(_OIDS[short], value) for short, value in parts])


def _rdns(parts):
    return [_multi([part]) for part in parts]


def _name(parts):
    return x509.Name(_rdns(parts))
