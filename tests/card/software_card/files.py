"""The files of a CPS3: what public traces of real cards show, with test certificates.

3F00 ─ 2F00 EF.DIR, 2F01 EF.ATR, D003 EF.SN
     └ 0001 ─ 5031 ODF, 5032 TokenInfo, 7001 private keys, 7002 certificates, 7003 PIN, A001 and A002 certificates
"""

from dataclasses import dataclass

from tests.card.software_card.tlv import bits, integer, octets, sequence, text, tlv

AID = bytes.fromhex("E828BD080F8025000001FF0010")
AID_ROOT = bytes.fromhex("8025000001FF0100")
AID_CONTACTLESS = bytes.fromhex("E828BD080F8025000001FF0020")
ATR = bytes.fromhex("3BAC00402A001225006480000310009000")
EF_ATR = bytes.fromhex(
    "80" "4301B8" "460404B0ECC1" "47039401" "80" "4F088025000001FF0100"
    "E010" "02020104" "02020104" "02020100" "02020100" "78080606" "2B8122F87802" "82029000"
)  # fmt: skip
SIGNATURE, AUTHENTICATION = 0x81, 0x82
_ROOT, _APPLICATION = bytes.fromhex("3F00"), bytes.fromhex("3F000001")
_PIN = octets(b"\x01")

# reference, PKCS#11 mechanism, operations (bit numbers), reference on the card
_ALGORITHMS = [
    (1, 0x220, [6], 0x10),
    (2, 0x250, [6], 0x40),
    (3, 0x001, [1], 0x02),
    (4, 0x006, [1], 0x12),
    (5, 0x040, [1], 0x42),
    (6, 0x001, [5], 0x1A),
]


@dataclass(frozen=True)
class KeySlot:
    reference: int
    label: str
    usage: list[int]
    certificate: bytes

    @property
    def id(self) -> bytes:
        return AID[:12] + bytes([0x10, self.reference & 0x7F])


def file_system(serial: str, signature: bytes, authentication: bytes, pin_length: tuple[int, int]) -> dict[str, bytes]:
    """Path in hexadecimal to content; `serial` is the ten digits printed on the card."""
    slots = [
        KeySlot(SIGNATURE, "CPS_PRIV_SIG", [2, 9], signature),
        KeySlot(AUTHENTICATION, "CPS_PRIV_AUT", [1, 2], authentication),
    ]
    number = bytes.fromhex("8025000001") + bytes.fromhex(serial)
    files = {
        "3F002F00": _directory(),
        "3F002F01": EF_ATR,
        "3F00D003": tlv(0x5A, number),
        "3F0000015031": _object_directory(),
        "3F0000015032": _token_info(number),
        "3F0000017001": b"".join(_private_key(slot) for slot in slots),
        "3F0000017002": b"".join(_certificate(slot) for slot in slots),
        "3F0000017003": _pin(*pin_length),
    }
    return files | {f"3F000001A0{slot.reference & 0x7F:02X}": slot.certificate for slot in slots}


def _directory() -> bytes:
    def application(aid: bytes, label: str) -> bytes:
        return tlv(0x61, tlv(0x4F, aid), tlv(0x50, label.encode()), tlv(0x51, _APPLICATION), tlv(0x73, tlv(0x4F, aid)))

    return application(AID_CONTACTLESS, "CPX IAS CL") + application(AID, "CPX IAS")


def _object_directory() -> bytes:
    places = {0xA0: "7001", 0xA4: "7002", 0xA8: "7003"}
    return b"".join(tlv(tag, sequence(octets(_APPLICATION + bytes.fromhex(file)))) for tag, file in places.items())


def _token_info(number: bytes) -> bytes:
    algorithms = [
        sequence(integer(reference), integer(mechanism), b"\x05\x00", bits(operations), integer(on_card))
        for reference, mechanism, operations, on_card in _ALGORITHMS
    ]
    label, supported = tlv(0x80, b"CPS3 logicielle"), tlv(0xA2, *algorithms)
    return sequence(integer(0), octets(number), text("tests"), label, bits([2]), supported)


def _private_key(slot: KeySlot) -> bytes:
    common = sequence(text(slot.label), bits([0]), _PIN)
    key = sequence(octets(slot.id), bits(slot.usage), tlv(0x01, b"\xff"), bits([0, 2]), integer(slot.reference))
    return sequence(common, key, tlv(0xA1, sequence(sequence(octets(_APPLICATION)), integer(2048))))


def _certificate(slot: KeySlot) -> bytes:
    path = _APPLICATION + bytes([0xA0, slot.reference & 0x7F])
    common = sequence(text(slot.label.replace("PRIV", "CERT")))
    return sequence(common, sequence(octets(slot.id)), tlv(0xA1, sequence(sequence(octets(path)))))


def _pin(shortest: int, longest: int) -> bytes:
    rules = sequence(
        bits([4]), integer(1, 0x0A), integer(shortest), integer(longest), integer(longest), integer(1, 0x80),
        octets(b"\xff"), sequence(octets(_ROOT)),
    )  # fmt: skip
    return sequence(sequence(text("Code porteur"), bits([0, 1])), sequence(_PIN), tlv(0xA1, rules))
