"""Just enough BER to read a card's directory files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rpps_audit.card.errors import CardError


class Node(NamedTuple):
    """A tag and its content."""

    tag: int
    value: bytes

    def children(self) -> list[Node]:
        """The nodes inside."""
        return list(parse(self.value))


def parse(data: bytes) -> Iterator[Node]:
    """The nodes of a file, up to its padding (00 or FF). Raises CardError when it is cut short."""
    at = 0
    while at < len(data) and data[at] not in (0x00, 0xFF):
        tag, at = _tag(data, at)
        size, at = _length(data, at)
        if at + size > len(data):
            raise CardError("Un fichier de la carte est illisible (longueur fausse). Carte abîmée ou inconnue.")
        yield Node(tag, data[at : at + size])
        at += size


def _tag(data: bytes, at: int) -> tuple[int, int]:
    if data[at] & 0x1F == 0x1F and at + 1 < len(data):
        return data[at] << 8 | data[at + 1], at + 2
    return data[at], at + 1


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise CardError("Un fichier de la carte est illisible (fin inattendue). Carte abîmée ou inconnue.")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if count > 4 or at + 1 + count > len(data):
        raise CardError("Un fichier de la carte est illisible (longueur fausse). Carte abîmée ou inconnue.")
    return int.from_bytes(data[at + 1 : at + 1 + count]), at + 1 + count
