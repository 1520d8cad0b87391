"""The manager's acts, from a suggestion to a batch that is sent: the screens' state with a real card, no browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.batches.verify import Verification, verify
from rpps_audit.card import load_settings, load_trust
from rpps_audit.records import place_of
from rpps_audit.store import fetch_frame
from rpps_audit.workbench import Manager
from rpps_audit.workspace import Workspace, open_workspace
from tests.card import pki
from tests.card.fixtures import make_workspace, manager_entry
from tests.card.profiles import PIN, make_card
from tests.card.stack import CardProcess, until

REASON = "vu avec la personne"
RETIRED = "profession-retiree"
OTHER = pki.cpe("DOMINIQUE", "RELECTURE-TEST", "300000000029751/CPE0000002")


# The pages of the test: a session left open would go on watching its card.
_PAGES: list[Manager] = []


@pytest.fixture
def site(audited: Workspace) -> Iterator[Callable[..., Manager]]:
    """The page of a workspace whose first card is an author's and whose second is an approver's, everywhere."""
    with audited.store() as store:
        every = fetch_frame(store.sql("SELECT DISTINCT finess FROM registrations WHERE finess IS NOT NULL"))

    def make(*, four_eyes: bool = False, places: list[str] | None = None) -> Manager:
        places = places or every["finess"].to_list()
        listed = "[" + ", ".join(f'"{place}"' for place in places) + "]"
        managers = manager_entry(establishments=listed) + manager_entry(
            subject=OTHER.rfc4514_string(), establishments=listed, roles='["auteur", "approbateur"]'
        )
        make_workspace(audited.path, managers, "[corrections]\nquatre_yeux = true\n" if four_eyes else "")
        return page_of(audited.path)

    yield make
    for page in _PAGES:
        page.panel.do_close_session()
        page.panel.wait()
        searched(page)
    _PAGES.clear()


def page_of(folder: Path) -> Manager:
    """A new page on a workspace, as after a restart of the kernel."""
    page = Manager(open_workspace(folder))
    _PAGES.append(page)
    page.part("desk")
    return page


def sign_in(page: Manager) -> Manager:
    """Open the session with the card in the reader."""
    page.panel.ask("open_session")
    answer_pin(page)
    page.panel.wait()
    assert page.panel.session, page.panel.message
    searched(page)
    return page


def answer_pin(page: Manager) -> None:
    until(lambda: page.panel.view()["question"], "the question")
    page.panel.ask("answer", buffers=[memoryview(PIN.encode())])


def searched(page: Manager) -> None:
    """What is looked for beside has come."""
    page.suggested.search.wait()
    page.leaving.search.wait()


def choose_rule(page: Manager, rule: str) -> pl.DataFrame:
    page.suggested.chooser.ask("type", name="rule", text=rule)
    return page.suggested.grid.table.frame


def press(form, button: str, **values: str) -> dict:
    """Press a button of a form and read the form again."""
    form.ask("press", button=button, values=values)
    return form.view() | {"message": form.message}


def accept_all(page: Manager, rule: str = RETIRED) -> None:
    """Accept every sure suggestion of a rule."""
    choose_rule(page, rule)
    answer = press(page.suggested.form, "all", reason=REASON)
    assert (answer["message"], answer["refused"]) == ("", [])


def held(page: Manager) -> pl.DataFrame:
    """The basket's rows."""
    return page.basket.grid.table.frame


def undo(page: Manager, number: str) -> dict:
    page.basket.grid.ask("select", key=number, on=True)
    return press(page.basket.form, "undo", reason="finalement non")


def checked(page: Manager) -> Verification:
    """The last package, verified as anybody can."""
    (package,) = (page.workspace.path / "lots").glob("*.zip")
    return verify(package, load_trust(load_settings(page.workspace.path)))


# -- without a session --------------------------------------------------------------------------------------------


def test_without_a_session_there_is_nothing_to_press_and_only_keys(audited: Workspace):
    page = page_of(audited.path)
    parts = [page.suggested.chooser, page.leaving.form, page.editing.chooser, page.basket.form, page.lots.form]
    for part in parts:
        assert part.view()["note"] == "Ouvrez d’abord votre session avec votre carte, en haut de la page."
        assert (part.view()["entries"], part.view()["buttons"]) == ([], [])
    for grid in (page.suggested.grid, page.leaving.grid, page.basket.grid):
        assert grid.view()["rows"] == []


def test_an_empty_workspace_says_what_to_do(empty: Workspace):
    page = page_of(empty.path)
    for part in (page.suggested.chooser, page.leaving.form, page.basket.form, page.lots.form):
        assert "déposez-y une extraction" in part.view()["note"]
    assert "Aucun lot pour l’instant" in page.lots.panel.view()["html"]


# -- suggestions --------------------------------------------------------------------------------------------------


@pytest.mark.card
def test_suggestions_are_seen_by_rule_then_accepted(card: CardProcess, site):
    page = sign_in(site())
    offered = dict(page.suggested.chooser.view()["entries"][0]["choices"])
    assert offered["profession-retiree"] == "Profession retirée de la nomenclature (4)"
    shown = choose_rule(page, RETIRED)
    assert set(shown["shown_new"]) == {"Accompagnant éducatif et social (328)"}
    assert held(page).is_empty()

    keys = shown["id"].to_list()
    page.suggested.grid.ask("select", key=keys[0], on=True)
    answer = press(page.suggested.form, "chosen", reason=REASON)
    assert answer["said"] == "1\u00a0correction mise au panier."
    assert held(page)["record_key"].to_list() == [shown["record_key"][0]]
    assert page.suggested.grid.table.frame.height == len(keys) - 1

    answer = press(page.suggested.form, "all", reason=REASON)
    assert held(page).height == len(keys)
    assert page.suggested.grid.table.frame.is_empty()
    assert "profession-retiree" not in dict(page.suggested.chooser.view()["entries"][0]["choices"])


@pytest.mark.card
def test_a_missing_reason_is_said_beside_its_field(card: CardProcess, site):
    page = sign_in(site())
    choose_rule(page, RETIRED)
    answer = press(page.suggested.form, "all", reason=" ")
    assert answer["said"] == "Rien n’est fait : il manque un champ."
    assert [entry["fault"] for entry in answer["entries"]] == ["À remplir.", ""]
    assert held(page).is_empty()


@pytest.mark.card
def test_a_certified_civil_status_asks_for_evidence(card: CardProcess, site):
    page = sign_in(site())
    choose_rule(page, "nom-naissance-caracteres")
    answer = press(page.suggested.form, "all", reason=REASON)
    assert answer["said"] == "0\u00a0correction mise au panier, 4\u00a0refusées :"
    assert all("certifié" in why and "--" not in why for why in answer["refused"])
    answer = press(page.suggested.form, "all", reason=REASON, evidence="carte d’identité vue le 20/11/2026")
    assert held(page).height == 4


@pytest.mark.card
def test_one_of_several_values_is_chosen_and_never_taken_with_the_sure_ones(card: CardProcess, site):
    page = sign_in(site())
    shown = choose_rule(page, "commune-naissance-absente")
    several = shown.filter(pl.col("several") != "")
    assert page.suggested.sure().height == shown.height - several.height
    for key in several["id"].head(2):
        page.suggested.grid.ask("select", key=key, on=True)
    answer = press(page.suggested.form, "chosen", reason=REASON)
    assert "Deux valeurs sont choisies pour le même champ" in answer["message"]
    assert held(page).is_empty()


@pytest.mark.card
def test_only_the_holders_establishments_are_suggested(card: CardProcess, site, audited: Workspace):
    with audited.store() as store:
        places = [
            row[0] for row in store.sql("SELECT DISTINCT finess FROM registrations LIMIT 20").fetchall() if row[0]
        ]
    page = sign_in(site(places=places))
    situations = page.suggested.every.filter(pl.col("record_key").str.contains("@"))
    assert 0 < page.suggested.every.height < 40
    assert situations.select(place_of(pl.col("record_key")).is_in(places).all()).item()


_SOME = "SELECT DISTINCT finess FROM registrations WHERE finess IS NOT NULL ORDER BY 1 LIMIT 20"


# -- one field of a record ----------------------------------------------------------------------------------------


def edit(page: Manager, column: str, text: str) -> dict:
    """Type a value for a column of the opened record."""
    field = next(key for key in page.editing.fields if key.endswith(f" {column}"))
    page.editing.chooser.ask("type", name="field", text=field)
    page.editing.form.ask("type", name="new", text=text)
    return page.editing.form.view()["entries"][0]


@pytest.mark.card
def test_a_field_is_judged_beside_itself_before_it_is_added(card: CardProcess, site):
    page = sign_in(site())
    key = page.todo.frame().filter(pl.col("rule") == "Adresse e-mail mal formée")["record_key"][0]
    page.open_record(key)
    assert edit(page, "email", "pas une adresse")["fault"] == "Adresse e-mail mal formée."
    answer = press(page.editing.form, "add", reason=REASON)
    assert answer["refused"] == ["Adresse e-mail mal formée."]
    assert held(page).is_empty()

    assert edit(page, "email", "zoe.martin@exemple.fr")["fault"] == ""
    answer = press(page.editing.form, "add", reason=REASON)
    assert answer["said"] == "1\u00a0correction mise au panier."
    assert held(page)["shown_new"].to_list() == ["zoe.martin@exemple.fr"]
    edit(page, "email", "")
    assert "C’est celle de la correction n° 1" in page.editing.chooser.view()["note"]


@pytest.mark.card
def test_a_date_that_is_none_is_said_beside_the_field(card: CardProcess, site):
    page = sign_in(site())
    page.open_record(page.todo.frame().filter(pl.col("rule") == "Date de naissance absente")["record_key"][0])
    for text in ("31/02/1980", "demain", "1980-01-01", "1/2"):
        assert edit(page, "birth_date", text)["fault"] == "Ce n’est pas une date réelle de la forme JJ/MM/AAAA."
    assert edit(page, "birth_date", "04/05/1980")["fault"] == ""


@pytest.mark.card
def test_the_commune_comes_from_the_search_at_the_birth_date(card: CardProcess, site):
    page = sign_in(site())
    rule = "Commune de naissance absente pour une personne née en France"
    page.open_record(page.todo.frame().filter(pl.col("rule") == rule)["record_key"][0])
    edit(page, "birth_commune", "")
    assert page.editing.commune.birth_date is not None
    page.editing.commune.ask("look", text="rennes")
    page.editing.commune.ask("take", code="35238")
    assert page.editing.form.view()["entries"][0]["value"] == "35238"
    answer = press(page.editing.form, "add", reason=REASON, evidence="carte d’identité vue le 20/11/2026")
    assert answer["said"] == "1\u00a0correction mise au panier.", answer
    assert held(page)["shown_new"].to_list() == ["Rennes (35238)"]


# -- departures ---------------------------------------------------------------------------------------------------


@pytest.mark.card
def test_leavers_are_closed_together_each_with_its_date_and_reason(card: CardProcess, site):
    page = sign_in(site())
    table = page.leaving.grid.table
    first, second, *_ = table.frame["record_key"].to_list()
    day = table.value(second, "end_date")
    page.leaving.grid.ask("edit", key=first, column="end_date", text="15/04/2026")
    page.leaving.grid.ask("edit", key=first, column="end_reason", text="CHA")
    for key in (first, second):
        page.leaving.grid.ask("select", key=key, on=True)
    answer = press(page.leaving.form, "close", reason=REASON)
    assert "Donnez un motif de fin" in answer["message"]
    assert held(page).is_empty()

    answer = press(page.leaving.form, "close", reason=REASON, end_reason="CHL")
    assert answer["refused"] == [], answer
    ends = held(page).pivot("column", index="record_key", values="new")
    told = {row["record_key"]: (row["end_date"], row["end_reason"], row["is_open"]) for row in ends.to_dicts()}
    assert told == {first: ("2026-04-15", "CHA", "false"), second: (day.isoformat(), "CHL", "false")}
    assert not {first, second} & set(table.frame["record_key"])


@pytest.mark.card
def test_an_end_before_the_start_is_said_in_the_table_and_closes_nothing(card: CardProcess, site):
    page = sign_in(site())
    key = page.leaving.grid.table.frame["record_key"][0]
    page.leaving.grid.ask("edit", key=key, column="end_date", text="01/01/1999")
    assert page.leaving.grid.table.faults_of(key, "end_date") == ["Fin de fonction antérieure à la prise de fonction."]
    page.leaving.grid.ask("select", key=key, on=True)
    answer = press(page.leaving.form, "close", reason=REASON, end_reason="CHA")
    assert "Une date de fin choisie est vide ou à revoir" in answer["message"]
    assert held(page).is_empty()


# -- the basket ---------------------------------------------------------------------------------------------------


@pytest.mark.card
def test_any_one_is_undone_and_suggested_again(card: CardProcess, site):
    page = sign_in(site())
    accept_all(page)
    first, second, *others = held(page)["number"].to_list()
    answer = undo(page, second)
    assert answer["said"] == "1\u00a0correction annulée."
    assert held(page)["number"].to_list() == [first, *others]
    page.suggested.search.wait()
    assert choose_rule(page, RETIRED).height == 1


@pytest.mark.card
def test_a_new_kernel_finds_the_same_basket(card: CardProcess, site):
    page = sign_in(site())
    accept_all(page)
    before = held(page)
    page.panel.ask("close_session")
    until(lambda: page.panel.view()["can_open"], "the panel")
    again = sign_in(page_of(page.workspace.path))
    assert held(again).equals(before)
    assert again.lots.form.view()["buttons"] == [["prepare", "Préparer un lot (4\u00a0corrections)"]]


@pytest.mark.card
def test_the_author_cannot_approve_and_another_card_can(slot: CardProcess, site):
    page = site(four_eyes=True)
    slot.insert(make_card(OTHER, serial="2138450002").profile)
    sign_in(page)
    accept_all(page)
    page.basket.grid.ask("select_all", on=True)
    assert [name for name, _ in page.basket.form.view()["buttons"]] == ["undo"]
    # Even for somebody who may approve elsewhere, the room itself says no.
    assert page.lots.form.view()["buttons"] == []
    assert "approuvée par une autre carte" in page.lots.form.view()["note"]
    page.panel.ask("close_session")
    slot.eject()

    slot.insert(make_card().profile)
    other = sign_in(page_of(page.workspace.path))
    accept_all(other, "fin-passee-ouverte")
    other.panel.ask("close_session")
    slot.eject()

    slot.insert(make_card(OTHER, serial="2138450002").profile)
    page = sign_in(page_of(page.workspace.path))
    mine = held(page).filter(pl.col("rule_id") == "fin-passee-ouverte")["number"].to_list()
    for number in mine[1:]:
        page.basket.grid.ask("select", key=number, on=True)
    answer = press(page.basket.form, "approve")
    assert answer["said"] == "3\u00a0corrections approuvées."
    page.basket.grid.ask("select", key=mine[0], on=True)
    answer = press(page.basket.form, "refuse")
    assert answer["said"] == "Rien n’est fait : il manque un champ."
    answer = press(page.basket.form, "refuse", reason="mauvais successeur")
    assert answer["said"] == "1\u00a0correction refusée."
    assert page.lots.form.view()["buttons"] == [["prepare", "Préparer un lot (3\u00a0corrections)"]]


# -- batches ------------------------------------------------------------------------------------------------------


@pytest.mark.card
def test_a_batch_is_prepared_signed_verified_and_sent(card: CardProcess, site):
    page = sign_in(site())
    accept_all(page)
    press(page.lots.form, "prepare")
    page.lots.task.wait()
    assert page.lots.task.message == ""
    (batch,) = page.lots.values()["batches"]
    assert f"Lot {batch['batch_id']} préparé" in page.lots.task.view()["said"]
    assert f"Signer le lot {batch['batch_id']}" in page.lots.panel.view()["html"]
    assert page.lots.form.view()["buttons"] == []
    assert set(held(page)["said"]) == {f"mise dans un lot {batch['batch_id']}"}
    assert not checked(page).proven

    page.lots.panel.ask("open", key=f"sign {batch['batch_id']}")
    until(lambda: page.panel.view()["question"], "the question")
    assert f"signer le lot {batch['batch_id']}" in page.panel.view()["question"]["sentence"]
    answer_pin(page)
    page.lots.task.wait()
    assert page.lots.task.message == ""
    assert checked(page).proven
    assert "CAMILLE GESTION-TEST" in page.lots.task.view()["said"]

    page.lots.panel.ask("open", key=f"send {batch['batch_id']}")
    page.lots.task.wait()
    assert "Ce n’est pas un dépôt au portail." in page.lots.task.view()["said"]
    assert len(list((page.workspace.path / "outbox").glob("*.zip"))) == 1
    assert held(page).is_empty()

    page.lots.panel.ask("open", key=f"page {batch['batch_id']}")
    assert "<iframe" in page.lots.panel.view()["html"]
    page.lots.panel.ask("open", key=f"page {batch['batch_id']}")
    assert "<iframe" not in page.lots.panel.view()["html"]


@pytest.mark.card
def test_giving_the_pin_up_leaves_the_batch_as_it_was(card: CardProcess, site):
    page = sign_in(site())
    accept_all(page)
    press(page.lots.form, "prepare")
    page.lots.task.wait()
    (batch,) = page.lots.values()["batches"]
    page.lots.panel.ask("open", key=f"sign {batch['batch_id']}")
    until(lambda: page.panel.view()["question"], "the question")
    page.panel.ask("give_up")
    page.lots.task.wait()
    assert "Aucun essai n'a été consommé" in page.lots.task.message
    assert page.lots.values()["batches"][0]["state"] == "prepared"


# -- the card leaves ----------------------------------------------------------------------------------------------


def written(page: Manager) -> tuple[int, list[str]]:
    """How many corrections there are, and the packages."""
    with page.store() as store:
        (corrections,) = store.sql("SELECT count(*) FROM corrections").fetchone()
    return corrections, sorted(path.name for path in (page.workspace.path / "lots").glob("*"))


@pytest.mark.card
def test_after_the_card_is_gone_every_act_is_refused_in_a_sentence_and_nothing_is_written(card: CardProcess, site):
    page = sign_in(site())
    accept_all(page)
    choose_rule(page, "fin-passee-ouverte")
    before = written(page)
    page.basket.grid.ask("select_all", on=True)
    card.eject()
    # Whatever the screen still shows: the buttons of a page drawn before are pressed at once.
    answers = [
        press(page.suggested.form, "all", reason=REASON),
        press(page.basket.form, "undo", reason=REASON),
        press(page.lots.form, "prepare"),
    ]
    page.lots.task.wait()
    assert written(page) == before
    until(lambda: page.suggested.chooser.view()["note"].startswith("Ouvrez d’abord"), "the closed session")
    for answer in answers:
        assert "Traceback" not in str(answer)
    until(lambda: held(page).is_empty() and page.suggested.every.is_empty(), "the empty tables")
    names = page.due_today.findings["birth_name"].drop_nulls().unique().to_list()
    shown = str([grid.view() for grid in (page.suggested.grid, page.leaving.grid, page.basket.grid)])
    assert not [name for name in names if len(name) > 5 and name in shown]


@pytest.mark.card
def test_an_act_on_a_closed_session_is_refused_by_the_card_room(card: CardProcess, site):
    page = sign_in(site())
    choose_rule(page, RETIRED)
    page.suggested.reload = lambda: None  # the page has not heard yet
    session = page.panel.session
    card.eject()
    until(lambda: session.closed, "the end of the session")
    with pytest.raises(Exception, match="retirée"):
        page.suggested.accept("all")
    assert written(page) == (0, [])


@pytest.mark.card
def test_the_card_pulled_out_at_the_pin_question_signs_nothing(card: CardProcess, site):
    page = sign_in(site())
    accept_all(page)
    press(page.lots.form, "prepare")
    page.lots.task.wait()
    (batch,) = page.lots.values()["batches"]
    page.lots.panel.ask("open", key=f"sign {batch['batch_id']}")
    until(lambda: page.panel.view()["question"], "the question")
    card.eject()
    page.lots.task.wait()
    assert "la carte a été retirée" in page.lots.task.message
    assert page.panel.view()["question"] is None
    assert page.lots.values()["batches"][0]["state"] == "prepared"
    assert not checked(page).signed
