"""Spreadsheets as people keep them: titles, several sheets, formats, merged cells; xlsx, ods and xls."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest import load, recognise
from rpps_audit.ingest.layouts import layouts
from rpps_audit.ingest.limits import default_limits
from rpps_audit.ingest.recognise import recognise_all
from rpps_audit.ingest.sources import expand
from rpps_audit.spreadsheets.shown import shown
from rpps_audit.store import Store, memory_store
from tests.ingest.files import write

HEADINGS = ["Nom", "Prénom", "FINESS", "Date d'entrée", "Date de sortie"]
ROW = ["DURAND", "Zoé", "690000013", "15/01/2024", "31/08/2026"]


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as opened:
        yield opened


def employments(store: Store, columns: str = "line, birth_name, first_name, finess, start_date, end_date") -> list[Any]:
    return store.sql(f"SELECT {columns} FROM employments ORDER BY line").fetchall()


def xlsx(path: Path, fill: Callable[[Any], None]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        fill(book)
    return path


def test_title_and_blank_rows_above_the_headings_and_true_row_numbers(store: Store, tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Effectifs")
        sheet.write(1, 1, "Personnel au 1er novembre")
        sheet.write_row(4, 1, HEADINGS)
        sheet.write_row(5, 1, ROW)
        sheet.write_row(8, 1, ["LEROY", *ROW[1:]])

    (loaded,) = load(store, [xlsx(tmp_path / "rh.xlsx", fill)])
    assert [row[:2] for row in employments(store)] == [(6, "DURAND"), (9, "LEROY")]
    assert any("ligne 5" in note for note in loaded.notes)
    assert any("2 lignes vides" in note for note in loaded.notes)


def test_dates_typed_or_not_formulas_and_codes_as_their_format_shows_them(store: Store, tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        code = book.add_format({"num_format": "000000000"})
        sheet.write_row(0, 0, ["Nom", "Prénom", "FINESS", "Date\nentrée", "Date sortie"])
        sheet.write_row(1, 0, ["DURAND", "Zoé"])
        sheet.write_number(1, 2, 10780195, code)
        sheet.write_datetime(1, 3, date(2024, 1, 15), day)
        sheet.write_formula(1, 4, "=D2+1", day, 46265)

    (loaded,) = load(store, [xlsx(tmp_path / "rh.xlsx", fill)])
    assert employments(store) == [(2, "DURAND", "Zoé", "010780195", date(2024, 1, 15), date(2026, 8, 31))]
    assert any("zéros de tête" in note for note in loaded.notes)


def test_a_cell_merged_over_rows_holds_for_each(store: Store, tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADINGS)
        for row, name in enumerate(["DURAND", "LEROY", "PETIT"], 1):
            sheet.write_row(row, 0, [name, *ROW[1:]])
        sheet.merge_range(1, 2, 2, 2, "690000039")

    (loaded,) = load(store, [xlsx(tmp_path / "rh.xlsx", fill)])
    assert [row[3] for row in employments(store)] == ["690000039", "690000039", "690000013"]
    assert any("fusionnées" in note for note in loaded.notes)


def test_every_sheet_that_fits_is_read_and_the_others_are_named(store: Store, tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        for name, person in (("Foyer", "DURAND"), ("MAS", "LEROY")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEADINGS if name == "Foyer" else HEADINGS[:4])
            sheet.write_row(1, 0, [person, *ROW[1:]] if name == "Foyer" else [person, *ROW[1:4]])
        book.add_worksheet("Notes").write_row(0, 0, ["à", "voir"])

    (loaded,) = load(store, [xlsx(tmp_path / "rh.xlsx", fill)])
    assert employments(store, "line, birth_name, end_date") == [
        (2, "DURAND", date(2026, 8, 31)),
        (10_002, "LEROY", None),
    ]
    assert any("« Notes »" in note for note in loaded.notes)
    assert any("« MAS »" in note and "10002" in note for note in loaded.notes)


def test_sheets_of_two_kinds_are_two_extracts(store: Store, tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("RH").write_row(0, 0, HEADINGS)
        book.get_worksheet_by_name("RH").write_row(1, 0, ROW)
        sheet = book.add_worksheet("ADELI")
        sheet.write_row(0, 0, ["N° ADELI", "N° RPPS"])
        sheet.write_row(1, 0, ["699000013", "10000000017"])

    path = xlsx(tmp_path / "rh.xlsx", fill)
    assert [one.kind for one in load(store, [path])] == ["rh", "adeli"]
    assert store.sql("SELECT adeli, pp_id FROM adeli_numbers").fetchall() == [("699000013", "10000000017")]


def test_a_cell_in_error_is_not_an_absent_one(store: Store, tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADINGS)
        sheet.write_row(1, 0, ROW[:4])
        sheet.write_formula(1, 4, "=NA()", None, "#N/A")

    (loaded,) = load(store, [xlsx(tmp_path / "rh.xlsx", fill)])
    assert any("en erreur" in note for note in loaded.notes)
    assert next(one for one in loaded.cells if one["column"] == "end_date")["unreadable"] == 1


def test_real_xls(store: Store) -> None:
    (loaded,) = load(store, [Path(__file__).parent / "data" / "personnel.xls"])
    assert employments(store) == [
        (4, "DURAND", "Zoé", "690000013", date(2024, 1, 15), date(2026, 8, 31)),
        (6, "LEROY", "Anne", "690000013", date(2025, 2, 1), None),
    ]
    assert any("« Notes »" in note for note in loaded.notes)


def test_ods(store: Store, tmp_path: Path) -> None:
    (loaded,) = load(
        store, [write(tmp_path, "rh.ods", ods([HEADINGS, [*ROW[:2], ("10780195", "010780195"), *ROW[3:]]]))]
    )
    assert employments(store) == [(2, "DURAND", "Zoé", "010780195", date(2024, 1, 15), date(2026, 8, 31))]
    assert any("zéros de tête" in note for note in loaded.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_html_called_xls(store: Store, tmp_path: Path, encoding: str) -> None:
    cells = "".join(f"<td>{cell}</td>" for cell in ROW)
    heads = "".join(f"<th>{cell}</th>" for cell in HEADINGS)
    rows = f"<tr><td colspan=5>Personnel</td></tr><tr>{heads}</tr><tr>{cells}</tr>"
    page = f"<html><meta charset='{encoding}'><table>{rows}</table>"
    load(store, [write(tmp_path, "rh.xls", page.encode(encoding))])
    assert employments(store) == [(3, "DURAND", "Zoé", "690000013", date(2024, 1, 15), date(2026, 8, 31))]


def test_xml_2003_called_xls(store: Store, tmp_path: Path) -> None:
    def row(cells: list[str]) -> str:
        return "<Row>" + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in cells) + "</Row>"

    typed = row(ROW[:2]).replace(
        "</Row>",
        '<Cell ss:StyleID="c"><Data ss:Type="Number">10780195</Data></Cell>'
        '<Cell><Data ss:Type="DateTime">2024-01-15T00:00:00.000</Data></Cell></Row>',
    )
    book = (
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Styles><Style ss:ID="c">'
        '<NumberFormat ss:Format="000000000"/></Style></Styles><Worksheet ss:Name="RH"><Table>'
        f"{row(HEADINGS)}{typed}</Table></Worksheet></Workbook>"
    )
    load(store, [write(tmp_path, "rh.xls", book)])
    assert employments(store) == [(2, "DURAND", "Zoé", "010780195", date(2024, 1, 15), None)]


def test_a_workbook_in_a_zip_is_read(store: Store, tmp_path: Path) -> None:
    book = xlsx(
        tmp_path / "rh.xlsx",
        lambda book: [s := book.add_worksheet(), s.write_row(0, 0, HEADINGS), s.write_row(1, 0, ROW)],
    )
    with zipfile.ZipFile(tmp_path / "envoi.zip", "w") as archive:
        archive.write(book, "rh.xlsx")
    load(store, [tmp_path / "envoi.zip"])
    assert employments(store, "birth_name") == [("DURAND",)]


def test_a_stray_cell_far_away_is_refused_and_does_not_end_the_program(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("RH")
        sheet.write_row(0, 0, HEADINGS)
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(UnreadableInputError, match="XFD1048576") as caught:
        recognise(xlsx(tmp_path / "rh.xlsx", fill))
    assert "classeur_cellules" in str(caught.value)


def test_a_workbook_beyond_its_memory_is_refused(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("RH")
        sheet.write_row(0, 0, HEADINGS)
        sheet.write(900_000, 40, "x")

    path = xlsx(tmp_path / "rh.xlsx", fill)
    limits = default_limits().changed({"classeur_mo": 300})
    with pytest.raises(UnreadableInputError, match="300 Mo de mémoire"):
        recognise_all(expand([path], limits)[0], layouts())


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        ("1053", "00000", "01053"),
        ("612345678", '0#" "##" "##" "##" "##', "06 12 34 56 78"),
        ("69", "00", None),
        ("12", '[$-40C]"N° "000', "N° 012"),
        ("45000", "dd/mm/yyyy", None),
        ("12", "0.00", None),
        ("12", "# ##0", None),
        ("1.5", "00000", None),
    ],
)
def test_a_number_as_its_format_shows_it(number: str, form: str, text: str | None) -> None:
    assert shown(number, form) == text


def ods(rows: list[list[str | tuple[str, str]]]) -> bytes:
    """A minimal ods: text cells, and (value, shown text) for the numbers; emptiness repeated to the end."""
    lines = []
    for row in rows:
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            if isinstance(cell, str)
            else f'<table:table-cell office:value-type="float" office:value="{cell[0]}">'
            f"<text:p>{cell[1]}</text:p></table:table-cell>"
            for cell in row
        )
        lines.append(
            f'<table:table-row>{cells}<table:table-cell table:number-columns-repeated="16379"/></table:table-row>'
        )
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="RH">{"".join(lines)}<table:table-row table:number-rows-repeated="1048574">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>',
        )
    return buffer.getvalue()
