"""The batch as a list to read or sort: CSV and XLSX, without a cell that a spreadsheet would run."""

from __future__ import annotations

import io
from datetime import datetime

import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit.batches.carried import Carried

# What makes a spreadsheet take a cell for a formula.
_FORMULA = r"^[=+\-@\t\r]"
COLUMNS = {
    "professional_id": "Identification nationale",
    "person": "Personne",
    "finess": "FINESS géographique",
    "structure_name": "Établissement",
    "screen": "Écran du portail",
    "label": "Champ",
    "shown_before": "Valeur actuelle",
    "shown_after": "Nouvelle valeur",
    "action": "À faire",
    "reason": "Motif",
    "evidence": "Justificatif",
    "source": "Source",
    "authors": "Auteur",
    "numbers": "Corrections",
}


def as_csv(carried: Carried) -> bytes:
    """CSV with semicolons, UTF-8 with its mark. A cell that would be a formula begins with « ' »."""
    safe = _titled(carried).with_columns(
        pl.when(pl.col(pl.String).str.contains(_FORMULA))
        .then("'" + pl.col(pl.String))
        .otherwise(pl.col(pl.String))
        .name.keep()
    )
    return b"\xef\xbb\xbf" + safe.write_csv(separator=";", quote_style="always", line_terminator="\r\n").encode("utf-8")


def as_xlsx(carried: Carried, made: datetime) -> bytes:
    """A workbook whose cells are all text: nothing in it is a formula, a link or a number."""
    frame, buffer = _titled(carried), io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        # The only date in the file.
        book.set_properties({"title": "Lot de corrections", "created": made})
        sheet = book.add_worksheet("Corrections")
        bold, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        sheet.set_column(0, frame.width - 1, 22, text)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, frame.height, frame.width - 1)
        for place, name in enumerate(frame.columns):
            sheet.write_string(0, place, name, bold)
            for row, value in enumerate(frame[name].to_list(), start=1):
                if value is not None:
                    sheet.write_string(row, place, value, text)
    return buffer.getvalue()


def _titled(carried: Carried) -> pl.DataFrame:
    return carried.worded().select(pl.col(name).cast(pl.String).alias(title) for name, title in COLUMNS.items())
