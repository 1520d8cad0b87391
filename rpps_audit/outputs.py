"""The one way out for tables: CSV and workbooks in which no cell is ever computed, files that only their owner reads.

A spreadsheet takes a cell that begins with = + - @ (or a tab, a carriage return, a line feed) for a formula, which can
send what stands beside it elsewhere. In a CSV such a text is given a « ' » in front; numbers stay numbers. In a
workbook every text is written as text, whatever it begins with.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

from rpps_audit.errors import UsageError, system_said

# The wide forms are folded to the plain ones by some spreadsheets.
FORMULA = r"^\s*[=+\-@\t\r\n＝＋－＠]"
_BOM = b"\xef\xbb\xbf"
# Text is text: nothing in it becomes a formula, a link or a number.
WORKBOOK_OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "in_memory": True,
    "constant_memory": False,
}


def inert(text: pl.Expr) -> pl.Expr:
    """The same text, which no spreadsheet will compute."""
    return pl.when(text.str.contains(FORMULA)).then(pl.concat_str(pl.lit("'"), text)).otherwise(text)


def csv_bytes(frame: pl.DataFrame, *, french: bool = False, titles: Mapping[str, str] | None = None) -> bytes:
    """A CSV: commas and ISO dates for programs; `french`: semicolons, UTF-8 with its mark, JJ/MM/AAAA, decimal commas,
    oui and non, for spreadsheets in French. `titles` renames the columns."""
    titled = frame.rename(lambda name: _inert_title((titles or {}).get(name, name)))
    flat = titled.with_columns(cs.list().cast(pl.List(pl.String)).list.join(" "))
    if french:
        flat = flat.with_columns(
            cs.date().dt.strftime("%d/%m/%Y"),
            cs.datetime().dt.strftime("%d/%m/%Y %H:%M"),
            cs.boolean().replace_strict({True: "oui", False: "non"}, return_dtype=pl.String),
        )
    # Column by column: an expression over several would join them.
    safe = flat.with_columns(inert(pl.col(name)).alias(name) for name in flat.select(cs.string()).columns)
    if not french:
        return safe.write_csv().encode("utf-8")
    text = safe.write_csv(separator=";", quote_style="always", line_terminator="\r\n", decimal_comma=True)
    return _BOM + text.encode("utf-8")


def json_bytes(frame: pl.DataFrame) -> bytes:
    """A list of objects, one a row."""
    return (json.dumps(frame.to_dicts(), ensure_ascii=False, default=str) + "\n").encode("utf-8")


def xlsx_bytes(frame: pl.DataFrame, sheet: str, *, made: datetime, titles: Mapping[str, str] | None = None) -> bytes:
    """A workbook of one sheet, all of it text; `made` is the only date in it: same frame, same bytes."""
    import xlsxwriter  # type: ignore[import-untyped]

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, WORKBOOK_OPTIONS) as book:
        book.set_properties({"title": sheet, "created": made})
        page = book.add_worksheet(sheet[:31])
        bold, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        page.set_column(0, max(frame.width - 1, 0), 22, text)
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, frame.height, max(frame.width - 1, 0))
        for place, name in enumerate(frame.columns):
            page.write_string(0, place, (titles or {}).get(name, name), bold)
            for row, value in enumerate(frame[name].to_list(), start=1):
                if value is not None:
                    page.write_string(row, place, _shown(value), text)
    return buffer.getvalue()


def write_private(path: Path, content: bytes) -> None:
    """Put `content` at `path`, mode 0600, whole or not at all; a pipe or a device is written to as it is.

    Raises UsageError when the place cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                stream.write(content)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{path} ne peut pas être écrit : {system_said(error)}. Vérifiez le chemin, vos droits et la place sur le "
            "disque."
        ) from error


def _inert_title(name: str) -> str:
    return f"'{name}" if name.lstrip()[:1] in tuple("=+-@＝＋－＠") or name[:1] in "\t\r\n" else name


def _shown(value: Any) -> str:
    return value.strftime("%d/%m/%Y") if isinstance(value, date) and not isinstance(value, datetime) else str(value)
