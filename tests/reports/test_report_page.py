"""The page as browsers, screen readers and printers get it; the workbook as spreadsheets do."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from itertools import pairwise
from pathlib import Path

import fastexcel
import pytest

from rpps_audit.errors import UsageError
from rpps_audit.reports import Report, build_report, render_html, write_html, write_xlsx
from rpps_audit.reports import figures as drawing
from rpps_audit.reports.model import Bars, Column, Grid, Section, Table
from rpps_audit.reports.xlsx import render_xlsx
from rpps_audit.store import memory_store
from tests.reports.report_cases import SECRETS, Page, filled, workspace


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    place = workspace(tmp_path_factory.mktemp("espace"))
    with filled(place) as store:
        return build_report(store, place)


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return render_html(report)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def small(*blocks: Table | Bars | Grid) -> Report:
    section = Section("s", "Titre", "Court", (), blocks)
    return Report("", date(2026, 11, 1), date(2026, 11, 2), True, ("Rien.",), (), (section,), (), "Indicatif.")


# --- structure --------------------------------------------------------------------------------------------------------


def test_every_element_is_closed_in_order(page: Page) -> None:
    assert page.faults == []


def test_the_reader_of_these_tests_sees_bad_nesting() -> None:
    assert Page("<p><b>x</p></b>").faults
    assert Page("<div><p>x</p>").faults


def test_the_language_the_title_and_one_main_heading(page: Page) -> None:
    assert page.all("html") == [{"lang": "fr"}]
    assert len(page.all("title")) == 1 + len(page.all("svg"))
    assert len(page.all("h1")) == len(page.all("main")) == 1


def test_ids_are_unique_and_every_reference_leads_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [str(a["href"])[1:] for _, a in page.elements if str(a.get("href", "")).startswith("#")]
    named = [name for _, a in page.elements for name in (a.get("aria-labelledby") or "").split()]
    clips = re.findall(
        r"url\(#([^)]+)\)", " ".join(str(a.get("clip-path", a.get("style", ""))) for _, a in page.elements)
    )
    assert set(targets + named + clips) <= set(ids)


def test_headings_never_skip_a_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_have_a_caption_and_headers_with_a_scope(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    for name, rows in page.cells.items():
        assert len({len(row) for row in rows}) == 1, name


def test_figures_have_a_role_a_name_and_a_description(page: Page, report: Report) -> None:
    for attributes in page.all("svg"):
        assert attributes["role"] == "img"
        assert len(str(attributes["aria-labelledby"]).split()) == 2
    assert len(page.all("desc")) == len(page.all("svg")) == 4


def test_the_keyboard_reaches_the_content_and_every_part(page: Page, report: Report) -> None:
    first = next(attributes for tag, attributes in page.elements if tag == "a")
    assert first == {"class": "skip", "href": "#contenu"}
    links = {attributes["href"] for attributes in page.all("a")}
    assert {f"#{section.name}" for section in report.sections} <= links
    assert len(page.all("summary")) == len(page.all("details")) > 0


def test_nothing_comes_from_outside_and_nothing_runs(page: Page, text: str) -> None:
    assert not page.all("script") + page.all("link") + page.all("img") + page.all("iframe")
    assert not re.search(r"(?:src|href)=\"(?!#)|@import|url\((?!#)", text)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_what_files_say_is_escaped(text: str) -> None:
    assert "Foyer &lt;des&gt; Érables &amp; Cie" in text
    assert "<des>" not in text


def test_french_spaces_do_not_break(page: Page) -> None:
    said = "|".join(page.words)
    assert not re.search(r"\w [:;?!%»]|« ", said)
    assert "1er\u00a0novembre\u00a02026" in said


def test_rows_are_whole_and_headers_repeat_on_paper(text: str) -> None:
    printed = text[text.index("@media print") :]
    assert "table-header-group" in printed
    assert re.search(r"tr,[^{]*\{ break-inside: avoid", printed)


# --- what may not be there --------------------------------------------------------------------------------------------


def test_no_personal_value_and_no_number_in_any_rendering(report: Report, text: str) -> None:
    book = zipfile.ZipFile(io.BytesIO(render_xlsx(report)))
    everything = text + "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    for value in SECRETS.values():
        assert value.lower() not in everything.lower()
    assert not re.search(r"8?0{9}\d{2,3}", everything)


def test_with_keys_there_are_numbers_and_still_no_personal_value(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with filled(place) as store:
        text = render_html(build_report(store, place, pseudonymous=False))
    assert "8" + f"{2:011d}" in text
    assert "réservez-le" in text.lower()
    for value in SECRETS.values():
        assert value.lower() not in text.lower()


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_same_report_gives_the_same_bytes(report: Report, text: str) -> None:
    assert render_html(report) == text
    assert render_xlsx(report) == render_xlsx(report)


def test_files_are_private_and_leave_nothing_beside_them(report: Report, tmp_path: Path) -> None:
    write_html(report, tmp_path / "neuf" / "r.html")
    write_xlsx(report, tmp_path / "neuf" / "r.xlsx")
    made = sorted((tmp_path / "neuf").iterdir())
    assert [path.name for path in made] == ["r.html", "r.xlsx"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_a_place_that_cannot_be_written_is_said(report: Report, tmp_path: Path) -> None:
    (tmp_path / "fichier").write_text("x")
    with pytest.raises(UsageError, match="ne peut pas être écrit"):
        write_html(report, tmp_path / "fichier" / "r.html")


def test_an_empty_store_still_gives_a_whole_page(tmp_path: Path) -> None:
    with memory_store() as store:
        text = render_html(build_report(store, workspace(tmp_path)))
    page = Page(text)
    assert page.faults == []
    assert "Commencez par" in text


def test_the_workbook_holds_the_tables_of_the_page(report: Report, tmp_path: Path) -> None:
    write_xlsx(report, tmp_path / "r.xlsx")
    book = fastexcel.read_excel(tmp_path / "r.xlsx")
    assert len(book.sheet_names) == 1 + len(report.tables())
    assert all(len(name) <= 31 for name in book.sheet_names)
    place = [found.name for found in report.tables()].index("types-de-document") + 1
    assert book.load_sheet(place).to_polars().height == 73


def test_the_workbook_never_computes_what_a_file_says(tmp_path: Path) -> None:
    evil = ('=HYPERLINK("http://x")', "+1+1", "-2", "@SUM(A1)", "http://x.example")
    table = Table("t", "T", (Column("C"),), tuple((value,) for value in evil), len(evil), "rien")
    write_xlsx(small(table), tmp_path / "r.xlsx")
    sheet = zipfile.ZipFile(tmp_path / "r.xlsx").read("xl/worksheets/sheet2.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.lower()
    read = fastexcel.read_excel(tmp_path / "r.xlsx").load_sheet(1).to_polars()
    assert read["C"].to_list() == list(evil)


def test_a_label_is_drawn_as_it_is_written() -> None:
    bars = Bars("b", "Titre", "Texte", "n", ("coûte $5 et $6", "a < b"), (("s", (1.0, 2.0)),), ("1", "2"))
    svg = drawing.draw(bars)
    assert "coûte $5 et $6" in svg
    assert "a &lt; b" in svg
    assert Page(svg).faults == []


def test_two_figures_of_one_page_share_no_id() -> None:
    grid = Grid("a", "T", "D", "n", ("r",), ("c", "d"), ((1, None),), "non")
    other = Grid("b", "T", "D", "n", ("r",), ("c", "d"), ((1, None),), "non")
    page = Page(render_html(small(grid, other)))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
