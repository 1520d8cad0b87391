"""The register at a date: several files judged together, whatever the order of questions."""

from __future__ import annotations

from datetime import date

from rpps_audit.audit import check, judged_runs
from rpps_audit.checks import Catalogue, findings, state_runs
from rpps_audit.exposure import compute_exposure
from rpps_audit.records import state_at, state_days
from rpps_audit.reference import load_access
from rpps_audit.store import Store, memory_store
from tests.checks.literal import key, person, rule, snapshot

ROLE_REQUIRED = rule("required", "situation", "role")
NONE_OPEN = rule("none_open", "professional", "end_date")
SHARED_EMAIL = rule("shared_value", "professional", "email", fold="lower")
HERE, THERE = "690000015", "690000023"


def deliver(store: Store, series: str, rows: list[dict[str, object]], *, day: date, kind: str = "suivi") -> int:
    number = snapshot(store, kind, rows, day=day)
    store.sql("UPDATE snapshots SET series = ?, file_name = ? WHERE snapshot_id = ?", [series, series, number])
    return number


def test_a_state_is_the_latest_file_of_each_series() -> None:
    with memory_store() as store:
        deliver(store, "nord", [person(1)], day=date(2026, 9, 1))
        north = deliver(store, "nord", [person(1)], day=date(2026, 11, 1))
        south = deliver(store, "sud", [person(2)], day=date(2026, 10, 15))
        assert state_at(store).files("suivi") == (north, south)
        assert state_at(store).as_of == date(2026, 11, 1)
        assert state_at(store, date(2026, 10, 20)).files("suivi") == (1, south)


def test_somebody_who_moved_between_two_files_has_an_open_situation() -> None:
    left = person(1, is_open=False, end_date=date(2026, 6, 1))
    with memory_store() as store:
        deliver(store, "nord", [left], day=date(2026, 11, 1))
        deliver(store, "sud", [person(1, finess=THERE)], day=date(2026, 11, 1))
        (run,) = check(store, Catalogue((NONE_OPEN,)))
        assert run.findings == 0


def test_what_two_files_share_is_found_and_each_finding_names_its_own_file_and_line() -> None:
    with memory_store() as store:
        north = deliver(store, "nord", [person(3), person(1, email="a@b.fr")], day=date(2026, 11, 1))
        south = deliver(store, "sud", [person(2, finess=THERE, email="A@B.fr")], day=date(2026, 11, 1))
        (run,) = check(store, Catalogue((SHARED_EMAIL,)))
        found = findings(store, run.run_id).select("record_key", "snapshot_id", "line").rows()
        assert found == [(f"8{1:011d}", north, 3), (f"8{2:011d}", south, 2)]


def test_a_past_day_asked_once_changes_nothing_for_those_who_ask_for_the_present() -> None:
    catalogue = Catalogue((ROLE_REQUIRED,))
    with memory_store() as store:
        deliver(store, "nord", [person(1, role=None)], day=date(2026, 9, 1))
        deliver(store, "nord", [person(1)], day=date(2026, 11, 1))
        now = check(store, catalogue)[0]
        check(store, catalogue, as_of=date(2026, 9, 10))
        check(store, Catalogue(()))
        check(store, catalogue)
        assert judged_runs(store, catalogue)["run_id"].to_list() == [now.run_id]
        assert findings(store, now.run_id)["state"].to_list() == ["resolved"]


def test_files_delivered_in_one_round_make_one_state_to_compare() -> None:
    with memory_store() as store:
        for month in (9, 10, 11):
            for rank, series in enumerate(("nord", "sud", "est"), start=1):
                deliver(store, series, [person(rank)], day=date(2026, month, rank))
        assert state_days(store) == [date(2026, 9, 3), date(2026, 10, 3), date(2026, 11, 3)]


def test_a_column_that_one_file_lacks_is_judged_in_the_others_only() -> None:
    with memory_store() as store:
        whole = deliver(store, "nord", [person(1, role=None)], day=date(2026, 11, 1))
        poor = snapshot(store, "suivi", [person(2, role=None)], columns=["professional_id", "finess"])
        store.sql("UPDATE snapshots SET series = 'sud' WHERE snapshot_id = ?", [poor])
        (run,) = check(store, Catalogue((ROLE_REQUIRED,)))
        assert findings(store, run.run_id)["snapshot_id"].to_list() == [whole]
        assert run.rules.select("status", "evaluated", "failed").row(0) == ("evaluated", 1, 1)
        assert run.rules["reason"].to_list() == ["non évaluable sur 1 fichier de 2 (colonne absente : « Rôle »)"]


def test_a_rule_that_looked_at_nothing_has_no_object() -> None:
    checked = rule("matches", "professional", "email", pattern="@")
    with memory_store() as store:
        deliver(store, "nord", [person(1)], day=date(2026, 11, 1))
        (run,) = check(store, Catalogue((checked,)))
        assert run.rules["status"].to_list() == ["no_object"]


def test_who_left_since_counts_in_the_exposure_of_a_day_before() -> None:
    left = person(1, is_open=False, end_date=date(2026, 10, 15))
    with memory_store() as store:
        deliver(store, "nord", [left, person(2)], day=date(2026, 11, 1))
        check(store, Catalogue((ROLE_REQUIRED,)))
        runs = state_runs(store, state_at(store))["run_id"].to_list()
        counted = {
            day: compute_exposure(store, runs, load_access(None), date(2026, *day)).totals()["professionals"][0]
            for day in ((10, 1), (10, 15), (10, 16), (11, 1))
        }
        assert counted == {(10, 1): 2, (10, 15): 2, (10, 16): 1, (11, 1): 1}


def test_sorting_a_file_and_an_older_twin_leaving_it_change_no_key() -> None:
    older = person(1, start_date=date(2019, 1, 1), end_date=date(2020, 1, 1), is_open=False, role=None)
    unnamed = {"professional_id": None, "pp_id": None, "birth_name": "ROUX", "first_names": "Ida"}
    nobody = person(9, **unnamed, birth_date=date(1990, 1, 2), role=None)
    catalogue = Catalogue((ROLE_REQUIRED,))
    with memory_store() as store:
        deliver(store, "nord", [older, person(1, role=None), nobody], day=date(2026, 9, 1))
        deliver(store, "nord", [nobody, person(1, role=None), older], day=date(2026, 10, 1))
        run = check(store, catalogue)[0]
        assert findings(store, run.run_id)["state"].to_list() == ["persisting"] * 3
        deliver(store, "nord", [nobody, person(1, role=None)], day=date(2026, 11, 1))
        run = check(store, catalogue)[0]
        states = dict(findings(store, run.run_id).select("record_key", "state").rows())
        assert states.pop(key(1, start="2019-01-01")) == "vanished"
        assert set(states.values()) == {"persisting"}
