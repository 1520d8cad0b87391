"""What people can open: union of situations, forgotten parts, days, and what cannot be judged."""

from datetime import date, timedelta

import polars as pl
import pytest
from registered import GRANTS, HERE, THERE, TODAY, exposed, held, key, matrix, register

from rpps_audit.errors import UsageError
from rpps_audit.exposure import compute_exposure
from rpps_audit.records import AMBIGUOUS

DAYS = 32  # from the 1st of October to the 1st of November, both included


def one(frame: pl.DataFrame) -> dict[str, object]:
    """The only row."""
    return frame.row(0, named=True) if frame.height == 1 else pytest.fail(f"{frame.height} rows")


# --- union ------------------------------------------------------------------------------------------------------------


def test_a_document_open_through_two_situations_counts_once(store):
    person = one(exposed(store, held(role="GENR08"), held(role="GENR11", finess=THERE)).by_professional())
    assert person["roles"] == "GENR08+GENR11"
    assert person["documents"] == len("abcde")
    assert person["person_days"] == 5 * DAYS


def test_a_role_never_opens_what_another_role_opens(store):
    frame = exposed(store, held("P1", "GENR08"), held("P2", "GENR11")).by_document()
    people = dict(zip(frame["document_type"], frame["professionals"], strict=True))
    assert people == {"a": 1, "b": 1, "c": 2, "d": 2, "e": 1}


@pytest.mark.parametrize(
    ("situation", "active"),
    [
        (held(is_open=False), False),
        (held(is_open=True, end_date=date(2025, 1, 1)), True),
        (held(is_open=None, end_date=date(2026, 10, 31)), False),
        (held(is_open=None, end_date=TODAY), True),
        (held(is_open=None), True),
        (held(start_date=TODAY + timedelta(1)), False),
    ],
)
def test_a_situation_opens_documents_while_the_portal_shows_it_open(store, situation, active):
    assert exposed(store, situation).totals()["professionals"].item() == int(active)


def test_two_extracts_that_share_a_person_are_united(store):
    runs = [register(store, [held(role="GENR08")]), register(store, [held(role="GENR11", finess=THERE)])]
    person = one(compute_exposure(store, runs, GRANTS, TODAY).by_professional())
    assert (person["situations"], person["documents"]) == (2, 5)


def test_people_without_a_number_are_never_united(store):
    runs = [register(store, [held(None), held(None)]), register(store, [held(None)])]
    people = compute_exposure(store, runs, GRANTS, TODAY).by_professional()
    assert people["professional_id"].str.starts_with(AMBIGUOUS).all()
    assert people["documents"].to_list() == [4, 4, 4]


# --- forgotten --------------------------------------------------------------------------------------------------------


def test_only_what_no_justified_situation_opens_is_due_to_the_forgotten_one(store):
    left = held(role="GENR08", since=TODAY - timedelta(10))
    person = one(exposed(store, left, held(role="GENR11", finess=THERE)).by_professional())
    assert person["documents_forgotten"] == len("ab")
    assert person["person_days_forgotten"] == 2 * 10
    assert person["person_days"] == 5 * DAYS
    assert (person["forgotten_situations"], person["forgotten_days"]) == (1, 10)


def test_the_earliest_departure_counts(store):
    later = held(since=TODAY - timedelta(3))
    earlier = held(finess=THERE, since=TODAY - timedelta(20))
    assert one(exposed(store, later, earlier).by_professional())["forgotten_since"] == TODAY - timedelta(20)


def test_a_departure_before_the_start_counts_from_the_start(store):
    situation = one(exposed(store, held(since=date(2020, 1, 1))).forgotten())
    assert (situation["since"], situation["days"]) == (date(2020, 1, 1), DAYS)


def test_nothing_is_forgotten_before_the_departure(store):
    before = exposed(store, held(since=date(2026, 10, 20)), as_of=date(2026, 10, 15))
    assert before.forgotten().is_empty()
    assert before.totals()["person_days_forgotten"].item() == 0


def test_forgotten_situations_come_by_documents_times_days(store):
    few_long = held("P1", "GENR09", since=TODAY - timedelta(30))
    many_short = held("P2", "GENR08", since=TODAY - timedelta(9), rules=2)
    nothing_added = held("P3", "GENR09", since=TODAY - timedelta(30))
    frame = exposed(store, few_long, many_short, nothing_added, held("P3", finess=THERE)).forgotten()
    assert frame.columns == [
        "record_key", "professional_id", "finess", "role", "since", "days", "rule_ids", "documents", "documents_added",
    ]  # fmt: skip
    assert frame["record_key"].to_list() == [key(many_short), key(few_long), key(nothing_added)]
    assert frame["rule_ids"].to_list()[:2] == ["fin-passee+parti-selon-rh", "fin-passee"]
    assert frame["documents"].to_list() == [4, 1, 1]
    assert frame["documents_added"].to_list() == [4, 1, 0]


def test_a_closed_situation_is_not_forgotten_any_more(store):
    assert exposed(store, held(is_open=False, since=date(2026, 10, 10))).forgotten().is_empty()


# --- what is not known ------------------------------------------------------------------------------------------------


def test_a_role_unknown_to_the_matrix_is_not_a_role_that_opens_nothing(store):
    exposure = exposed(store, held("P1", "GENR99"), held("P2", None), held("P3", "GENR09"))
    people = exposure.by_professional().sort("professional_id")
    assert people["documents"].to_list() == [None, None, 1]
    assert people["unknown_roles"].to_list() == [1, 1, 0]
    assert exposure.not_evaluable().select("reason", "role", "situations").rows() == [
        ("rôle absent : droits inconnus", None, 1),
        ("rôle inconnu du tableau des droits", "GENR99", 1),
    ]
    roles = exposure.by_role().sort("role", nulls_last=True)
    assert roles["documents"].to_list() == [1, None, None]


def test_days_without_a_start_are_unknown_and_documents_are_not(store):
    exposure = exposed(store, held(start_date=None))
    assert exposure.totals().select("person_documents", "person_days", "undated").row(0) == (4, None, 1)
    assert exposure.by_document()["person_days"].to_list() == [None, None, None, None, 0]
    assert exposure.not_evaluable()["reason"].to_list() == ["date de début absente : durée inconnue"]


def test_days_known_since_a_departure_are_counted_even_without_a_start(store):
    totals = exposed(store, held(start_date=None, since=TODAY - timedelta(10))).totals()
    assert totals["person_days_forgotten"].item() == 4 * 10


def test_an_empty_extract_exposes_nobody(store):
    exposure = exposed(store)
    assert exposure.totals()["professionals"].item() == 0
    assert exposure.by_professional().is_empty()
    assert exposure.wider_than_peers().is_empty()
    assert exposure.timeline().is_empty()
    assert exposure.by_document()["professionals"].sum() == 0


def test_an_unknown_run_is_refused(store):
    with pytest.raises(UsageError, match="n° 7"):
        compute_exposure(store, [7], GRANTS, TODAY)


# --- by place and function --------------------------------------------------------------------------------------------


def test_an_establishment_answers_for_its_own_situations(store):
    frame = exposed(
        store,
        held("P1", "GENR08", HERE, since=TODAY - timedelta(10), structure_name="Les Tilleuls"),
        held("P1", "GENR11", THERE),
        held("P2", "GENR09", HERE),
    ).by_establishment()
    here = frame.filter(finess=HERE).row(0, named=True)
    assert here == {
        "finess": HERE,
        "name": "Les Tilleuls",
        "operator": "690000999",
        "professionals": 2,
        "situations": 2,
        "documents": 4,
        "person_documents": 5,
        "forgotten_situations": 1,
        "person_documents_forgotten": 4,
        "person_days": 5 * DAYS,
        "person_days_forgotten": 4 * 10,
        "unknown_roles": 0,
        "undated": 0,
    }
    assert frame.filter(finess=THERE)["person_documents"].item() == 3


def test_the_name_and_the_operator_come_from_finess_where_it_is_loaded(store):
    store.sql(
        "INSERT INTO establishments (snapshot_id, line, finess, finess_legal, name) VALUES (50, 2, ?, 'OP', 'MAS')",
        [HERE],
    )
    run = register(store, [held(finess_legal=None), held("P2", finess=None, finess_legal=None)], sources=[50])
    frame = compute_exposure(store, [run], GRANTS, TODAY).by_establishment().sort("finess", nulls_last=True)
    assert frame.select("finess", "name", "operator").rows() == [(HERE, "MAS", "OP"), (None, None, None)]


def test_an_operator_unites_the_situations_of_its_establishments(store):
    operator = one(exposed(store, held(role="GENR08"), held(role="GENR11", finess=THERE)).by_operator())
    assert (operator["operator"], operator["establishments"], operator["person_documents"]) == ("690000999", 2, 5)


def test_by_role_and_profession_say_their_labels(store):
    exposure = exposed(store, held("P1", "GENR09"), held("P2", "GENR09", finess=THERE))
    role = one(exposure.by_role())
    assert role["label"].startswith("Administratif")
    assert (role["professionals"], role["documents"], role["person_documents"]) == (2, 1, 2)
    assert one(exposure.by_profession())["profession"] == "326"


def test_the_heat_map_has_every_role_and_document_type(store):
    frame = exposed(store, held("P1", "GENR11"), held("P1", "GENR11", THERE), held("P2", "GENR11")).heatmap()
    assert frame.height == 3 * 5
    assert frame.filter("granted").height == GRANTS.grants.height
    people = frame.filter(role="GENR11").sort("document_type")["professionals"].to_list()
    assert people == [0, 0, 2, 2, 2]
    assert frame.filter(role="GENR08")["professionals"].sum() == 0


# --- time -------------------------------------------------------------------------------------------------------------


def test_the_timeline_follows_openings_departures_and_closings(store):
    frame = exposed(
        store,
        held("P1", "GENR09", start_date=date(2026, 7, 15), since=date(2026, 9, 10)),
        held("P2", "GENR09", start_date=date(2026, 8, 1), is_open=False, end_date=date(2026, 9, 30)),
    ).timeline()
    assert frame.select("day", "professionals", "professionals_forgotten").rows() == [
        (date(2026, 8, 1), 2, 0),
        (date(2026, 9, 1), 2, 0),
        (date(2026, 10, 1), 1, 1),
        (TODAY, 1, 1),
    ]


def test_the_timeline_ends_with_what_is_open_today(store):
    as_of = date(2026, 11, 17)
    exposure = exposed(store, held("P1", "GENR08", since=date(2026, 11, 16)), held("P2", "GENR11"), as_of=as_of)
    for step in ("day", "week", "month", "quarter", "year"):
        last = exposure.timeline(step).filter(day=as_of).sort("document_type")
        columns = ["document_type", "professionals", "professionals_forgotten"]
        assert last.select(columns).equals(exposure.by_document().select(columns)), step


def test_an_unknown_step_is_refused(store):
    with pytest.raises(UsageError, match="decade"):
        exposed(store).timeline("decade")


# --- colleagues -------------------------------------------------------------------------------------------------------


def colleagues(n, role, **other):
    return [held(f"{role}-{i}", role, **other) for i in range(n)]


def test_a_role_is_wider_by_what_most_colleagues_cannot_open(store):
    frame = exposed(store, *colleagues(5, "GENR11"), held("P1", "GENR08"), held("P2", "GENR09")).wider_than_peers()
    assert one(frame) == {
        "professional_id": "P1",
        "record_key": key(held("P1")),
        "finess": HERE,
        "profession": "326",
        "role": "GENR08",
        "usual_role": "GENR11",
        "colleagues": 7,
        "documents": 4,
        "usual_documents": 3,
        "extra_documents": len("ab"),
    }


def test_a_narrower_role_that_opens_something_else_is_wider_too(store):
    frame = exposed(store, *colleagues(5, "GENR08"), held("P1", "GENR11")).wider_than_peers()
    assert one(frame)["extra_documents"] == len("e")


def test_too_few_colleagues_at_the_operator_are_compared_with_the_profession(store):
    alone = held("P1", "GENR08", finess_legal="690000888")
    frame = exposed(store, *colleagues(5, "GENR11"), alone).wider_than_peers()
    assert (one(frame)["professional_id"], one(frame)["colleagues"]) == ("P1", 6)


def test_nobody_is_compared_without_enough_colleagues(store):
    assert exposed(store, *colleagues(3, "GENR11"), held("P1", "GENR08")).wider_than_peers().is_empty()


def test_twin_situations_keep_the_key_the_checks_give_them(store):
    twin = held("P1", "GENR08", start_date=date(2026, 10, 5))
    frame = exposed(store, *colleagues(5, "GENR09"), held("P1", "GENR09"), twin).wider_than_peers()
    assert one(frame)["record_key"] == key(twin)


# --- origin -----------------------------------------------------------------------------------------------------------


def test_an_exposure_says_which_grants_it_stands_on(store):
    exposure = exposed(store, access=matrix("v2", GENR08="a"))
    assert (exposure.version, exposure.caveat) == ("v2", "Indicatif.")
