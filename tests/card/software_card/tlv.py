"""Just enough BER to lay out a card."""

from collections.abc import Iterable


def tlv(tag: int, *parts: bytes) -> bytes:
    """Tag, length, value."""
    value = b"".join(parts)
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2)
    return tag.to_bytes((tag.bit_length() + 7) // 8) + length + value


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def octets(value: bytes) -> bytes:
    return tlv(0x04, value)


def text(value: str) -> bytes:
    return tlv(0x0C, value.encode())


def integer(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1))


def bits(positions: Iterable[int]) -> bytes:
    """A named BIT STRING: the numbers of the bits that are set, bit 0 first."""
    chosen = sorted(positions)
    size = chosen[-1] // 8 + 1
    value = bytearray(size)
    for position in chosen:
        value[position // 8] |= 0x80 >> position % 8
    return tlv(0x03, bytes([7 - chosen[-1] % 8]), bytes(value))
