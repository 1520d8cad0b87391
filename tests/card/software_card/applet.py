"""The commands of a CPS3 in contact mode, T=0: one request in, data and status word out."""

from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.card.software_card.files import AID, AID_ROOT, AUTHENTICATION, SIGNATURE, file_system
from tests.card.software_card.tlv import tlv

OK, WRONG_LENGTH, NOT_SATISFIED, BLOCKED = 0x9000, 0x6700, 0x6982, 0x6983
NO_CONDITIONS, WRONG_DATA, NOT_FOUND, WRONG_P1P2, NO_REFERENCE = 0x6985, 0x6A80, 0x6A82, 0x6A86, 0x6A88
UNKNOWN_INS = 0x6D00
DIGEST_INFO_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_MOST_READ = 0xE7
_NAMES = {AID: "3F000001", AID_ROOT: "3F00"}
Answer = tuple[bytes, int]


@dataclass
class Profile:
    """A card as it leaves the factory."""

    serial: str
    pin: str
    signature_key: bytes
    authentication_key: bytes
    signature_certificate: bytes
    authentication_certificate: bytes
    tries: int = 3
    pin_length: tuple[int, int] = (4, 4)
    fake: bool = False
    """Answers 9000 to any PIN and signs with no key."""
    fault: str = ""
    """How it misbehaves from its `fault_at`-th command on: empty, endless, more, mute, garbage."""
    fault_at: int = 0
    leaves_at: int | None = None
    """Number of commands after which it leaves the reader, without answering the next."""


@dataclass
class Applet:
    profile: Profile
    tries_left: int = field(init=False)
    verified: bool = False
    commands: list[str] = field(default_factory=list)
    """Headers of the commands received; never their data."""

    def __post_init__(self) -> None:
        card = self.profile
        self.tries_left = card.tries
        self.files = file_system(
            card.serial, card.signature_certificate, card.authentication_certificate, card.pin_length
        )
        self.keys = {SIGNATURE: _load(card.signature_key), AUTHENTICATION: _load(card.authentication_key)}
        self.reset()

    def reset(self) -> None:
        """Power up: nothing is selected, no PIN is verified."""
        self.verified, self.folder, self.file = False, "3F00", ""
        self.pending = b""
        self.environment: dict[int, tuple[int, int]] = {}

    def answer(self, command: bytes) -> bytes:
        """One command APDU to the response with its status word, as over T=0."""
        header = command[:4].hex()
        self.commands.append(header)
        if self.profile.fault and len(self.commands) > self.profile.fault_at:
            return _FAULTS[self.profile.fault](command)
        if command[1] == 0xC0:
            return self._get_response(command[4] if len(command) > 4 else 0)
        p3 = command[4] if len(command) > 4 else 0
        data, le = (command[5 : 5 + p3], None) if len(command) > 5 else (b"", p3)
        handler = self._HANDLERS.get(command[1])
        if handler is None:
            return _pack(b"", UNKNOWN_INS)
        answer, status = handler(self, command[2] << 8 | command[3], data, le or 0x100)
        if answer and (data or le is None):
            self.pending = answer
            return _pack(b"", 0x6100 | min(len(answer), 0x100) & 0xFF)
        return _pack(answer, status)

    def _get_response(self, le: int) -> bytes:
        if not self.pending:
            return _pack(b"", NO_CONDITIONS)
        count = le or 0x100
        part, self.pending = self.pending[:count], self.pending[count:]
        return _pack(part, 0x6100 | min(len(self.pending), 0x100) & 0xFF if self.pending else OK)

    # --- files ---

    def _select(self, p1p2: int, data: bytes, _le: int) -> Answer:
        how, want = p1p2 >> 8, p1p2 & 0xFF
        if want not in (0x04, 0x0C):
            return b"", WRONG_P1P2
        path = data.hex().upper()
        if how == 0x04:
            if data not in _NAMES:
                return b"", NOT_FOUND
            path = _NAMES[data]
        elif how in (0x00, 0x02):
            path = "3F00" if path in ("3F00", "") else self.folder + path
        elif how in (0x08, 0x09):
            path = path if path.startswith("3F00") else self.folder + path
        else:
            return b"", WRONG_P1P2
        if path in ("3F00", "3F000001"):
            self.folder, self.file = path, ""
            described = tlv(
                0x62, b"\x82\x01\x38", tlv(0x83, bytes.fromhex(path[-4:])), tlv(0xA1, _ACL), b"\x8a\x01\x05"
            )
        elif path in self.files:
            self.folder, self.file = path[:-4], path
            size = tlv(0x80, len(self.files[path]).to_bytes(2))
            name = tlv(0x83, bytes.fromhex(path[-4:]))
            described = tlv(0x62, size, b"\x82\x01\x01", name, tlv(0xA1, _ACL), b"\x8a\x01\x05")
        else:
            return b"", NOT_FOUND
        return (described if want == 0x04 else b""), OK

    def _read(self, p1p2: int, _data: bytes, le: int) -> Answer:
        offset, path = p1p2, self.file
        if p1p2 & 0x8000:
            path, offset = {0x1C: "3F00D003", 0x1D: "3F002F01", 0x1E: "3F002F00"}.get(p1p2 >> 8 & 0x1F, ""), p1p2 & 0xFF
        if path not in self.files:
            return b"", NOT_FOUND
        rest = self.files[path][offset:]
        if len(rest) < min(le, _MOST_READ):
            return b"", 0x6C00 | len(rest) if rest else 0x6B00
        return rest[: min(le, _MOST_READ)], OK

    def _get_data(self, _p1p2: int, data: bytes, _le: int) -> Answer:
        """The public part of a PIN or key object: tries left, or access rules. Its value is never readable."""
        if data[:1] != b"\x4d" or data[4:5] != b"\xbf" or data[-2:-1] != b"\xa0":
            return b"", WRONG_DATA
        kind, reference = data[5], data[6]
        if (kind, reference) == (0x81, 0x01) and self.folder == "3F00":
            rules = tlv(0x8C, bytes.fromhex("F3000013FF00"))
            inner = tlv(0x9A, bytes([self.profile.tries])) + tlv(0x9B, bytes([self.tries_left])) + tlv(0xA1, rules)
        elif kind == 0x90 and reference in (1, 2) and self.folder == "3F000001":
            rules = tlv(0x8C, b"\x40\x11" if reference == 1 else b"\x30\x11\x11")
            inner = tlv(0x80, b"\x01\x00") + tlv(0x9E, bytes([reference == 1])) + tlv(0xA1, rules)
        else:
            return b"", NO_REFERENCE
        return _wrap(kind, reference, tlv(0xA0, inner)), OK

    # --- PIN and keys ---

    def _verify(self, p1p2: int, data: bytes, _le: int) -> Answer:
        if p1p2 != 0x0001:
            return b"", NO_REFERENCE
        if self.profile.fake:
            self.verified = bool(data) or self.verified
            return b"", OK if self.verified else 0x63C3
        if self.tries_left == 0:
            return b"", BLOCKED
        if not data:
            return b"", OK if self.verified else 0x63C0 | self.tries_left
        self.verified = data.rstrip(b"\xff") == self.profile.pin.encode()
        self.tries_left = self.profile.tries if self.verified else self.tries_left - 1
        if self.verified:
            return b"", OK
        return b"", 0x63C0 | self.tries_left if self.tries_left else BLOCKED

    def _manage_environment(self, p1p2: int, data: bytes, _le: int) -> Answer:
        fields = {data[place]: data[place + 2] for place in range(0, len(data), 3)}
        if p1p2 >> 8 != 0x41 or p1p2 & 0xFF not in (0xA4, 0xB6):
            return b"", WRONG_P1P2
        key, wanted = fields.get(0x84, 0), {0xA4: (AUTHENTICATION, 0x02), 0xB6: (SIGNATURE, 0x42)}[p1p2 & 0xFF]
        if (key, fields.get(0x80)) != wanted:
            return b"", WRONG_DATA
        self.environment[p1p2 & 0xFF] = wanted
        return b"", OK

    def _internal_authenticate(self, _p1p2: int, data: bytes, _le: int) -> Answer:
        if len(data) > 102:
            return b"", WRONG_LENGTH
        return self._use(0xA4, data)

    def _perform(self, p1p2: int, data: bytes, _le: int) -> Answer:
        if p1p2 != 0x9E9A:
            return b"", WRONG_P1P2
        if len(data) != 32:
            return b"", WRONG_LENGTH
        return self._use(0xB6, DIGEST_INFO_SHA256 + data)

    def _use(self, template: int, message: bytes) -> Answer:
        if not self.verified:
            return b"", NOT_SATISFIED
        if template not in self.environment:
            return b"", NO_CONDITIONS
        if self.profile.fake:
            return bytes(256), OK
        return _rsa(self.keys[self.environment[template][0]], message), OK

    _HANDLERS: ClassVar = {
        0xA4: _select,
        0xB0: _read,
        0xCB: _get_data,
        0x20: _verify,
        0x22: _manage_environment,
        0x88: _internal_authenticate,
        0x2A: _perform,
    }


_ACL = tlv(0x8C, bytes.fromhex("7B45FFFFFF4500"))


# A mute card is the process's affair: it does not answer at all.
_FAULTS = {
    "empty": lambda _command: b"",
    "more": lambda _command: b"\x61\x00",
    "more and more": lambda command: bytes(command[4] if len(command) > 4 else 0) + b"\x61\xff",
    "endless": lambda command: bytes(command[4]) + b"\x90\x00" if command[1] == 0xB0 else b"\x90\x00",
    "wrong length": lambda _command: b"\x6c\x10",
    "garbage": lambda command: b"\xa5" * (command[4] if command[1] == 0xB0 else 0) + b"\x90\x00",
    "refusal": lambda _command: b"\x6f\x00",
}


def _wrap(kind: int, reference: int, inner: bytes) -> bytes:
    return tlv(0x70, bytes([0xBF, kind, reference, len(inner)]) + inner)


def _pack(data: bytes, status: int) -> bytes:
    return data + status.to_bytes(2)


def _load(pem: bytes) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _rsa(key: RSAPrivateKey, message: bytes) -> bytes:
    """PKCS#1 v1.5 signature of the message as it stands: the card does not look into it."""
    numbers = key.private_numbers()
    size = key.key_size // 8
    padded = b"\x00\x01" + b"\xff" * (size - len(message) - 3) + b"\x00" + message
    return pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n).to_bytes(size)
