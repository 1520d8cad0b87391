"""Tables handed over: one workbook, French CSV files, a manifest of what was written. Private, whole or not at all."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from rpps_audit.reports.atomic import write_private
from rpps_audit.workbench.frames import heading_of, shown_choices
from rpps_audit.workbench.table import french_text

MANIFEST = "MANIFESTE.txt"
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
_BEGINS_A_FORMULA = r"^[=+\-@\t\r]"


def export(folder: Path, name: str, tables: Mapping[str, pl.DataFrame], notes: list[str]) -> list[Path]:
    """Write `name`.xlsx (a sheet per table), one CSV per table (semicolons, UTF-8 with its mark, French headings and
    dates) and MANIFESTE.txt with the SHA-256 of each, mode 0600; answers what was written, the manifest last.

    `notes` go into the manifest: the day of the state, the version of the grants. Raises UsageError when the folder
    cannot be written to.
    """
    french = {table: _french(frame) for table, frame in tables.items()}
    written = {f"{name}.xlsx": _workbook(french)}
    for table, frame in french.items():
        texts = frame.select(_safe(french_text(frame, column)).alias(column) for column in frame.columns)
        written[f"{table}.csv"] = ("\ufeff" + texts.write_csv(separator=";")).encode()
    lines = [f"{hashlib.sha256(content).hexdigest()}  {file}" for file, content in written.items()]
    head = [*notes, f"Écrit le {datetime.now():%d/%m/%Y à %H:%M}.", "SHA-256 de chaque fichier :"]
    written[MANIFEST] = ("\n".join([*head, *lines]) + "\n").encode()
    for file, content in written.items():
        write_private(folder / file, content)
    return [folder / file for file in written]


def _french(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes with their labels, headings in words; two headings that are the same are told apart by their place."""
    shown, used = [], set[str]()
    for column in frame.columns:
        heading = heading_of(column)
        heading = heading if heading not in used else f"{heading} ({len(used) + 1})"
        used.add(heading)
        choices = shown_choices(column, frame)
        text = pl.col(column) if choices is None else pl.col(column).cast(pl.String).replace(dict(choices))
        shown.append(text.alias(heading))
    return frame.select(shown)


def _safe(text: pl.Expr) -> pl.Expr:
    """Text that a spreadsheet would compute is shown with an apostrophe before it."""
    return pl.when(text.str.contains(_BEGINS_A_FORMULA)).then(pl.concat_str(pl.lit("'"), text)).otherwise(text)


def _workbook(tables: Mapping[str, pl.DataFrame]) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, _OPTIONS) as book:
        for table, frame in tables.items():
            frame.write_excel(
                book,
                worksheet=table[:31],
                dtype_formats={pl.Date: "dd/mm/yyyy"},
                autofit=True,
                table_style="Table Style Light 1",
            )
    return made.getvalue()
