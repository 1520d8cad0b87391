"""The signature of a manifest: verified by openssl and pyHanko, and by nobody once a byte has changed."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from functools import cache

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyhanko.sign.validation import async_validate_detached_cms
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from rpps_audit.card import (
    CallablePin,
    PinRefusedError,
    WrongPinError,
    load_settings,
    load_trust,
    open_session,
    verify_signature,
)
from rpps_audit.card.signature import build_signature
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.journal import Journal, sha256_hex
from tests.card import pki
from tests.card.fixtures import make_workspace, manager_entry
from tests.card.profiles import PIN, TOKEN, make_card
from tests.card.stack import ROOT

MANIFEST = {"batch": "lot-1", "files": [{"name": "corrections.csv", "sha256": "ab" * 32}], "records": 3}
TYPED = CallablePin(lambda _: bytearray(PIN.encode()))


def trust(workspace):
    return load_trust(load_settings(workspace))


def software_signature(content, key_name="holder-sig", certificate=None):
    """The CMS as a card would make it, without the card."""
    certificate = certificate or make_card().signature

    def sign(digest):
        return pki.key(key_name).sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))

    issuer = pki.issuer(pki.root()).certificate.public_bytes(Encoding.DER)
    return build_signature(content, certificate.public_bytes(Encoding.DER), [issuer], sign, pki.NOW)


@cache
def one_signed():
    """One content and its signature, the same for every example of a property."""
    content = b'{"batch":"lot-1","records":3}'
    return content, software_signature(content)


def openssl_verifies(folder, content, signature, *options):
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.json.p7s").write_bytes(signature)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.json.p7s"]
    command += ["-content", "manifest.json", "-CAfile", "racine.pem", "-out", "/dev/null", *options]
    (folder / "racine.pem").write_bytes(pki.root().pem())
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


# --- With the card ---


@pytest.mark.card
def test_openssl_alone_verifies_what_the_card_signed(card, card_workspace, tmp_path):
    with open_session(card_workspace, TYPED) as session:
        signed = session.sign(MANIFEST, TYPED, establishments=["750000001"])
    assert card.state()["verified"] is False
    verified = openssl_verifies(tmp_path, signed.content, signed.signature, "-cades")
    assert "CAdES Verification successful" in verified.stderr
    changed = signed.content.replace(b"lot-1", b"lot-2")
    assert openssl_verifies(tmp_path, changed, signed.signature, "-cades").returncode != 0


@pytest.mark.card
def test_the_manifest_says_who_signed_and_holds_the_head_of_the_journal(card, card_workspace):
    with open_session(card_workspace, TYPED) as session:
        before = Journal(card_workspace / "journal.jsonl").head()
        signed = session.sign(MANIFEST, TYPED, establishments=["750000001"])
    manifest = json.loads(signed.content)
    assert manifest["batch"] == "lot-1"
    assert manifest["journal"] == {"seq": before.seq, "hash": before.hash}
    signer = manifest["signer"]
    assert (signer["card"], signer["number"]) == (TOKEN, "300000000029751/CPE0000001")
    assert (signer["revocation"], signer["environment"], signer["key"]) == (
        "not checked",
        "production",
        "nonRepudiation",
    )
    entry = next(e for e in Journal(card_workspace / "journal.jsonl").entries() if e.event == "manifest-signed")
    assert entry.data["sha256"] == sha256_hex(signed.content)


@pytest.mark.card
def test_a_signature_asks_for_the_pin_again(card, card_workspace):
    asked = []

    def ask(request):
        asked.append(request.purpose)
        return bytearray(PIN.encode())

    with open_session(card_workspace, CallablePin(ask)) as session:
        session.sign(MANIFEST, CallablePin(ask), establishments=["750000001"], purpose="signer le lot lot-1")
        assert asked == ["ouvrir la session", "signer le lot lot-1"]
        with pytest.raises(WrongPinError):
            session.sign(MANIFEST, CallablePin(lambda _: bytearray(b"0000")), establishments=["750000001"])
        with pytest.raises(PinRefusedError):
            session.sign(MANIFEST, CallablePin(lambda _: None), establishments=["750000001"])
        assert not session.closed


@pytest.mark.card
def test_a_batch_outside_the_perimeter_or_with_reserved_fields_is_not_signed(card, card_workspace):
    refuse = CallablePin(lambda _: pytest.fail("the PIN was asked for"))
    with open_session(card_workspace, TYPED) as session:
        with pytest.raises(NotAuthorisedError, match="750000002"):
            session.sign(MANIFEST, refuse, establishments=["750000001", "750000002"])
        with pytest.raises(UsageError, match="journal"):
            session.sign({"journal": 1}, refuse, establishments=["750000001"])


@pytest.mark.card
def test_an_approver_does_not_sign(card, tmp_path):
    workspace = make_workspace(tmp_path / "e", manager_entry(roles='["approbateur"]'))
    with open_session(workspace, TYPED) as session, pytest.raises(NotAuthorisedError, match="auteur"):
        session.sign(MANIFEST, TYPED, establishments=["750000001"])


@pytest.mark.card
def test_a_fresh_revocation_list_is_named_in_the_manifest(card, tmp_path):
    workspace = make_workspace(tmp_path / "e", settings='crl = "crl"\n')
    (workspace / "crl").mkdir()
    for number, authority in enumerate([pki.root(), pki.issuer(pki.root())]):
        (workspace / "crl" / f"{number}.crl").write_bytes(pki.revocations(authority))
    with open_session(workspace, TYPED) as session:
        signed = session.sign(MANIFEST, TYPED, establishments=["750000001"])
    assert json.loads(signed.content)["signer"]["revocation"].startswith("checked, list of ")


# --- Without the card: the same CMS ---


def test_our_verification_and_pyhanko_agree(card_workspace):
    content = b'{"a":1}'
    signature = software_signature(content)
    check = verify_signature(content, signature, trust(card_workspace))
    assert (check.valid, check.reason, check.revocation) == (True, "", "not checked")
    assert check.signer.name == "CAMILLE GESTION-TEST"
    assert check.claimed_at == pki.NOW
    root = asn1_x509.Certificate.load(pki.root().certificate.public_bytes(Encoding.DER))
    status = asyncio.run(
        async_validate_detached_cms(
            content,
            cms.ContentInfo.load(signature)["content"],
            signer_validation_context=ValidationContext(trust_roots=[root], allow_fetching=False),
            key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation"}),
        )
    )
    assert status.intact and status.valid and status.trusted


def test_it_is_cades_for_openssl(tmp_path):
    verified = openssl_verifies(tmp_path, b"{}", software_signature(b"{}"), "-cades")
    assert "CAdES Verification successful" in verified.stderr


def test_the_guide_s_commands_work_as_written(tmp_path):
    guide = (ROOT / "docs" / "verifier-une-signature.md").read_text("utf-8").replace("\\\n", " ")
    commands = [line.strip() for line in guide.splitlines() if line.startswith("    openssl ")]
    issuing = pki.issuer(pki.root())
    listed = x509.load_der_x509_crl(pki.revocations(issuing)).public_bytes(Encoding.PEM)
    (tmp_path / "igc-sante.pem").write_bytes(pki.root().pem())
    (tmp_path / "igc-sante-et-listes.pem").write_bytes(pki.root().pem() + issuing.pem() + listed)
    (tmp_path / "manifest.json").write_bytes(b"{}")
    (tmp_path / "manifest.json.p7s").write_bytes(software_signature(b"{}"))
    said = ""
    for command in commands:
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        said += done.stdout + done.stderr
    assert len(commands) == 4
    assert said.count("CAdES Verification successful") == 2
    assert "Non Repudiation" in said and "300000000029751/CPE0000001" in said and "UTCTIME" in said


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_the_content_or_the_signature_is_refused(card_workspace, data):
    content, signature = one_signed()
    damaged = [bytearray(content), bytearray(signature)]
    which = data.draw(st.integers(0, 1))
    place = data.draw(st.integers(0, len(damaged[which]) - 1))
    damaged[which][place] ^= data.draw(st.integers(1, 255))
    assert not verify_signature(bytes(damaged[0]), bytes(damaged[1]), trust(card_workspace)).valid


def test_the_authentication_key_does_not_sign(card_workspace):
    made_card = make_card()
    signature = software_signature(b"{}", "holder-aut", made_card.authentication)
    check = verify_signature(b"{}", signature, trust(card_workspace))
    assert (check.valid, check.reason) == (False, "le certificat n'est pas une clé de signature de confiance")


def test_an_unknown_authority_an_expired_card_and_rubbish_prove_nothing(card_workspace):
    known = trust(card_workspace)
    elsewhere = pki.issuer(pki.root("AC RACINE INCONNUE"), "AC INCONNUE")
    stranger = make_card(pki.cpe(), elsewhere).signature
    assert "aucune autorité" in verify_signature(b"{}", software_signature(b"{}", "holder-sig", stranger), known).reason
    later = pki.NOW + 2 * pki.YEAR
    assert "périmée" in verify_signature(b"{}", software_signature(b"{}"), known, later).reason
    assert "CMS" in verify_signature(b"{}", b"rubbish", known).reason


def test_another_key_than_the_certificate_s_is_refused(card_workspace):
    signature = software_signature(b"{}", "somebody else")
    assert not verify_signature(b"{}", signature, trust(card_workspace)).valid


def test_a_signature_is_checked_inside_a_running_loop_too(card_workspace):
    async def in_a_notebook():
        return verify_signature(b"{}", software_signature(b"{}"), trust(card_workspace))

    assert asyncio.run(in_a_notebook()).valid


def test_a_program_that_has_signed_nothing_verifies(card_workspace, tmp_path):
    (tmp_path / "signature").write_bytes(software_signature(b"{}"))
    verify = (
        "import sys, pathlib; from rpps_audit.card import load_settings, load_trust, verify_signature\n"
        "trust = load_trust(load_settings(pathlib.Path(sys.argv[1])))\n"
        "check = verify_signature(b'{}', pathlib.Path(sys.argv[2]).read_bytes(), trust)\n"
        "print(check.valid, check.reason)"
    )
    command = [sys.executable, "-c", verify, str(card_workspace), str(tmp_path / "signature")]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split() == ["True"]


# --- Revocation ---


def with_lists(card_workspace, *lists):
    folder = card_workspace / "crl"
    folder.mkdir()
    for number, content in enumerate(lists):
        (folder / f"{number}.crl").write_bytes(content)
    settings_file = card_workspace / "rpps-audit.toml"
    settings_file.write_text(settings_file.read_text() + 'crl = "crl"\n')
    return trust(card_workspace)


def test_a_revoked_card_signs_nothing(card_workspace):
    revoked = make_card().signature
    known = with_lists(card_workspace, pki.revocations(pki.issuer(pki.root()), (revoked.serial_number,)))
    assert "révoquée" in verify_signature(b"{}", software_signature(b"{}", certificate=revoked), known).reason


def test_a_stale_or_partial_or_foreign_list_is_no_check(card_workspace):
    stale = pki.revocations(pki.issuer(pki.root()), (), pki.NOW - timedelta(hours=1))
    forged = pki.revocations(pki.Authority(pki.issuer(pki.root()).name, "forger", pki.root().certificate))
    known = with_lists(card_workspace, stale, forged, pki.revocations(pki.root()))
    check = verify_signature(b"{}", software_signature(b"{}"), known)
    assert (check.valid, check.revocation) == (True, "not checked")
