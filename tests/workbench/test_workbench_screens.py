"""The four screens on two audited months of the sample: what they hold, without a browser."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.card import Perimeter
from rpps_audit.store import FILE_NAME, fetch_frame
from rpps_audit.workbench import Dpo, Home, Manager, Reviewer, page, pages
from rpps_audit.workbench.copies import copy_pages
from rpps_audit.workbench.due import told_apart
from rpps_audit.workbench.exporting import export
from rpps_audit.workbench.pages import declared, notebook
from rpps_audit.workbench.panel import Panel
from rpps_audit.workbench.reading import snapshots
from rpps_audit.workbench.task import Task
from rpps_audit.workbench.volumes import Hypothesis, toggled
from rpps_audit.workspace import Workspace
from tests.workbench.browser import until
from tests.workbench.conftest import FILES, SAMPLE

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

SECTIONS = [(Manager, ("desk",)), (Dpo, ("totals",)), (Reviewer, ("conclusion",))]


@pytest.mark.parametrize(("screen", "sections"), SECTIONS)
def test_an_empty_workspace_says_what_to_do_and_makes_no_store(screen: type, sections: tuple, empty: Workspace):
    page = screen(empty)
    for name in sections:
        shown = page.part(name)
        assert "déposez-y une extraction" in shown.view()["html"]
    assert "Aucune extraction chargée" in page.part("header").view()["html"]
    assert not (empty.path / FILE_NAME).exists()


def test_a_broken_setting_is_a_sentence_in_every_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "rpps-audit.toml").write_text("[espace]\nx = 1")
    monkeypatch.setenv("RPPS_AUDIT_WORKSPACE", str(tmp_path))
    shown = Dpo().totals()
    assert isinstance(shown, Panel)
    assert "réglage inconnu" in shown.view()["html"]


# -- declared -----------------------------------------------------------------------------------------------------


def test_the_menu_and_the_notebooks_come_from_the_declared_screens(audited: Workspace):
    names = [one.name for one in declared()]
    assert names == ["accueil", "gestionnaire", "dpo", "ans"]
    menu = Manager(audited).part("header").view()["html"]
    assert [name for name in names if f'href="{name}.ipynb"' in menu] == names
    for one in declared():
        assert (NOTEBOOKS / f"{one.name}.ipynb").read_text("utf-8") == notebook(one), (
            "python -m rpps_audit.workbench notebooks"
        )


def test_a_cell_that_runs_again_keeps_what_the_page_holds(monkeypatch: pytest.MonkeyPatch, audited: Workspace):
    monkeypatch.setenv("RPPS_AUDIT_WORKSPACE", str(audited.path))
    monkeypatch.setattr(pages, "_open", {})
    first = page("gestionnaire")
    assert page("gestionnaire") is first
    assert first.part("desk") is first.part("desk")


def test_an_older_copy_says_so_in_the_page_and_is_renewed_with_a_backup(audited: Workspace):
    copy_pages(audited.path)
    mine = audited.path / "atelier" / "dpo.ipynb"
    mine.write_text(mine.read_text("utf-8").replace("dpo", "ancien"), "utf-8")
    head = Dpo(audited).part("header")
    assert "Prendre la nouvelle" in head.view()["html"]
    head.ask("open", key="take")
    assert mine.read_text("utf-8") == notebook(Dpo)
    (kept,) = (audited.path / "atelier" / "anciennes").iterdir()
    assert "ancien" in kept.read_text("utf-8")
    assert "Recharger la page" in head.view()["html"]


def test_a_page_of_an_older_version_shows_that_it_is_older_instead_of_failing(audited: Workspace):
    copy_pages(audited.path)
    mine = audited.path / "atelier" / "dpo.ipynb"
    mine.write_text(mine.read_text("utf-8").replace('page.part(\\"desk\\")', "page.exposure()"), "utf-8")
    assert "Prendre la nouvelle" in Dpo(audited).exposure().view()["html"]


# -- accueil ------------------------------------------------------------------------------------------------------


def dropped(workspace: Workspace, name: str, source: str = FILES[1]) -> Path:
    """A file of the sample in the passage folder, as the drop zone leaves it."""
    target = workspace.path / "depot" / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes((SAMPLE / source).read_bytes())
    return target


def test_dropped_files_are_audited_and_only_the_original_in_the_store_remains(empty: Workspace):
    page = Home(empty)
    state, following = page.state(), page.next()
    assert "Rien n’est encore chargé" in state.view()["html"]
    file = dropped(empty, FILES[1])
    page.receive([file])
    page.task.wait()
    assert page.task.message == ""
    assert page.task.view()["said"].startswith("Terminé")
    assert not file.exists()
    assert FILES[1] in state.view()["html"]
    assert "gestionnaire.ipynb" in following.view()["html"]
    assert "lignes lues" in page.last[0]


def test_a_file_that_is_nothing_known_is_refused_in_one_sentence(empty: Workspace):
    page = Home(empty)
    file = empty.path / "x.csv"
    file.write_text("a;b\n1;2\n")
    page.receive([file])
    page.task.wait()
    assert "x.csv" in page.task.message
    assert "référence E-" in page.task.message


def test_a_file_of_the_future_is_refused_and_leaves_nothing(empty: Workspace):
    page = Home(empty)
    file = dropped(empty, "suivi-rpps-2099-01-01.csv")
    page.receive([file])
    assert "à venir" in page.questions.view()["refused"][0]
    assert not file.exists()
    assert not page.task.running
    assert not (empty.path / FILE_NAME).exists()


@pytest.mark.parametrize("name", ["suivi.csv", "suivi-2026-13-45.csv"])
def test_a_file_without_a_readable_date_is_asked_for_its_day(empty: Workspace, name: str):
    page = Home(empty)
    page.receive([dropped(empty, name)])
    (entry,) = page.questions.view()["entries"]
    assert entry["label"] == f"{name} : données du"
    page.questions.ask("press", button="load", values={"day 0": "01/01/2999"})
    assert "à venir" in page.questions.message
    page.questions.ask("press", button="load", values={"day 0": "01/11/2026"})
    page.task.wait()
    assert "01/11/2026" in page.state().view()["html"]


def test_the_next_export_under_another_name_asks_whether_it_replaces_the_first(audited: Workspace):
    page = Home(audited)
    page.receive([dropped(audited, "export-novembre-2026-11-15.csv")])
    (entry,) = page.questions.view()["entries"]
    assert "remplace l’extraction n° 2" in entry["label"]
    page.questions.ask("press", button="load", values={"like 0": "yes"})
    page.task.wait()
    current = [one for one in snapshots(page) if one["current"] and one["kind"] == "fichier de suivi"]
    assert len(current) == 1


def test_a_file_that_is_said_not_to_replace_is_not_loaded_beside_its_double(audited: Workspace):
    page = Home(audited)
    before = len(snapshots(page))
    file = dropped(audited, "export-novembre-2026-11-15.csv")
    page.receive([file])
    page.questions.ask("press", button="load", values={"like 0": "no"})
    assert page.questions.view()["refused"] == [file.name]
    assert not file.exists()
    assert len(snapshots(page)) == before


def test_a_file_is_taken_back_from_the_page(audited: Workspace):
    page = Home(audited)
    state = page.part("state")
    page.part("files")
    state.ask("open", key="forget 3")
    page.task.wait()
    assert page.task.message == ""
    assert 3 not in [one["snapshot_id"] for one in snapshots(page)]


def test_what_is_dropped_while_an_audit_runs_waits_and_is_loaded(empty: Workspace):
    page = Home(empty)
    page.receive([dropped(empty, FILES[0], FILES[0])])
    page.receive([dropped(empty, FILES[1])])
    until(lambda: not page.task.running and FILES[1] in "".join(page.last), "the second file")
    assert len(snapshots(page)) == 2
    assert not list((empty.path / "depot").iterdir())


def test_an_interrupted_audit_says_what_it_has_kept(empty: Workspace, monkeypatch: pytest.MonkeyPatch):
    page = Home(empty)
    page.task._tell = _stop_at(page.task, "lecture", after=True)
    page.receive([dropped(empty, FILES[1])])
    page.task.wait()
    said = page.task.view()["said"]
    assert f"gardé, mais pas encore contrôlé : n° 1 ({FILES[1]})" in said
    again = Home(empty)
    again.task._tell = _stop_at(again.task, "lecture", after=False)
    again.receive([dropped(empty, FILES[0], FILES[0])])
    again.task.wait()
    assert "Rien n’a été chargé" in again.task.view()["said"]


def _stop_at(task: Task, what: str, *, after: bool) -> Callable[[str, float], None]:
    """Interrupt in the middle of a step, or at the first step after it."""
    tell = task._tell

    def told(step: str, share: float) -> None:
        if (step != what) is after:
            task.do_cancel()
        tell(step, share)

    return told


def test_the_template_and_the_rejected_lines_are_downloaded_from_the_page(empty: Workspace):
    page = Home(empty)
    file = empty.path / "suivi-2026-11-01.csv"
    lines = (SAMPLE / FILES[1]).read_text("utf-8-sig").splitlines()
    file.write_text("\n".join([*lines[:3], "trop;court"]) + "\n", "utf-8")
    page.receive([file])
    page.task.wait()
    state = page.part("state")
    given = []
    state.send = lambda content, buffers=None: given.append((content, buffers)) if "file" in content else None
    state.ask("open", key="template")
    state.ask("open", key="rejects 1")
    assert [content["file"]["name"] for content, _ in given] == ["modele-suivi.xlsx", "rejets-1.csv"]
    assert given[1][1][0].decode("utf-8-sig").splitlines()[0] == "Ligne;Motif;Contenu"


# -- gestionnaire -------------------------------------------------------------------------------------------------


def test_closings_come_first_by_documents_times_days(audited: Workspace):
    page = Manager(audited)
    page.part("desk")
    rows = page.todo.frame()
    departs = rows["departs"].to_list()
    assert departs[0]
    assert departs == sorted(departs, reverse=True)
    assert rows.filter("departs")["weight"].drop_nulls().is_sorted(descending=True)
    assert {tuple(one) for one in rows.filter("departs")["acts"].to_list()} == {("close", "stay", "skip")}


def test_one_figure_is_one_number(audited: Workspace):
    page, dpo = Manager(audited), Dpo(audited)
    page.part("desk")
    every = page.due_today.findings.height
    counts = dict(dpo.counts())
    assert page.todo.grid.table.frame.height == every == counts["nouveaux"] + counts["persistants"] + counts["rouvert"]
    assert dpo.evidence.totals["forgotten_situations"] == page.due_today.forgotten.height


def test_without_a_session_no_name_is_shown_anywhere(audited: Workspace):
    page = Manager(audited)
    page.part("desk")
    page.open_finding(page.todo.grid.view()["rows"][0]["key"])
    parts = [
        page.todo.grid,
        page.todo.facets,
        page.sheet_panel,
        page.editing.chooser,
        page.editing.form,
        page.answering.form,
    ]
    shown = json.dumps([part.view() for part in parts], default=str, ensure_ascii=False)
    names = page.due_today.findings["birth_name"].drop_nulls().unique()
    assert set(page.todo.frame()["who"]) == {None}
    assert not [name for name in names if len(name) > 5 and f'"{name}' in shown]
    assert "Valeurs masquées" in shown


def test_a_session_shows_my_establishments_only_and_the_rest_one_click_away(audited: Workspace, monkeypatch):
    page = Manager(audited)
    mine = page.due_today.findings["finess"].drop_nulls()[0]
    monkeypatch.setattr(page.panel, "perimeter", lambda: Perimeter(frozenset([mine])))
    shown = page.todo.frame()
    assert set(shown["finess"]) == {mine}
    assert shown["who"].null_count() == 0
    page.todo.facets.ask("choose", facet="mine", value="all")
    every = page.todo.frame()
    assert every.height == page.due_today.findings.height
    assert set(every.filter(pl.col("who").is_not_null())["finess"]) == {mine}
    page.open_finding(shown["finding"][0])
    sheet = page.sheet_values()["sheet"]
    assert sheet.visible
    assert {one["finess"] for one in sheet.situations} == {mine}
    assert sheet.title != sheet.professional


def test_facets_count_what_they_keep(audited: Workspace):
    todo = Manager(audited).todo
    rule = next(facet for facet in todo.facets.view()["facets"] if facet["name"] == "rule")
    value, _, count = rule["values"][1]
    todo.facets.ask("choose", facet="rule", value=value)
    assert todo.grid.table.frame.height == count
    todo.facets.ask("choose", facet="rule", value="")
    assert todo.grid.table.frame.height == rule["values"][0][2]


def test_what_is_passed_over_leaves_the_list_and_is_counted(audited: Workspace):
    todo = Manager(audited).todo
    first = todo.grid.view()["rows"][0]["key"]
    todo.grid.ask("act", name="skip", key=first)
    assert first not in [row["key"] for row in todo.grid.view()["rows"]]
    assert "1\u00a0passé" in todo.grid.status()


def test_the_sheet_follows_the_row_with_what_to_do(audited: Workspace):
    page = Manager(audited)
    page.part("desk")
    second = page.todo.grid.view()["rows"][1]["key"]
    page.todo.grid.ask("follow", key=second)
    assert page.key == second.split("\n")[1]
    assert page.sheet_values()["findings"][0]["advice"]
    html = page.sheet_panel.view()["html"]
    assert "situation d’exercice" in html
    assert html.index("Clé de la fiche") > html.index("État civil")


def test_establishments_of_the_same_name_have_their_department_beside(audited: Workspace):
    frame = pl.DataFrame(
        {"finess": ["010000001", "380000002", "070000003"], "structure_name": ["Le Verger", "Le Verger", "L’Arche"]}
    )
    assert told_apart(frame)["structure_name"].to_list() == ["Le Verger (01)", "Le Verger (38)", "L’Arche"]


# -- DPO ----------------------------------------------------------------------------------------------------------


def test_the_dpo_sees_pseudonyms_the_same_on_screen_in_files_and_in_the_report(audited: Workspace):
    page = Dpo(audited)
    page.part("desk")
    shown = page.people["person"].unique()
    assert shown.str.contains(r"P-[A-Z2-7]{8}$").all()
    page.export()
    folder = audited.path / "reports" / "dpo"
    written = pl.read_csv(folder / "exposition-professional.csv", separator=";")["Personne (pseudonyme)"]
    assert set(shown) <= set(written)
    with audited.store() as store:
        numbers = fetch_frame(store.sql("SELECT DISTINCT professional_id FROM registrations")).to_series().drop_nulls()
    texts = "".join(path.read_text("utf-8") for path in folder.glob("*.csv")) + json.dumps(
        page.grid.view(), default=str
    )
    assert not [number for number in numbers if number in texts]


def test_who_could_read_a_document_somewhere_on_a_day_and_through_what(audited: Workspace):
    page = Dpo(audited)
    page.part("desk")
    form, evidence = page.question, page.evidence
    form.ask("type", name="document", text=evidence.documents["synthese-psychiatrique"])
    roles = set(evidence.granted["synthese-psychiatrique"])
    assert set(page.people["role"]) <= roles
    some = next(finess for finess, name in evidence.places.items() if name in set(page.people["place"]))
    form.ask("type", name="finess", text=evidence.places[some])
    assert set(page.people["place"]) == {evidence.places[some]}
    assert f"{page.people['person'].n_unique()}\u00a0personne" in form.view()["said"]
    now = page.people.height
    form.ask("type", name="day", text="01/01/2010")
    assert page.people.height < now
    form.ask("type", name="day", text="01/01/2999")
    assert "Rien n’est connu après" in form.view()["said"]


def test_every_row_of_a_view_opens_the_people_behind_its_figure(audited: Workspace):
    page = Dpo(audited)
    page.part("desk")
    page.by = "establishment"
    grid = page.view_grid()
    grid.ask("open", key=grid.view()["rows"][0]["key"])
    assert page.question.value("finess") == grid.view()["rows"][0]["key"]
    assert page.people["place"].n_unique() == 1


def test_exports_are_french_private_and_listed_with_their_hashes(audited: Workspace):
    page = Dpo(audited)
    page.part("desk")
    page.export()
    folder = audited.path / "reports" / "dpo"
    manifest = (folder / "MANIFESTE.txt").read_text("utf-8")
    files = [path for path in folder.iterdir() if path.name != "MANIFESTE.txt"]
    assert "indicatif" in manifest.lower()
    for path in files:
        assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" in manifest
        assert path.stat().st_mode & 0o077 == 0
    forgotten = (folder / "situations-oubliees.csv").read_bytes()
    assert forgotten.startswith(b"\xef\xbb\xbf")
    assert re.search(r';"\d\d/\d\d/\d{4}";', forgotten.decode("utf-8"))
    assert (
        pl.read_excel(folder / "exposition.xlsx", sheet_name="situations-oubliees").height
        == page.evidence.forgotten.height
    )


def test_a_cell_that_begins_like_a_formula_is_written_as_text(tmp_path: Path):
    export(tmp_path, "x", {"t": pl.DataFrame({"rule": ["=1+1", "a"]})}, [])
    assert "'=1+1" in (tmp_path / "t.csv").read_text("utf-8")


def test_the_time_axis_ends_on_the_day_of_the_totals(audited: Workspace):
    page = Dpo(audited)
    last = page.months().row(-1, named=True)
    assert last["day"] == page.evidence.as_of
    # What has no start date is open today, but since when nobody knows.
    assert 0 < last["person_documents"] <= page.evidence.views["document"]["professionals"].sum()
    assert 'role="img"' in page._history().view()["html"]


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
    with zipfile.ZipFile(audited.reports / path) as archive:
        assert "par-etablissement.csv" in archive.namelist()
        assert "Conclusion" in archive.read("dossier.html").decode()
    assert again.dossier.professionals == again.volumes.catch_all


def test_one_request_is_one_file_whatever_its_label_becomes(audited: Workspace):
    page = Reviewer(audited)
    for label in ("G", "Gouv", "Gouvernant", "Gouvernant de maison"):
        page.form.ask("press", button="examine", values={"label": label})
    assert [path.name for path in page.drafts()] == ["gouvernant-de-maison.json"]
    page.form.ask("press", button="new")
    page.form.ask("press", button="examine", values={"label": "Gouvernant de maison"})
    assert "déjà enregistrée" in page.form.message


def test_the_form_refuses_a_number_that_is_none(audited: Workspace):
    page = Reviewer(audited)
    page.form.ask("press", button="examine", values={"label": "Gouvernant", "people": "douze"})
    assert "s’écrit en chiffres" in page.form.message
    page.form.ask("press", button="examine", values={"people": "1 200"})
    assert page.request.people == 1200


REQUESTS = {
    "access": {"label": "Lecteur", "uses": "Accéder aux documents du DMP des personnes accueillies"},
    "covered": {"label": "Aide-soignant", "uses": "Soin", "definition": "Aide à la toilette et au repas, chaque jour"},
    "incomplete": {"label": "Gouvernant de maison", "uses": "Tenue de la maison"},
}  # fmt: skip


def test_three_requests_end_with_three_different_conclusions(audited: Workspace):
    page = Reviewer(audited)
    for kind, values in REQUESTS.items():
        page.form.ask("press", button="new")
        page.form.ask("press", button="examine", values=values)
        assert page.concluded().kind == kind
        assert page.concluded().said in page.part("conclusion").view()["html"]


def test_what_was_tried_is_kept_in_the_file_and_can_be_taken_out(audited: Workspace):
    page = Reviewer(audited)
    page.form.ask("press", button="examine", values={"label": "Gouvernant"})
    page.suppose(Hypothesis("Si x.", roles={"GENR09": "GENR11"}))
    page.keep()
    (kept,) = page.request.hypotheses
    assert kept.startswith("Si x. ")
    again = Reviewer(audited)
    again.open_request(page.drafts()[0])
    assert again.request.hypotheses == (kept,)
    again.part("conclusion").ask("open", key=kept)
    assert again.request.hypotheses == ()


def test_a_profession_is_found_by_its_label_and_cited_by_its_code(audited: Workspace):
    page = Reviewer(audited)
    label = page._held("profession")["326"]
    page.form.ask("type", name="cite", text=label)
    assert page.request.current_codes == ("326",)
    page.codes.ask("open", key="326")
    assert page.request.current_codes == ()
