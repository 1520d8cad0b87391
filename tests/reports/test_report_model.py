"""What a report says of a small store, before any rendering."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import polars as pl
import pytest

from rpps_audit.privacy import open_pseudonyms
from rpps_audit.reports import Report, build_report
from rpps_audit.reports.model import SHOWN_ROWS, Bars, Column, Grid, Steps, Table, make_table
from rpps_audit.reports.steps import advice
from rpps_audit.store import memory_store
from tests.reports.report_cases import HERE, THERE, filled, people, workspace

Shown = TypeVar("Shown", Bars, Grid, Steps)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    place = workspace(tmp_path_factory.mktemp("espace"))
    with filled(place) as store:
        return build_report(store, place)


def table(report: Report, name: str) -> Table:
    return next(table for table in report.tables() if table.name == name)


def rows(report: Report, name: str) -> list[dict[str, object]]:
    found = table(report, name)
    return [dict(zip((column.label for column in found.columns), row, strict=True)) for row in found.rows]


def block(report: Report, kind: type[Shown], name: str) -> Shown:
    blocks = [block for section in report.sections for block in section.blocks]
    return next(found for found in blocks if isinstance(found, kind) and found.name == name)


def test_the_verdict_gives_the_numbers_that_matter_with_their_denominators(report: Report) -> None:
    said = [(item.value, item.label, item.context) for item in report.numbers]
    assert said == [
        ("1", "situations oubliées", "sur 3 ouvertes"),
        ("64", "accès ouverts par oubli", "sur 120 accès"),
        ("2", "enregistrements avec une erreur", "sur 6 regardés"),
        ("1", "contrôles non évaluables", "sur 3"),
    ]
    assert "3\u00a0professionnels" in report.verdict[0]


def test_what_was_read_is_what_was_kept_and_rejected(report: Report) -> None:
    for row in rows(report, "fichiers"):
        assert row["Lues"] == row["Retenues"] + row["Rejetées"]  # type: ignore[operator]


def test_a_family_without_an_evaluated_rule_has_no_score(report: Report) -> None:
    scores = {row["Famille"]: row for row in rows(report, "familles")}
    assert scores["Vraisemblance"]["Part sans défaut"] is None
    assert scores["Vraisemblance"]["Contrôles"] == "0 évalué, 1 non évaluable, 0 sans objet"
    assert scores["Complétude"]["Enregistrements regardés"] == 3
    assert scores["Complétude"]["Avec un défaut"] == 1
    assert scores["Complétude"]["Part sans défaut"] == pytest.approx(2 / 3)


def test_states_follow_the_export_before(report: Report) -> None:
    states = {row["Contrôle"]: row for row in rows(report, "erreurs-par-controle")}
    assert states["Courriel absent"]["Nouveaux"] == 1
    assert states["Courriel absent"]["Disparus"] == 1
    assert states["Fin passée & situation <ouverte>"]["Nouveaux"] == 1


def test_forgotten_situations_come_first_then_errors(report: Report) -> None:
    steps = block(report, Steps, "premiers-gestes").steps
    assert [step.rule_id for step in steps] == ["essai-fin-passee", "essai-courriel-absent"]
    assert steps[0].action == ("Clore la situation, avec son motif.", "Prévenir la personne.")
    assert "1\u202f920" in steps[0].measure
    assert steps[0].places == (f"Foyer <des> Érables & Cie ({THERE}) :\u00a01",)
    assert "ligne 3" in steps[0].records[0]


def test_the_heat_map_and_the_table_behind_it_agree(report: Report) -> None:
    grid = block(report, Grid, "figure-exposition")
    behind = table(report, "types-de-document")
    labels = [column.label for column in behind.columns]
    roles = [column.split("\n")[0] for column in grid.columns]
    assert len(grid.rows) == 73
    assert [row[0] for row in behind.rows] == list(grid.rows)
    assert [tuple(row[labels.index(role)] for role in roles) for row in behind.rows] == list(grid.values)
    assert {value for row in grid.values for value in row} == {None, 0, 1, 2}


def test_ages_of_forgotten_situations_add_up(report: Report) -> None:
    ages = rows(report, "oublis-par-age")
    assert [row["Situations"] for row in ages] == [0, 1, 0, 0, 0, 0]
    assert ages[1]["Accès-jours par oubli"] == 64 * 30
    assert block(report, Bars, "figure-oublis").series[0][1] == (0, 1, 0, 0, 0, 0)


def test_what_lacked_its_data_is_named(report: Report) -> None:
    (row,) = rows(report, "controles-non-evaluables")
    assert row["Contrôle"] == "Établissement introuvable"
    assert "établissements (FINESS)" in str(row["Ce qui manque"])
    assert row["Évalué dans"] == "nulle part"


def test_every_output_names_the_matrix_and_says_it_is_indicative(report: Report) -> None:
    assert "indicatifs" in report.caveat
    assert "gcs-sara-diapositives-1" in report.caveat


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    with memory_store() as store:
        report = build_report(store, workspace(tmp_path))
    assert report.verdict == ("Aucune extraction contrôlée. Commencez par : rpps-audit audit FICHIER.",)
    assert report.numbers == ()
    assert all(found.empty for found in report.tables() if not found.rows)


def test_a_clean_extract_is_told_as_clean(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with filled(place, people()[:1]) as store:
        report = build_report(store, place)
    assert "Aucune situation oubliée n'a été trouvée." in report.verdict
    assert "Aucun enregistrement ne porte d'erreur." in report.verdict
    assert block(report, Steps, "premiers-gestes").steps == ()


def test_pseudonyms_are_the_default_and_keys_a_choice(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    key = "8" + f"{2:011d}"
    with filled(place) as store:
        hidden, plain = build_report(store, place), build_report(store, place, pseudonymous=False)
    assert rows(hidden, "situations-oubliees")[0]["Professionnel"] == open_pseudonyms(tmp_path).label(key)
    assert rows(plain, "situations-oubliees")[0]["Professionnel"] == key


def test_a_structure_without_finess_is_not_named(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    practice = {"finess": None, "structure_id": "R10000000002", "structure_name": "CABINET QUETZALOVNA"}
    with filled(place, [{**row, **practice} for row in people()]) as store:
        said = repr(build_report(store, place))
    assert "QUETZALOVNA" not in said
    assert "R10000000002" not in said


def test_a_list_is_never_cut_silently() -> None:
    frame = pl.DataFrame({"n": range(SHOWN_ROWS + 5)})
    found = make_table("t", "t", frame, {"n": Column("N", "count")}, empty="rien", complete="constats.csv")
    assert found.left_out == "Les 200 premières lignes sur 205. Liste complète : constats.csv."
    assert make_table("t", "t", frame.head(2), {"n": Column("N")}, empty="rien").left_out == ""


def test_advice_is_the_right_part_of_the_page_without_markup() -> None:
    page = "Intro\n\n## Ce que le gestionnaire doit faire\n\nVoir `x` et **y**.\n1. Un\n   suite\n2. Deux\n\n## Fin\nz"
    assert advice(page) == ("Voir x et y.", "Un suite", "Deux")
    assert advice("Sans conseil") == ("Corriger ces enregistrements dans le portail, puis recharger une extraction.",)


def test_establishments_are_those_of_the_extract(report: Report) -> None:
    assert [row["Établissement"] for row in rows(report, "etablissements")] == [
        f"Foyer <des> Érables & Cie ({THERE})",
        f"FINESS {HERE}",
    ]
