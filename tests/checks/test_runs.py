"""Runs: what is evaluated, what cannot be, denominators, and the life of findings between exports."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from rpps_audit.checks import Catalogue, findings, state_runs, tolerate, worst
from rpps_audit.errors import UsageError
from rpps_audit.records import open_state, row_keys, state_at
from rpps_audit.store import Store, memory_store
from tests.checks.literal import key, person, rule, run_checks, snapshot

ROLE_REQUIRED = rule("required", "situation", "role")


def states(store: Store, run_id: int) -> dict[str, str]:
    frame = findings(store, run_id)
    return dict(zip(frame["record_key"], frame["state"], strict=True))


def test_denominator_and_failures() -> None:
    with memory_store() as store:
        run = run_checks(
            store, snapshot(store, "suivi", [person(1), person(2, role=None)]), Catalogue((ROLE_REQUIRED,))
        )
        assert run.rules.select("evaluated", "failed", "status").row(0) == (2, 1, "evaluated")
        assert worst(store, [run.run_id]) == "error"


def test_what_is_tolerated_is_not_the_worst() -> None:
    with memory_store() as store:
        run = run_checks(
            store, snapshot(store, "suivi", [person(1), person(2, role=None)]), Catalogue((ROLE_REQUIRED,))
        )
        (found,) = findings(store, run.run_id)["record_key"]
        tolerate(store, ROLE_REQUIRED.id, found, "role", author="DPO", reason="en cours", expires_on=date(2999, 1, 1))
        assert worst(store, [run.run_id]) is None


def test_a_rule_without_its_column_is_not_evaluable_and_finds_nothing() -> None:
    with memory_store() as store:
        loaded = snapshot(store, "suivi", [person(1, role=None)], columns=["professional_id", "finess"])
        run = run_checks(store, loaded, Catalogue((ROLE_REQUIRED,)))
    assert run.not_evaluable().rows() == [("rule-required", "colonne absente : « Rôle »")]
    assert run.findings == 0


def test_a_rule_without_its_other_file_is_not_evaluable() -> None:
    checked = rule("exists_in", "situation", "finess", source="finess", source_column="finess")
    with memory_store() as store:
        run = run_checks(store, snapshot(store, "suivi", [person(1)]), Catalogue((checked,)))
    assert run.not_evaluable()["reason"].to_list() == ["fichier non chargé : « établissements (FINESS) »"]


def test_civil_status_is_judged_once_per_person_and_situations_each() -> None:
    two_places = [person(1), person(1, finess="690000023")]
    rules = Catalogue((rule("required", "professional", "birth_name"), rule("forbidden", "situation", "end_reason")))
    with memory_store() as store:
        run = run_checks(store, snapshot(store, "suivi", two_places), rules)
        found = store.sql("SELECT record_key FROM findings").fetchall()
    # Both situations were looked at for a value where none may stand.
    assert run.rules["evaluated"].to_list() == [1, 2]
    assert found == [("8" + f"{1:011d}",)]


def test_findings_new_persisting_resolved_vanished_reopened() -> None:
    bad = {"role": None}
    with memory_store() as store:
        exports = [
            (date(2026, 7, 1), [person(1, **bad), person(2, **bad), person(3, **bad), person(4, **bad)]),
            (date(2026, 8, 1), [person(1, **bad), person(2), person(4)]),
            (date(2026, 9, 1), [person(1, **bad), person(2), person(4, **bad), person(5, **bad)]),
        ]
        for day, rows in exports:
            run = run_checks(store, snapshot(store, "suivi", rows, day=day), Catalogue((ROLE_REQUIRED,)))
            last = states(store, run.run_id)
            if day.month == 8:
                assert last == {key(1): "persisting", key(2): "resolved", key(3): "vanished", key(4): "resolved"}
        assert last == {key(1): "persisting", key(4): "reopened", key(5): "new"}
        assert state_runs(store, state_at(store))["run_id"].to_list() == [run.run_id]


def test_a_fault_whose_rule_can_no_longer_be_evaluated_is_not_called_resolved() -> None:
    with memory_store() as store:
        run_checks(
            store, snapshot(store, "suivi", [person(1, role=None)], day=date(2026, 7, 1)), Catalogue((ROLE_REQUIRED,))
        )
        poorer = snapshot(store, "suivi", [person(1)], columns=["professional_id", "finess"])
        run = run_checks(store, poorer, Catalogue((ROLE_REQUIRED,)))
        assert states(store, run.run_id) == {key(1): "not_evaluable"}


def test_a_tolerated_finding_says_so_and_needs_a_reason() -> None:
    with memory_store() as store:
        run = run_checks(store, snapshot(store, "suivi", [person(1, role=None)]), Catalogue((ROLE_REQUIRED,)))
        with pytest.raises(UsageError, match="motif"):
            tolerate(store, "rule-required", key(1), "role", author="A", reason=" ", expires_on=date(2999, 1, 1))
        tolerate(store, "rule-required", key(1), "role", author="A", reason="en cours", expires_on=date(2999, 1, 1))
        assert states(store, run.run_id) == {key(1): "tolerated"}


def test_the_same_question_twice_is_one_run() -> None:
    with memory_store() as store:
        loaded = snapshot(store, "suivi", [person(1, role=None)])
        first = run_checks(store, loaded, Catalogue((ROLE_REQUIRED,)))
        assert run_checks(store, loaded, Catalogue((ROLE_REQUIRED,))).run_id == first.run_id
        assert run_checks(store, loaded, Catalogue((ROLE_REQUIRED,)), as_of=date(2026, 12, 1)).run_id != first.run_id


def test_no_value_reaches_a_finding() -> None:
    secret = "ZZYZX"
    checked = rule("one_of", "professional", "birth_name", values=["A"])
    with memory_store() as store:
        run = run_checks(store, snapshot(store, "suivi", [person(1, birth_name=secret)]), Catalogue((checked,)))
        assert run.findings == 1
        assert secret not in str(findings(store, run.run_id).rows())


def test_a_run_that_fails_leaves_no_trace() -> None:
    good, bad = ROLE_REQUIRED, rule("older_than", "situation", "start_date")
    with memory_store() as store:
        loaded = snapshot(store, "suivi", [person(1)])
        with pytest.raises(UsageError, match="il manque le seuil"):
            run_checks(store, loaded, Catalogue((good, bad)))
        assert store.sql("SELECT count(*) FROM runs").fetchone() == (0,)


def test_keys_of_some_lines_are_the_keys_of_the_views() -> None:
    rows = [person(1), person(1, start_date=date(2020, 1, 1)), person(2), person(3, professional_id=None)]
    with memory_store() as store:
        loaded = snapshot(store, "suivi", rows)
        with open_state(store, state_at(store), "suivi") as reader:
            everything = reader.execute("SELECT line, record_key FROM situation ORDER BY line").pl()
        for lines in ([2], [3, 5], [2, 3, 4, 5]):
            asked = pl.DataFrame({"snapshot_id": loaded, "line": lines})
            some = row_keys(store.connection, asked).select("line", "record_key").sort("line")
            assert some.rows() == everything.filter(pl.col("line").is_in(lines)).rows()
    assert everything["record_key"].to_list()[:2] == [key(1), key(1, start="2020-01-01")]
