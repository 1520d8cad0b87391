"""Tables handed over: one workbook, French CSV files, a manifest of what was written. Private, whole or not at all."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from rpps_audit.outputs import WORKBOOK_OPTIONS, csv_bytes, write_private
from rpps_audit.workbench.frames import heading_of, shown_choices

MANIFEST = "MANIFESTE.txt"


def export(folder: Path, name: str, tables: Mapping[str, pl.DataFrame], notes: list[str]) -> list[Path]:
    """Write `name`.xlsx (a sheet per table), one CSV per table (semicolons, UTF-8 with its mark, French headings and
    dates) and MANIFESTE.txt with the SHA-256 of each, mode 0600; answers what was written, the manifest last.

    `notes` go into the manifest: the day of the state, the version of the grants. Raises UsageError when the folder
    cannot be written to.
    """
    french = {table: _french(frame) for table, frame in tables.items()}
    written = {f"{name}.xlsx": _workbook(french)}
    written |= {f"{table}.csv": csv_bytes(frame, french=True) for table, frame in french.items()}
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


def _workbook(tables: Mapping[str, pl.DataFrame]) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, WORKBOOK_OPTIONS) as book:
        for table, frame in tables.items():
            frame.write_excel(
                book,
                worksheet=table[:31],
                dtype_formats={pl.Date: "dd/mm/yyyy"},
                autofit=True,
                table_style="Table Style Light 1",
            )
    return made.getvalue()
