"""HR files of any shape: the mapping proposed, what is kept of it, labels and functions placed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.errors import UsageError
from rpps_audit.ingest import load, recognise
from rpps_audit.roster import (
    corrected,
    decide_job,
    decide_place,
    keep_form,
    keep_jobs,
    keep_places,
    kept_form,
    kept_places,
    propose,
    propose_jobs,
    propose_places,
    read_table,
    with_jobs,
)
from rpps_audit.roster.contents import as_date, as_month
from rpps_audit.roster.full_names import split_full_name
from rpps_audit.store import open_store

PAYROLL = (
    "Association des Sources;;;;;;;\n"
    "Liste au 31/10/2026;;;;;;;\n"
    "Matricule;N° SS;Nom;Nom de naissance;Prénom;Né(e) le;Entrée;Sortie\n"
    "1;280051234567890;DURAND;PETIT;Anne;17/05/1980;01/09/2020;31/12/2999\n"
    "2;275031234567890;;MARTIN;Luc;02/03/1975;01/09/2021;30/06/2026\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def proposed(path: Path) -> dict[str, str | None]:
    return {one.heading: one.column for one in propose(read_table(path), today=date(2026, 11, 1))}


def test_title_lines_are_passed_and_both_names_are_told_apart(tmp_path: Path) -> None:
    assert proposed(write(tmp_path, "paie.csv", PAYROLL)) == {
        "Matricule": None,
        "N° SS": None,
        "Nom": "Nom d'usage",
        "Nom de naissance": "Nom",
        "Prénom": "Prénom",
        "Né(e) le": "Date de naissance",
        "Entrée": "Date d'entrée",
        "Sortie": "Date de sortie",
    }


def test_a_social_security_number_is_known_by_its_contents(tmp_path: Path) -> None:
    path = write(tmp_path, "paie.csv", "Nom;Prénom;Code\nPETIT;Anne;280056912345678\n")
    choice = propose(read_table(path))[2]
    assert choice.column is None
    assert "sécurité sociale" in choice.reason


def test_contents_are_enough_where_headings_say_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "A;B;C\nPETIT Anne;17/05/1980;10000000017\nMARTIN Luc;02/03/1975;10000000025\n")
    assert proposed(path) == {"A": "Nom et prénom", "B": "Date de naissance", "C": "Numéro RPPS"}


def test_a_heading_and_contents_that_contradict_are_not_mapped(tmp_path: Path) -> None:
    assert proposed(write(tmp_path, "x.csv", "Nom;Né le\nPETIT;oui\nMARTIN;non\n")) == {"Nom": "Nom", "Né le": None}


def test_a_correction_moves_a_column(tmp_path: Path) -> None:
    choices = propose(read_table(write(tmp_path, "paie.csv", PAYROLL)))
    found = {one.heading: one.column for one in corrected(choices, ["Nom=Nom", "Sortie="])}
    assert found["Nom"] == "Nom"
    assert found["Nom de naissance"] is None
    assert found["Sortie"] is None


@pytest.mark.parametrize("told", ["Inconnu=Nom", "Nom=Inconnue", "Nom"])
def test_a_correction_that_means_nothing_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(UsageError, match="Nom"):
        corrected(propose(read_table(write(tmp_path, "paie.csv", PAYROLL))), [told])


def test_two_forms_live_in_one_workspace_and_unmapped_columns_are_not_stored(tmp_path: Path) -> None:
    one = write(tmp_path, "a.csv", "Nom;Prénom;Poste;Salaire brut\nPETIT;Anne;AES;2000\n")
    other = write(tmp_path, "b.csv", "Nom;Prénom;Nom de naissance\nDURAND;Luc;MARTIN\n")
    keep_form(tmp_path, "a", propose(read_table(one)))
    keep_form(tmp_path, "b", propose(read_table(other)))
    keep_form(tmp_path, "a", propose(read_table(one)))
    assert kept_form(tmp_path, ["Nom", "Prénom", "Poste", "Salaire brut"])["Nom"] == "Nom"
    assert kept_form(tmp_path, ["Nom", "Prénom", "Nom de naissance"])["Nom"] == "Nom d'usage"
    assert recognise(other, tmp_path).layout.mapped
    with open_store(tmp_path) as store:
        loaded = load(store, [one, other])
        rows = store.sql(
            "SELECT birth_name, usage_name, first_name, job FROM employments ORDER BY birth_name"
        ).fetchall()
    assert rows == [("MARTIN", "DURAND", "Luc", None), ("PETIT", None, "Anne", "AES")]
    assert any("Salaire brut" in note for note in loaded[0].notes)


def test_a_mapping_without_any_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "RPPS;Entrée\n10000000017;01/01/2020\n")
    with pytest.raises(UsageError, match="nom"):
        keep_form(tmp_path, "x", propose(read_table(path)))


def test_one_row_for_each_month_becomes_a_contract_that_ends_when_months_do(tmp_path: Path) -> None:
    text = "Mois;Nom;Prénom\n08/2026;PETIT;Anne\n09/2026;PETIT;Anne\n10/2026;PETIT;Anne\n08/2026;MARTIN;Luc\n"
    path = write(tmp_path, "mois-2026-11-01.csv", text)
    keep_form(tmp_path, "mois", propose(read_table(path)))
    with open_store(tmp_path) as store:
        load(store, [path])
        rows = store.sql(
            "SELECT birth_name, min(start_date), CASE WHEN count(end_date) = count(*) THEN max(end_date) END "
            "FROM employments GROUP BY birth_name ORDER BY birth_name"
        ).fetchall()
    assert rows == [("MARTIN", date(2026, 8, 1), date(2026, 8, 31)), ("PETIT", date(2026, 8, 1), None)]


@pytest.mark.parametrize(
    ("cell", "name", "first"),
    [
        ("PETIT Anne", "PETIT", "Anne"),
        ("DE LA TOUR Anne-Marie", "DE LA TOUR", "Anne-Marie"),
        ("Mme PETIT Anne", "PETIT", "Anne"),
        ("PETIT, Anne", "PETIT", "Anne"),
        ("Anne PETIT", "PETIT", "Anne"),
        ("PETIT ANNE", "PETIT", "ANNE"),
    ],
)
def test_names_in_one_cell(cell: str, name: str, first: str) -> None:
    assert pl.DataFrame({"c": [cell]}).select(split_full_name(pl.col("c"))).row(0) == (name, first)


@pytest.mark.parametrize(
    ("cell", "day"),
    [("17/05/1980", date(1980, 5, 17)), ("1980-05-17", date(1980, 5, 17)), ("29358", date(1980, 5, 17)),
     ("29358.0", date(1980, 5, 17)), ("17/05/80", None), ("bonjour", None)],
)  # fmt: skip
def test_dates_as_people_and_workbooks_write_them(cell: str, day: date | None) -> None:
    assert pl.DataFrame({"c": [cell]}).select(as_date(pl.col("c"))).item() == day


@pytest.mark.parametrize("cell", ["09/2026", "2026-09", "202609", "15/09/2026"])
def test_months(cell: str) -> None:
    assert pl.DataFrame({"c": [cell]}).select(as_month(pl.col("c"))).item() == date(2026, 9, 1)


PLACES = pl.DataFrame({
    "finess": ["690000013", "690000021", "420000010"],
    "name": ["IME LES LILAS", "SESSAD LES LILAS", "I.M.E. LE VERGER"],
    "siret": ["00000000100011", None, None], "commune_label": ["Lyon", "Lyon", "Feurs"],
})  # fmt: skip


@pytest.mark.parametrize(
    ("label", "finess", "decided"),
    [
        ("690000013", "690000013", "sûr"),
        ("000 000 001 00011", "690000013", "sûr"),
        ("Les Lilas - I.M.E.", "690000013", "sûr"),
        ("IME Le Verger (Feurs)", "420000010", "sûr"),
        ("Lilas", None, "à vérifier"),
        ("SESSAD LES LILLAS", "690000021", "à vérifier"),
        ("ANA-042", None, "à vérifier"),
    ],
)
def test_an_establishment_is_found_by_what_the_file_calls_it(label: str, finess: str | None, decided: str) -> None:
    found = propose_places(pl.Series([label]), PLACES)
    assert found.select("finess", "decided").row(0) == (finess, decided)


def test_what_a_person_decided_of_a_place_stays(tmp_path: Path) -> None:
    keep_places(tmp_path, propose_places(pl.Series(["ANA-042"]), PLACES))
    decide_place(tmp_path, "ANA-042", "690000021")
    keep_places(tmp_path, propose_places(pl.Series(["ANA-042", "IME LES LILAS"]), PLACES))
    assert dict(kept_places(tmp_path).select("place", "finess").iter_rows()) == {
        "ANA-042": "690000021",
        "IME LES LILAS": "690000013",
    }


@pytest.mark.parametrize(
    ("job", "profession", "role"),
    [
        ("Éducateur spécialisé H/F", "326", "GENR10"),
        ("MONITRICE EDUCATRICE", "324", "GENR10"),
        ("Moniteur d'atelier 2e classe", "312", "GENR10"),
        ("AMP", "328", "GENR10"),
        ("Infirmière D.E.", None, None),
        ("Chargé de mission", None, None),
    ],
)
def test_a_function_has_a_profession_and_a_usual_role(job: str, profession: str | None, role: str | None) -> None:
    found = propose_jobs(pl.Series([job])).select("profession", "role", "reason").row(0)
    assert found[:2] == (profession, role)
    assert found[2]


def test_only_a_decided_function_says_anything_of_a_disagreement(tmp_path: Path) -> None:
    keep_jobs(tmp_path, propose_jobs(pl.Series(["AES", "EJE"])))
    decide_job(tmp_path, "AES", "328", "GENR11")
    rows = with_jobs(pl.DataFrame({"job": ["AES", "EJE"]}), tmp_path)
    assert rows.rows() == [("AES", "328", "GENR11"), ("EJE", None, None)]
