"""What leaves is inert: no cell of a CSV or of a workbook is computed by the program that opens it."""

from __future__ import annotations

import io
import stat
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest

from rpps_audit.outputs import csv_bytes, write_private, xlsx_bytes
from rpps_audit.privacy import hidden, open_pseudonyms

LIVE = [
    "=1+1",
    "+33601020304",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    '=HYPERLINK("http://x","y")',
    "＝1+1",
]
MADE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("french", [False, True])
@pytest.mark.parametrize("text", LIVE)
def test_a_text_that_looks_like_a_formula_is_quoted(french, text):
    frame = pl.DataFrame({"a": [text, "dupont", "x"], "b": [-1, 2, 3], text: ["x", "y", "z"]})
    content = csv_bytes(frame, french=french).decode("utf-8-sig")
    read = pl.read_csv(io.BytesIO(content.encode()), separator=";" if french else ",")
    assert read["a"].to_list() == [f"'{text}", "dupont", "x"]
    assert read["b"].to_list() == [-1, 2, 3]  # a number is a number
    assert read.columns[2].startswith("'")


def test_a_french_csv_opens_in_a_french_spreadsheet():
    frame = pl.DataFrame({"since": [date(2026, 1, 31)], "share": [0.5], "open": [True], "names": [["Zoé", "Éva"]]})
    content = csv_bytes(frame, french=True, titles={"since": "depuis le"})
    assert content == '\ufeff"depuis le";"share";"open";"names"\r\n"31/01/2026";"0,5";"oui";"Zoé Éva"\r\n'.encode()
    assert csv_bytes(frame) == "since,share,open,names\n2026-01-31,0.5,true,Zoé Éva\n".encode()


def test_a_workbook_holds_no_formula_and_no_link():
    frame = pl.DataFrame({"a": LIVE, "b": ["http://exemple.fr"] * len(LIVE)})
    content = xlsx_bytes(frame, "Essai", made=MADE)
    assert content == xlsx_bytes(frame, "Essai", made=MADE)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "xl/worksheets/_rels/sheet1.xml.rels" not in book.namelist()
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet


def test_a_file_is_private_and_whole_or_not_there(tmp_path):
    path = tmp_path / "dossier" / "x.csv"
    write_private(path, b"a")
    path.chmod(0o644)
    write_private(path, b"b")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"b", 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["x.csv"]


def test_numbers_become_the_labels_of_the_reports(tmp_path):
    names = open_pseudonyms(tmp_path)
    frame = pl.DataFrame(
        {
            "professional_id": ["810000000001", None],
            "record_key": ["810000000001@690000015#2024-01-01", "id:abc"],
            "finess": ["690000015", None],
        }
    )
    said = hidden(frame, names)
    label = names.label("810000000001")
    assert said["professional_id"].to_list() == [label, None]
    assert said["record_key"].to_list() == [f"{label}@690000015#2024-01-01", names.label("id:abc")]
    assert "810000000001" not in said.write_csv()
