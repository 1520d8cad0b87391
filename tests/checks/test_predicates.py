"""Row kinds on tiny literal records: what breaks a rule, what does not, and what a null says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from rpps_audit.checks import Rule, broken_rows, build_schema
from rpps_audit.checks.kinds import Context, violation
from rpps_audit.errors import UsageError

CONTEXT = Context(as_of=date(2026, 11, 1))


def rule(kind: str, *columns: str, when: dict[str, Any] | None = None, **parameters: Any) -> Rule:
    return Rule(
        id=f"rule-{kind}",
        title="",
        table="situation",
        columns=columns,
        kind=kind,
        severity="error",
        category="conformance",
        basis="",
        source="",
        since="",
        parameters=parameters,
        when=when or {},
    )


def broken(checked: Rule, **columns: Iterable[Any]) -> list[bool]:
    frame = pl.DataFrame(columns)
    return frame.select(violation(checked, CONTEXT).alias("broken"))["broken"].to_list()


def test_required_breaks_only_when_every_column_is_empty() -> None:
    checked = rule("required", "birth_date", "birth_date_text")
    verdicts = broken(checked, birth_date=[None, None, date(1980, 1, 2)], birth_date_text=[None, "1980", None])
    assert verdicts == [True, False, False]


def test_a_guard_limits_the_rule_to_the_records_it_names() -> None:
    checked = rule("required", "birth_commune", when={"column": "birth_country", "values": ["99100"]})
    assert broken(checked, birth_commune=[None, None, None], birth_country=["99100", "99109", None]) == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"column": "other", "except": ["x"]}, [False, True, False]),
        ({"column": "other", "present": True}, [True, True, False]),
        ({"column": "other", "present": False}, [False, False, True]),
    ],
)
def test_guards_of_every_form(when: dict[str, Any], expected: list[bool]) -> None:
    assert broken(rule("forbidden", "value", when=when), value=["v", "v", "v"], other=["x", "y", None]) == expected


def test_an_empty_value_breaks_no_rule_of_form() -> None:
    empty = pl.Series([None], dtype=pl.String)
    assert broken(rule("matches", "v", pattern="^a$"), v=empty) == [False]
    assert broken(rule("one_of", "v", values=["a"]), v=empty) == [False]
    assert broken(rule("check_digit", "v", length=11), v=empty) == [False]
    assert broken(rule("in_nomenclature", "v", nomenclature="roles"), v=empty) == [False]


def test_phone_ignores_the_punctuation_people_write() -> None:
    checked = rule("phone", "phone", forms=["0z xx xx xx xx", "+z…"])
    written = [
        "06 39 98 00 11",
        "06.39.98.00.11",
        "(06)39980011",
        "+262 692 00 00 11",
        "06-39",
        "00 39 98 00 11",
        "+12345",
    ]
    assert broken(checked, phone=written) == [False] * 4 + [True] * 3


@given(st.text("0123456789", min_size=11, max_size=11))
def test_check_digit_is_luhn(number: str) -> None:
    assert broken(rule("check_digit", "pp_id", length=11), pp_id=[number]) == [not luhn.is_valid(number)]


@given(st.text("0123456789", min_size=14, max_size=14))
def test_check_digit_is_luhn_whatever_the_length(number: str) -> None:
    assert broken(rule("check_digit", "siret", length=14), siret=[number]) == [not luhn.is_valid(number)]


def test_check_digit_leaves_other_forms_to_the_format_rule() -> None:
    assert broken(rule("check_digit", "finess", length=9), finess=["2A0000014", "12345", "+12345678"]) == [False] * 3


def test_identifier_is_its_parts_end_to_end() -> None:
    checked = rule("concatenation", "professional_id", parts_columns=["id_type", "pp_id"])
    verdicts = broken(
        checked,
        professional_id=["810107592585", "810107592544", "810107592544"],
        id_type=["8", "8", None],
        pp_id=["10107592585", "10107582544", "10107592544"],
    )
    assert verdicts == [False, True, False]


def test_a_withdrawn_profession_is_judged_at_the_end_of_the_situation() -> None:
    checked = rule("valid_at_date", "profession", reference_name="professions", date_column="end_date")
    # 318 was withdrawn on 2025-12-22 (TRE_R85): an open situation is judged at the day of the data.
    verdicts = broken(checked, profession=["318", "318", "328", "999"], end_date=[None, date(2025, 6, 30), None, None])
    assert verdicts == [True, False, False, False]


def test_an_unknown_code_is_not_also_reported_as_withdrawn() -> None:
    assert broken(rule("in_nomenclature", "role", nomenclature="roles"), role=["GENR08", "GENR77"]) == [False, True]


def test_a_role_the_matrix_does_not_know_has_no_known_exposure() -> None:
    assert broken(rule("granted", "role"), role=["GENR08", "GENR13", "GENR77"]) == [False, True, False]


def test_commune_is_judged_at_the_birth_date() -> None:
    checked = rule("valid_at_date", "birth_commune", reference_name="communes", date_column="birth_date")
    # Corsica has 2A and 2B codes since 1976-01-01; before, 20xxx (INSEE COG).
    verdicts = broken(
        checked,
        birth_commune=["2A004", "2A004", "20004", "99999"],
        birth_date=[date(1980, 5, 1), date(1970, 5, 1), date(1970, 5, 1), date(1970, 5, 1)],
    )
    assert verdicts == [False, True, False, False]


def test_dates_are_compared_with_the_day_of_the_data() -> None:
    days = [date(2026, 11, 1), date(2026, 11, 2), date(2026, 10, 1), None]
    assert broken(rule("not_in_future", "d"), d=days) == [False, True, False, False]
    assert broken(rule("older_than", "d", days=31), d=days) == [False, False, False, False]
    assert broken(rule("older_than", "d", days=30), d=days) == [False, False, True, False]


def test_end_before_start() -> None:
    checked = rule("date_order", "end_date", before_column="start_date")
    days = {"end_date": [date(2020, 1, 1), date(2021, 1, 1)], "start_date": [date(2020, 1, 2), date(2021, 1, 1)]}
    assert broken(checked, **days) == [True, False]


def test_past_end_still_open() -> None:
    checked = rule("past_end_still_open", "end_date", open_column="is_open")
    verdicts = broken(
        checked,
        end_date=[date(2026, 10, 31), date(2026, 11, 1), date(2026, 10, 31), None],
        is_open=[True, True, False, True],
    )
    assert verdicts == [True, False, False, False]


def test_open_too_long_looks_at_the_last_sign_of_life() -> None:
    checked = rule(
        "open_too_long",
        "start_date",
        years=5,
        end_column="end_date",
        open_column="is_open",
        sign_column="last_confirmed",
    )
    verdicts = broken(
        checked,
        start_date=[date(2015, 1, 1), date(2015, 1, 1), date(2024, 1, 1), date(2015, 1, 1)],
        last_confirmed=[None, date(2026, 1, 1), None, None],
        end_date=[None, None, None, date(2027, 1, 1)],
        is_open=[True, True, True, True],
    )
    assert verdicts == [True, False, False, False]


def test_names_are_compared_without_case_and_accents() -> None:
    checked = rule("differs_from", "birth_name", other_column="first_names")
    assert broken(checked, birth_name=["Hervé", "MARTIN"], first_names=["HERVE", "HERVE"]) == [True, False]


def test_sex_goes_with_civility() -> None:
    checked = rule("agrees_with", "civility", other_column="sex", pairs={"M": ["M"], "MME": ["F"]})
    assert broken(checked, civility=["M", "MME", "MME", "M"], sex=["F", "F", "M", None]) == [True, False, True, False]


def test_pandera_gives_the_rows_of_every_broken_rule() -> None:
    rules = [rule("required", "role"), rule("one_of", "sex", values=["M", "F"])]
    frame = pl.DataFrame({"role": [None, "GENR08", None], "sex": ["M", "X", None]})
    rows = broken_rows(build_schema(rules, CONTEXT, "situation"), frame)
    assert {name: found.to_list() for name, found in rows.items()} == {"rule-required": [0, 2], "rule-one_of": [1]}


def test_a_check_that_cannot_run_is_never_taken_for_a_verdict() -> None:
    schema = build_schema([rule("not_in_future", "d")], CONTEXT, "situation")
    with pytest.raises(RuntimeError, match="not_in_future"):
        broken_rows(schema, pl.DataFrame({"d": ["text"]}))


def test_a_misspelt_threshold_is_refused_in_french() -> None:
    with pytest.raises(UsageError, match="il manque le seuil « days »"):
        violation(rule("older_than", "d"), CONTEXT)
    with pytest.raises(UsageError, match="seuil inconnu « jours »"):
        violation(rule("older_than", "d", days=1, jours=2), CONTEXT)
