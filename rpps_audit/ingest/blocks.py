"""One block of delimited text as columns: the only place where lines are split into cells.

A block is whole lines. Each line ends up a row, or a reject with its number and reason, or blank; nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]

from rpps_audit.ingest.cells import clean
from rpps_audit.ingest.layouts import Column

_NEWLINE, _RETURN, _SPACE, _QUOTE = 10, 13, 32, 34
_RAW = 10_000
# « Ã » followed by a continuation byte: UTF-8 text met while reading single-byte text.
_UTF8_IN_LATIN = re.compile(rb"\xc3[\x80-\xbf]")
_LONE_CR = re.compile(rb"\r(?!\n)")
_CELLS = {
    False: "{found} cellules au lieu de {expected}",
    True: "guillemet ouvert et jamais refermé",
}


class Reject(NamedTuple):
    """A line that could not be split. `line` counts from 1, header included; `raw` stays in the store."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Split:
    """How to split: `width` cells a line, `columns` the kept ones by place."""

    delimiter: str
    quote: str
    width: int
    columns: Mapping[int, Column]
    section: tuple[int, str] | None = None


@dataclass(frozen=True)
class Block:
    """What a block gave. `encoding` is "" for plain ASCII, "mixed" when it is neither UTF-8 nor single-byte text.

    `lines` are the numbers, from 0 in this block, of the rows of `table`; `physical` counts every line of the block.
    """

    table: pa.Table
    lines: npt.NDArray[np.int64]
    physical: int
    blank: int
    continued: int
    rejects: list[Reject]
    encoding: str
    flaw: str = ""


def split_block(raw: bytes, how: Split) -> Block:
    """Split whole lines into the wanted columns, as text (empty cells are empty strings)."""
    at = raw.find(b"\0")
    if at >= 0:
        return _unusable(f"octet nul (binaire) à l'octet {at} du bloc", raw[:at].count(b"\n"))
    encoding, text = _as_utf8(raw)
    if encoding == "mixed":
        return _unusable("mixed", _first_bad_line(raw))
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        text = _LONE_CR.sub(b" ", text)
    cells = np.frombuffer(text, np.uint8)
    physical = int(np.count_nonzero(cells == _NEWLINE)) + (not text.endswith(b"\n"))
    index = np.arange(physical)
    rejects: list[Reject] = []
    if how.quote and how.quote.encode() in text:
        text, index, rejects = _close_quotes(text, index, how)
    continued = physical - len(index) - len(rejects)
    if not text:
        return Block(pa.table({}), index, physical, 0, continued, rejects, encoding)
    table, bad = _parse(text, how)
    assert table.num_rows + len(bad) == len(index), "every line is a row or a reject"
    rejects += [Reject(int(index[row]), reason, line) for row, reason, line in bad]
    if bad:
        index = np.delete(index, [row for row, _, _ in bad])
    table, index, blank = _without_blank(table, index, text, [row for row, _, _ in bad])
    table, index, strays = _without_other_sections(table, index, how)
    return Block(
        clean(table, how.columns.values(), spaced=_spaced(text, how)),
        index,
        physical,
        blank,
        continued,
        rejects + strays,
        encoding,
    )


# ---------------------------------------------------------------------------------------------------------- encoding


def _as_utf8(raw: bytes) -> tuple[str, bytes]:
    """("" | "utf-8" | "iso-8859-1" | "cp1252" | "mixed", the same text in UTF-8)."""
    if raw.isascii():
        return "", raw
    if _is_utf8(raw):
        return "utf-8", raw
    if _UTF8_IN_LATIN.search(raw):
        return "mixed", raw
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return "mixed", raw
    high = np.frombuffer(raw, np.uint8)
    controls = bool(((high >= 0x80) & (high < 0xA0)).any())
    return ("cp1252" if controls else "iso-8859-1"), text.encode("utf-8")


def _is_utf8(raw: bytes) -> bool:
    """Arrow checks a gigabyte in well under a second, and lets the other threads work meanwhile."""
    offsets = pa.array([0, len(raw)], pa.int64()).buffers()[1]
    try:
        pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(raw)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _first_bad_line(raw: bytes) -> int:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return raw[: error.start].count(b"\n")
    return 0


def _unusable(flaw: str, line: int) -> Block:
    return Block(pa.table({}), np.array([line]), 0, 0, 0, [], "mixed" if flaw == "mixed" else "", flaw)


# ------------------------------------------------------------------------------------------------------------ quotes


def _close_quotes(
    text: bytes, index: npt.NDArray[np.int64], how: Split
) -> tuple[bytes, npt.NDArray[np.int64], list[Reject]]:
    """A quoted cell may hold a line break: join its lines. A quote that never closes rejects its own line only.

    Only lines with an odd number of quotes are looked at, and they are rare.
    """
    cells = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(cells == _NEWLINE) + 1
    if not len(ends) or ends[-1] != len(text):
        ends = np.append(ends, len(text))
    starts = np.concatenate(([0], ends[:-1]))
    odd = np.flatnonzero(np.add.reduceat(cells == _QUOTE, starts, dtype=np.int64) & 1).tolist()
    pieces: list[bytes] = []
    rejects: list[Reject] = []
    gone: list[int] = []
    done = place = 0
    while place < len(odd):
        first = odd[place]
        last = odd[place + 1] if place + 1 < len(odd) else first
        joined = text[starts[first] : ends[last]]
        pieces.append(text[done : starts[first]])
        if last > first and _width(joined, how) == how.width:
            pieces.append(joined.rstrip(b"\r\n").replace(b"\r\n", b" ").replace(b"\n", b" ") + b"\n")
            gone += range(first + 1, last + 1)
            place += 2
        else:
            last = first
            line = text[starts[first] : ends[first]]
            rejects.append(Reject(first, _CELLS[True], _shown(line.decode("utf-8", "replace"))))
            gone.append(first)
            place += 1
        done = int(ends[last])
    return b"".join([*pieces, text[done:]]), np.delete(index, gone), rejects


def _width(record: bytes, how: Split) -> int:
    outside = record.split(how.quote.encode())[::2]
    return 1 + sum(part.count(how.delimiter.encode()) for part in outside)


# ------------------------------------------------------------------------------------------------------------- cells


def _parse(text: bytes, how: Split) -> tuple[pa.Table, list[tuple[int, str, str]]]:
    bad: list[tuple[int, str, str]] = []

    def reject(row: pa_csv.InvalidRow) -> str:
        reason = _CELLS[False].format(found=row.actual_columns, expected=row.expected_columns)
        bad.append((row.number - 1, reason, _shown(row.text)))
        return "skip"

    names = [how.columns[place].field or "" if place in how.columns else f"_{place}" for place in range(how.width)]
    kept = [names[place] for place in sorted({*how.columns, *([how.section[0]] if how.section else [])})]
    table = pa_csv.read_csv(
        pa.BufferReader(text),
        read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
        parse_options=pa_csv.ParseOptions(
            delimiter=how.delimiter,
            quote_char=how.quote or False,
            double_quote=bool(how.quote),
            ignore_empty_lines=False,
            invalid_row_handler=reject,
        ),
        convert_options=pa_csv.ConvertOptions(
            check_utf8=False, column_types=dict.fromkeys(names, pa.string()), include_columns=kept
        ),
    )
    return table, bad


def _without_blank(
    table: pa.Table, index: npt.NDArray[np.int64], text: bytes, bad: list[int]
) -> tuple[pa.Table, npt.NDArray[np.int64], int]:
    """Blank lines are no rows; Arrow gives them as rows of empty cells."""
    if not (table.num_columns and pc.min(pc.binary_length(table.column(0))).as_py() == 0 and _may_be_blank(text)):
        return table, index, 0
    lines = text.split(b"\n")[: table.num_rows + len(bad)]
    full = np.array([bool(line.strip(b"\r")) for line in lines])
    kept = np.delete(full, bad)
    return table.filter(pa.array(kept)), index[kept], int((~kept).sum())


def _without_other_sections(
    table: pa.Table, index: npt.NDArray[np.int64], how: Split
) -> tuple[pa.Table, npt.NDArray[np.int64], list[Reject]]:
    """Where the first cell says what a line is, other kinds of line are rejects."""
    if how.section is None:
        return table, index, []
    place, wanted = how.section
    name = f"_{place}"
    kept = pc.equal(table[name], wanted).combine_chunks().to_numpy(zero_copy_only=False)
    strays = table.filter(pa.array(~kept)).to_pylist()
    rejects = [
        Reject(int(line), f"section inattendue, au lieu de « {wanted} »", _shown(how.delimiter.join(row.values())))
        for line, row in zip(index[~kept], strays, strict=True)
    ]
    return table.filter(pa.array(kept)).drop_columns([name]), index[kept], rejects


def _may_be_blank(text: bytes) -> bool:
    """Whether two ends of line stand side by side."""
    cells = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(cells == _NEWLINE)
    shortest = np.diff(ends, prepend=-1).min(initial=len(text))
    return bool(shortest <= 2)


def _spaced(text: bytes, how: Split) -> bool:
    """Whether any cell may begin or end with a space: asked of the whole block, so that trimming is rarely needed.

    Looks beside each space: searching the text for each pair of bytes takes ten times as long.
    """
    if how.quote or text.startswith(b" ") or text.endswith(b" "):
        return True
    cells = np.frombuffer(text, np.uint8)
    spaces = np.flatnonzero(cells == _SPACE)
    edge = np.zeros(256, bool)
    edge[[_NEWLINE, _RETURN, ord(how.delimiter)]] = True
    return bool(edge[cells[spaces - 1]].any() or edge[cells[spaces + 1]].any())


def _shown(line: str) -> str:
    return line.rstrip("\r\n")[:_RAW]
