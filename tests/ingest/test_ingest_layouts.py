"""Layouts and recognition: content decides, never the name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from rpps_audit.errors import UsageError
from rpps_audit.ingest import layout, layouts, recognise, write_template
from rpps_audit.store import memory_store
from tests.ingest.files import PERSON, restricted, text_of, write

TEXT = [one.id for one in layouts() if one.delimiter and not one.first_line]


def test_columns_in_the_published_numbers() -> None:
    expected = {
        "annuaire-restreint-49": 49, "annuaire-restreint-50": 50, "annuaire-restreint-51": 51, "annuaire-public-52": 52,
        "annuaire-public-56": 56, "savoir-faire": 13, "dipl-autexerc": 13, "mssante": 31, "cat18": 41,
        "finess-cs1100502": 32, "finess-csv": 42,
    }  # fmt: skip
    assert {name: len(layout(name).columns) for name in expected} == expected


def test_every_field_is_a_column_of_its_table() -> None:
    with memory_store() as store:
        for one in layouts():
            found = {row[0] for row in store.sql(f"SELECT column_name FROM (DESCRIBE {one.table})").fetchall()}
            assert set(one.fields()) | set(one.derived) <= found, one.id


def test_the_words_are_crossed_in_registry_files() -> None:
    fields = layout("annuaire-public-56").fields()
    assert fields["profession"].header == "Code rôle"
    assert fields["role"].header == "Code genre activité"
    assert fields["national_profession"].header == "Code profession"


def test_an_unknown_layout_names_the_closest() -> None:
    with pytest.raises(UsageError, match="suivi"):
        layout("suivis")


@pytest.mark.parametrize("layout_id", TEXT)
def test_a_layout_recognises_its_own_header_in_any_order(tmp_path: Path, layout_id: str) -> None:
    one = layout(layout_id)
    for name, columns in (("a.bin", one.columns), ("b", one.columns[::-1])):
        line = one.delimiter.join(column.header for column in columns) + (one.delimiter * one.trailing_delimiter)
        found = recognise(write(tmp_path, name, f"{line}\n"))
        assert found.layout is not None
        assert found.layout.id == layout_id
        assert found.missing == found.extra == ()


def test_aliases_case_and_accents_of_headers_do_not_matter(tmp_path: Path) -> None:
    text = text_of("annuaire-public-56", [PERSON]).replace("Code rôle", "CODE FONCTION").replace("Libellé", "libelle")
    found = recognise(write(tmp_path, "x.csv", text))
    assert found.layout is not None
    assert (found.layout.id, found.missing, found.extra) == ("annuaire-public-56", (), ())


def test_an_unknown_column_is_told_and_a_missing_one_names_the_nearest_layout(tmp_path: Path) -> None:
    text = text_of("suivi", [])
    assert recognise(write(tmp_path, "more.csv", text.replace('"\n', '";"Salaire"\n'))).extra == ("Salaire",)
    lacking = recognise(write(tmp_path, "less.csv", text.replace("FINESS géographique", "Site")))
    assert lacking.layout is None
    assert lacking.nearest == layout("suivi")
    assert lacking.missing == ("FINESS géographique",)
    assert "Fichier de suivi" in lacking.sentence()


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), ("\t", "utf-8"), (";", "cp1252")])
def test_a_template_saved_another_way_is_still_the_template(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = text_of("suivi", [PERSON]).replace('";"', f'"{delimiter}"')
    found = recognise(write(tmp_path, "suivi.csv", text.encode(encoding)))
    assert found.layout == layout("suivi")
    assert found.delimiter == delimiter


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_template_is_recognised_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"modele{suffix}"
    write_template(path)
    found = recognise(path)
    assert found.layout == layout("suivi")
    assert found.missing == found.extra == ()


def test_the_template_has_two_forms_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.xlsx"):
        write_template(tmp_path / "modele.ods")


def test_a_zip_is_looked_into(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(restricted(tmp_path), "dossier/donnees")
    found = recognise(tmp_path / "x.zip")
    assert found.layout == layout("annuaire-restreint-51")
    assert found.source.name == "x.zip/dossier/donnees"


def test_the_roster_takes_the_users_own_headers(tmp_path: Path) -> None:
    roster = write(tmp_path, "paie.csv", "Matricule;Patronyme usuel;Petit nom;Arrivé\n1;ROLEAU;Pierre;01/02/2020\n")
    assert recognise(roster, tmp_path).layout is None
    mapping = '[colonnes]\n"Patronyme usuel" = "Nom"\n"Petit nom" = "Prénom"\n"Arrivé" = "Date d\'entrée"\n'
    write(tmp_path, "rh.toml", mapping)
    found = recognise(roster, tmp_path)
    assert found.layout is not None
    assert found.layout.kind == "rh"
    assert found.extra == ("Matricule",)
    write(tmp_path, "rh.toml", '[colonnes]\n"Arrivé" = "Entrée en scène"\n')
    with pytest.raises(UsageError, match="Entrée en scène"):
        recognise(roster, tmp_path)
