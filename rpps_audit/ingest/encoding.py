"""Bytes of a text file as UTF-8 lines ended by a line feed, whatever wrote them.

UTF-16 with its mark, CR alone as end of line, text in one byte a letter, one damaged byte: told apart here, once.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

BOM = b"\xef\xbb\xbf"
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
DAMAGED = "\ufffd"
# A letter in two bytes of UTF-8, met while reading text in one byte a letter.
_UTF8_IN_LATIN = re.compile(rb"[\xc3\xc5][\x80-\xbf]|\xe2\x80[\x80-\xbf]")
_HIGH = re.compile(rb"[\x80-\xff]")
# Beyond this share of the accented letters, what does not fit is no accident.
_ACCIDENTS = 0.05


def line_reader(head: bytes) -> Callable[[bytes, bool], bytes] | None:
    """What turns the file's chunks, in order, into UTF-8 with line feeds; None when its bytes are so already.

    `head` is the first chunk. Call with each chunk and whether it is the last.
    """
    form = UTF_16.get(head[:2])
    if form is None:
        return _returns if b"\n" not in head and b"\r" in head else None
    decoder = codecs.getincrementaldecoder(form)("replace")

    def read(chunk: bytes, last: bool) -> bytes:
        text = decoder.decode(chunk, last).removeprefix("\ufeff")
        return _returns(text.encode("utf-8"), last) if alone else text.encode("utf-8")

    whole = head[: len(head) // 2 * 2].decode(form, "replace")
    alone = "\n" not in whole and "\r" in whole
    return read


def as_lines(head: bytes) -> bytes:
    """The first bytes of a file as UTF-8 (or one byte a letter) with line feeds, without mark."""
    read = line_reader(head)
    return (read(head, False) if read else head).removeprefix(BOM)


def as_utf8(raw: bytes) -> tuple[str, bytes]:
    """("" | "utf-8" | "iso-8859-1" | "cp1252" | "mixed", the same text in UTF-8).

    In text of one byte a letter, a byte that is no letter becomes U+FFFD, and a name encoded twice stays as it is (a
    rule sees its characters), as long as they are accidents: more of them, and two files were put end to end.
    """
    if raw.isascii():
        return "", raw
    if _is_utf8(raw):
        return "utf-8", raw
    twice = len(_UTF8_IN_LATIN.findall(raw))
    text = raw.decode("cp1252", "replace")
    strays = twice + text.count(DAMAGED)
    if strays and strays > max(1, _ACCIDENTS * len(_HIGH.findall(raw))):
        return "mixed", raw
    high = np.frombuffer(raw, np.uint8)
    controls = bool(((high >= 0x80) & (high < 0xA0)).any())
    return ("cp1252" if controls else "iso-8859-1"), text.encode("utf-8")


def first_bad_line(raw: bytes) -> int:
    """The line, from 0, of the first byte that is not UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return raw[: error.start].count(b"\n")
    return 0


def _returns(chunk: bytes, _last: bool) -> bytes:
    return chunk.replace(b"\r", b"\n")


def _is_utf8(raw: bytes) -> bool:
    """Arrow checks a gigabyte in well under a second, and lets the other threads work meanwhile."""
    offsets = pa.array([0, len(raw)], pa.int64()).buffers()[1]
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(raw)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
