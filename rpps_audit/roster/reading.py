"""The first rows of an HR file of any shape: its sheet, its header row, its cells as text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.sources import Source

SAMPLE = 500
_HEAD = 2 << 20
# What a workbook begins with, of any age; a page saved as .xls too.
_BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"<")
_DELIMITERS = (";", ",", "\t", "|")
_TITLES = 30  # a header is looked for in so many rows
_NOT_A_HEADING = re.compile(r"^[\d\s./:,+-]+$")


@dataclass(frozen=True)
class Table:
    """The headings, and up to SAMPLE rows below them, one text column « 0 », « 1 », ... for each heading."""

    name: str
    header: tuple[str, ...]
    rows: pl.DataFrame

    def column(self, heading: str) -> pl.Series:
        """The cells under a heading, trimmed; empty ones are null."""
        cells = self.rows[str(self.header.index(heading))].str.strip_chars(" \u00a0\u202f")
        return cells.replace("", None).alias(heading)


def read_table(path: Path) -> Table:
    """Read the beginning of a CSV or a workbook. Raises UnreadableInputError when no row looks like headings."""
    source = Source(path)
    if not path.exists():
        raise UnreadableInputError(f"{path} : fichier introuvable.")
    head = source.head(_HEAD)
    grids = _sheets(source) if head.startswith(_BOOKS) else [_lines(head)]
    best = max((_table(path.name, grid) for grid in grids), key=lambda one: (len(one.header), one.rows.height))
    if not best.header:
        raise UnreadableInputError(
            f"{path.name} : aucune ligne d'intitulés dans les {_TITLES} premières. Donnez un CSV ou un classeur Excel "
            "dont une ligne nomme les colonnes."
        )
    return best


def _table(name: str, grid: list[list[str]]) -> Table:
    widest = max((sum(bool(cell.strip()) for cell in row) for row in grid), default=0)
    at = next((n for n, row in enumerate(grid[:_TITLES]) if _is_header(row, widest)), None)
    if at is None:
        return Table(name, (), pl.DataFrame())
    places = [n for n, cell in enumerate(grid[at]) if cell.strip()]
    header = tuple(" ".join(grid[at][n].split()) for n in places)
    body = [[row[n] if n < len(row) else "" for n in places] for row in grid[at + 1 : at + 1 + SAMPLE] if any(row)]
    schema = dict.fromkeys(map(str, range(len(header))), pl.String)
    return Table(name, header, pl.DataFrame(body, schema=schema, orient="row"))


def _is_header(row: list[str], widest: int) -> bool:
    """Nearly as wide as the widest row, all different, no number nor date among them."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return (
        len(cells) >= 2
        and len(cells) >= 0.7 * widest
        and len(set(cells)) == len(cells)
        and not any(_NOT_A_HEADING.match(cell) for cell in cells)
    )


def _lines(head: bytes) -> list[list[str]]:
    text = _text(head)
    sample = text.splitlines()[: _TITLES + SAMPLE]
    counts = {mark: sum(line.count(mark) for line in sample) for mark in _DELIMITERS}
    mark = max(counts, key=lambda one: counts[one])
    rows = csv.reader(io.StringIO("\n".join(sample)), delimiter=mark)
    return [list(row) for row in rows]


def _text(head: bytes) -> str:
    whole = head[: head.rfind(b"\n") + 1] or head
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        return whole.decode("cp1252", "replace")


def _sheets(source: Source) -> list[list[list[str]]]:
    from rpps_audit.ingest.workbook import sheets

    first = [frame.head(_TITLES + SAMPLE) for frame in sheets(source).values()]
    return [[[cell or "" for cell in row] for row in frame.rows()] for frame in first]
