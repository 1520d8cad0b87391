"""What some software calls .xls: a web page with a table, or the XML of Excel 2003."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree

from rpps_audit.spreadsheets.shown import TooWideError, shown

Rows = list[list[str | None]]
_XML = "{urn:schemas-microsoft-com:office:spreadsheet}"
_CHARSET = re.compile(rb"charset=[\"']?([\w-]+)", re.IGNORECASE)


def is_xml(text: bytes) -> bool:
    """Excel 2003's own XML."""
    return (
        text.startswith(b"<?xml")
        and b"urn:schemas-microsoft-com:office:spreadsheet" in text[:4000]
        and (re.search(rb"<(\w+:)?Workbook", text[:4000]) is not None)
    )


def is_html(text: bytes) -> bool:
    """A web page."""
    return text[:1] == b"<"


def xml_sheets(content: bytes, cells: int) -> dict[str, Rows]:
    """Sheet → rows; skipped rows and cells (`ss:Index`) stay empty. Raises TooWideError."""
    sheets: dict[str, Rows] = {}
    styles: dict[str, str] = {}
    rows: Rows = []
    for event, element in ElementTree.iterparse(BytesIO(content), ("start", "end")):
        if event == "start":
            if element.tag == f"{_XML}Worksheet":
                rows = sheets.setdefault(element.get(f"{_XML}Name", ""), [])
        elif element.tag == f"{_XML}Style":
            form = element.find(f"{_XML}NumberFormat")
            styles[element.get(f"{_XML}ID", "")] = form.get(f"{_XML}Format", "") if form is not None else ""
        elif element.tag == f"{_XML}Row":
            at = int(element.get(f"{_XML}Index") or len(rows) + 1)
            _bound(at, 1, cells)
            rows += [[] for _ in range(at - 1 - len(rows))]
            rows.append(_xml_row(element, styles, cells))
            element.clear()
    return sheets


def _xml_row(row: ElementTree.Element, styles: dict[str, str], cells: int) -> list[str | None]:
    found: list[str | None] = []
    for cell in row.iter(f"{_XML}Cell"):
        at = int(cell.get(f"{_XML}Index") or len(found) + 1)
        _bound(1, at, cells)
        found += [None] * (at - 1 - len(found))
        data = cell.find(f"{_XML}Data")
        text = "".join(data.itertext()) if data is not None else None
        if text and data is not None and data.get(f"{_XML}Type") == "DateTime":
            text = re.sub(r"T00:00:00(\.0+)?$", "", text)
        elif text and data is not None and data.get(f"{_XML}Type") == "Number":
            text = shown(text, styles.get(cell.get(f"{_XML}StyleID", ""), "")) or text
        found.append(text)
        found += [None] * int(cell.get(f"{_XML}MergeAcross") or 0)
    return found


def html_sheets(content: bytes, cells: int) -> dict[str, Rows]:
    """Table → rows, named by their order; cells that span several rows or columns are repeated or left empty."""
    told = _CHARSET.search(content[:4000])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode(told[1].decode() if told and b"utf" not in told[1].lower() else "cp1252", "replace")
    parser = _Tables(cells)
    parser.feed(text)
    parser.close()
    return {f"tableau {rank}": rows for rank, rows in enumerate(parser.tables, 1) if rows}


class _Tables(HTMLParser):
    """The cells of every table, in order."""

    def __init__(self, cells: int) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Rows] = []
        self._cells = cells
        self._open: list[Rows] = []
        self._cell: list[str] | None = None
        self._wide = self._down = 1
        self._held: dict[int, tuple[int, str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._open.append([])
            self.tables.append(self._open[-1])
        elif tag == "tr" and self._open:
            self._close_cell()
            self._open[-1].append([])
        elif tag in ("td", "th") and self._open and self._open[-1]:
            self._close_cell()
            given = dict(attrs)
            self._cell, self._wide, self._down = [], _count(given.get("colspan")), _count(given.get("rowspan"))
            _bound(len(self._open[-1]), len(self._open[-1][-1]) + self._wide, self._cells)
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._close_cell()
        if tag == "table" and self._open:
            self._open.pop()
            self._held.clear()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(re.sub(r"[ \t\r\n]+", " ", data))

    def _close_cell(self) -> None:
        if self._cell is None or not self._open or not self._open[-1]:
            return
        row, text = self._open[-1][-1], "".join(self._cell).strip()
        self._fill(row)
        if self._down > 1:
            self._held[len(row)] = (self._down - 1, text)
        row += [text, *([None] * (self._wide - 1))]
        self._fill(row)
        self._cell = None

    def _fill(self, row: list[str | None]) -> None:
        """Places that a cell above still holds."""
        while (held := self._held.get(len(row))) is not None:
            left, text = held
            if left > 1:
                self._held[len(row)] = (left - 1, text)
            else:
                del self._held[len(row)]
            row.append(text)


def _count(value: str | None) -> int:
    return int(value) if value and value.isdigit() and int(value) < 1000 else 1


def _bound(rows: int, columns: int, cells: int) -> None:
    if rows * columns > cells or columns > 1 << 14 or rows > 1 << 20:
        raise TooWideError(f"ligne {rows}, colonne {columns}")
