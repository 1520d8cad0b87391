"""Each persona's main path from file to result, in a real Chromium on a real JupyterLab; and what axe says of it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rpps_audit.batches.verify import verify
from rpps_audit.card import load_settings, load_trust
from rpps_audit.store import fetch_frame
from rpps_audit.workspace import open_workspace
from tests.card.fixtures import make_workspace, manager_entry
from tests.card.profiles import PIN
from tests.card.stack import CardProcess
from tests.workbench.browser import Lab, launch, notebook_of, run
from tests.workbench.conftest import FILES, SAMPLE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Two cores are shared with the server, the kernel and the browser.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(chromium: Browser, _audited_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One Lab for the module, on an audited workspace whose manager is the software card's."""
    workspace = _managed(_audited_once, tmp_path_factory.mktemp("lab") / "espace", places=20)
    with Lab(workspace, chromium) as opened:
        notebook_of(workspace, "grandes", "from tests.workbench.pages import large\nlarge()")
        notebook_of(workspace, "edition", "from tests.workbench.pages import edited\nedited()")
        yield opened


@pytest.fixture
def own_lab(chromium: Browser, _audited_once: Path, tmp_path: Path) -> Iterator[Lab]:
    """A Lab for what writes: its manager acts everywhere."""
    with Lab(_managed(_audited_once, tmp_path / "espace"), chromium) as opened:
        yield opened


def _managed(audited: Path, workspace: Path, places: int | None = None) -> Path:
    """A copy of an audited workspace whose manager is the software card's, for the first `places` (None: all)."""
    with open_workspace(audited).store() as store:
        every = fetch_frame(store.sql("SELECT DISTINCT finess FROM registrations WHERE finess IS NOT NULL ORDER BY 1"))
    listed = ", ".join(f'"{place}"' for place in every["finess"][:places])
    make_workspace(workspace, manager_entry(establishments=f"[{listed}]"))
    shutil.copytree(audited, workspace, dirs_exist_ok=True)
    return workspace


def _violations(page: Page) -> list[str]:
    """What axe finds in our own widgets; JupyterLab's shell is not ours."""
    found = Axe().run(page, context=".rpps").response["violations"]
    return [f"{one['id']} : {node['html'][:120]}" for one in found for node in one["nodes"]]


# -- accueil ------------------------------------------------------------------------------------------------------


def test_a_dropped_file_is_audited_and_the_next_page_opens(chromium: Browser, tmp_path: Path):
    with Lab(tmp_path, chromium) as opened:
        page = opened.open("accueil")
        expect(page.get_by_text("Rien n’est encore chargé")).to_be_visible()
        assert _violations(page) == []
        page.locator("input[type=file]").set_input_files([SAMPLE / name for name in FILES])
        expect(page.get_by_text("Terminé :")).to_be_visible()
        expect(page.get_by_role("cell", name=FILES[1])).to_be_visible()
        assert _violations(page) == []
        page.get_by_role("link", name="Gestionnaire").click()
        page.wait_for_url("**/gestionnaire.ipynb*")
        run(page)
        expect(page.get_by_role("grid", name="Situations à fermer")).to_be_visible()


# The promise is for an ordinary computer to itself; a shared one may be several times slower, and must not fail for it.
SLACK = 4


def test_opening_to_usable_takes_less_than_ten_seconds(lab: Lab):
    taken: list[float] = []
    # The best of three: other work on the machine is not the workbench's.
    while len(taken) < 3 and min(taken, default=10 * SLACK) >= 10:
        begun = time.monotonic()
        page = lab.open("accueil")
        expect(page.get_by_text("Extractions chargées")).to_be_visible()
        taken.append(time.monotonic() - begun)
        page.close()
    assert min(taken) < 10 * SLACK, taken


# -- gestionnaire -------------------------------------------------------------------------------------------------


@pytest.mark.card
def test_the_managers_card_shows_names_and_its_removal_masks_them(lab: Lab, card: CardProcess):
    page = lab.open("gestionnaire")
    due = page.get_by_role("grid", name="Situations à fermer").first
    expect(due.get_by_role("gridcell", name="masqué").first).to_be_visible()
    page.get_by_role("button", name="Ouvrir ma session avec la carte").click()
    page.get_by_label("Code porteur").fill(PIN)
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_text("Session ouverte : ")).to_be_visible()
    expect(page.get_by_text("Fermeture automatique dans")).to_be_visible()
    findings = page.get_by_role("grid", name="Constats ouverts")
    findings.get_by_label("Filtrer : Nom").fill("a")
    expect(findings.locator("tbody tr").first.get_by_text("masqué")).to_have_count(0)
    findings.locator("tbody td").first.click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="État civil et coordonnées")).to_be_visible()
    expect(page.get_by_text("Valeurs masquées")).to_have_count(0)
    assert _violations(page) == []
    name = findings.locator("tbody tr").first.locator("td").nth(1).inner_text()
    card.eject()
    expect(page.get_by_text("Session fermée : la carte a été retirée")).to_be_visible()
    expect(page.get_by_text("Valeurs masquées")).to_be_visible()
    expect(page.get_by_text(name, exact=True)).to_have_count(0)
    _save(page)
    saved = (lab.workspace / "atelier" / "gestionnaire.ipynb").read_text()
    assert "masqué" not in saved
    assert name not in saved
    assert PIN not in [line.strip() for line in saved.splitlines()]


@pytest.mark.card
def test_a_wrong_pin_is_said_and_the_field_is_empty_again(lab: Lab, card: CardProcess):
    page = lab.open("gestionnaire")
    page.get_by_role("button", name="Ouvrir ma session avec la carte").click()
    field = page.get_by_label("Code porteur")
    field.fill("9999")
    assert _violations(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_text("Code porteur refusé par la carte")).to_be_visible()
    expect(field).to_be_hidden()
    assert field.input_value() == ""


@pytest.mark.card
def test_the_manager_goes_from_a_suggestion_to_a_signed_package(own_lab: Lab, card: CardProcess):
    page = own_lab.open("gestionnaire")
    _sign_in(page)
    # A suggestion: seen first, then accepted with a reason.
    rule = page.locator("select[name=rule]")
    rule.select_option("profession-retiree")
    suggested = page.get_by_role("grid", name="Propositions pour ce contrôle")
    suggested.locator("tbody input[type=checkbox]").first.check()
    page.get_by_role("button", name="Accepter la sélection (1)").click()
    reason = page.get_by_label("Motif de la correction")
    expect(page.get_by_text("⚠ À remplir.")).to_be_visible()
    expect(reason).to_be_focused()
    page.keyboard.type("vu avec la personne")
    page.get_by_role("button", name="Accepter la sélection (1)").click()
    expect(page.get_by_text("1\u00a0correction mise au panier.")).to_be_focused()
    # A leaver, with the reason chosen for the selection.
    leaving = page.get_by_role("grid", name="Situations de personnes parties")
    leaving.locator("tbody input[type=checkbox]").first.check()
    page.get_by_label("Motif de fin de la sélection").select_option("CHA")
    reason.last.fill("départ confirmé par l’établissement")
    page.get_by_role("button", name="Fermer les situations choisies (1)").click()
    expect(page.get_by_text("3\u00a0corrections mises au panier.")).to_be_visible()
    # One correction of the record that is open is refused beside its field, then added.
    _open_first(page, "Adresse e-mail mal formée")
    page.get_by_label("Donnée à corriger").select_option(label="Adresse e-mail")
    new = page.get_by_label("Nouvelle valeur")
    new.fill("n’importe quoi")
    new.blur()
    expect(page.get_by_text("⚠ Adresse e-mail mal formée.")).to_be_visible()
    new.fill("zoe.martin@exemple.fr")
    new.blur()
    expect(page.get_by_text("⚠ Adresse e-mail mal formée.")).to_have_count(0)
    reason.first.fill("lu sur sa fiche")
    page.get_by_role("button", name="Ajouter au panier").click()
    # The basket: any one is taken back.
    basket = page.get_by_role("grid", name="Panier")
    expect(basket.locator("tbody tr")).to_have_count(5)
    assert _violations(page) == []
    basket.locator("tbody input[type=checkbox]").first.check()
    page.get_by_label("Motif de la décision").fill("finalement non")
    page.get_by_role("button", name="Annuler la sélection (1)").click()
    expect(page.get_by_text("1\u00a0correction annulée.")).to_be_visible()
    expect(basket.locator("tbody tr")).to_have_count(4)
    # Prepare, sign with the PIN again, and the page says that the package is verified.
    page.get_by_role("button", name="Préparer un lot (4\u00a0corrections)").click()
    page.get_by_role("button", name="Signer le lot").click()
    page.get_by_label("Code porteur").fill(PIN)
    page.keyboard.press("Enter")
    expect(page.get_by_text("signé et vérifié : signature de CAMILLE GESTION-TEST")).to_be_visible()
    page.get_by_role("button", name="Suivi du lot").click()
    expect(page.get_by_title("Suivi du lot")).to_be_visible()
    assert _violations(page) == []
    (package,) = (own_lab.workspace / "lots").glob("*.zip")
    assert verify(package, load_trust(load_settings(own_lab.workspace))).proven
    _save(page)
    assert "zoe.martin" not in (own_lab.workspace / "atelier" / "gestionnaire.ipynb").read_text()


@pytest.mark.card
def test_the_card_taken_out_in_the_middle_stops_the_next_act(own_lab: Lab, card: CardProcess):
    page = own_lab.open("gestionnaire")
    _sign_in(page)
    page.locator("select[name=rule]").select_option("fin-passee-ouverte")
    accept = page.get_by_role("button", name="Accepter toutes les propositions sûres du contrôle")
    expect(accept).to_be_visible()
    page.get_by_label("Motif de la correction").fill("fins passées")
    before = _written(own_lab)
    card.eject()
    expect(page.get_by_text("Session fermée : la carte a été retirée")).to_be_visible()
    expect(accept).to_have_count(0)
    expect(page.get_by_text("Sans session ouverte, rien ne s’affiche ici.")).to_have_count(3)
    assert _violations(page) == []
    assert _written(own_lab) == before


def _sign_in(page: Page) -> None:
    page.get_by_role("button", name="Ouvrir ma session avec la carte").click()
    page.get_by_label("Code porteur").fill(PIN)
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_text("Session ouverte : ")).to_be_visible()
    expect(page.get_by_text("relisez, puis acceptez")).to_be_visible()


def _open_first(page: Page, rule: str) -> None:
    """Open the first finding of a rule."""
    findings = page.get_by_role("grid", name="Constats ouverts")
    findings.get_by_label("Filtrer : Contrôle").fill(rule)
    expect(findings.locator("tbody tr").first).to_contain_text(rule)
    findings.locator("tbody td").first.click()


def _written(opened: Lab) -> tuple[int, list[str]]:
    """How many corrections the store holds, and the packages; the notebook opens the store only for an act."""
    with open_workspace(opened.workspace).store() as store:
        numbers = fetch_frame(store.sql("SELECT correction_id FROM corrections"))
    return numbers.height, sorted(path.name for path in (opened.workspace / "lots").glob("*"))


def _save(page: Page) -> None:
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")


# -- DPO and ANS --------------------------------------------------------------------------------------------------


def test_the_dpo_explores_and_exports(lab: Lab):
    page = lab.open("dpo")
    expect(page.get_by_role("grid", name="Exposition par établissement")).to_be_visible()
    page.get_by_label("Voir").select_option("par type de document")
    grid = page.get_by_role("grid", name="Exposition par type de document")
    grid.get_by_label("Filtrer : Libellé").fill("certificat")
    expect(grid.locator("tbody tr").first).to_contain_text("ertificat")
    expect(page.get_by_role("img", name="Accès ouverts")).to_be_visible()
    assert _violations(page) == []
    page.get_by_role("button", name="Exporter les tableaux (CSV)").click()
    expect(page.get_by_text("tableaux écrits dans")).to_be_visible()
    written = pl.read_csv(lab.workspace / "reports" / "dpo" / "exposition-document.csv")
    assert written.height == 73


def test_the_reviewer_tries_a_change_and_exports_a_dossier(lab: Lab):
    page = lab.open("ans")
    expect(page.get_by_role("grid", name="Professionnels enregistrés par profession")).to_be_visible()
    page.get_by_role("button", name="Calculer").click()
    expect(page.get_by_role("heading", name="Et si…")).to_be_visible()
    page.get_by_label("Libellé souhaité").fill("Gouvernant de maison")
    page.get_by_label("Nombre de professionnels concernés").fill("12")
    page.get_by_role("button", name="Mettre les chiffres en regard").click()
    expect(page.get_by_text("Il manque : les usages identifiés.")).to_be_visible()
    assert _violations(page) == []
    page.get_by_role("button", name="Exporter le dossier (ZIP)").click()
    expect(page.get_by_text("Dossier écrit :")).to_be_visible()
    assert (lab.workspace / "reports" / "dossier-gouvernant-de-maison.zip").exists()
    assert (lab.workspace / "demandes" / "gouvernant-de-maison.json").exists()


# -- the grid -----------------------------------------------------------------------------------------------------


def test_the_grid_is_worked_with_the_keyboard_alone(lab: Lab):
    page = lab.open("edition")
    grid = page.get_by_role("grid", name="À corriger")
    grid.get_by_label("Filtrer : Commune de naissance").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type("31/02/1980")
    page.keyboard.press("Enter")
    wrong = grid.locator("td[aria-invalid=true]")
    expect(wrong).to_have_count(1)
    note = wrong.get_attribute("aria-describedby")
    expect(page.locator(f"#{note}")).to_contain_text("JJ/MM/AAAA")
    expect(wrong).to_be_focused()
    assert _violations(page) == []
    page.keyboard.press("Control+z")
    expect(wrong).to_have_count(0)
    expect(grid.get_by_role("gridcell", name="01/01/1980")).to_be_focused()
    page.keyboard.press("d")
    page.keyboard.press("d")
    expect(grid).to_be_visible()


def test_the_commune_search_is_worked_with_the_keyboard_alone(lab: Lab):
    page = lab.open("edition")
    field = page.get_by_role("combobox", name="Commune de naissance")
    field.fill("bastia")
    expect(page.get_by_role("option", name="Bastia (20033)")).to_be_visible()
    assert _violations(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Commune choisie : Bastia (20033).")).to_be_visible()


def test_fifty_thousand_rows_answer_a_filter_in_the_browser_in_under_a_third_of_a_second(lab: Lab):
    page = lab.open("grandes")
    grid = page.get_by_role("grid", name="Cinquante mille lignes")
    expect(grid).to_be_visible()
    taken = [page.evaluate(_TYPE_AND_WAIT, text) for text in ("zo", "noel", "jean", "amelie", "eleo")]
    # The best of five: other work on the machine is not the grid's.
    assert min(taken) < 300 * SLACK, taken


_TYPE_AND_WAIT = """async (text) => {
  const field = document.querySelector('[data-filter=name]');
  const body = document.querySelector('.rpps tbody');
  const begun = performance.now();
  const drawn = new Promise((resolve) => new MutationObserver(resolve).observe(body, { childList: true }));
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  await drawn;
  return performance.now() - begun;
}"""
