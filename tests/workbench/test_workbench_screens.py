"""The four screens on two audited months of the sample: what they hold, without a browser."""

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.card import Perimeter
from rpps_audit.store import FILE_NAME
from rpps_audit.workbench import Dpo, Home, Manager, Reviewer
from rpps_audit.workbench.panel import Panel
from rpps_audit.workbench.reviewer import Hypothesis, toggled
from rpps_audit.workspace import Workspace
from tests.workbench.conftest import FILES, SAMPLE

SECTIONS = [
    (Manager, ("due", "findings")),
    (Dpo, ("exposure", "forgotten", "history", "not_evaluable", "exports")),
    (Reviewer, ("figures", "to_move", "what_if", "file")),
]


@pytest.mark.parametrize(("screen", "sections"), SECTIONS)
def test_an_empty_workspace_says_what_to_do_and_makes_no_store(screen: type, sections: tuple, empty: Workspace):
    page = screen(empty)
    for name in sections:
        shown = getattr(page, name)()
        assert "déposez-y une extraction" in shown.view()["html"]
    assert not (empty.path / FILE_NAME).exists()


def test_a_broken_setting_is_a_sentence_in_every_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "rpps-audit.toml").write_text("[espace]\nx = 1")
    monkeypatch.setenv("RPPS_AUDIT_WORKSPACE", str(tmp_path))
    shown = Dpo().exposure()
    assert isinstance(shown, Panel)
    assert "réglage inconnu" in shown.view()["html"]


# -- accueil ------------------------------------------------------------------------------------------------------


def test_dropped_files_are_audited_and_only_the_original_in_the_store_remains(empty: Workspace):
    page = Home(empty)
    state, following = page.state(), page.next()
    assert "Rien n’est encore chargé" in state.view()["html"]
    dropped = empty.path / "depot" / FILES[1]
    dropped.parent.mkdir()
    dropped.write_bytes((SAMPLE / FILES[1]).read_bytes())
    page.audit([dropped])
    page.task.wait()
    assert page.task.message == ""
    assert page.task.view()["said"].startswith("Terminé")
    assert not dropped.exists()
    assert FILES[1] in state.view()["html"]
    assert "gestionnaire.ipynb" in following.view()["html"]
    assert "lignes lues" in page.last[0]


def test_a_file_that_is_nothing_known_is_refused_in_one_sentence(empty: Workspace):
    page = Home(empty)
    dropped = empty.path / "x.csv"
    dropped.write_text("a;b\n1;2\n")
    page.audit([dropped])
    page.task.wait()
    assert "x.csv" in page.task.message
    assert "référence E-" in page.task.message


# -- gestionnaire -------------------------------------------------------------------------------------------------


def test_what_is_due_comes_by_documents_times_days(audited: Workspace):
    page = Manager(audited)
    shown = page.shown_forgotten()
    assert shown.height > 0
    assert shown["exposed"].drop_nulls().is_sorted(descending=True)
    assert "situations à fermer" in page.due().children[0].view()["html"]


def test_without_a_session_no_name_is_shown_anywhere(audited: Workspace):
    page = Manager(audited)
    grids = [page.due().children[1], page.findings().children[1]]
    page.open_record(page.shown_forgotten()["record_key"][0])
    parts = [*grids, page.sheet().children[0], page.editing.chooser, page.editing.form]
    shown = json.dumps([part.view() for part in parts], default=str, ensure_ascii=False)
    names = page.due_today.findings["birth_name"].drop_nulls().unique()
    assert set(page.shown_findings()["who"]) == {None}
    assert not [name for name in names if len(name) > 5 and f'"{name}' in shown]
    assert "Valeurs masquées" in shown


def test_a_session_shows_the_values_of_its_own_establishments_only(audited: Workspace, monkeypatch):
    page = Manager(audited)
    mine = page.due_today.findings["finess"].drop_nulls()[0]
    monkeypatch.setattr(page.panel, "perimeter", lambda: Perimeter(frozenset([mine])))
    shown = page.shown_findings().with_columns(page.due_today.findings["finess"])
    named = shown.filter(pl.col("who").is_not_null())
    assert set(named["finess"]) == {mine}
    key = named["record_key"][0]
    page.open_record(key)
    sheet = page.sheet_values()["sheet"]
    assert sheet.visible
    assert {one["finess"] for one in sheet.situations} == {mine}
    assert sheet.title != sheet.professional


def test_facets_count_what_they_keep(audited: Workspace):
    page = Manager(audited)
    grid = page.findings().children[1]
    rule = page.facets("rule").row(0, named=True)
    page.choose("rule", rule["value"])
    assert grid.table.frame.height == rule["findings"]
    page.choose("rule", "")
    assert grid.table.frame.height == page.facets("rule")["findings"].sum()


def test_opening_a_finding_opens_its_record_with_what_to_do(audited: Workspace):
    page = Manager(audited)
    sheet = page.sheet().children[0]
    grid = page.findings().children[1]
    grid.ask("open", key=grid.view()["rows"][0]["key"])
    assert page.key == grid.table.frame["record_key"][0]
    values = page.sheet_values()
    assert values["findings"][0]["advice"]
    assert "<h3>Situations d’exercice</h3>" in sheet.view()["html"]


# -- DPO ----------------------------------------------------------------------------------------------------------


def test_exposure_is_shown_by_whatever_one_chooses(audited: Workspace):
    page = Dpo(audited)
    box = page.exposure()
    for name in ("document", "professional", "role", "establishment"):
        box.children[1].value = name
        assert box.children[2].children[0].table.frame.height == page.evidence.views[name].height
    assert "indicatif" in box.children[0].view()["html"].lower()


def test_the_time_axis_ends_on_the_day_of_the_totals(audited: Workspace):
    page = Dpo(audited)
    last = page.months().row(-1, named=True)
    assert last["day"] == page.evidence.as_of
    # What has no start date is open today, but since when nobody knows.
    assert 0 < last["person_documents"] <= page.evidence.views["document"]["professionals"].sum()
    assert 'role="img"' in page.history().view()["html"]


def test_exports_carry_keys_and_the_version_of_the_grants(audited: Workspace):
    page = Dpo(audited)
    page.export()
    written = [audited.path / path for path in page.exported()]
    assert len(written) == 10
    for path in written:
        frame = pl.read_csv(path, infer_schema=False)
        assert not {"birth_name", "first_names", "email"} & set(frame.columns)
        assert frame["tableau_des_droits"].str.starts_with("indicatif").all()


# -- ANS ----------------------------------------------------------------------------------------------------------


def test_a_hypothesis_is_answered_both_ways_and_back(audited: Workspace):
    page = Reviewer(audited)
    page.suppose(Hypothesis("x", roles={"GENR09": "GENR11"}))
    there = page.answer["totals"].row(0, named=True)
    assert there["gained"] > 0
    page.suppose(Hypothesis("x", roles={"GENR09": None}))
    closed = page.answer["totals"].row(0, named=True)
    assert (closed["gained"], closed["lost"] > 0) == (0, True)


def test_one_grant_is_turned_over(audited: Workspace):
    matrix = audited.access_matrix()
    role, document = matrix.grants.row(0)
    without = toggled(matrix, role, document)
    assert without.grants.height == matrix.grants.height - 1
    assert toggled(without, role, document).compare(matrix).is_empty()
    assert "hypothèse" in without.version


def test_a_request_survives_a_restart_and_its_dossier_holds_the_figures(audited: Workspace):
    page = Reviewer(audited)
    page.change_request(label="Gouvernant de maison", people=12, current_codes=("312",))
    again = Reviewer(audited)
    again.open_request(again.drafts()[0])
    assert again.request == page.request
    again.export()
    (path,) = again.dossiers()
    with zipfile.ZipFile(audited.path / path) as archive:
        assert "par-etablissement.csv" in archive.namelist()
    assert again.dossier.professionals == again.volumes.catch_all


def test_the_form_writes_the_request_and_refuses_a_number_that_is_none(audited: Workspace):
    page = Reviewer(audited)
    _, form, result = page.file().children
    boxes = {box.description: box for box in form.children if hasattr(box, "description")}
    boxes["Libellé souhaité"].value = "Gouvernant"
    boxes["Nombre de professionnels concernés"].value = "douze"
    assert "s’écrit en chiffres" in result.message
    boxes["Nombre de professionnels concernés"].value = "1 200"
    assert page.request.people == 1200
