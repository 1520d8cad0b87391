"""The report as a workbook: one sheet per table, headings kept in sight, text that is never taken for a formula."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rpps_audit.outputs import WORKBOOK_OPTIONS, write_private
from rpps_audit.reports.french import day, typeset
from rpps_audit.reports.model import Cell, Column, Report, Table

_FORMATS = {
    "count": "# ##0",
    "days": "# ##0",
    "share": "0.0%",
    "day": "dd/mm/yyyy",
    "text": "@",
    "name": "@",
    "key": "@",
}
_WIDTHS = {"count": 13, "days": 13, "share": 13, "day": 13}
_WIDEST = 60


def write_xlsx(report: Report, path: Path) -> None:
    """Write the tables whole or not at all, mode 0600: a summary, then one sheet per table in the order of the page.

    Numbers and dates are numbers and dates; durations are in days. Raises UsageError when the place cannot be written.
    """
    write_private(path, render_xlsx(report))


def render_xlsx(report: Report) -> bytes:
    """The workbook; the same report gives the same bytes."""
    import xlsxwriter  # type: ignore[import-untyped]

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, WORKBOOK_OPTIONS) as book:
        book.set_properties(
            {
                "title": report.title,
                "subject": f"Enregistrements jugés au {day(report.as_of)}",
                "created": datetime.combine(report.made_on, datetime.min.time()),
            }
        )
        formats = {kind: book.add_format({"num_format": form, "valign": "top"}) for kind, form in _FORMATS.items()}
        formats |= {"wrap": book.add_format({"text_wrap": True, "valign": "top"})}
        formats |= {"title": book.add_format({"bold": True, "font_size": 14})}
        sheets = [(table, f"{place} {table.name}"[:31]) for place, table in enumerate(report.tables(), start=1)]
        _write_summary(book, report, sheets, formats)
        for table, name in sheets:
            _write_table(book.add_worksheet(name), table, formats)
    return made.getvalue()


def _write_summary(book: Any, report: Report, sheets: list[tuple[Table, str]], formats: dict[str, Any]) -> None:
    sheet = book.add_worksheet("Sommaire")
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 90)
    lines: list[tuple[str, str]] = [
        ("Jugé au", day(report.as_of)),
        ("Rapport fait le", day(report.made_on)),
        *(("L'essentiel" if place == 0 else "", text) for place, text in enumerate(report.verdict)),
        *((f"{item.value} {item.label}", item.context) for item in report.numbers),
        *(("À savoir", text) for text in (*report.reading, report.caveat)),
    ]
    sheet.write_string(0, 0, typeset(report.title), formats["title"])
    for row, (label, text) in enumerate(lines, start=1):
        sheet.write_string(row, 0, typeset(label), formats["wrap"])
        sheet.write_string(row, 1, typeset(text), formats["wrap"])
    for row, (table, name) in enumerate(sheets, start=len(lines) + 2):
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        sheet.write_string(
            row, 1, typeset(" ".join(filter(None, [table.caption, table.left_out, table.note]))), formats["wrap"]
        )


def _write_table(sheet: Any, table: Table, formats: dict[str, Any]) -> None:
    rows = table.rows or ((typeset(table.empty), *[None] * (len(table.columns) - 1)),)
    sheet.add_table(
        0,
        0,
        len(rows),
        len(table.columns) - 1,
        {
            "style": "Table Style Light 1",
            "columns": [{"header": typeset(column.label).replace("\u00ad", "")} for column in table.columns],
            "description": typeset(table.caption),
        },
    )
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, _width(column, [row[place] for row in rows]))
        for line, row in enumerate(rows, start=1):
            _write_cell(sheet, line, place, row[place], formats[column.kind])


def _write_cell(sheet: Any, row: int, column: int, cell: Cell, form: Any) -> None:
    if cell is None:
        sheet.write_blank(row, column, None, form)
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, form)
    elif isinstance(cell, str):
        sheet.write_string(row, column, typeset(cell), form)
    else:
        sheet.write_number(row, column, cell, form)


def _width(column: Column, cells: list[Cell]) -> int:
    longest = max([len(column.label) + 3, *(len(cell) for cell in cells if isinstance(cell, str))])
    return min(_WIDEST, max(longest, _WIDTHS.get(column.kind, 12)))
