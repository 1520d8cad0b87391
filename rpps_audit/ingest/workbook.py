"""Workbooks (xlsx, xls, ods): reading a sheet as text, and writing the template to fill."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.ingest.layouts import Layout
from rpps_audit.ingest.limits import MEGA, beyond
from rpps_audit.ingest.sources import Source
from rpps_audit.spreadsheets import RefusedError, read_workbook

_CSV = "Enregistrez la feuille en CSV UTF-8."
_STRAY = (
    "Une cellule isolée, loin des autres, en est souvent la cause : supprimez les lignes et colonnes vides, ou "
    "enregistrez la feuille en CSV UTF-8."
)


def sheets(source: Source) -> dict[str, pl.DataFrame]:
    """Sheet → its rows from the first, all columns as text (empty cells null), in the order of the workbook."""
    return _read(source)[0]


def mended(source: Source) -> dict[str, int]:
    """How many cells were mended in reading, by kind: `merged`, `shown`, `errors`."""
    return _read(source)[1]


def forget() -> None:
    """Let go of the workbook read last: it holds personal data."""
    _read.cache_clear()


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


# Recognising and loading look at the same sheets, one after the other.
@lru_cache(1)
def _read(source: Source) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    limits = source.limits
    with source.open() as stream:
        content = stream.read(limits.classeur_mo * MEGA + 1)
    name = source.name
    if len(content) > limits.classeur_mo * MEGA:
        raise UnreadableInputError(beyond(name, "classeur trop grand", f"{limits.classeur_mo} Mo", "classeur_mo", _CSV))
    try:
        tables, marks = read_workbook(content, memory_mb=limits.classeur_mo, cells=limits.classeur_cellules)
    except RefusedError as error:
        if error.why == "damaged":
            raise _damaged(source) from error
        found, limit, key = (
            (f"feuille trop étendue, {error.detail}", f"{limits.classeur_cellules} cellules", "classeur_cellules")
            if error.why == "cells"
            else ("classeur trop grand pour être lu", f"{limits.classeur_mo} Mo de mémoire", "classeur_mo")
        )
        raise UnreadableInputError(beyond(name, found, limit, key, _STRAY)) from error
    frames = {sheet: _frame(table) for sheet, table in tables.items()}
    return frames, marks


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.DataFrame(table)
    return frame.with_columns(pl.all().str.replace(r" 00:00:00$", "")) if frame.width else frame


def _damaged(source: Source) -> UnreadableInputError:
    return UnreadableInputError(
        f"{source.name} : classeur endommagé, protégé par un mot de passe, ou qui n'en est pas un. Ouvrez-le dans "
        "Excel, enregistrez-le de nouveau en .xlsx, ou exportez-le en CSV UTF-8."
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
