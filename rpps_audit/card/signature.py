"""Detached CAdES-BES signatures (CMS, RFC 5652; ETSI EN 319 122-1) that anyone can verify, with openssl alone.

Built with asn1crypto because the card signs a digest only; verified with pyHanko, which shares none of that code.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rpps_audit.card.errors import CardError
from rpps_audit.card.identity import Identity, read_identity
from rpps_audit.card.trust import Trust, check_chain

if TYPE_CHECKING:
    from cryptography import x509


class SignedManifest(NamedTuple):
    """What leaves: write both files as they are."""

    content: bytes
    """Canonical JSON, for manifest.json."""
    signature: bytes
    """DER CMS, for manifest.json.p7s."""


class SignatureCheck(NamedTuple):
    """What a signature proves."""

    valid: bool
    """The content is unchanged, the key is a signature key, the holder chains to a trusted root."""
    signer: Identity | None
    claimed_at: datetime | None
    """Time written by the signer's computer: claimed, not proven (no time stamp in CAdES-BES)."""
    revocation: str
    """`not checked`, or `checked, list of <date>`."""
    reason: str
    """In French, why it is not valid; empty otherwise."""


def build_signature(
    content: bytes, certificate: bytes, others: Sequence[bytes], sign: Callable[[bytes], bytes], at: datetime
) -> bytes:
    """The CMS over the content; `sign` gets the SHA-256 of the signed attributes and returns PKCS#1 v1.5."""
    from asn1crypto import algos, cms, tsp  # type: ignore[import-untyped]
    from asn1crypto import x509 as asn1_x509

    holder = asn1_x509.Certificate.load(certificate)
    reference = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(certificate).digest()})
    values: dict[str, Any] = {
        "content_type": "data",
        "signing_time": cms.Time({"utc_time": at}),
        "message_digest": hashlib.sha256(content).digest(),
        "signing_certificate_v2": tsp.SigningCertificateV2({"certs": [reference]}),
    }
    attributes = cms.CMSAttributes(
        [cms.CMSAttribute({"type": name, "values": [value]}) for name, value in values.items()]
    )
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {"issuer_and_serial_number": {"issuer": holder.issuer, "serial_number": holder.serial_number}}
            ),
            "digest_algorithm": sha256,
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
            "signature": sign(hashlib.sha256(attributes.dump()).digest()),
        }
    )
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [sha256],
            "encap_content_info": {"content_type": "data"},
            "certificates": [holder, *(asn1_x509.Certificate.load(other) for other in others)],
            "signer_infos": [signer],
        }
    )
    result: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return result


def verify_signature(content: bytes, signature: bytes, trust: Trust, at: datetime | None = None) -> SignatureCheck:
    """Check a detached signature against the site's roots, at a time (now). Never raises on a bad signature."""
    # tsp teaches cms the attributes of our signatures; it must do so before cms reads its first one.
    from asn1crypto import (
        cms,
        tsp,  # noqa: F401
    )

    try:
        signed = cms.ContentInfo.load(signature, strict=True)["content"]
        # Parsing is lazy: ask for everything now, so that damage shows here.
        signed.native  # noqa: B018
        certificate, claimed = _signer(signed)
        identity = read_identity(certificate)
        unchanged = _rebuilt(content, signed, certificate, claimed, trust) == signature
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, AttributeError):
        return SignatureCheck(False, None, None, "not checked", "ce n'est pas une signature CMS lisible")
    try:
        chain = check_chain(certificate, trust, at)
    except CardError as error:
        return SignatureCheck(False, identity, claimed, "not checked", str(error))
    reason = _pyhanko_reason(content, signed, trust, at)
    if not reason and not unchanged:
        reason = "des octets de la signature ont été modifiés, ou un autre outil l'a faite"
    return SignatureCheck(not reason, identity, claimed, chain.revocation, reason)


def certificate_of(chain: Sequence[x509.Certificate]) -> list[bytes]:
    """The issuing authorities to put into the CMS: the chain without its holder and its root."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return [entry.public_bytes(Encoding.DER) for entry in chain[1:-1]]


def _signer(signed: Any) -> tuple[bytes, datetime]:
    """The certificate of the only signer, found by its number in the CMS, and the claimed time."""
    (info,) = signed["signer_infos"]
    wanted = info["sid"].chosen["serial_number"].native
    found = next(entry.chosen for entry in signed["certificates"] if entry.chosen.serial_number == wanted)
    times = [entry["values"][0].native for entry in info["signed_attrs"] if entry["type"].native == "signing_time"]
    return found.dump(), times[0]


def _rebuilt(content: bytes, signed: Any, certificate: bytes, claimed: datetime, trust: Trust) -> bytes:
    """The one way to write this signature. A CMS has bytes that prove nothing (versions, copies of the authorities'
    certificates) and that a verifier may ignore: comparing the whole file leaves no room for a change."""
    from cryptography.hazmat.primitives.serialization import Encoding

    (info,) = signed["signer_infos"]
    known = {entry.public_bytes(Encoding.DER) for entry in trust.intermediates}
    others = [entry.chosen.dump() for entry in signed["certificates"]]
    value: bytes = info["signature"].native
    return build_signature(
        content, certificate, [other for other in others if other in known], lambda _: value, claimed
    )


def _pyhanko_reason(content: bytes, signed: Any, trust: Trust, at: datetime | None) -> str:
    """Empty when pyHanko finds the signature intact, valid, trusted and made with a signature key."""
    try:
        status = _run(content, signed, trust, at)
    except Exception:
        # Damaged structures make the library fail in many ways; each means that nothing is proven.
        return "la signature est abîmée"
    if not status.intact:
        return "le contenu a été modifié après la signature"
    if not status.valid:
        return "la signature ne correspond pas au certificat"
    if not status.trusted:
        return "le certificat n'est pas une clé de signature de confiance"
    return ""


def _run(content: bytes, signed: Any, trust: Trust, at: datetime | None) -> Any:
    from asn1crypto import x509 as asn1_x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from pyhanko.sign.validation import async_validate_detached_cms
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    def converted(certificates: Sequence[x509.Certificate]) -> list[Any]:
        return [asn1_x509.Certificate.load(entry.public_bytes(Encoding.DER)) for entry in certificates]

    validation = ValidationContext(
        trust_roots=converted(trust.roots),
        other_certs=converted(trust.intermediates),
        allow_fetching=False,
        moment=at or datetime.now(UTC),
    )
    usage = KeyUsageConstraints(key_usage={"non_repudiation"})

    async def validate() -> Any:
        return await async_validate_detached_cms(
            content, signed, signer_validation_context=validation, key_usage_settings=usage
        )

    # A notebook's kernel already runs a loop in this thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(validate())).result()
