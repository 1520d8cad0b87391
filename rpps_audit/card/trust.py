"""Does a certificate chain to a root that this site trusts, today, and is it revoked?

Roots are files in a folder of the workspace, production and test apart; none is trusted by default. Revocation lists
are files that the site keeps fresh: no network is used, and without a fresh list « revocation not checked » is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rpps_audit.card.errors import UntrustedCardError
from rpps_audit.card.settings import CardSettings, Environment
from rpps_audit.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509.verification import Policy

_PEM_CERTIFICATE, _PEM_CRL = b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CRL-----"


class Trust(NamedTuple):
    """What a site trusts in one environment."""

    environment: Environment
    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]


class Chain(NamedTuple):
    """A certificate that holds."""

    certificates: tuple[x509.Certificate, ...]
    """From the holder to the root."""
    revocation: str
    """`not checked`, or `checked, list of <date>`: written into the manifest as it stands."""


def load_trust(settings: CardSettings) -> Trust:
    """Read the folders. Raises UsageError for a folder without a root, and for a test root among production's."""
    environment = settings.environment
    folder = settings.roots.get(environment)
    if folder is None:
        raise UsageError(
            f"Aucune autorité de confiance n'est réglée : ajoutez racines_{environment} à [carte] dans "
            f"{settings.workspace / 'rpps-audit.toml'}, et déposez-y les certificats de l'IGC-Santé."
        )
    certificates = list(_certificates(folder))
    roots = tuple(entry for entry in certificates if entry.subject == entry.issuer)
    if not roots:
        raise UsageError(f"{folder} : aucun certificat racine (PEM ou DER). Déposez-y ceux de l'IGC-Santé.")
    for root in roots:
        if environment == "production" and _is_test(root):
            raise UntrustedCardError(
                f"{folder} contient une racine de test ({root.subject.rfc4514_string()}). Une racine de test ne "
                "donne jamais accès à la production : retirez-la."
            )
    intermediates = tuple(entry for entry in certificates if entry.subject != entry.issuer)
    return Trust(environment, roots, intermediates, tuple(_crls(settings.crls)))


def check_chain(certificate: bytes, trust: Trust, at: datetime | None = None) -> Chain:
    """Follow the chain at a time (now). Raises UntrustedCardError saying why in French."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

    at = at or datetime.now(UTC)
    holder = x509.load_der_x509_certificate(certificate)
    _check_validity(holder, at)
    # IGC-Santé certificates have no subjectAltName, which the web's policy wants; an authority must still be one.
    anything = ExtensionPolicy.permit_all()
    authority = anything.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None).require_present(
        x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates
    )
    verifier = (
        PolicyBuilder()
        .store(Store(list(trust.roots)))
        .time(at)
        .extension_policies(ca_policy=authority, ee_policy=anything)
        .build_client_verifier()
    )
    try:
        chain = tuple(verifier.verify(holder, list(trust.intermediates)).chain)
    except VerificationError as error:
        hint = " C'est une carte de test." if "TEST" in holder.issuer.rfc4514_string() else ""
        raise UntrustedCardError(
            f"Le certificat de la carte n'est rattaché à aucune autorité de confiance ({trust.environment}).{hint} "
            f"Émetteur : {holder.issuer.rfc4514_string()}."
        ) from error
    return Chain(chain, _revocation(chain, trust, at))


def _may_sign_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.key_cert_sign:
        raise ValueError("keyCertSign is missing")


def _check_validity(holder: x509.Certificate, at: datetime) -> None:
    if at > holder.not_valid_after_utc:
        raise UntrustedCardError(f"Carte périmée depuis le {holder.not_valid_after_utc:%d/%m/%Y}.")
    if at < holder.not_valid_before_utc:
        raise UntrustedCardError(f"Carte pas encore valable : elle le sera le {holder.not_valid_before_utc:%d/%m/%Y}.")


def _revocation(chain: tuple[x509.Certificate, ...], trust: Trust, at: datetime) -> str:
    """Look each certificate up in its issuer's newest list. One that says « revoked » counts even when it is stale."""
    oldest: datetime | None = None
    complete = True
    for holder, issuer in pairwise(chain):
        lists = [entry for entry in trust.crls if _signed_by(entry, issuer)]
        if any(entry.get_revoked_certificate_by_serial_number(holder.serial_number) for entry in lists):
            raise UntrustedCardError(
                f"Carte révoquée (certificat {holder.serial_number:x}) : elle ne peut plus servir."
            )
        fresh = [entry.last_update_utc for entry in lists if entry.next_update_utc and entry.next_update_utc > at]
        complete = complete and bool(fresh)
        if fresh:
            oldest = min(oldest or max(fresh), max(fresh))
    if not complete or oldest is None:
        return "not checked"
    return f"checked, list of {oldest:%Y-%m-%d}"


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = issuer.public_key()
    return crl.issuer == issuer.subject and isinstance(key, RSAPublicKey) and crl.is_signature_valid(key)


def _is_test(root: x509.Certificate) -> bool:
    return "TEST" in root.subject.rfc4514_string().upper()


def _certificates(folder: Path) -> Iterator[x509.Certificate]:
    from cryptography import x509

    for file in _files(folder):
        content = file.read_bytes()
        try:
            if _PEM_CERTIFICATE in content:
                yield from x509.load_pem_x509_certificates(content)
            else:
                yield x509.load_der_x509_certificate(content)
        except ValueError as error:
            raise UsageError(f"{file} : ce n'est pas un certificat (PEM ou DER). Retirez ce fichier.") from error


def _crls(folder: Path | None) -> Iterator[x509.CertificateRevocationList]:
    from cryptography import x509

    for file in _files(folder) if folder is not None else []:
        content = file.read_bytes()
        try:
            load = x509.load_pem_x509_crl if _PEM_CRL in content else x509.load_der_x509_crl
            yield load(content)
        except ValueError as error:
            raise UsageError(
                f"{file} : ce n'est pas une liste de révocation (PEM ou DER). Retirez ce fichier."
            ) from error


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder} : dossier introuvable (réglage [carte]).")
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
