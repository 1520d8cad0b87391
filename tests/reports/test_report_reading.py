"""What the report says of the state it judges, and of what reading lost."""

from __future__ import annotations

from pathlib import Path

from rpps_audit.reports import Report, build_report, render_html
from rpps_audit.reports.model import Table
from rpps_audit.store import Store, memory_store
from tests.checks.literal import person, run_checks, snapshot
from tests.reports.report_cases import BEFORE, NOW, filled, workspace


def table(report: Report, name: str) -> Table:
    return next(table for table in report.tables() if table.name == name)


def rows(report: Report, name: str) -> list[dict[str, object]]:
    found = table(report, name)
    return [dict(zip((column.label for column in found.columns), row, strict=True)) for row in found.rows]


def test_the_title_and_the_verdict_name_the_state_and_its_files(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with filled(place) as store:
        report = build_report(store, place)
        earlier = build_report(store, place, as_of=BEFORE)
    assert report.title.endswith("état du 01/11/2026 (1 fichier)")
    assert report.verdict[0].startswith("État du 01/11/2026 (1 fichier)")
    assert earlier.title.endswith("état du 01/09/2026 (1 fichier)")
    assert [(row["Date des données"], row["Dans l'état jugé"]) for row in rows(report, "fichiers")] == [
        (NOW, "oui"),
        (BEFORE, "non"),
    ]


def lose(store: Store, number: int) -> None:
    store.sql("INSERT INTO cell_counts VALUES (?, 'end_date', 10, 8, 2, 3), (?, 'role', 10, 10, 0, 0)", [number] * 2)
    store.sql("INSERT INTO cell_causes VALUES (?, 'end_date', 'serial', 3, true, 5)", [number])
    store.sql("INSERT INTO unreadable VALUES (?, 4, 'end_date', 'fin juin')", [number])


def test_a_column_that_lost_cells_is_shown_with_its_causes_and_never_its_values(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with memory_store() as store:
        number = snapshot(store, "suivi", [person(1)])
        lose(store, number)
        run_checks(store, number, place.catalogue())
        report = build_report(store, place)
    (row,) = rows(report, "lecture-perdue")
    assert row["Colonne"] == "Date de fin de fonction"
    counts = ("Cellules remplies", "Lues", "Illisibles ou inconnues", "Dont converties")
    assert [row[label] for label in counts] == [10, 8, 2, 3]
    assert row["Pourquoi"] == "abîmée par un tableur : date devenue un nombre, relue (3)"
    assert row["Première ligne"] == 4
    assert any("2\u00a0cellules remplies" in said for said in report.verdict)
    assert "fin juin" not in render_html(report)


def test_a_rule_with_nothing_to_look_at_is_sans_objet_and_not_a_success(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with memory_store() as store:
        number = snapshot(store, "suivi", [person(1, email="a@free.fr", is_open=None, end_date=None)])
        run_checks(store, number, place.catalogue())
        report = build_report(store, place)
    scores = {row["Famille"]: row["Contrôles"] for row in rows(report, "familles")}
    assert scores["Actualité"] == "0 évalué, 0 non évaluable, 1 sans objet"
    assert scores["Vraisemblance"] == "0 évalué, 1 non évaluable, 0 sans objet"
    assert ("1", "contrôles non évaluables", "sur 3 ; 1 sans objet") in [
        (item.value, item.label, item.context) for item in report.numbers
    ]


def test_a_rule_evaluated_on_some_files_names_the_others(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with memory_store() as store:
        for name, columns in (("nord", None), ("sud", ["pp_id", "professional_id", "finess"])):
            number = snapshot(store, "suivi", [person(1)], columns=columns)
            store.sql("UPDATE snapshots SET series = ?, file_name = ? WHERE snapshot_id = ?", [name, name, number])
        run_checks(store, number, place.catalogue())
        report = build_report(store, place)
    told = {row["Contrôle"]: row for row in rows(report, "controles-evaluables-en-partie")}
    assert told["Courriel absent"]["Non évaluable sur"] == "sud"
    assert "colonne absente" in str(told["Courriel absent"]["Ce qui manque"])


def test_lines_outside_the_perimeter_are_counted(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with memory_store() as store:
        number = snapshot(store, "suivi", [person(1)])
        store.sql("UPDATE snapshots SET rows_read = 4 WHERE snapshot_id = ?", [number])
        store.sql("INSERT INTO outside_perimeter VALUES (?, 3)", [number])
        (row,) = rows(build_report(store, place), "fichiers")
    assert row["Lues"] == row["Retenues"] + row["Rejetées"] + row["Hors périmètre"] == 4  # type: ignore[operator]
