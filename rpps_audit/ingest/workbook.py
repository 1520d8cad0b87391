"""Excel workbooks: reading a sheet as text, and writing the template to fill."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import fastexcel
import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.ingest.layouts import Layout
from rpps_audit.ingest.sources import Source

_LARGEST = 2 << 30
# What the zip reader and the workbook reader raise on damaged bytes (RuntimeError: encrypted).
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    fastexcel.FastExcelError,
    pl.exceptions.PolarsError,
    ValueError,
    EOFError,
    RuntimeError,
)


def headers(source: Source) -> Iterator[tuple[str, list[str]]]:
    """(sheet, cells of its first row) for each sheet of a workbook."""
    book = _book(source)
    for name in book.sheet_names:
        row = _sheet(book, name, source, rows=1)
        yield name, [cell or "" for cell in (row.row(0) if row.height else ())]


def read_sheet(source: Source, sheet: str) -> pl.DataFrame:
    """Every row of a sheet below the first, all columns as text, in the order of the sheet."""
    return _sheet(_book(source), sheet, source)[1:]


def write_template(path: Path, layout: Layout) -> None:
    """An empty file of this layout, for Excel: `.xlsx` (with a sheet of explanations) or `.csv`.

    Raises UsageError for another extension or when the folder cannot be written to.
    """
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx}
    if path.suffix.lower() not in writers:
        raise UsageError(f"{path} : le modèle s'écrit en .csv ou en .xlsx.")
    try:
        writers[path.suffix.lower()](path, layout)
    except (OSError, xlsxwriter.exceptions.XlsxWriterException) as error:
        raise UsageError(f"{path} : écriture impossible. Vérifiez le dossier et ses droits.") from error


def _book(source: Source) -> fastexcel.ExcelReader:
    try:
        with source.open() as stream:
            content = stream.read()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST:
                raise UnreadableInputError(f"{source.name} : classeur trop grand. Enregistrez-le en CSV.")
            if archive.testzip() is not None:
                raise _damaged(source)
        return fastexcel.read_excel(content)
    except _DAMAGE as error:
        raise _damaged(source) from error


def _sheet(book: fastexcel.ExcelReader, name: str, source: Source, rows: int | None = None) -> pl.DataFrame:
    try:
        sheet = book.load_sheet(name, header_row=None, n_rows=rows, dtypes="string", skip_whitespace_tail_rows=True)
        frame = sheet.to_polars()
    except _DAMAGE as error:
        raise _damaged(source) from error
    return frame.with_columns(pl.all().str.replace(r" 00:00:00$", ""))


def _damaged(source: Source) -> UnreadableInputError:
    return UnreadableInputError(
        f"{source.name} : classeur Excel endommagé ou protégé. Ouvrez-le dans Excel, enregistrez-le de nouveau, "
        "ou exportez-le en CSV UTF-8."
    )


def _write_csv(path: Path, layout: Layout) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=layout.delimiter, quoting=csv.QUOTE_ALL)
        writer.writerow(column.header for column in layout.columns)


def _write_xlsx(path: Path, layout: Layout) -> None:
    with xlsxwriter.Workbook(path) as book:
        title = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        text = book.add_format({"num_format": "@"})  # keeps leading zeros and dates as typed
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("Suivi")
        sheet.set_column(0, len(layout.columns) - 1, 18, text)
        sheet.write_row(0, 0, [column.header for column in layout.columns], title)
        sheet.freeze_panes(1, 2)
        help_sheet = book.add_worksheet("Explications")
        help_sheet.set_column(0, 0, 36, wrapped)
        help_sheet.set_column(1, 1, 14, wrapped)
        help_sheet.set_column(2, 2, 80, wrapped)
        help_sheet.write_row(0, 0, ["Colonne", "Indispensable", "Ce qu'il faut y mettre"], title)
        for row, column in enumerate(layout.columns, start=1):
            note = column.note or ("JJ/MM/AAAA." if column.type == "date" else "")
            help_sheet.write_row(row, 0, [column.header, "oui" if column.required else "non", note])
