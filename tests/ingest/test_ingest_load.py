"""Loading: each kind of file becomes typed rows, with its real line numbers, once."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from rpps_audit.ingest import layout, load, open_original
from rpps_audit.ingest.text import BLOCK
from rpps_audit.store import Store, open_store
from tests.ingest.files import PERSON, restricted, text_of, write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "espace") as opened:
        yield opened


def rows(store: Store, table: str = "registrations") -> list[dict[str, Any]]:
    return store.sql(f"SELECT * FROM {table} ORDER BY ALL").pl().to_dicts()


# ------------------------------------------------------------------------------------------------ registration extracts


@pytest.mark.parametrize("width", [49, 50, 51])
def test_restricted_extract(store: Store, tmp_path: Path, width: int) -> None:
    path = write(tmp_path, "x_202611010830.txt", text_of(f"annuaire-restreint-{width}", [PERSON]))
    (loaded,) = load(store, [path])
    assert (loaded.kind, loaded.layout) == ("annuaire-restreint", f"annuaire-restreint-{width}")
    assert (loaded.data_date, loaded.date_source) == (date(2026, 11, 1), "nom du fichier")
    (row,) = rows(store)
    assert row["line"] == 2
    assert row["professional_id"] == "810100000017"
    assert (row["first_names"], row["first_names_ambiguous"]) == ("PIERRE, DANIEL", False)
    assert (row["birth_date"], row["birth_date_text"]) == (date(1987, 8, 26), None)
    assert (row["profession"], row["national_profession"]) == ("313", "99")
    assert row["role"] == ("GENR11" if width > 49 else None)
    assert row["email"] == "p.roleau@exemple.fr"
    assert row["siret"] is None


@pytest.mark.parametrize("width", [52, 56])
def test_public_extract_publishes_the_structures_mail(store: Store, tmp_path: Path, width: int) -> None:
    person = {**PERSON, "structure_email": "accueil@exemple.fr"}
    load(store, [write(tmp_path, "x.txt", text_of(f"annuaire-public-{width}", [person]))])
    (row,) = rows(store)
    assert (row["email"], row["structure_email"]) == (None, "accueil@exemple.fr")
    assert row["profession"] == ("313" if width == 56 else None)


def test_cat18_with_its_stray_last_column(store: Store, tmp_path: Path) -> None:
    text = text_of("cat18", [PERSON])
    header, line = text.splitlines()
    load(store, [write(tmp_path, "x.csv", f"{header}\n{line};\n")])
    (row,) = rows(store)
    assert (row["professional_id"], row["finess"], row["role"]) == ("810100000017", "560000019", None)


@pytest.mark.parametrize(
    ("names", "expected", "ambiguous"),
    [
        ("BERNADETTE''", "BERNADETTE", False),
        ("PIERRE'DANIEL'PATRICK", "PIERRE, DANIEL, PATRICK", False),
        ("N'GOLO'JEAN'", "N, GOLO, JEAN", True),
        ("PIERRE", "PIERRE", True),
        ("''", None, False),
        ("", None, None),
    ],
)
def test_first_names_of_the_restricted_extract(
    store: Store, tmp_path: Path, names: str, expected: str | None, ambiguous: bool | None
) -> None:
    load(store, [write(tmp_path, "x.txt", text_of("annuaire-restreint-49", [{**PERSON, "first_names": names}]))])
    (row,) = rows(store)
    assert row["first_names"] == expected
    assert row["first_names_ambiguous"] is ambiguous


@pytest.mark.parametrize(
    ("written", "day", "text"),
    [
        ("26/08/1987", date(1987, 8, 26), None), ("1987-08-26", date(1987, 8, 26), None),
        ("19870826", date(1987, 8, 26), None), ("26/08/87", date(1987, 8, 26), None),
        ("1987", None, "1987"), ("08/1987", None, "08/1987"), ("00/00/1987", None, "1987"),
        ("31/02/1987", None, "31/02/1987"), ("inconnue", None, "inconnue"),
    ],
)  # fmt: skip
def test_a_date_of_birth_is_whole_or_partial_or_kept_as_it_is(
    store: Store, tmp_path: Path, written: str, day: date | None, text: str | None
) -> None:
    load(store, [write(tmp_path, "x.txt", text_of("annuaire-restreint-49", [{**PERSON, "birth_date": written}]))])
    (row,) = rows(store)
    assert (row["birth_date"], row["birth_date_text"]) == (day, text)


def test_cells_are_trimmed_and_a_quote_is_data_in_pipe_files(store: Store, tmp_path: Path) -> None:
    person = {**PERSON, "birth_name": '  D"ARC ', "birth_place": '"LE HAVRE', "email": "   "}
    load(store, [write(tmp_path, "x.txt", text_of("annuaire-restreint-49", [person]))])
    (row,) = rows(store)
    assert (row["birth_name"], row["birth_place"], row["email"]) == ('D"ARC', '"LE HAVRE', None)


# -------------------------------------------------------------------------------------------------------------- suivi

SUIVI = {
    "pp_id": "10100000017", "birth_name": "ROLEAU", "first_names": "Pierre, Daniel", "birth_date": "26/08/1987",
    "sex": "Masculin", "civility": "Monsieur", "finess": "560000019", "role": "Accompagnement vie sociale",
    "profession": "313", "is_open": "Oui", "end_date": "2026", "end_reason": "Retraite salariée",
}  # fmt: skip


def expect_suivi(row: dict[str, Any]) -> None:
    expected = {
        "id_type": "8", "professional_id": "810100000017", "first_names": "Pierre, Daniel", "sex": "M", "civility": "M",
        "role": "GENR10", "profession": "313", "is_open": True, "end_date": None, "end_date_text": "2026",
        "birth_date": date(1987, 8, 26), "end_reason": "RS", "first_names_ambiguous": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_suivi_as_csv(store: Store, tmp_path: Path, start: str) -> None:
    load(store, [write(tmp_path, "suivi.csv", start + text_of("suivi", [SUIVI], "\r\n"))])
    (row,) = rows(store)
    expect_suivi(row)


def test_suivi_as_workbook_with_an_empty_row(store: Store, tmp_path: Path) -> None:
    columns = layout("suivi").columns
    with xlsxwriter.Workbook(tmp_path / "suivi.xlsx") as book:
        book.add_worksheet("Notes").write(0, 0, "À lire")
        sheet = book.add_worksheet("Suivi")
        sheet.write_row(0, 0, [column.header for column in columns])
        sheet.write_row(2, 0, [SUIVI.get(column.field or "", "") for column in columns])
        place = [column.field for column in columns].index("birth_date")
        sheet.write_datetime(2, place, date(1987, 8, 26), book.add_format({"num_format": "dd/mm/yyyy"}))
    (loaded,) = load(store, [tmp_path / "suivi.xlsx"])
    assert (loaded.rows_read, loaded.rows_kept) == (1, 1)
    (row,) = rows(store)
    expect_suivi(row)
    assert row["line"] == 3


def test_a_quoted_cell_may_hold_a_separator_and_a_line_break(store: Store, tmp_path: Path) -> None:
    people = [{**SUIVI, "birth_place": "SAINT;MALO\nCENTRE"}, {**SUIVI, "birth_place": 'DIT ""LE PORT""'}]
    (loaded,) = load(store, [write(tmp_path, "suivi.csv", text_of("suivi", people))])
    assert (loaded.rows_read, loaded.rows_rejected) == (2, 0)
    assert [(row["line"], row["birth_place"]) for row in rows(store)] == [
        (2, "SAINT;MALO CENTRE"),
        (4, 'DIT "LE PORT"'),
    ]


def test_a_stray_quote_rejects_its_own_line_only(store: Store, tmp_path: Path) -> None:
    lines = text_of("suivi", [SUIVI] * 12).splitlines()
    lines[3] = lines[3].replace('"ROLEAU"', '"ROLEAU')
    (loaded,) = load(store, [write(tmp_path, "suivi.csv", "\n".join([*lines, ""]))])
    assert (loaded.rows_read, loaded.rows_kept, loaded.rows_rejected) == (12, 11, 1)
    assert [(row["line"], row["reason"]) for row in rows(store, "rejects")] == [
        (4, "guillemet ouvert et jamais refermé")
    ]
    assert [row["line"] for row in rows(store)] == [2, 3, *range(5, 14)]


# --------------------------------------------------------------------------------------------------------- other kinds


def test_the_other_public_files(store: Store, tmp_path: Path) -> None:
    people = {"professional_id": "810100000017", "pp_id": "10100000017"}
    files = {
        "savoir-faire": ("skills", {**people, "skill": "SM54"}),
        "dipl-autexerc": ("diplomas", {**people, "diploma": "DE09"}),
        "porteurs-cps-cpf": ("cards", {**people, "valid_to": "20270131"}),
        "mssante": ("mailboxes", {**people, "mailbox_type": "PER", "address": "p.roleau@pro.mssante.fr"}),
    }
    paths = [write(tmp_path, name, text_of(name, [row])) for name, (_, row) in files.items()]
    assert [loaded.layout for loaded in load(store, paths)] == list(files)
    assert rows(store, "skills")[0]["skill"] == "SM54"
    assert rows(store, "diplomas")[0]["diploma"] == "DE09"
    assert rows(store, "cards")[0]["valid_to"] == date(2027, 1, 31)
    assert rows(store, "mailboxes")[0]["address"] == "p.roleau@pro.mssante.fr"


@pytest.mark.parametrize("encoding", ["iso-8859-1", "cp1252"])
def test_single_byte_text_is_read(store: Store, tmp_path: Path, encoding: str) -> None:
    label = "Chirurgie générale" + (" – cœur" if encoding == "cp1252" else "")
    row = {"pp_id": "10100000017", "birth_name": label, "first_names": "Zoé", "role": "GENR11"}
    (loaded,) = load(store, [write(tmp_path, "x", text_of("suivi", [row]).encode(encoding))])
    assert rows(store)[0]["birth_name"] == label
    assert rows(store, "snapshots")[0]["encoding"] == encoding
    assert any(encoding.upper() in note for note in loaded.notes)


def test_roster(store: Store, tmp_path: Path) -> None:
    text = "Nom;Prénom;Né le;Entrée;Date de sortie;Salaire\nROLEAU;Pierre;26/08/1987;01/02/2020;31/10/2026;1\n"
    (loaded,) = load(store, [write(tmp_path, "paie.csv", text.encode("cp1252"))])
    (row,) = rows(store, "employments")
    assert (row["birth_name"], row["start_date"], row["end_date"]) == ("ROLEAU", date(2020, 2, 1), date(2026, 10, 31))
    assert any("Salaire" in note for note in loaded.notes)
    assert rows(store, "snapshots")[0]["columns"] == [
        "birth_date",
        "birth_name",
        "end_date",
        "first_name",
        "start_date",
    ]


def test_finess_without_header(store: Store, tmp_path: Path) -> None:
    overseas = ["structureet", "970102018", "970113015", "PMI", *[""] * 8, "123", "9A", *[""] * 18]
    mainland = [
        "structureet",
        "010000024",
        "010780054",
        "CH",
        *[""] * 8,
        "451",
        "01",
        *[""] * 14,
        "1979-02-13",
        *[""] * 3,
    ]
    other = ["autre", "010000024", *[""] * 30]
    text = "".join(
        ";".join(line) + "\n" for line in (["finess", "etalab", "111", "2026-05-12"], mainland, overseas, other)
    )
    (loaded,) = load(store, [write(tmp_path, "etalab-cs1100502-stock-20260512-0338.csv", text)])
    assert (loaded.rows_kept, loaded.rows_rejected, loaded.data_date) == (2, 1, date(2026, 5, 12))
    first, second = rows(store, "establishments")
    assert (first["commune"], first["department"], first["opened_on"]) == ("01451", "01", date(1979, 2, 13))
    # Saint-Barthélemy still bears its code of before 2007 there.
    assert (second["commune"], second["department"]) == ("97701", "977")
    assert rows(store, "rejects")[0]["line"] == 4


def test_finess_json_with_closed_establishments(store: Store, tmp_path: Path) -> None:
    json = """{"schemaVersion": "v1.0.0", "gcc": [ {"nomGcc": "]["} ], "pmej" : [ {
      "informationsGeneralesPMEJ": {"numFinessPm": "010000156"}, "ege": [
        {"informationsGeneralesEGE": {"numFinessEge": "010780195", "nomEgeLong": "ABC ", "dateOuverture": "1956-11-16"},
         "categorieentiteGeographiqueExercice": "500", "adresse": [{"cogCommune": "01053"}]},
        {"informationsGeneralesEGE": {"numFinessEge": "010787190", "nomEgeLong": "S", "dateFermeture": "1993-01-01"}},
        {"informationsGeneralesEGE": {"nomEgeLong": "SANS NUMÉRO"}} ] },
      {"informationsGeneralesPMEJ": {"numFinessPm": "010000164"}, "ege": []} ], "gco": []}"""
    (loaded,) = load(store, [write(tmp_path, "finess-structures-journalier-20260309.json", json)])
    assert (loaded.rows_read, loaded.rows_kept, loaded.rows_rejected) == (3, 2, 1)
    first, second = rows(store, "establishments")
    assert (first["finess_legal"], first["name"], first["commune"]) == ("010000156", "ABC", "01053")
    assert (first["department"], first["category"]) == ("01", "500")
    assert second["closed_on"] == date(1993, 1, 1)


def test_insee_zip(store: Store, tmp_path: Path) -> None:
    files = {
        "v_commune_depuis_1943.csv": "TYPECOM,COM,LIBELLE,DATE_DEBUT,DATE_FIN\nCOM,01001,L'Abergement,1943-01-01,\n",
        "v_commune_outremer_depuis_1943.csv": "COM_COMER,LIBELLE,DATE_DEBUT,DATE_FIN\n98735,Papeete,1943-01-01,\n",
        "v_pays_et_territoire_depuis_1943.csv": "COG,CRPAY,LIBCOG,LIBENR,DATE_DEBUT,DATE_FIN\n"
        "99101,,Danemark,,1943-01-01,\n",
    }
    with zipfile.ZipFile(tmp_path / "cog.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    load(store, [tmp_path / "cog.zip"])
    found = {(row["code"], row["kind"], row["valid_from"]) for row in rows(store, "communes_loaded")}
    first = date(1943, 1, 1)
    assert found == {("01001", "commune", first), ("98735", "overseas", first), ("99101", "country", first)}


# ------------------------------------------------------------------------------------------------ lines, once, and kept


def test_rejects_keep_their_line_reason_and_text(store: Store, tmp_path: Path) -> None:
    lines = restricted(tmp_path, 30).read_text("utf-8").splitlines()
    lines[4], lines[10] = "8|abîmée", ""
    (loaded,) = load(store, [write(tmp_path, "x_20261101.txt", "\r\n".join([*lines, ""]))])
    assert (loaded.rows_read, loaded.rows_kept, loaded.rows_rejected) == (29, 28, 1)
    assert [row["line"] for row in rows(store)] == [2, 3, 4, *range(6, 11), *range(12, 32)]
    (reject,) = rows(store, "rejects")
    assert (reject["line"], reject["reason"], reject["raw"]) == (5, "2 cellules au lieu de 52", "8|abîmée")
    assert "30" not in loaded.sentence()
    assert any("lignes vides" in note for note in loaded.notes)


def test_lines_stay_right_over_many_blocks(store: Store, tmp_path: Path) -> None:
    header, line = text_of("annuaire-restreint-51", [PERSON]).splitlines()
    count = 3 * BLOCK // len(line)
    lines = [line.replace("10100000017", f"{number:011d}") for number in range(2, count + 2)]
    bad = [10, count // 2, count - 1]
    for number in bad:
        lines[number - 2] = "abîmée"
    (loaded,) = load(store, [write(tmp_path, "x.txt", "\n".join([header, *lines, ""]))])
    assert (loaded.rows_read, loaded.rows_kept) == (count, count - len(bad))
    assert [row["line"] for row in rows(store, "rejects")] == bad
    wrong = store.sql("SELECT count(*) FROM registrations WHERE CAST(pp_id AS INTEGER) <> line").fetchone()
    assert wrong == (0,)


def test_a_last_line_without_its_end_is_kept_when_whole(store: Store, tmp_path: Path) -> None:
    text = restricted(tmp_path).read_text("utf-8").rstrip("\n")
    (loaded,) = load(store, [write(tmp_path, "x.txt", text)])
    assert (loaded.rows_kept, loaded.rows_rejected) == (3, 0)


def test_the_same_content_is_one_snapshot(store: Store, tmp_path: Path) -> None:
    path = restricted(tmp_path)
    twin = write(tmp_path, "autre nom.txt", path.read_bytes())
    first, second = load(store, [path, twin])
    (third,) = load(store, [path])
    assert (first.already_loaded, second.already_loaded, third.already_loaded) == (False, True, True)
    assert first.snapshot_id == second.snapshot_id == third.snapshot_id
    assert "déjà chargé" in third.sentence()
    assert len(rows(store)) == 3


def test_the_original_is_kept_byte_for_byte_and_private(store: Store, tmp_path: Path) -> None:
    path = restricted(tmp_path)
    load(store, [path])
    (row,) = rows(store, "snapshots")
    with open_original(tmp_path / "espace", row["content_hash"]) as original:
        assert original.read() == path.read_bytes()
    (kept,) = (tmp_path / "espace" / "originals").iterdir()
    assert kept.name == hashlib.sha256(kept.read_bytes()).hexdigest() == row["content_hash"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_folders_and_archives_are_opened_and_strangers_told(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    restricted(folder)
    write(folder, "notes.txt", "à faire\n")
    with zipfile.ZipFile(folder / "PS_20261102.zip", "w") as archive:
        archive.writestr("PS_LibreAcces.txt", text_of("annuaire-public-56", [PERSON]))
    loaded = load(store, [folder])
    assert {(one.kind, one.data_date.day) for one in loaded} == {("annuaire-public", 2), ("annuaire-restreint", 1)}
    assert any("notes.txt" in note for note in loaded[0].notes)


def test_the_date_comes_from_the_name_then_from_the_request_then_is_today(store: Store, tmp_path: Path) -> None:
    named, bare = restricted(tmp_path, 1), restricted(tmp_path, 2, "extraction.txt")
    asked = date(2026, 10, 1)
    assert [one.data_date for one in load(store, [named, bare], data_date=asked)] == [date(2026, 11, 1), asked]
    (today,) = load(store, [restricted(tmp_path, 4, "autre.txt")])
    assert (today.data_date, today.date_source) == (date.today(), "jour du chargement")
    assert any("date" in note.lower() for note in today.notes)


@pytest.mark.parametrize(("changed", "vanished", "share"), [(0, 0, 0.0), (3, 0, 0.03), (4, 4, 0.08)])
def test_what_changed_since_the_last_of_the_series(
    store: Store, tmp_path: Path, changed: int, vanished: int, share: float
) -> None:
    people = [{**PERSON, "professional_id": f"8{number:011d}"} for number in range(100)]
    (first,) = load(store, [write(tmp_path, "ext_20261001.txt", text_of("annuaire-restreint-49", people))])
    assert first.changed_share is None
    later = [{**one, "email": "x@exemple.fr"} if k < changed else one for k, one in enumerate(people)][: 100 - vanished]
    created = [{**PERSON, "professional_id": "899999999999"}] * 50
    (second,) = load(store, [write(tmp_path, "ext_20261101.txt", text_of("annuaire-restreint-50", [*later, *created]))])
    assert second.changed_share == pytest.approx(share)
    assert any("ATTENTION" in note for note in second.notes) == (share > 0.05)


def test_progress_goes_from_nothing_to_all(store: Store, tmp_path: Path) -> None:
    told: list[float] = []
    load(store, [restricted(tmp_path)], progress=lambda _what, share: told.append(share))
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_snapshot_says_which_columns_it_carries(store: Store, tmp_path: Path) -> None:
    load(store, [write(tmp_path, "suivi.csv", text_of("suivi", [SUIVI]))])
    columns = pl.Series(rows(store, "snapshots")[0]["columns"])
    assert {"professional_id", "id_type", "is_open", "end_date", "end_date_text"} <= set(columns)
    assert "structure_email" not in set(columns)
