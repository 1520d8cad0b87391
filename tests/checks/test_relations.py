"""Set kinds: records against each other and against other files, on literal tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rpps_audit.checks import Catalogue, Rule
from rpps_audit.checks.kinds import query
from rpps_audit.errors import UsageError
from rpps_audit.store import memory_store
from tests.checks.literal import key, person, rule, run_checks, snapshot


def keys(checked: Rule, rows: list[dict[str, Any]], **sources: list[dict[str, Any]]) -> list[str]:
    with memory_store() as store:
        for kind, others in sources.items():
            snapshot(store, kind.replace("_", "-"), others)
        run = run_checks(store, snapshot(store, "suivi", rows), Catalogue((checked,)))
        assert run.not_evaluable().is_empty()
        return [row[0] for row in store.sql("SELECT record_key FROM findings ORDER BY 1").fetchall()]


def test_an_address_shared_by_two_people_is_reported_for_both() -> None:
    checked = rule("shared_value", "professional", "email", fold="lower")
    rows = [person(1, email="a@x.example"), person(2, email="A@X.example"), person(3, email="c@x.example"), person(4)]
    assert keys(checked, rows) == ["8" + f"{1:011d}", "8" + f"{2:011d}"]


def test_two_lines_of_one_person_do_not_share() -> None:
    checked = rule("shared_value", "professional", "email", fold="lower")
    assert keys(checked, [person(1, email="a@x.example"), person(1, email="a@x.example", finess="690000023")]) == []


def test_the_same_person_under_two_numbers() -> None:
    checked = rule(
        "shared_value", "professional", "birth_name", "first_names", fold="name", exact_columns=["birth_date"]
    )
    twins = {"birth_name": "Hérault", "first_names": "Anne-Marie", "birth_date": date(1980, 1, 2)}
    other = {"birth_name": "HERAULT", "first_names": "ANNE MARIE", "birth_date": date(1980, 1, 2)}
    later = {**other, "birth_date": date(1980, 1, 3)}
    assert keys(checked, [person(1, **twins), person(2, **other), person(3, **later)]) == [
        "8" + f"{1:011d}",
        "8" + f"{2:011d}",
    ]


def test_two_people_on_one_number() -> None:
    checked = rule("several_identities", "professional", "birth_name", "birth_date")
    rows = [
        person(1, birth_name="MARTIN"),
        person(1, birth_name="DURAND", finess="690000023"),
        person(2, birth_name="X"),
    ]
    assert keys(checked, rows) == ["8" + f"{1:011d}"]


def test_a_repeated_line_is_reported_once_the_first_is_kept() -> None:
    checked = rule("repeated_line", "situation", "finess", "role", "profession", "start_date")
    assert keys(checked, [person(1), person(1), person(2)]) == [key(1)]


def test_overlapping_twins_but_not_consecutive_situations() -> None:
    checked = rule("overlapping_twin", "situation", "finess")
    ended = {"end_date": date(2023, 12, 31), "start_date": date(2020, 1, 1), "is_open": False}
    rows = [
        person(1),
        person(1, role="GENR12", start_date=date(2025, 1, 1)),
        person(2),
        person(2, **ended),
        person(3),
        person(3, finess="690000023"),
    ]
    assert keys(checked, rows) == [key(1, start="2025-01-01")]


def test_nobody_left_open() -> None:
    checked = rule("none_open", "professional", "professional_id")
    closed = {"is_open": False, "end_date": date(2025, 1, 1)}
    rows = [person(1, **closed), person(2, **closed), person(2, finess="690000023"), person(3)]
    assert keys(checked, rows) == ["8" + f"{1:011d}"]


def test_dangling_establishment() -> None:
    checked = rule("exists_in", "situation", "finess", source="finess", source_column="finess")
    assert keys(checked, [person(1), person(2, finess="690009999")], finess=[{"finess": "690000015"}]) == [
        key(2, "690009999")
    ]


def test_closed_establishment_gives_the_day_it_closed() -> None:
    checked = rule("closed_establishment", "situation", "finess", forgotten=True)
    with memory_store() as store:
        snapshot(store, "finess", [{"finess": "690000015", "closed_on": date(2026, 3, 1)}])
        run_checks(store, snapshot(store, "suivi", [person(1), person(2, is_open=False)]), Catalogue((checked,)))
        assert store.sql("SELECT record_key, since FROM departures").fetchall() == [(key(1), date(2026, 3, 1))]


def test_left_according_to_the_roster_by_number_or_by_exact_identity() -> None:
    checked = rule("left_according_to_roster", "situation", "end_date", forgotten=True)
    identity = {"birth_name": "Hérault", "first_names": "Léa, Rose", "birth_date": date(1990, 1, 1)}
    place, gone = {"finess": "690000015"}, {"end_date": date(2026, 6, 30)}
    roster = [
        {**place, **gone, "pp_id": f"{1:011d}"},
        {**place, **gone, "birth_name": "HERAULT", "first_name": "LEA", "birth_date": date(1990, 1, 1)},
        {**place, **gone, "pp_id": f"{3:011d}"},
        {**place, "pp_id": f"{3:011d}"},
        {"finess": "690000023", **gone, "pp_id": f"{4:011d}"},
        {**place, **gone, "pp_id": f"{5:011d}"},
    ]
    rows = [person(1), person(2, **identity), person(3), person(4), person(5, end_date=date(2026, 12, 31))]
    assert keys(checked, rows, rh=roster) == [key(1), key(2)]


def test_absent_from_the_roster_only_where_the_roster_reaches() -> None:
    checked = rule("absent_from_roster", "situation", "finess")
    roster = [{"finess": "690000015", "pp_id": f"{1:011d}"}]
    assert keys(checked, [person(1), person(2), person(3, finess="690000023")], rh=roster) == [key(2)]


def test_public_extract_disagrees_on_the_role() -> None:
    checked = rule(
        "disagrees_with",
        "situation",
        "role",
        source="annuaire-public",
        on=["professional_id", "finess"],
        source_column="role",
    )
    public = [person(1, role="GENR12"), person(2, role="GENR11"), person(3, role="GENR12", finess="690000023")]
    assert keys(checked, [person(1), person(2), person(3)], annuaire_public=public) == [key(1)]


def test_missing_from_the_public_extract_once_old_enough() -> None:
    checked = rule(
        "missing_from", "situation", "finess", source="annuaire-public", on=["professional_id", "finess"], min_days=7
    )
    rows = [person(1), person(2), person(3, start_date=date(2026, 10, 30)), person(4, is_open=False)]
    assert keys(checked, rows, annuaire_public=[person(1)]) == [key(2)]


def test_private_address_published() -> None:
    checked = rule("published_contact", "professional", "email", source_column="structure_email")
    public = [person(1, structure_email="A@x.example"), person(2, structure_email="accueil@x.example")]
    rows = [person(1, email="a@x.example"), person(2, email="b@x.example")]
    assert keys(checked, rows, annuaire_public=public) == ["8" + f"{1:011d}"]


def test_card_and_mailbox_of_somebody_gone() -> None:
    gone = person(1, is_open=False)
    cards = [{"professional_id": gone["professional_id"], "valid_to": date(2027, 1, 1)}]
    assert keys(rule("card_of_departed", "professional", "professional_id"), [gone], cartes=cards) == [
        gone["professional_id"]
    ]
    opposed = [{**cards[0], "opposed_on": date(2026, 1, 1)}]
    assert keys(rule("card_of_departed", "professional", "professional_id"), [gone], cartes=opposed) == []
    boxes = [{"professional_id": gone["professional_id"], "mailbox_type": "PER"}]
    assert keys(rule("mailbox_of_departed", "professional", "professional_id"), [gone, person(2)], mssante=boxes) == [
        gone["professional_id"]
    ]


def test_two_requests_at_once() -> None:
    checked = rule("request_beside_another", "situation", "pending_request_date")
    waiting = {"pending_request_date": date(2026, 10, 1)}
    rows = [person(1, **waiting), person(1, finess="690000023", **waiting), person(2, **waiting)]
    assert keys(checked, rows) == [key(1), key(1, "690000023")]


def test_a_misspelt_parameter_is_refused_in_french() -> None:
    with pytest.raises(UsageError, match="il manque le seuil « source"):
        query(rule("exists_in", "situation", "finess"))
    with pytest.raises(UsageError, match=r"« lowercase » n'est pas possible\. Vouliez-vous dire : lower"):
        query(rule("shared_value", "professional", "email", fold="lowercase"))
