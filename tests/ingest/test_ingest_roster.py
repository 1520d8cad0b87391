"""HR files under the headings that software gives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rpps_audit.ingest import load, recognise
from rpps_audit.store import Store, memory_store
from tests.ingest.files import write


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as opened:
        yield opened


def roster(
    store: Store, folder: Path, text: str, columns: str = "birth_name, first_name"
) -> tuple[list[Any], list[str]]:
    (loaded,) = load(store, [write(folder, "rh.csv", text)])
    assert loaded.kind == "rh"
    return store.sql(f"SELECT {columns} FROM employments ORDER BY line").fetchall(), loaded.notes


@pytest.mark.parametrize(
    ("entry", "leaving"),
    [
        ("Date d'entrée", "Date de sortie"), ("date_entree", "date_sortie"), ("DATE ENTREE", "DATE SORTIE"),
        ("DateEntree", "DateSortie"), ("Début contrat", "Fin contrat"), ("DT_DEBUT", "DT_FIN"),
        ("Date d’embauche", "Date de départ"), ("Entrée dans l'établissement", "Sortie de l'établissement"),
        ("Date de début du contrat de travail", "Date de fin du contrat"), ("Arrivée", "Départ"),
    ],
)  # fmt: skip
def test_headings_by_meaning(store: Store, tmp_path: Path, entry: str, leaving: str) -> None:
    text = f"Nom;Prénom;{entry};{leaving}\nDURAND;Zoé;15/01/2024;31/08/2026\n"
    assert roster(store, tmp_path, text, "start_date, end_date")[0] == [(date(2024, 1, 15), date(2026, 8, 31))]


@pytest.mark.parametrize("heading", ["Date de fin de période d'essai", "Dernier jour travaillé", "Radiation"])
def test_an_unknown_column_of_dates_is_told_loudly(store: Store, tmp_path: Path, heading: str) -> None:
    text = f"Nom;Prénom;Date d'entrée;{heading}\nDURAND;Zoé;15/01/2024;31/08/2026\nLEROY;Anne;15/01/2024;\n"
    rows, notes = roster(store, tmp_path, text, "end_date")
    assert rows == [(None,), (None,)]
    assert any(note.startswith("ATTENTION") and heading in note for note in notes)
    assert recognise(tmp_path / "rh.csv").dated_extra == (heading,)


def test_a_motive_of_leaving_is_no_date(store: Store, tmp_path: Path) -> None:
    text = "Nom;Prénom;Entrée;Départ\nDURAND;Zoé;15/01/2024;Rhône\n"
    _, notes = roster(store, tmp_path, text)
    assert any("« Date de sortie »" in note and "absentes" in note for note in notes)


def test_names_in_one_column_are_split_at_the_capitals_and_it_is_said(store: Store, tmp_path: Path) -> None:
    text = (
        "Salarié;Date entrée\nMARTIN Anne-Laure;15/01/2024\nAnne MARTIN;15/01/2024\nDE LA TOUR Zoé;15/01/2024\n"
        "MARTIN ANNE;15/01/2024\nmartin, anne;15/01/2024\nMARTIN;15/01/2024\n"
    )
    rows, notes = roster(store, tmp_path, text)
    assert rows == [
        ("MARTIN", "Anne-Laure"), ("MARTIN", "Anne"), ("DE LA TOUR", "Zoé"), ("MARTIN", "ANNE"), ("martin", "anne"),
        ("MARTIN", None),
    ]  # fmt: skip
    assert any(
        "4 cellules coupées" in note and "1 au premier mot" in note and "1 d'un seul mot" in note for note in notes
    )


def test_prenom_nom_says_the_order(store: Store, tmp_path: Path) -> None:
    assert roster(store, tmp_path, "Prénom Nom;Entrée\nAnne Martin;15/01/2024\n")[0] == [("Martin", "Anne")]


def test_the_birth_name_wins_and_the_name_stands_in_where_it_is_empty(store: Store, tmp_path: Path) -> None:
    text = "Nom;Nom de naissance;Prénom;Date d'entrée\nDURAND;MARTIN;Anne;15/01/2024\nLEROY;;Anne;15/01/2024\n"
    rows, notes = roster(store, tmp_path, text, "birth_name")
    assert rows == [("MARTIN",), ("LEROY",)]
    assert any("« Nom de naissance » est prise d'abord, puis « Nom »" in note for note in notes)


def test_of_two_columns_for_one_field_the_filled_one_is_read(store: Store, tmp_path: Path) -> None:
    text = "Nom;Prénom;Entrée;Date de sortie;Date de fin de contrat\nDURAND;Zoé;15/01/2024;;31/08/2026\n"
    rows, notes = roster(store, tmp_path, text, "end_date")
    assert rows == [(date(2026, 8, 31),)]
    assert any("Date de fin de contrat" in note for note in notes)


def test_title_sep_line_and_missing_trailing_separators(store: Store, tmp_path: Path) -> None:
    text = (
        "sep=;\nPersonnel;;;;\n;;;;\nNom;Prénom;Date d'entrée;Date de sortie;FINESS\n"
        "DURAND;Zoé;15/01/2024;31/08/2026;690000013\n;;;;\nLEROY;Anne;15/01/2024\n;;\n"
    )
    rows, notes = roster(store, tmp_path, text, "line, birth_name, end_date")
    assert rows == [(5, "DURAND", date(2026, 8, 31)), (7, "LEROY", None)]
    assert any("derniers séparateurs" in note and note.endswith(" : 1.") for note in notes)
    assert any("2 lignes vides" in note for note in notes)
    assert any("Intitulés trouvés ligne 4" in note for note in notes)


def test_a_line_that_lacks_what_is_needed_is_a_reject(store: Store, tmp_path: Path) -> None:
    text = "Nom;Prénom;Date d'entrée;Date de sortie\n" + "DURAND;Zoé;15/01/2024;\n" * 12 + "LEROY;Anne\n"
    (loaded,) = load(store, [write(tmp_path, "rh.csv", text)])
    assert (loaded.rows_kept, loaded.rows_rejected) == (12, 1)
