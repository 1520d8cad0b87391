"""The child: a workbook on its standard input, its sheets as text on its standard output.

Everything here works on untrusted bytes, under the memory limit set first of all.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import fastexcel
import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.spreadsheets.markup import html_sheets, is_html, is_xml, xml_sheets
from rpps_audit.spreadsheets.shown import Marks, TooWideError, marks_of

_ZIP, _BOM = b"PK\x03\x04", b"\xef\xbb\xbf"
Rows = list[list[str | None]]


def main() -> None:
    """Answer with one line of JSON, then the sheets as Arrow streams."""
    _limit(int(sys.argv[1]))
    cells = int(sys.argv[2])
    # What the libraries say of odd content is not for the user.
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    warnings.simplefilter("ignore")
    try:
        sheets, mended = _read(sys.stdin.buffer.read(), cells)
    except TooWideError as error:
        _answer({"refused": "cells", "detail": str(error)})
    except MemoryError:
        _answer({"refused": "memory"})
    except Exception:
        _answer({"refused": "damaged"})
    else:
        streams = [(name, _stream(table)) for name, table in sheets.items()]
        _answer({"sheets": [(name, len(stream)) for name, stream in streams], "mended": mended})
        for _, stream in streams:
            sys.stdout.buffer.write(stream)


def _limit(megabytes: int) -> None:
    """The limit counts from what Python and its libraries already map."""
    if sys.platform == "win32":
        return
    import resource

    mapped = 0
    if (state := Path("/proc/self/statm")).exists():
        mapped = int(state.read_text().split()[0]) * resource.getpagesize()
    wanted = mapped + megabytes * 1_000_000
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _read(content: bytes, cells: int) -> tuple[dict[str, pa.Table], dict[str, int]]:
    text = content.removeprefix(_BOM).lstrip()
    if is_xml(text):
        return {name: _table(rows) for name, rows in xml_sheets(content, cells).items()}, {}
    if is_html(text):
        return {name: _table(rows) for name, rows in html_sheets(content, cells).items()}, {}
    marks: dict[str, Marks] = {}
    if content.startswith(_ZIP):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
            marks = marks_of(archive, cells)
    book = fastexcel.read_excel(content)
    sheets: dict[str, pa.Table] = {}
    mended: Counter[str] = Counter()
    for name in book.sheet_names:
        # From the first row of the sheet, so that row numbers are those that are seen on the screen.
        table = book.load_sheet(
            name, header_row=None, skip_rows=0, dtypes="string", skip_whitespace_tail_rows=True
        ).to_arrow()
        sheets[name] = _mended(pa.Table.from_batches([table]), marks.get(name), mended)
    return sheets, dict(mended)


def _mended(table: pa.Table, marks: Marks | None, mended: Counter[str]) -> pa.Table:
    if marks is None or not marks.cells:
        return table
    columns = [column.to_pylist() for column in table.columns]
    for (row, place), (kind, text) in marks.cells.items():
        at = place - marks.first_column
        if at < len(columns) and row < table.num_rows:
            source = columns[at][marks.merged_from[row, place]] if kind == "merged" else text
            if source not in (None, columns[at][row]):
                columns[at][row] = source
                mended[kind] += 1
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(table.column_names, columns, strict=True)}
    )


def _table(rows: Rows) -> pa.Table:
    width = max((len(row) for row in rows), default=0)
    return pa.table(
        {f"c{k}": pa.array([row[k] if k < len(row) else None for row in rows], pa.string()) for k in range(width)}
    )


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _answer(told: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    main()
