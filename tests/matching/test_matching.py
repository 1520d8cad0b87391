"""Matching a roster with what is registered: each level, each outcome, on a handful of invented people."""

from datetime import date

import polars as pl
import pytest

from rpps_audit.matching import bring_together
from rpps_audit.privacy import Pseudonyms

KEY = Pseudonyms(b"0" * 32)
TODAY = date(2026, 11, 1)
BORN = date(1980, 5, 17)
HERE, THERE = "690000013", "690000021"

_HR = {
    "row": pl.Int64, "hr_file": pl.String, "hr_line": pl.Int64, "pp_id": pl.String, "birth_name": pl.String,
    "usage_name": pl.String, "first_name": pl.String, "birth_date": pl.Date, "finess": pl.String,
    "start_date": pl.Date, "end_date": pl.Date, "profession": pl.String, "role": pl.String, "told_on": pl.Date,
}  # fmt: skip
_REGISTERED = {
    "row": pl.Int64, "kind": pl.String, "professional_id": pl.String, "birth_name": pl.String, "first_names": pl.String,
    "exercise_name": pl.String, "exercise_first_name": pl.String, "birth_date": pl.Date, "finess": pl.String,
    "role": pl.String, "profession": pl.String, "national_profession": pl.String, "start_date": pl.Date,
    "end_date": pl.Date, "is_open": pl.Boolean, "told_on": pl.Date,
}  # fmt: skip


def hr(birth_name="MARTIN", first_name="Anne", birth_date=BORN, finess=HERE, **more):
    return {"birth_name": birth_name, "first_name": first_name, "birth_date": birth_date, "finess": finess, **more}


def reg(professional_id="810000000001", birth_name="MARTIN", first_names="ANNE", birth_date=BORN, finess=HERE, **more):
    return {
        "professional_id": professional_id, "birth_name": birth_name, "first_names": first_names,
        "birth_date": birth_date, "finess": finess, "national_profession": "99", **more,
    }  # fmt: skip


def public(professional_id="810000000001", name="MARTIN", first="ANNE", finess=HERE, **more):
    return {
        "professional_id": professional_id, "exercise_name": name, "exercise_first_name": first, "finess": finess,
        "national_profession": "99", **more,
    }  # fmt: skip


def together(roster, registered, **more):
    staff = [{"row": n, "hr_file": "rh.csv", "hr_line": n + 2, "told_on": TODAY, **one} for n, one in enumerate(roster)]
    known = [{"row": n, "kind": "annuaire", "told_on": TODAY, **one} for n, one in enumerate(registered)]
    return bring_together(
        pl.DataFrame(staff, schema=_HR), pl.DataFrame(known, schema=_REGISTERED), as_of=TODAY, pseudonyms=KEY, **more
    )


def outcomes(result):
    return [(row["outcome"], row["level"]) for row in result.outcomes.to_dicts()]


@pytest.mark.parametrize(
    ("staff", "registered", "level"),
    [
        (hr(pp_id="10000000001"), reg(), 1),
        (hr(pp_id="10000000001", birth_name="DURAND", birth_date=None), reg(), 1),
        (hr(birth_name="Martin "), reg(), 2),
        (hr(birth_name="Lefèvre-Noël"), reg(birth_name="LEFEVRE NOEL"), 3),
        (hr(birth_name="de La Tour"), reg(birth_name="LATOUR"), 3),
        (hr(birth_name="DELATOUR"), reg(birth_name="DE LA TOUR"), 3),
        (hr(birth_name="de la Tour"), reg(birth_name="TOUR (DE LA)"), 3),
        (hr(birth_name="PETIT", usage_name="MARTIN"), reg(), 3),
        (hr(birth_name="PETIT"), reg(exercise_name="PETIT"), 3),
        (hr(birth_name="Anne", first_name="Martin"), reg(), 3),
        (hr(birth_name="MARTIN-PETIT"), reg(), 3),
        (hr(first_name="Anne Lise"), reg(first_names="ANNE, LISE"), 3),
        (hr(birth_name="MARTAIN"), reg(), 4),
        (hr(birth_name="MARITN"), reg(), 4),
        (hr(first_name="Anne-Lise"), reg(), 4),
        (hr(), public(), 5),
        (hr(birth_date=None), reg(), 5),
        (hr(birth_name="Marttin"), public(), 5),
        (hr(birth_name="PETIT", usage_name="Martin"), public(), 5),
    ],
)
def test_each_level_finds_its_pair(staff, registered, level):
    assert outcomes(together([staff], [registered])) == [("present", level)]


@pytest.mark.parametrize(
    ("staff", "registered"),
    [
        (hr(birth_name="DUPONT"), reg()),
        (hr(birth_date=date(1980, 5, 18), finess=THERE), reg()),
        (hr(finess=THERE), public()),
        (hr(birth_name="MARTINEZ"), public()),
        (hr(birth_name="PETIT-MARTIN"), reg(birth_name="MARTIN-DURAND")),
    ],
)
def test_people_who_are_not_alike_are_not_paired(staff, registered):
    found = together([staff], [registered]).outcomes.filter(pl.col("hr_line").is_not_null())
    assert found.select("outcome", "level").rows() == [("to_register", None)]


def test_twins_who_are_both_registered_each_keep_their_number():
    staff = [hr(first_name="Marine"), hr(first_name="Marina")]
    known = [reg(first_names="MARINE"), reg("810000000002", first_names="MARINA")]
    found = together(staff, known).outcomes
    assert sorted(found.select("hr_line", "professional_id").rows()) == [(2, "810000000001"), (3, "810000000002")]


def test_of_two_twins_the_one_who_is_not_registered_takes_nobody_s_number():
    assert sorted(
        outcomes(together([hr(first_name="Marine"), hr(first_name="Marina")], [reg(first_names="MARINE")]))
    ) == [
        ("present", 2),
        ("to_register", None),
    ]


def test_two_common_first_names_one_letter_apart_are_asked_about():
    others = [
        reg(f"81000000001{n}", f"AUTRE{n}", name, date(1970, 1, 1 + n))
        for n, name in enumerate(["MARINA", "MARINE"] * 3)
    ]
    found = together([hr(first_name="Marine")], [reg(first_names="MARINA"), *others]).outcomes.filter(hr_line=2)
    assert found.select("outcome", "level", "professional_id").rows() == [("ambiguous", 4, "810000000001")]


def test_two_numbers_for_one_identity_are_ambiguous_side_by_side():
    result = together([hr()], [reg(), reg("810000000002", finess=THERE)])
    assert result.counts()["ambiguous"] == 1
    assert result.candidates["professional_id"].to_list() == ["810000000001", "810000000002"]
    assert result.candidates["registered_row"].to_list() == [0, 1]


def test_two_staff_members_with_one_name_in_one_place_are_both_asked_about():
    staff = [hr(), hr(birth_date=date(1990, 1, 1))]
    assert outcomes(together(staff, [public()])) == [("ambiguous", 5), ("ambiguous", 5)]


def test_a_number_borne_by_somebody_else_is_shown_and_not_taken():
    found = together(
        [hr(pp_id="10000000001", birth_date=date(1991, 2, 3))], [reg(birth_name="DURAND", first_names="Paul")]
    )
    assert outcomes(found) == [("ambiguous", 1)]
    assert "mal saisi" in found.outcomes["reasons"][0]


@pytest.mark.parametrize("chosen", ["810000000001", "aucun"])
def test_a_decision_is_taken_before_the_levels(chosen):
    asked = together([hr()], [reg(), reg("810000000002", finess=THERE)])
    key = asked.outcomes["name_key"][0]
    told = pl.DataFrame({"name_key": [key], "professional_id": [chosen], "author": ["la gestionnaire"]})
    found = together([hr()], [reg(), reg("810000000002", finess=THERE)], decisions=told).outcomes.filter(hr_line=2)
    assert found["outcome"].to_list() == ["to_register" if chosen == "aucun" else "present"]


def test_left_and_still_open_says_when_and_what_it_keeps_open():
    grants = pl.DataFrame({"role": ["GENR10", "GENR10"], "document_type": ["a", "b"]})
    left = hr(end_date=date(2026, 3, 31))
    found = together([left], [reg(role="GENR10")], grants=grants).outcomes
    assert found.select("outcome", "left_on", "documents").rows() == [("left_open", date(2026, 3, 31), 2)]
    assert "parti le 31/03/2026" in found["reasons"][0]
    assert "2 types de document" in found["reasons"][0]


def test_who_left_and_is_closed_is_nothing_to_do():
    assert together([hr(end_date=date(2026, 3, 31))], [reg(is_open=False)]).outcomes.is_empty()


def test_a_second_contract_still_running_is_presence():
    staff = [hr(end_date=date(2026, 3, 31)), hr(start_date=date(2026, 4, 1))]
    assert outcomes(together(staff, [reg()])) == [("present", 2)]


def test_nobody_in_the_roster_of_the_place_and_open_there_has_left():
    found = together([hr("PETIT", "Luc")], [reg()]).outcomes.filter(pl.col("outcome") == "left_open")
    assert found.select("professional_id", "left_on", "hr_line").rows() == [("810000000001", None, None)]


def test_who_is_registered_by_an_order_has_not_left_for_want_of_a_payslip():
    found = together([hr("PETIT", "Luc")], [{**reg(), "national_profession": "60"}])
    assert found.counts()["left_open"] == 0


def test_a_place_without_roster_is_not_evaluable():
    found = together([hr()], [reg(), reg("810000000002", "DURAND", finess=THERE)])
    assert found.counts()["left_open"] == 0
    assert "1 situations ouvertes" in found.not_evaluable[0]


def test_a_roster_older_than_the_extract_cannot_say_who_left():
    left = hr(end_date=date(2026, 3, 31), told_on=date(2026, 9, 30))
    found = together([left], [reg()])
    assert found.outcomes.is_empty()
    assert "30/09/2026" in found.not_evaluable[0]


def test_registered_in_another_place_only():
    assert outcomes(together([hr(finess=THERE)], [reg()]))[0] == ("elsewhere", 2)


def test_a_number_without_open_situation_is_to_register_under_that_number():
    found = together([hr(finess=THERE)], [reg(is_open=False)]).outcomes
    assert found.select("outcome", "professional_id").rows() == [("to_register", "810000000001")]


@pytest.mark.parametrize(
    ("staff", "registered", "said"),
    [
        (hr(profession="313"), reg(profession="326"), "profession"),
        (hr(role="GENR10"), reg(role="GENR12"), "rôle"),
        (hr(start_date=date(2020, 1, 1)), reg(start_date=date(2024, 1, 1)), "prise de fonction"),
        (hr(pp_id="10000000001", birth_date=date(1980, 5, 18)), reg(), "date de naissance"),
    ],
)
def test_what_differs_is_named_and_never_shown(staff, registered, said):
    found = together([staff], [registered]).outcomes
    assert found["outcome"].to_list() == ["disagrees"]
    assert said in found["reasons"][0]
    assert "MARTIN" not in found["reasons"][0]


def test_a_roster_without_establishments_is_true_of_every_situation():
    staff = [hr(finess=None)]
    found = together(staff, [reg(), reg(finess=THERE)]).outcomes
    assert sorted(found.select("outcome", "finess").rows()) == [("present", HERE), ("present", THERE)]


def test_who_was_chosen_is_nobody_else_s_candidate():
    staff = [hr(), hr(birth_date=date(1990, 1, 1))]
    asked = together(staff, [public()])
    key = asked.outcomes.filter(hr_line=2)["name_key"][0]
    told = pl.DataFrame({"name_key": [key], "professional_id": ["810000000001"], "author": ["la gestionnaire"]})
    found = together(staff, [public()], decisions=told).outcomes.sort("hr_line")
    assert found.select("hr_line", "outcome", "name_key").rows()[0] == (2, "present", key)
    assert found.select("hr_line", "outcome").rows()[1] == (3, "to_register")
