"""What a cell says, however it is written; and what is said of the cells that say nothing we know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from rpps_audit.ingest import load, unreadable_share
from rpps_audit.store import Store, memory_store
from tests.ingest.files import PERSON, text_of, write

SUIVI = {
    "pp_id": "10100000017", "birth_name": "ROLEAU", "first_names": "Pierre", "birth_date": "26/08/1987",
    "finess": "560000019", "role": "GENR11", "profession": "313", "start_date": "01/02/2020",
}  # fmt: skip
ROSTER = "Nom;Prénom;Date d'entrée;Date de sortie\n"


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as opened:
        yield opened


def suivi(store: Store, folder: Path, **cells: str) -> dict[str, Any]:
    """The one row that a follow-up with these cells becomes."""
    load(store, [write(folder, "suivi.csv", text_of("suivi", [{**SUIVI, **cells}]))])
    (row,) = store.sql("SELECT * FROM registrations").pl().to_dicts()
    return row


def counts(store: Store, column: str) -> tuple[int, int, int, int]:
    """filled, read, unreadable, converted."""
    (row,) = store.sql(
        'SELECT filled, read, unreadable, converted FROM cell_counts WHERE "column" = ?', [column]
    ).fetchall()
    return row


def causes(store: Store, column: str) -> dict[str, int]:
    return dict(store.sql('SELECT cause, cells FROM cell_causes WHERE "column" = ?', [column]).fetchall())


# -------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("30/06/2026", None), ("2026-06-30", None), ("20260630", None), ("30-06-2026", None), ("30.6.2026", None),
        ("30/06/2026 00:00:00", "time"), ("2026-06-30T00:00:00", "time"), ("30/06/2026 14:05", "time"),
        ("2026-06-30T00:00:00+11:00", "time"), ("2026-06-29T22:00:00Z", "time"), ("30/06/2026\u202f14h05", "time"),
        ("30/06/26", "two_digit_year"), ("30-juin-26", "two_digit_year"),
        ("30 juin 2026", "month"), ("mardi 30 juin 2026", "month"), ("30\u00a0JUIN\u00a02026", "month"),
        ("46203", "serial"), ("46203,0", "serial"),
    ],
)  # fmt: skip
def test_a_date_is_read_however_it_is_written(store: Store, tmp_path: Path, written: str, cause: str | None) -> None:
    row = suivi(store, tmp_path, end_date=written)
    assert (row["end_date"], row["end_date_text"]) == (date(2026, 6, 30), None)
    assert causes(store, "end_date") == ({cause: 1} if cause else {})
    assert counts(store, "end_date") == (1, 1, 0, int(cause is not None))


@pytest.mark.parametrize("written", ["1er janvier 2024", "1 janv. 2024", "01/01/2024"])
def test_the_first_of_a_month(store: Store, tmp_path: Path, written: str) -> None:
    assert suivi(store, tmp_path, start_date=written)["start_date"] == date(2024, 1, 1)


@pytest.mark.parametrize("written", ["31/12/2999", "31/12/9999", "9999", "9999-12-31", "sans fin", "en cours", "CDI"])
def test_a_far_end_is_no_end(store: Store, tmp_path: Path, written: str) -> None:
    row = suivi(store, tmp_path, end_date=written)
    assert (row["end_date"], row["end_date_text"]) == (None, None)
    assert causes(store, "end_date") == {"no_end": 1}


def test_a_far_start_is_a_date(store: Store, tmp_path: Path) -> None:
    assert suivi(store, tmp_path, start_date="31/12/2999")["start_date"] == date(2999, 12, 31)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1950", "1950"),
        ("00/00/1950", "1950"),
        ("00/05/1950", "05/1950"),
        ("1950-05", "1950-05"),
        ("1950-00-00", "1950"),
    ],
)
def test_a_partial_date_of_birth_is_kept_and_is_not_unreadable(
    store: Store, tmp_path: Path, written: str, text: str
) -> None:
    row = suivi(store, tmp_path, birth_date=written)
    assert (row["birth_date"], row["birth_date_text"]) == (None, text)
    assert counts(store, "birth_date")[:3] == (1, 1, 0)


@pytest.mark.parametrize(
    "written", ["31/02/2026", "fin juin", "2026", "06/2026", "99999", "30/06/0026", "3 brumaire 2026"]
)
@pytest.mark.parametrize("column", ["end_date", "notice_date"])
def test_a_date_that_cannot_be_read_is_neither_absent_nor_lost(
    store: Store, tmp_path: Path, written: str, column: str
) -> None:
    row = suivi(store, tmp_path, **{column: written})
    assert row[column] is None
    assert store.sql('SELECT line, "column", raw FROM unreadable').fetchall() == [(2, column, written)]
    assert counts(store, column) == (1, 0, 1, 0)
    assert unreadable_share(store, 1) == {column: 1.0}


def test_a_workbook_counts_its_days_from_1904_when_it_says_so(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "paie.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([ROSTER.strip().split(";"), ["ROLEAU", "Pierre", "42370", "44741"]]):
            sheet.write_row(row, 0, cells)
    load(store, [path])
    assert store.sql("SELECT start_date, end_date FROM employments").fetchall() == [
        (date(2020, 1, 2), date(2026, 6, 30))
    ]


# --------------------------------------------------------------------------------- yes or no, codes, identifiers


@pytest.mark.parametrize(
    ("written", "value"),
    [("Oui", True), ("X", True), ("ouverte", True), ("En cours", True), ("fermée", False), ("CLÔTURÉE", False),
     ("terminée", False), ("non", False)],
)  # fmt: skip
def test_a_yes_no_column_is_understood(store: Store, tmp_path: Path, written: str, value: bool) -> None:
    assert suivi(store, tmp_path, is_open=written)["is_open"] is value


def test_what_is_neither_yes_nor_no_is_unreadable(store: Store, tmp_path: Path) -> None:
    assert suivi(store, tmp_path, is_open="peut-être")["is_open"] is None
    assert unreadable_share(store, 1) == {"is_open": 1.0}


@pytest.mark.parametrize(
    ("column", "written", "code"),
    [
        ("role", "genr08", "GENR08"),
        ("role", "Genr 08", "GENR08"),
        ("role", "GENR08 - Coordination et orientation", "GENR08"),
        ("role", "Professionnels du social et MS exerçant des fonctions d’accompagnement au soin", "GENR11"),
        ("profession", "Éducatrice spécialisée", "326"), ("profession", "Aide soignante", "313"),
        ("profession", "TISF", "319"),
        ("profession", "326.0", "326"), ("profession", "Psychologue", "93"), ("profession", "Infirmière", "60"),
        ("birth_country", "FRANCE", "99100"), ("birth_country", "Côte d'Ivoire", "99326"),
        ("end_reason", "dcd", "DCD"), ("civil_status_state", "Certifié INSEE", "C"),
    ],
)  # fmt: skip
def test_a_code_is_understood_as_people_type_it(
    store: Store, tmp_path: Path, column: str, written: str, code: str
) -> None:
    assert suivi(store, tmp_path, **{column: written})[column] == code
    assert counts(store, column) == (1, 1, 0, 1)


@pytest.mark.parametrize(
    ("column", "written"),
    [("profession", "Vendeur"), ("role", "Soins"), ("profession", "326 Aide-soignant"), ("birth_country", "Syldavie")],
)
def test_a_code_nobody_knows_stays_for_the_rules_and_is_counted(
    store: Store, tmp_path: Path, column: str, written: str
) -> None:
    assert suivi(store, tmp_path, **{column: written})[column] == written
    assert counts(store, column) == (1, 0, 1, 0)
    assert unreadable_share(store, 1) == {}


@pytest.mark.parametrize(
    ("column", "written", "value", "cause"),
    [
        ("pp_id", "10100 0000 17", "10100000017", "spaces"), ("pp_id", "810100000017", "10100000017", "prefix"),
        ("pp_id", "10100000017.0", "10100000017", "decimal"), ("finess", "10000024", "010000024", "leading_zero"),
        ("finess", "69 000 001 3", "690000013", "spaces"), ("birth_commune", "1004", "01004", "leading_zero"),
        ("phone", "639980001", "0639980001", "leading_zero"), ("phone", "33639980001", "+33639980001", "plus_sign"),
    ],
)  # fmt: skip
def test_an_identifier_gets_back_what_a_spreadsheet_took(
    store: Store, tmp_path: Path, column: str, written: str, value: str, cause: str
) -> None:
    assert suivi(store, tmp_path, **{column: written})[column] == value
    assert causes(store, column) == {cause: 1}


def test_a_finess_whose_key_does_not_hold_is_left_as_it_is(store: Store, tmp_path: Path) -> None:
    assert suivi(store, tmp_path, finess="10000023")["finess"] == "10000023"
    assert causes(store, "finess") == {}


def test_scientific_notation_is_one_damaged_column_and_no_number(store: Store, tmp_path: Path) -> None:
    lines = [{**SUIVI, "pp_id": "1,01E+10", "birth_name": name} for name in ("ROLEAU", "DURAND")]
    (loaded,) = load(store, [write(tmp_path, "suivi.csv", text_of("suivi", lines))])
    assert store.sql('SELECT "column", cause, cells FROM damaged_columns').fetchall() == [("pp_id", "scientific", 2)]
    assert store.sql("SELECT first_line FROM damaged_columns").fetchall() == [(2,)]
    assert store.sql("SELECT DISTINCT pp_id FROM registrations").fetchall() == [(None,)]
    assert sum("abîmée par un tableur" in note for note in loaded.notes) == 1


# --------------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u200b", "\ufeff", "\t", " \u2009 "])
def test_blanks_of_every_kind_are_trimmed_and_alone_are_absent(store: Store, tmp_path: Path, blank: str) -> None:
    row = suivi(store, tmp_path, pp_id=f"{blank}10100000017{blank}", email=blank, birth_name=f"LE{blank}GALL")
    assert (row["pp_id"], row["email"]) == ("10100000017", None)
    assert " ".join(row["birth_name"].split()) in ("LE GALL", "LEGALL")
    assert counts(store, "email")[0] == 0


def test_decomposed_accents_are_composed(store: Store, tmp_path: Path) -> None:
    assert suivi(store, tmp_path, birth_name="HE\u0301RAULT")["birth_name"] == "HÉRAULT"


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-16"), lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r").encode(), lambda text: text.replace("\n", "\r").encode("utf-16"),
    ],
)  # fmt: skip
def test_lines_are_found_whatever_wrote_them(store: Store, tmp_path: Path, encode: Any) -> None:
    load(store, [write(tmp_path, "paie.csv", encode(ROSTER + "ROLÉAU;Zoé;01/02/2020;\nDURAND;Paul;01/02/2020;\n"))])
    rows = store.sql("SELECT line, birth_name, first_name FROM employments ORDER BY line").fetchall()
    assert rows == [(2, "ROLÉAU", "Zoé"), (3, "DURAND", "Paul")]


def test_one_damaged_byte_in_single_byte_text_is_read_and_said(store: Store, tmp_path: Path) -> None:
    text = (ROSTER + "ROLÉAU;Zoé;01/02/2020;\nDURÀND;Paul;01/02/2020;\n").encode("cp1252").replace(b"Paul", b"P\x81ul")
    (loaded,) = load(store, [write(tmp_path, "paie.csv", text)])
    assert loaded.rows_kept == 2
    assert any("1 caractère illisible" in note for note in loaded.notes)


def test_every_column_of_a_file_is_counted(store: Store, tmp_path: Path) -> None:
    (loaded,) = load(store, [write(tmp_path, "x.txt", text_of("annuaire-restreint-51", [PERSON, PERSON]))])
    filled = {cell["column"]: cell["filled"] for cell in loaded.cells}
    assert filled["birth_name"] == 2
    assert filled["phone"] == 0
    assert all(cell["filled"] == cell["read"] + cell["unreadable"] for cell in loaded.cells)
