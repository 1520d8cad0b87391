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

from rpps_audit.ingest.cells import Care, clean
from rpps_audit.ingest.compose import Composer
from rpps_audit.ingest.encoding import DAMAGED, as_utf8, first_bad_line
from rpps_audit.ingest.layouts import Column
from rpps_audit.ingest.lines import cells_lacking, completed, without_sections
from rpps_audit.ingest.losses import Losses

_NEWLINE, _RETURN, _SPACE, _QUOTE = 10, 13, 32, 34
_RAW = 10_000
# A cell of no more bytes may be a blank.
_SHORT = 3
_LONE_CR = re.compile(rb"\r(?!\n)")
_DAMAGED = DAMAGED.encode()
# First bytes, in UTF-8, of blanks that are no space: no-break, zero-width, soft hyphen; and of accents on their own.
_BLANK_BYTES, _ACCENT_BYTES = (b"\t", b"\xc2", b"\xe2", b"\xe3", b"\xef"), (b"\xcc", b"\xcd")
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
    """How to split: `width` cells a line, `columns` the kept ones by place.

    Lines that begin with `aside` are of no use here; those of `shortest` cells at least are completed (0: none is).
    """

    delimiter: str
    quote: str
    width: int
    columns: Mapping[int, Column]
    section: tuple[int, str] | None = None
    composer: Composer | None = None
    aside: tuple[str, ...] = ()
    shortest: int = 0


@dataclass(frozen=True)
class Block:
    """What a block gave. `encoding` is "" for plain ASCII, "mixed" when it is neither UTF-8 nor single-byte text.

    `lines` are the numbers, from 0 in this block, of the rows of `table` (clean and typed), as are those of `losses`;
    `physical` counts every line of the block; `damaged` the bytes that are no letter of a single-byte encoding; `aside`
    the lines of other known sections; `completed` the lines that lacked empty cells at their end.
    """

    table: pa.Table
    losses: Losses
    lines: npt.NDArray[np.int64]
    physical: int
    blank: int
    continued: int
    rejects: list[Reject]
    encoding: str
    flaw: str = ""
    damaged: int = 0
    aside: int = 0
    completed: int = 0


def split_block(raw: bytes, how: Split) -> Block:
    """Split whole lines into the wanted columns, as text (empty cells are empty strings)."""
    at = raw.find(b"\0")
    if at >= 0:
        return _unusable(f"octet nul (binaire) à l'octet {at} du bloc", raw[:at].count(b"\n"))
    encoding, text = as_utf8(raw)
    if encoding == "mixed":
        return _unusable("mixed", first_bad_line(raw))
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        text = _LONE_CR.sub(b" ", text)
    cells = np.frombuffer(text, np.uint8)
    physical = int(np.count_nonzero(cells == _NEWLINE)) + (not text.endswith(b"\n"))
    index = np.arange(physical)
    rejects: list[Reject] = []
    if how.quote and how.quote.encode() in text:
        text, index, rejects = _close_quotes(text, index, how)
    whole = len(index)
    text, index = without_sections(text, index, how.aside, how.delimiter)
    aside = whole - len(index)
    continued = physical - whole - len(rejects)
    if not text:
        return Block(pa.table({}), Losses(), index, physical, 0, continued, rejects, encoding, aside=aside)
    table, bad = _parse(text, how)
    lacking = {row: cells_lacking(reason, how.shortest) for row, reason, line in bad if _says(line, how)}
    short = {row: count for row, count in lacking.items() if count}
    # A last line without its end may be cut: it is not completed.
    short.pop(len(index) - 1 if not text.endswith(b"\n") else -1, None)
    if short:
        text = completed(text, short, how.delimiter)
        table, bad = _parse(text, how)
    assert table.num_rows + len(bad) == len(index), "every line is a row or a reject"
    rejects += [Reject(int(index[row]), reason, line) for row, reason, line in bad if _says(line, how)]
    nothing = sum(not _says(line, how) for _, _, line in bad)
    if bad:
        index = np.delete(index, [row for row, _, _ in bad])
    table, index, blank = _without_blank(table, index, text, [row for row, _, _ in bad], how)
    table, index, strays = _without_other_sections(table, index, how)
    table, columns = (
        (how.composer.table(table), how.composer.columns) if how.composer else (table, how.columns.values())
    )
    table, losses = clean(table, columns, index, _care(text, how))
    return Block(
        table,
        losses,
        index,
        physical,
        blank + nothing,
        continued,
        rejects + strays,
        encoding,
        damaged=0 if encoding in ("", "utf-8") else text.count(_DAMAGED),
        aside=aside,
        completed=len(short),
    )


def _says(line: str, how: Split) -> bool:
    """Whether a line holds anything but separators."""
    return bool(line.strip(f" \t\r\n\u00a0{how.delimiter}{how.quote}"))


def _unusable(flaw: str, line: int) -> Block:
    return Block(pa.table({}), Losses(), np.array([line]), 0, 0, 0, [], "mixed" if flaw == "mixed" else "", flaw)


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
    table: pa.Table, index: npt.NDArray[np.int64], text: bytes, bad: list[int], how: Split
) -> tuple[pa.Table, npt.NDArray[np.int64], int]:
    """Lines of nothing, or of nothing but separators, are no rows; Arrow gives them as rows of empty cells."""
    doubtful = np.flatnonzero(_nearly_empty(table))
    if not len(doubtful):
        return table, index, 0
    lines = text.split(b"\n")
    places = np.delete(np.arange(table.num_rows + len(bad)), bad)
    nothing = b" \t\r\xc2\xa0" + how.delimiter.encode() + how.quote.encode()
    full = np.ones(table.num_rows, bool)
    full[[row for row in doubtful.tolist() if not lines[places[row]].strip(nothing)]] = False
    return table.filter(pa.array(full)), index[full], int((~full).sum())


def _nearly_empty(table: pa.Table) -> npt.NDArray[np.bool_]:
    """The rows whose every cell is empty or short enough to be blank."""
    short = np.ones(table.num_rows, bool)
    for cells in table.columns:
        if not short.any():
            break
        short &= pc.binary_length(cells).to_numpy() <= _SHORT
    return short


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


def _care(text: bytes, how: Split) -> Care:
    """What the cells may hold, asked of the whole block: a byte that is nowhere is found so at memory's speed."""
    blank = any(byte in text and byte != how.delimiter.encode() for byte in _BLANK_BYTES)
    return Care(blank or _spaced(text, how), blank, any(byte in text for byte in _ACCENT_BYTES))


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
