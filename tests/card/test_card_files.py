"""Bytes: the card's directories, its commands for a PIN pad, and the import of the room without its libraries."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.card import CardError, MalformedPinError, PinRules
from rpps_audit.card.backend import choose_keys
from rpps_audit.card.ber import parse
from rpps_audit.card.pin_pad import pin_verify_request
from rpps_audit.card.pkcs15 import is_cps3, read_objects, read_serial
from tests.card.software_card.files import ATR, file_system
from tests.card.stack import ROOT


def reader(files):
    return lambda path: files[path.hex().upper()]


FILES = file_system("2138450001", b"signature certificate", b"authentication certificate", (4, 6))


def test_the_directories_lead_to_keys_certificates_and_pin_rules():
    objects = read_objects(reader(FILES))
    assert {key.reference: key.certificate for key in objects.keys} == {
        0x81: b"signature certificate",
        0x82: b"authentication certificate",
    }
    assert objects.pin == PinRules(4, 6, 6, None, 1)
    assert objects.application.hex() == "3f000001"


def test_a_card_of_another_issuer_is_not_a_cpx():
    with pytest.raises(CardError, match="n'est pas celui de l'ANS"):
        read_serial(reader(FILES | {"3F00D003": bytes.fromhex("5A0A92500000012138450001")}))


def test_only_the_contact_face_of_a_cps3_is_recognised():
    assert is_cps3(ATR)
    assert is_cps3(bytes.fromhex("3BAC123456001225006480123456009000"))
    contactless = bytes.fromhex("3B8F80010031B86404B0ECC1739401808290000E")
    assert not is_cps3(contactless)
    assert not is_cps3(b"")


@given(st.binary(max_size=60))
def test_rubbish_on_a_card_is_an_error_of_ours(content):
    try:
        nodes = list(parse(content))
    except CardError:
        return
    assert sum(len(node.value) for node in nodes) <= len(content)


def test_certificates_that_are_none_are_no_keys():
    with pytest.raises(CardError, match="authentification"):
        choose_keys([(1, b"not a certificate")])


@given(st.binary(max_size=10))
def test_only_digits_of_the_right_length_go_to_the_card(pin):
    possible = 4 <= len(pin) <= 6 and pin.isdigit()
    if possible:
        PinRules(4, 6).check(bytearray(pin))
    else:
        with pytest.raises(MalformedPinError, match="Aucun essai"):
            PinRules(4, 6).check(bytearray(pin))


def test_the_request_to_a_pin_pad():
    request = pin_verify_request(PinRules(4, 4, 4, None, 1))
    assert request.hex() == "1e1e820000" + "0404" + "0201" + "0c04" + "00000000" + "05000000" + "0020000100"
    padded = pin_verify_request(PinRules(4, 8, 8, 0xFF, 1))
    assert padded.hex().endswith("0d000000" + "0020000108" + "ff" * 8)


def test_the_room_can_be_imported_without_its_libraries():
    program = """
import sys
for name in ("smartcard", "cryptography", "asn1crypto", "pyhanko", "pyhanko_certvalidator", "pkcs11"):
    sys.modules[name] = None
from pathlib import Path
import rpps_audit.card as card
import rpps_audit.cli.card
lines = card.doctor_lines(Path("."))
assert lines[0].status == "absent", lines
try:
    card.find_card(None)
except card.CardUnavailableError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "make card" in done.stdout, done.stderr
