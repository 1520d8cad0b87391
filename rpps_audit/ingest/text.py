"""Delimited text as a stream of columns: read once, whatever its size, in blocks of whole lines.

While DuckDB stores a block, two threads split the next ones and a third hashes and keeps the bytes.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.blocks import Block, Reject, Split, split_block
from rpps_audit.ingest.compose import Composer
from rpps_audit.ingest.encoding import BOM, line_reader
from rpps_audit.ingest.keeper import Keeper
from rpps_audit.ingest.limits import MEGA, beyond
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition

BLOCK = 8 << 20
_AHEAD = 3
_SINGLE_BYTE = {"iso-8859-1", "cp1252"}


def read_text(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """The kept columns of every line that splits, with `line`; what does not is counted and kept in `reading`.

    Raises UnreadableInputError on a truncated, half-encoded, binary or endless file, before its end is stored.
    """
    blocks = _blocks(recognition, keeper, tell)
    header, _ = next(blocks)
    first, last = next(blocks, (b"", True))
    how = split_of(recognition, first)
    line = header.count(b"\n") + 1
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[tuple[bool, object]] = deque()
        todo = _chain((first, last), blocks)
        while True:
            while len(waiting) < _AHEAD and (item := next(todo, None)) is not None:
                raw, last = item
                waiting.append((last and not raw.endswith(b"\n"), pool.submit(split_block, raw, how)))
            if not waiting:
                reading.remarks += how.composer.remarks() if how.composer else []
                return
            cut, future = waiting.popleft()
            block: Block = future.result()  # type: ignore[attr-defined]
            _accept(block, recognition, reading, line, how.width if cut else 0)
            if block.table.num_rows:
                numbers = pa.array((block.lines + line).astype(np.int32))
                yield from block.table.append_column("line", numbers).combine_chunks().to_batches()
            line += block.physical


def split_of(recognition: Recognition, first: bytes) -> Split:
    """How the file's lines split: as its header does, but for an empty last cell that only one of them shows."""
    layout = recognition.layout
    assert layout is not None
    width = len(recognition.header)
    cells = _cells(first.split(b"\n", 1)[0], recognition)
    ended = not recognition.header[-1]
    if len(cells) == (width - 1 if ended else width + 1) and (ended or not cells[-1]):
        width = len(cells)
    kept = {place: column for place, column in recognition.kept().items() if place < width}
    return Split(
        recognition.delimiter,
        recognition.quote,
        width,
        kept,
        (0, layout.section) if layout.section else None,
        Composer(recognition) if recognition.also or recognition.joined is not None else None,
        layout.known_sections,
        # Excel leaves out the last empty cells of a line; the cells that matter must all be there.
        max((place + 1 for place, column in kept.items() if column.required), default=0) if layout.spreadsheet else 0,
    )


# ------------------------------------------------------------------------------------------------------------ reading


def _blocks(recognition: Recognition, keeper: Keeper, tell: Callable[[int], None]) -> Iterator[tuple[bytes, bool]]:
    """First the header line, then blocks of whole lines, with whether each is the last."""
    longest = recognition.source.limits.ligne_mo
    with recognition.source.open() as stream:
        chunks = _chunks(stream, keeper, tell)
        rest = next(chunks, b"").removeprefix(BOM)
        end = recognition.data_start(rest)
        yield rest[:end], False
        rest = rest[end:]
        for chunk in chunks:
            cut = chunk.rfind(b"\n") + 1
            if not cut and len(rest) > longest * MEGA:
                found = f"une ligne dépasse {longest} Mo : fichier endommagé, ou fins de ligne perdues"
                todo = "Exportez-le de nouveau."
                raise UnreadableInputError(beyond(recognition.source.name, found, f"{longest} Mo", "ligne_mo", todo))
            if cut:
                yield b"".join((rest, memoryview(chunk)[:cut])), False
                rest = chunk[cut:]
            else:
                rest += chunk
    if rest:
        yield rest, True


def _chunks(stream: IO[bytes], keeper: Keeper, tell: Callable[[int], None]) -> Iterator[bytes]:
    """The file's bytes, kept as they are; handed over as lines ended by a line feed, UTF-16 in UTF-8."""
    chunk = stream.read(BLOCK)
    read = line_reader(chunk)
    while chunk:
        keeper.take(chunk)
        tell(len(chunk))
        following = stream.read(BLOCK)
        yield read(chunk, not following) if read else chunk
        chunk = following


def _chain(first: tuple[bytes, bool], others: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    if first[0]:
        yield first
    yield from others


def _cells(line: bytes, recognition: Recognition) -> list[str]:
    text = line.rstrip(b"\r").decode("utf-8", "replace")
    if recognition.quote and recognition.quote in text:
        return next(csv.reader([text], delimiter=recognition.delimiter), [])
    return text.split(recognition.delimiter)


def _accept(block: Block, recognition: Recognition, reading: Reading, line: int, cut: int) -> None:
    """Count a block, or refuse the file for what is wrong in it. `cut` is the width when the last line has no end."""
    name = recognition.source.name
    if block.flaw and block.encoding != "mixed":
        raise UnreadableInputError(
            f"{name}, ligne {line + block.lines[0]} : octet nul (contenu binaire). Le fichier est endommagé ; "
            "exportez-le de nouveau."
        )
    seen = {reading.encoding, block.encoding} - {""}
    if "mixed" in seen or ("utf-8" in seen and seen & _SINGLE_BYTE):
        where = line + (block.lines[0] if block.encoding == "mixed" else 0)
        raise UnreadableInputError(
            f"{name}, vers la ligne {where} : une partie du fichier est en UTF-8 et une autre non. Deux fichiers ont "
            "sans doute été mis bout à bout, ou le fichier est endommagé. Exportez-le de nouveau en UTF-8."
        )
    reading.encoding = "cp1252" if "cp1252" in seen else next(iter(seen), "")
    if cut and any(reject.line == block.physical - 1 for reject in block.rejects):
        raise UnreadableInputError(
            f"{name}, ligne {line + block.physical - 1} : le fichier est tronqué, sa dernière ligne est incomplète "
            f"({cut} cellules attendues). Téléchargez-le ou exportez-le de nouveau."
        )
    reading.add(
        block.physical - block.blank - block.continued - block.aside,
        [Reject(reject.line + line, reject.reason, reject.raw) for reject in block.rejects],
        block.blank,
    )
    reading.losses.add(block.losses, line)
    reading.damaged += block.damaged
    reading.aside += block.aside
    reading.completed += block.completed
    reading.check(recognition)
