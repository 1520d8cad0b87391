"""Suggestions: the value a manager would have looked for, where it comes from, and never more than that."""

from __future__ import annotations

from datetime import date

import pytest

from rpps_audit.corrections.proposing import propose
from rpps_audit.corrections.suggestions import suggest
from rpps_audit.records import state_at as now
from rpps_audit.store import memory_store
from tests.checks.literal import person, run_checks, snapshot
from tests.corrections.literal import SITE, authorisation, change, desk, proposals, rule

ONE = f"8{1:011d}"
FRENCH = {"column": "birth_country", "values": ["99100", "99000"]}
NAME = r"^[A-ZÉÈ]+(?:[ '\-][A-ZÉÈ]+)*$"


def suggested(tmp_path, checked, *rows, **sources):
    """column → [(new, confidence)] for the first record, with one rule."""
    with memory_store() as store:
        for kind, others in sources.items():
            snapshot(store, kind.replace("_", "-"), others)
        snapshot_id = snapshot(store, "suivi", list(rows))
        table = desk(store, tmp_path, checked)
        run = run_checks(store, snapshot_id, table.catalogue)
        frame = suggest(table, run.run_id)
    found: dict[str, list[str]] = {}
    for column, new in zip(frame["column"], frame["new"], strict=True):
        found.setdefault(column, []).append(new)
    return found


def always(table: str, column: str, rule_id: str, **parameters):
    """A rule of that id which every record with a value breaks."""
    return rule("not_matching", table, column, id=rule_id, parameters={"pattern": "", **parameters})


def absent(table: str, column: str, rule_id: str):
    return rule("required", table, column, id=rule_id)


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("zoe@gmial.com", "zoe@gmail.com"),
        (" Zoe.Test@Wandoo.fr ", "zoe.test@wanadoo.fr"),
        ("zoe,test@orange.fr", "zoe.test@orange.fr"),
        ("zoé@@free.fr", "zoe@free.fr"),
        ("zoe test@gmailcom", "zoetest@gmail.com"),
        ("mailto:zoe@sfr.fr", "zoe@sfr.fr"),
    ],
)
def test_slips_in_an_address(tmp_path, typed, right):
    checked = always("professional", "email", "email-format")
    assert suggested(tmp_path, checked, person(1, email=typed)) == {"email": [right]}


@pytest.mark.parametrize("typed", ["zoe@exemple.fr", "appeler le standard", "@", "zoe@"])
def test_an_address_that_is_right_or_hopeless_gets_no_suggestion(tmp_path, typed):
    assert suggested(tmp_path, always("professional", "email", "email-format"), person(1, email=typed)) == {}


@pytest.mark.parametrize(
    ("typed", "finess", "right"),
    [
        ("612345678", SITE, "0612345678"),
        ("06.12.34.56.78", SITE, "0612345678"),
        ("+33 6 12 34 56 78", SITE, "0612345678"),
        ("0033612345678", SITE, "0612345678"),
        ("0692 12 34 56", "974000015", "0692123456"),
        ("+32 470 12 34 56", SITE, "+32470123456"),
    ],
)
def test_phone_numbers_as_the_numbering_plan_writes_them(tmp_path, typed, finess, right):
    checked = always("professional", "phone", "telephone-format")
    assert suggested(tmp_path, checked, person(1, phone=typed, finess=finess)) == {"phone": [right]}


def test_a_number_that_is_none_gets_no_suggestion(tmp_path):
    assert suggested(tmp_path, always("professional", "phone", "telephone-format"), person(1, phone="12")) == {}


def test_the_commune_of_the_day_of_birth(tmp_path):
    checked = rule(
        "valid_at_date", "professional", "birth_commune", id="commune-naissance-hors-date", when=FRENCH,
        parameters={"reference_name": "communes", "date_column": "birth_date"},
    )  # fmt: skip
    # Corsica was 20 before 1976: today's 2A004 (Ajaccio) was 20004.
    born = person(1, birth_commune="2A004", birth_country="99100", birth_date=date(1970, 5, 1), birth_place="AJACCIO")
    assert suggested(tmp_path, checked, born)["birth_commune"][0] == "20004"


def test_a_name_gives_all_the_communes_that_bore_it(tmp_path):
    born = person(1, birth_country="99100", birth_date=date(1985, 5, 1), birth_place="St Denis")
    found = suggested(tmp_path, absent("professional", "birth_commune", "commune-naissance-absente"), born)[
        "birth_commune"
    ]
    assert {"93066", "97411"} <= set(found)


@pytest.mark.parametrize(
    ("city", "place", "right"),
    [("75056", "PARIS 12E", "75112"), ("13055", "Marseille 3ème", "13203"), ("69123", "LYON 08", "69388")],
)
def test_the_arrondissement_that_the_place_names(tmp_path, city, place, right):
    checked = rule("split_city", "professional", "birth_commune", id="commune-ville-a-arrondissements")
    assert suggested(tmp_path, checked, person(1, birth_commune=city, birth_place=place)) == {"birth_commune": [right]}


@pytest.mark.parametrize("place", ["PARIS", "PARIS 21", "75000 PARIS"])
def test_no_arrondissement_is_made_up(tmp_path, place):
    checked = rule("split_city", "professional", "birth_commune", id="commune-ville-a-arrondissements")
    assert suggested(tmp_path, checked, person(1, birth_commune="75056", birth_place=place)) == {}


def test_countries(tmp_path):
    missing = absent("professional", "birth_country", "pays-naissance-absent")
    assert suggested(tmp_path, missing, person(1, birth_commune="69381")) == {"birth_country": ["99100"]}
    assert suggested(tmp_path, missing, person(1, birth_commune="99352")) == {"birth_country": ["99352"]}
    unknown = always("professional", "birth_country", "pays-naissance-inconnu")
    assert suggested(tmp_path, unknown, person(1, birth_country="Algérie")) == {"birth_country": ["99352"]}
    assert suggested(tmp_path, unknown, person(1, birth_country="100")) == {"birth_country": ["99100"]}


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("MARTIN - DUPONT", "MARTIN-DUPONT"),
        ("D´ARTAGNAN ", "D'ARTAGNAN"),
        ("LE  GOFF", "LE GOFF"),
        ("MARTIN2", "MARTIN"),
    ],
)
def test_names_with_signs_civil_status_does_not_know(tmp_path, typed, right):
    checked = rule("matches", "professional", "birth_name", id="nom-naissance-caracteres", parameters={"pattern": NAME})
    assert suggested(tmp_path, checked, person(1, birth_name=typed)) == {"birth_name": [right]}


def test_a_name_that_stays_wrong_is_not_suggested(tmp_path):
    checked = rule("matches", "professional", "birth_name", id="nom-naissance-caracteres", parameters={"pattern": NAME})
    assert suggested(tmp_path, checked, person(1, birth_name="DUP0NT")) == {}


def test_name_and_first_name_swapped(tmp_path):
    checked = rule(
        "disagrees_with", "situation", "exercise_name", id="nom-exercice-different-annuaire",
        parameters={
            "source": "annuaire-public", "on": ["professional_id"], "source_column": "exercise_name", "fold": "name",
        },
    )  # fmt: skip
    mine = person(1, exercise_name="Zoé", exercise_first_name="DUPONT")
    theirs = person(1, exercise_name="DUPONT", exercise_first_name="ZOÉ")
    found = suggested(tmp_path, checked, mine, annuaire_public=[theirs])
    assert found == {"exercise_name": ["DUPONT"], "exercise_first_name": ["Zoé"]}


@pytest.mark.parametrize(
    ("code", "right"), [("318", "328"), ("323", "328"), ("350", "372"), ("42", "328"), ("51", "326")]
)
def test_the_successor_of_a_profession(tmp_path, code, right):
    assert suggested(tmp_path, always("situation", "profession", "profession-retiree"), person(1, profession=code)) == {
        "profession": [right]
    }


@pytest.mark.parametrize(("typed", "right"), [("genr11", "GENR11"), ("9", "GENR09"), ("08", "GENR08")])
def test_a_role_written_otherwise(tmp_path, typed, right):
    assert suggested(tmp_path, always("situation", "role", "role-inconnu"), person(1, role=typed)) == {"role": [right]}


def test_the_role_that_colleagues_have(tmp_path):
    checked = absent("situation", "role", "role-absent")
    peers = [person(number, role="GENR10") for number in (2, 3, 4)]
    assert suggested(tmp_path, checked, person(1, role=None), *peers) == {"role": ["GENR10"]}
    assert suggested(tmp_path, checked, person(1, role=None), *peers[:2]) == {}
    divided = [*peers, *(person(number, role="GENR09") for number in (5, 6, 7))]
    assert suggested(tmp_path, checked, person(1, role=None), *divided) == {}


def test_the_end_that_the_roster_tells(tmp_path):
    checked = rule("left_according_to_roster", "situation", "end_date", id="parti-selon-rh", forgotten=True)
    gone = {"pp_id": f"{1:011d}", "finess": SITE, "start_date": date(2024, 1, 1), "end_date": date(2026, 3, 31)}
    assert suggested(tmp_path, checked, person(1), rh=[gone]) == {"end_date": ["2026-03-31"]}


def test_a_duplicate_is_a_request(tmp_path):
    checked = rule(
        "shared_value", "professional", "birth_name", "first_names", id="meme-personne-deux-numeros",
        parameters={"fold": "name", "exact_columns": ["birth_date"]},
    )  # fmt: skip
    same = {"birth_name": "DUPONT", "first_names": "Zoé", "birth_date": date(1990, 1, 5)}
    assert suggested(tmp_path, checked, person(1, **same), person(2, **same)) == {"professional_id": [ONE]}


@pytest.mark.parametrize(("text", "day"), [("1/2/1990", "1990-02-01"), ("01 02 1990", "1990-02-01")])
def test_dates_written_loosely(tmp_path, text, day):
    checked = always("professional", "birth_date_text", "date-naissance-illisible")
    assert suggested(tmp_path, checked, person(1, birth_date_text=text)) == {"birth_date": [day]}


def test_sex_and_civility(tmp_path):
    assert suggested(tmp_path, absent("professional", "civility", "civilite-absente"), person(1, sex="F")) == {
        "civility": ["MME"]
    }
    assert suggested(tmp_path, absent("professional", "sex", "sexe-absent"), person(1, civility="M")) == {"sex": ["M"]}


def test_suggestions_say_what_is_corrected_already_and_how_many_there_are(tmp_path):
    checked = absent("professional", "birth_commune", "commune-naissance-absente")
    with memory_store() as store:
        snapshot_id = snapshot(store, "suivi", [person(1, birth_date=date(1985, 5, 1), birth_place="St Denis")])
        table = desk(store, tmp_path, checked)
        run = run_checks(store, snapshot_id, table.catalogue)
        many = suggest(table, run.run_id)
        assert set(many["choices"]) == {many.height}
        assert many["shown_new"].str.contains(r"^Saint-Denis.* \(\d{5}\)$").any()
        propose(
            table,
            authorisation(),
            now(table.store),
            proposals(change("professional", ONE, "birth_commune", "93066")),
            reason="x",
        )
        rest = suggest(table, run.run_id, "commune-naissance-absente")
        # A field that somebody decided is not proposed again.
        assert rest.is_empty()


def test_operator_of_the_establishment(tmp_path):
    checked = rule(
        "disagrees_with", "situation", "finess_legal", id="finess-juridique-different",
        parameters={"source": "finess", "on": ["finess"], "source_column": "finess_legal"},
    )  # fmt: skip
    known = [{"finess": SITE, "finess_legal": "690000999"}]
    assert suggested(tmp_path, checked, person(1, finess_legal="690000111"), finess=known) == {
        "finess_legal": ["690000999"]
    }
