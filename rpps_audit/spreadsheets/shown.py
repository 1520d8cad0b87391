"""What calamine does not say of an xlsx or ods sheet: its extent, numbers as their format shows them, merged cells.

A code typed as a number keeps its zeros only in its format (`00000`): 1053 is 01053 for whoever looks at the sheet.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_OFFICE, _TABLE, _TEXT = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("office", "table", "text")
)
_REFERENCE = re.compile(r"([A-Z]+)(\d+)")
_PREFIX = re.compile(r"\[\$[^\]]*\]")
# A placeholder, a quoted or escaped literal, or a plain separator; anything else is no code's format.
_TOKEN = re.compile(r'[0#]|"([^"]*)"|\\(.)|([ \-./])')


class TooWideError(Exception):
    """A cell stands so far that the sheet would not fit in memory: the sheet and the cell."""


class Mark(NamedTuple):
    """What a cell really shows. `kind`: shown, errors or merged."""

    kind: str
    text: str


@dataclass
class Marks:
    """The marks of a sheet by (row, column), from 0; `first_column` is the leftmost filled one."""

    cells: dict[tuple[int, int], Mark] = field(default_factory=dict)
    merged_from: dict[tuple[int, int], int] = field(default_factory=dict)
    first_column: int = 0


def marks_of(archive: zipfile.ZipFile, cells: int) -> dict[str, Marks]:
    """By sheet name. Raises TooWideError when a sheet spans more than `cells` cells."""
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        formats = _formats(archive) if "xl/styles.xml" in names else []
        return {
            name: _sheet(archive, member, formats, name, cells)
            for name, member in _sheet_members(archive)
            if member in names
        }
    return _ods(archive) if "content.xml" in names else {}


def shown(number: str, form: str) -> str | None:
    """A whole number as a format of zeros shows it, None when the format adds nothing or is of another sort.

    >>> shown("1053", "00000"), shown("612345678", '0#" "##" "##" "##" "##')
    ('01053', '06 12 34 56 78')
    """
    plain = _PREFIX.sub("", form.split(";", maxsplit=1)[0])
    tokens = list(_TOKEN.finditer(plain))
    if "".join(token[0] for token in tokens) != plain or plain.count("0") + plain.count("#") < 2 or "0" not in plain:
        return None
    if not re.fullmatch(r"\d+(\.0+)?", number) or re.search(r"0\.0", plain):
        return None
    places = [token[0] for token in tokens if token[0] in "0#"]
    digits = number.split(".", maxsplit=1)[0].zfill(len(places) - places.index("0"))
    skipped = max(0, len(places) - len(digits))
    over, digits = digits[: max(0, len(digits) - len(places))], digits[max(0, len(digits) - len(places)) :]
    pieces, rank, used = [over], 0, iter(digits)
    for token in tokens:
        if token[0] in "0#":
            pieces.append(next(used) if rank >= skipped else "")
            rank += 1
        elif rank >= skipped:
            pieces.append(token[1] or token[2] or token[3] or "")
    text = "".join(pieces).strip()
    return text if text != number else None


# ----------------------------------------------------------------------------------------------------------------- xlsx


def _formats(archive: zipfile.ZipFile) -> list[str]:
    """The number format of each style, "" for the built-in ones."""
    custom: dict[str, str] = {}
    styles: list[str] = []
    with archive.open("xl/styles.xml") as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag == f"{_MAIN}numFmt":
                custom[element.get("numFmtId", "")] = element.get("formatCode", "")
            elif element.tag == f"{_MAIN}cellXfs":
                styles = [custom.get(one.get("numFmtId", ""), "") for one in element]
    return styles


def _sheet_members(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    links = {
        one.get("Id"): one.get("Target", "")
        for one in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter(f"{_MAIN}sheet"):
        target = links.get(sheet.get(_LINK), "")
        yield sheet.get("name", ""), target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _sheet(archive: zipfile.ZipFile, member: str, formats: list[str], name: str, cells: int) -> Marks:
    marks = Marks(first_column=1 << 14)
    last_row = last_column = 0
    row, column = -1, -1
    with archive.open(member) as stream:
        for event, element in ElementTree.iterparse(stream, ("start", "end")):
            if event == "start":
                if element.tag == f"{_MAIN}row":
                    row, column = int(element.get("r") or row + 2) - 1, -1
                continue
            if element.tag == f"{_MAIN}c":
                row, column = _place(element.get("r")) or (row, column + 1)
                value = element.findtext(f"{_MAIN}v")
                if value is not None or element.find(f"{_MAIN}is") is not None:
                    marks.first_column = min(marks.first_column, column)
                    last_row, last_column = max(last_row, row), max(last_column, column)
                    if (last_row + 1) * (last_column + 1) > cells:
                        raise TooWideError(f"{name} ({_label(last_row, last_column)})")
                    _mark(marks, (row, column), element, value, formats)
            elif element.tag == f"{_MAIN}row":
                element.clear()
            elif element.tag == f"{_MAIN}mergeCell":
                _merge(marks, element.get("ref", ""), last_row)
    return marks


def _mark(
    marks: Marks, place: tuple[int, int], element: ElementTree.Element, value: str | None, formats: list[str]
) -> None:
    kind, style = element.get("t", "n"), int(element.get("s") or 0)
    if kind == "e":
        marks.cells[place] = Mark("errors", value or "#N/A")
    elif kind == "n" and value and style < len(formats) and formats[style] and (text := shown(value, formats[style])):
        marks.cells[place] = Mark("shown", text)


def _merge(marks: Marks, reference: str, last_row: int) -> None:
    """A value merged over rows stands on each of them; over columns it is a title, left where it is."""
    start, _, end = reference.partition(":")
    first, last = _place(start), _place(end)
    if first is None or last is None:
        return
    for row in range(first[0] + 1, min(last[0], last_row) + 1):
        marks.cells[row, first[1]] = Mark("merged", "")
        marks.merged_from[row, first[1]] = first[0]


def _place(reference: str | None) -> tuple[int, int] | None:
    found = _REFERENCE.fullmatch(reference or "")
    if not found:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def _label(row: int, column: int) -> str:
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


# ------------------------------------------------------------------------------------------------------------------ ods


def _ods(archive: zipfile.ZipFile) -> dict[str, Marks]:
    """In ods the shown text stands beside the value: kept where it is the number with zeros or blanks added."""
    found: dict[str, Marks] = {}
    marks, name, row, column, high = Marks(), "", 0, 0, 1
    with archive.open("content.xml") as stream:
        for event, element in ElementTree.iterparse(stream, ("start", "end")):
            if event == "start":
                if element.tag == f"{_TABLE}table":
                    marks, name, row = Marks(first_column=1 << 14), element.get(f"{_TABLE}name", ""), 0
                elif element.tag == f"{_TABLE}table-row":
                    column, high = 0, int(element.get(f"{_TABLE}number-rows-repeated") or 1)
            elif element.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
                wide = int(element.get(f"{_TABLE}number-columns-repeated") or 1)
                text = "".join(element.itertext()).strip()
                if text:
                    marks.first_column = min(marks.first_column, column)
                value = element.get(f"{_OFFICE}value")
                digits = re.sub(r"\D", "", text)
                if value and digits != value and digits.lstrip("0") == value and high == 1 and wide < 64:
                    marks.cells |= {(row, column + k): Mark("shown", text) for k in range(wide)}
                down = int(element.get(f"{_TABLE}number-rows-spanned") or 1)
                for below in range(row + 1, min(row + down, row + 65_536)):
                    marks.cells[below, column] = Mark("merged", "")
                    marks.merged_from[below, column] = row
                column += wide
                element.clear()
            elif element.tag == f"{_TABLE}table-row":
                row += high
                element.clear()
            elif element.tag == f"{_TABLE}table":
                found[name] = marks
    return found
