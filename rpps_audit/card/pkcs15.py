"""What a CPS3 says of itself: EF.SN, EF.DIR and the PKCS#15 directories (ISO/IEC 7816-15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rpps_audit.card.backend import PinRules
from rpps_audit.card.ber import Node, parse
from rpps_audit.card.errors import CardError, CardUnavailableError

AID = bytes.fromhex("E828BD080F8025000001FF0010")
_ATR = bytes.fromhex("3BAC00402A001225006480000310009000")
_ATR_MASK = bytes.fromhex("FF00000000FFFFFFFFFFFF000000FFFFFF")
# 5A 0A, then the issuer number of the ANS; five bytes of card number follow.
_SERIAL_PREFIX = bytes.fromhex("5A0A8025000001")

_DEEPEST = 8

ReadFile = Callable[[bytes], bytes]


class KeyObject(NamedTuple):
    """A private key and the certificate with the same id."""

    reference: int
    certificate: bytes


class CardObjects(NamedTuple):
    """The directories of the card."""

    application: bytes
    """Path of the application, from the root."""
    keys: tuple[KeyObject, ...]
    pin: PinRules


def is_cps3(atr: bytes) -> bool:
    """A CPx card of the third generation, contact face (mask of OpenSC's iasecc driver)."""
    return len(atr) == len(_ATR) and all(a & m == b & m for a, b, m in zip(atr, _ATR, _ATR_MASK, strict=True))


def read_serial(read: ReadFile) -> str:
    """The card number as the ANS writes it, `8025000001/2138450001`. Raises CardUnavailableError for other cards."""
    content = read(bytes.fromhex("3F00D003"))
    if not content.startswith(_SERIAL_PREFIX) or len(content) < 12:
        raise CardUnavailableError("Cette carte n'est pas une carte CPx : son numéro n'est pas celui de l'ANS.")
    return f"8025000001/{content[7:12].hex()}"


def read_objects(read: ReadFile) -> CardObjects:
    """Follow EF.DIR to the application, then its directories of keys, certificates and PIN. Raises CardError."""
    try:
        return _objects(read)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        # What a hostile or damaged card says fits no form; its content is not repeated.
        raise CardError("Les répertoires de cette carte sont illisibles. Carte abîmée ou inconnue.") from error


def _objects(read: ReadFile) -> CardObjects:
    application = _application(read(bytes.fromhex("3F002F00")))

    def content(path: bytes) -> bytes:
        return read(path if path.startswith(b"\x3f\x00") else application + path)

    places = {node.tag: _path(node) for node in parse(content(b"\x50\x31"))}
    try:
        keys, certificates, pins = (content(places[tag]) for tag in (0xA0, 0xA4, 0xA8))
    except KeyError as error:
        raise CardError("Cette carte n'a pas les répertoires d'une carte CPx (PKCS#15).") from error
    references = dict(_keys(keys))
    found = [
        KeyObject(references[identifier], content(path))
        for identifier, path in _certificates(certificates)
        if identifier in references
    ]
    return CardObjects(application, tuple(found), _pin_rules(pins))


def _application(directory: bytes) -> bytes:
    for template in parse(directory):
        fields = {node.tag: node.value for node in template.children()}
        if fields.get(0x4F) == AID and 0x51 in fields:
            return fields[0x51]
    raise CardUnavailableError("Cette carte ne contient pas l'application CPx en mode contact.")


def _path(node: Node) -> bytes:
    """The first OCTET STRING inside: a PKCS#15 Path. Raises IndexError when there is none."""
    for _ in range(_DEEPEST):
        if node.tag == 0x04:
            return node.value
        node = node.children()[0]
    raise IndexError("too deep")


def _keys(content: bytes) -> list[tuple[bytes, int]]:
    """(id, reference on the card) of each private key; the reference is the last INTEGER of its attributes."""
    found = []
    for node in parse(content):
        _, attributes, *_ = node.children()
        identifier, *rest = attributes.children()
        numbers = [field.value for field in rest if field.tag == 0x02]
        if numbers:
            found.append((identifier.value, int.from_bytes(numbers[-1])))
    return found


def _certificates(content: bytes) -> list[tuple[bytes, bytes]]:
    """(id, path) of each certificate."""
    found = []
    for node in parse(content):
        _, attributes, *_, typed = node.children()
        found.append((attributes.children()[0].value, _path(typed)))
    return found


def _pin_rules(content: bytes) -> PinRules:
    """The rules of the first PIN; lengths in characters, the filling character only when the PIN needs one."""
    for node in parse(content):
        typed = node.children()[-1]
        flags, _kind, *rest = typed.children()[0].children()
        numbers = [int.from_bytes(field.value) for field in rest if field.tag == 0x02]
        other = {field.tag: field.value for field in rest}
        shortest, stored = numbers[0], numbers[1]
        longest = numbers[2] if len(numbers) > 2 else stored
        # pinFlags bit 5, needs-padding, counted from the left of the BIT STRING.
        padded = len(flags.value) > 1 and flags.value[1] & 0x04
        padding = other.get(0x04, b"\xff")[0] if padded else None
        return PinRules(shortest, longest, stored, padding, int.from_bytes(other.get(0x80, b"\x01")))
    raise CardError("Cette carte ne décrit pas son code porteur.")
