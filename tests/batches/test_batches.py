"""Batches: what they hold, byte for byte, and what a change to any of their bytes does."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.batches.batch import batch, settle_packages
from rpps_audit.batches.package import Options
from rpps_audit.batches.prepare import prepare
from rpps_audit.batches.sheets import can_print
from rpps_audit.batches.verify import verify
from rpps_audit.corrections.deciding import undo
from rpps_audit.corrections.proposing import add_situation, propose
from rpps_audit.errors import UsageError
from rpps_audit.ingest import layout, load
from rpps_audit.records import state_at as now
from rpps_audit.store import open_store
from tests.corrections.literal import EMAIL, OTHER_SITE, SITE, authorisation, change, desk, proposals

ONE, TWO = "810000000001", "810000000002"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
RESTRICTED = layout("annuaire-restreint-50")
HEADER = "|".join(column.header for column in RESTRICTED.columns) + "|"


def restricted_line(**cells: str) -> str:
    """One line of the restricted extract, by store column."""
    return "|".join(cells.get(column.field or "", "") for column in RESTRICTED.columns) + "|"


def registered(number: int, **cells: str) -> str:
    base = {
        "id_type": "8", "pp_id": f"1000000000{number}", "professional_id": f"81000000000{number}",
        "birth_name": "LEFÈVRE", "first_names": "ZOÉ'ANNE'", "birth_date": "05/01/1990",
        "email": f"p{number}@exemple.fr", "finess": SITE, "role": "GENR11", "profession": "326",
        "exercise_name": "LEFÈVRE",
    }  # fmt: skip
    return restricted_line(**(base | cells))


def restricted(folder: Path, *lines: str, encoding: str = "utf-8", newline: str = "\n", last: str = "\n") -> Path:
    file = folder / "Extraction_restreinte_20261101.txt"
    file.write_bytes((newline.join([HEADER, *lines]) + last).encode(encoding))
    return file


SUIVI = (
    '"Numéro RPPS";"Nom de naissance";"Prénoms (séparés par une virgule)";"Date de naissance";"Adresse e-mail";'
    '"FINESS géographique";"Rôle (code)";"Date de prise de fonction";"Date de fin de fonction";'
    '"Situation ouverte (oui/non)"'
)


def suivi(
    folder: Path, *lines: str, name: str = "suivi_20261101.csv", encoding: str = "utf-8", newline: str = "\r\n"
) -> Path:
    file = folder / name
    file.write_bytes((newline.join([SUIVI, *lines]) + newline).encode(encoding))
    return file


@pytest.fixture
def opened(tmp_path):
    """A workspace's desk on the given file."""
    stores = []

    def load_file(file: Path, *rules, **settings):
        store = open_store(tmp_path / "espace")
        stores.append(store)
        load(store, [file])
        return desk(store, tmp_path / "espace", *rules, **settings)

    yield load_file
    for store in stores:
        store.close()


def propose_email(table, author=None, key=ONE, new="x@y.fr") -> None:
    wanted = proposals(change("professional", key, "email", new))
    propose(table, author or authorisation(), now(table.store), wanted, reason="x")


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def corrected(path: Path) -> bytes:
    return next(content for name, content in members(path).items() if name.startswith("fichier-corrige/"))


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_corrected_lines_alone_with_only_their_cells_changed(tmp_path, opened, encoding, newline):
    lines = [
        registered(1),
        registered(2, email="CÔTÉ p2@"),
        registered(3),
        registered(2, finess=OTHER_SITE, email="CÔTÉ p2@"),
    ]
    file = restricted(tmp_path, *lines, encoding=encoding, newline=newline, last="")
    table = opened(file)
    wanted = proposals(
        change("professional", TWO, "email", "p2@exemple.fr"),
        change("professional", TWO, "first_names", "ZOË, ÉVA"),
        change("professional", TWO, "birth_date", "1990-02-03"),
        change("situation", f"{TWO}@{SITE}", "role", "GENR12"),
    )
    propose(table, authorisation(), now(table.store), wanted, reason="relu")
    done = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    new = {"email": "p2@exemple.fr", "first_names": "ZOË'ÉVA'", "birth_date": "03/02/1990"}
    # Nobody else's line is carried: this batch is about one person of three.
    expected = [registered(2, role="GENR12", **new), registered(2, finess=OTHER_SITE, **new)]
    assert corrected(done.path) == (newline.join([HEADER, *expected]) + newline).encode(encoding)
    assert file.read_bytes() == newline.join([HEADER, *lines]).encode(encoding)


def test_quoted_cells_line_breaks_and_words_of_the_file_are_kept(tmp_path, opened):
    lines = [
        '10000000001;"DUPONT ""dit"" X";"Zoé,Anne";05/01/1990;a@b.fr;690000015;GENR11;2020-01-31;;Oui',
        '10000000002;"DEUX\nLIGNES";Zoé;05/01/1990;"c;d";690000015;GENR11;01/02/2020;;"OUI"',
    ]
    table = opened(suivi(tmp_path, *lines))
    wanted = proposals(
        change("professional", ONE, "first_names", "Zoé, Éva"),
        change("situation", f"{ONE}@{SITE}#2020-01-31", "start_date", "2020-02-01"),
        change("situation", f"{ONE}@{SITE}#2020-01-31", "is_open", "false"),
        change("professional", TWO, "email", 'x";y@z.fr'),
        change("situation", f"{TWO}@{SITE}#2020-02-01", "is_open", "false"),
        change("situation", f"{TWO}@{SITE}#2020-02-01", "end_date", "2026-10-31"),
    )
    propose(table, authorisation(), now(table.store), wanted, reason="relu")
    done = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    expected = [
        '10000000001;"DUPONT ""dit"" X";"Zoé,Éva";05/01/1990;a@b.fr;690000015;GENR11;2020-02-01;;Non',
        '10000000002;"DEUX\nLIGNES";Zoé;05/01/1990;"x"";y@z.fr";690000015;GENR11;01/02/2020;31/10/2026;"NON"',
    ]
    assert corrected(done.path) == ("\r\n".join([SUIVI, *expected]) + "\r\n").encode()


def test_an_added_situation_is_a_new_line(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1), last=""))
    who = authorisation(establishments=(SITE, OTHER_SITE))
    add_situation(
        table, who, now(table.store), ONE, {"finess": OTHER_SITE, "role": "GENR12", "profession": "324"}, reason="x"
    )
    done = prepare(table, who, at=AT, options=Options(pdf=False))
    added = registered(1, finess=OTHER_SITE, role="GENR12", profession="324", exercise_name="")
    assert corrected(done.path).decode() == "\n".join([HEADER, added]) + "\n"


def test_the_corrected_file_says_what_the_corrected_view_says(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1), registered(2)))
    propose(
        table,
        authorisation(),
        now(table.store),
        proposals(change("situation", f"{TWO}@{SITE}", "role", "GENR12")),
        reason="x",
    )
    done = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    again = tmp_path / "Extraction_restreinte_20261102.txt"
    again.write_bytes(corrected(done.path))
    load(table.store, [again])
    differing = table.store.sql(
        """SELECT professional_id, role FROM registrations WHERE snapshot_id = 2
           EXCEPT SELECT professional_id, role FROM registrations WHERE snapshot_id = 1"""
    ).fetchall()
    assert differing == [(TWO, "GENR12")]


def test_same_content_same_bytes(tmp_path, monkeypatch):
    # The salt is the one thing that is drawn.
    monkeypatch.setattr("secrets.token_hex", lambda count: "00" * count)
    written = []
    for turn in ("un", "deux"):
        folder = tmp_path / turn
        folder.mkdir()
        with open_store(folder) as store:
            load(store, [restricted(folder, registered(1))])
            table = desk(store, folder)
            propose_email(table)
            written.append(
                prepare(table, authorisation(), at=AT, options=Options(pdf=False, fhir=False)).path.read_bytes()
            )
    assert written[0] == written[1]


def test_no_cell_of_a_list_is_a_formula(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1, exercise_name="=1+1", phone="+33601020304")))
    wanted = proposals(
        change("situation", f"{ONE}@{SITE}", "exercise_name", "@SUM(A1)"),
        change("professional", ONE, "phone", "0601020304"),
    )
    propose(table, authorisation(), now(table.store), wanted, reason="-2")
    files = members(prepare(table, authorisation(), at=AT, options=Options(pdf=False)).path)
    text = files["liste.csv"].decode("utf-8-sig")
    assert not any(f'"{sign}' in text for sign in "=+-@")
    assert '"\'@SUM(A1)"' in text
    with zipfile.ZipFile(io.BytesIO(files["liste.xlsx"])) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert 't="s"' in sheet
    frame = pl.read_excel(io.BytesIO(files["liste.xlsx"]))
    assert "@SUM(A1)" in frame["Nouvelle valeur"].to_list()


def test_sheets_follow_the_portal_and_escape_what_they_show(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1, birth_place="<script>")))
    wanted = proposals(
        change("situation", f"{ONE}@{SITE}", "role", "GENR12"),
        change("professional", ONE, "email", "x@y.fr"),
        change("professional", ONE, "birth_place", "<b>Lyon"),
        change("professional", ONE, "birth_commune", "93066"),
    )
    propose(table, authorisation(), now(table.store), wanted, reason="relu")
    files = members(prepare(table, authorisation(), at=AT, options=Options(pdf=False)).path)
    page = files[f"fiches/{ONE}.html"].decode()
    places = [page.index(f"<h2>{title}") for title in ("État civil", "Données de contact", "Situation professionnelle")]
    assert places == sorted(places)
    assert "Saint-Denis (93066)" in page
    assert "<script>" not in page
    assert "&lt;b&gt;Lyon" in page


def test_the_pdf_is_in_the_package_or_its_absence_is_said(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)))
    propose(
        table, authorisation(), now(table.store), proposals(change("professional", ONE, "email", "x@y.fr")), reason="x"
    )
    done = prepare(table, authorisation(), at=AT)
    files = members(done.path)
    if can_print():
        assert files["fiches.pdf"].startswith(b"%PDF-1.7")
        assert done.notes == ()
    else:
        assert "fiches.pdf" not in files
        assert "WeasyPrint n'est pas installé" in files["LISEZ-MOI.txt"].decode()
        assert "WeasyPrint" in done.notes[0]


def test_the_fhir_bundle_claims_nothing(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)))
    both = proposals(
        change("professional", ONE, "email", "x@y.fr"), change("situation", f"{ONE}@{SITE}", "role", "GENR12")
    )
    propose(table, authorisation(), now(table.store), both, reason="x")
    done = prepare(table, authorisation(), at=AT, options=Options(pdf=False, fhir=True))
    bundle = json.loads(members(done.path)["fhir/bundle.json"])
    assert bundle["meta"]["tag"][0]["display"] == "n'est pas un dépôt au portail"
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert (bundle["type"], kinds) == ("collection", ["Person", "PractitionerRole"])
    assert bundle["entry"][1]["resource"]["code"][0]["coding"][0]["code"] == "GENR12"


def test_a_field_that_comes_back_to_the_export_is_no_change(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)))
    propose(
        table, authorisation(), now(table.store), proposals(change("professional", ONE, "email", "x@y.fr")), reason="x"
    )
    back = proposals(change("professional", ONE, "email", "p1@exemple.fr", previous_id=1))
    propose(table, authorisation(), now(table.store), back, reason="x")
    with pytest.raises(UsageError, match="Aucune correction n'attend"):
        prepare(table, authorisation(), at=AT)


def test_the_whole_batch_is_judged_before_it_exists(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)))
    propose_email(table, new="pire")
    # A rule that came into force since.
    stricter = desk(table.store, table.folder, EMAIL)
    with pytest.raises(UsageError, match="Titre de matches"):
        prepare(stricter, authorisation(), at=AT)
    assert not list((table.folder / "lots").glob("*")) if (table.folder / "lots").exists() else True


def test_a_batch_holds_only_the_authors_perimeter(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1), registered(2, finess=OTHER_SITE)))
    propose(
        table, authorisation(), now(table.store), proposals(change("professional", ONE, "email", "x@y.fr")), reason="x"
    )
    elsewhere = authorisation("autre", "2", establishments=(OTHER_SITE,))
    propose_email(table, elsewhere, TWO, "z@y.fr")
    assert prepare(table, authorisation(), at=AT, options=Options(pdf=False)).changes == 1
    assert table.store.sql("SELECT state FROM correction_states ORDER BY 1").fetchall() == [("batched",), ("proposed",)]


def test_four_eyes_holds_back_what_nobody_approved(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)), four_eyes=True)
    propose(
        table, authorisation(), now(table.store), proposals(change("professional", ONE, "email", "x@y.fr")), reason="x"
    )
    with pytest.raises(UsageError, match="approuver"):
        prepare(table, authorisation(), at=AT)


def test_undoing_a_correction_gives_its_unsigned_batch_up(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1), registered(2)))
    wanted = proposals(change("professional", ONE, "email", "x@y.fr"), change("professional", TWO, "email", "z@y.fr"))
    propose(table, authorisation(), now(table.store), wanted, reason="x")
    first = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    undo(table, authorisation(), [1], reason="erreur")
    assert batch(table, first.batch_id).state == "abandoned"
    assert table.store.sql("SELECT state FROM correction_states ORDER BY correction_id").fetchall() == [
        ("undone",),
        ("proposed",),
    ]
    second = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    assert (second.batch_id, second.changes) == ("20261123-002", 1)


def test_what_a_crash_leaves_is_named_or_thrown_away(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)))
    propose(
        table, authorisation(), now(table.store), proposals(change("professional", ONE, "email", "x@y.fr")), reason="x"
    )
    done = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    done.path.rename(done.path.with_name(f".{done.path.name}.{done.sha256}.part"))
    stranger = done.path.with_name(f".lot-20990101-001.zip.{'0' * 64}.part")
    stranger.write_bytes(b"half")
    settle_packages(table)
    assert verify(done.path).intact
    assert [entry.name for entry in done.path.parent.iterdir()] == [done.path.name]


def test_the_salted_hashes_of_the_journal_and_of_the_manifest_are_the_same(tmp_path, opened):
    table = opened(restricted(tmp_path, registered(1)))
    propose(
        table, authorisation(), now(table.store), proposals(change("professional", ONE, "email", "x@y.fr")), reason="x"
    )
    done = prepare(table, authorisation(), at=AT, options=Options(pdf=False))
    told = next(table.journal.entries()).data["corrections"]
    signed = json.loads(members(done.path)["manifest.json"])["changes"][0]
    assert (told["before"], told["after"]) == ([signed["before"]], [signed["after"]])
    assert done.prepared_at.date() == date(2026, 11, 23)


def test_each_file_of_a_state_that_is_touched_has_its_corrected_lines(tmp_path, opened):
    """One person registered by two establishments that deliver each their file, and somebody else in each."""
    start = "01/02/2020;;Oui"
    here = [f"10000000001;DUPONT;Zoé;05/01/1990;a@b.fr;{SITE};GENR11;{start}",
            f"10000000002;MARTIN;Léa;06/02/1991;l@b.fr;{SITE};GENR11;{start}"]  # fmt: skip
    there = [f"10000000001;DUPONT;Zoé;05/01/1990;a@b.fr;{OTHER_SITE};GENR11;{start}",
             f"10000000003;PETIT;Noé;07/03/1992;n@b.fr;{OTHER_SITE};GENR11;{start}"]  # fmt: skip
    table = opened(suivi(tmp_path, *here, name="un_20261101.csv"))
    load(table.store, [suivi(tmp_path, *there, name="deux_20261103.csv")])
    propose_email(table)
    both = authorisation(establishments=(SITE, OTHER_SITE))
    only_there = change("situation", f"{ONE}@{OTHER_SITE}#2020-02-01", "role", "GENR12")
    propose(table, both, now(table.store), proposals(only_there), reason="x")
    files = members(prepare(table, both, at=AT, options=Options(pdf=False)).path)
    expected = {
        "fichier-corrige/un_20261101.csv": [here[0].replace("a@b.fr", "x@y.fr")],
        "fichier-corrige/deux_20261103.csv": [there[0].replace("a@b.fr", "x@y.fr").replace("GENR11", "GENR12")],
    }
    found = {name: content.decode() for name, content in files.items() if name.startswith("fichier-corrige/")}
    assert found == {name: "\r\n".join([SUIVI, *lines, ""]) for name, lines in expected.items()}
    said = [one["file_name"] for one in json.loads(files["manifest.json"])["extracts"]]
    assert said == ["un_20261101.csv", "deux_20261103.csv"]
