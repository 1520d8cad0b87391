"""Lines put right before they are split into cells: other sections set aside, cells that Excel leaves out put back."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Lines = npt.NDArray[np.int64]


def without_sections(text: bytes, index: Lines, sections: Sequence[str], delimiter: str) -> tuple[bytes, Lines]:
    """The lines whose first cell names none of `sections`, and their numbers out of `index`."""
    starts = tuple(f"{section}{delimiter}".encode() for section in sections)
    if not any(start in text for start in starts):
        return text, index
    lines = text.splitlines(keepends=True)
    kept = np.array([not line.startswith(starts) for line in lines], bool)
    return b"".join(line for line, keep in zip(lines, kept, strict=True) if keep), index[kept]


def completed(text: bytes, short: dict[int, int], delimiter: str) -> bytes:
    """The same text with that many empty cells more at the end of some lines: {line from 0: cells}."""
    lines = text.split(b"\n")
    for row, lacking in short.items():
        line = lines[row]
        end = b"\r" if line.endswith(b"\r") else b""
        lines[row] = line.removesuffix(b"\r") + delimiter.encode() * lacking + end
    return b"\n".join(lines)


def cells_lacking(reason: str, shortest: int) -> int:
    """How many empty cells a line lacks at its end, 0 when it is no such line: it must reach every needed column."""
    found = re.match(r"(\d+) cellules au lieu de (\d+)", reason)
    return int(found[2]) - int(found[1]) if found and 0 < shortest <= int(found[1]) < int(found[2]) else 0
