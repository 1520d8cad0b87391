"""Kinds as values: what they refuse, whom they looked at, what they are judged against."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from rpps_audit.checks import Catalogue, Rule, load_catalogue, parse_rule, run_examples
from rpps_audit.checks.examples import load_example
from rpps_audit.checks.kinds import KINDS, Context, References, explain, kind_of
from rpps_audit.errors import UsageError
from rpps_audit.records.columns import columns, sources
from rpps_audit.reference import load_access, load_nomenclatures, rules_root
from rpps_audit.store import Store, memory_store
from tests.checks.literal import person, rule, run_checks, snapshot

HEAD = """+++
id = "mon-controle"
title = "Titre"
table = "{table}"
columns = [{columns}]
kind = "{kind}"
severity = "error"
category = "uniqueness"
basis = "Fondement"
source = "Source"
since = "2026-11-23"
"""


def written(kind: str, columns: str, more: str = "", table: str = "professional") -> str:
    names = ", ".join(f'"{name}"' for name in columns.split())
    return HEAD.format(kind=kind, columns=names, table=table) + more + "\n+++\n\npage\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (written("required", "emial"), 5, "la colonne « emial » n'existe pas. Vouliez-vous dire : email"),
        (written("not_in_future", "email"), 5, "« email » est de type texte ; attendu : date"),
        (written("matches", "email", '[parameters]\npattern = "(a"'), 13, "la forme « (a » ne se lit pas"),
        (
            written("older_than", "birth_date", '[parameters]\ndays = "3"'),
            13,
            "un nombre entier d'au moins 0 est attendu",
        ),
        (written("older_than", "birth_date", "[parameters]\ndays = true"), 13, "un nombre entier d'au moins 0"),
        (written("older_than", "birth_date", "[parameters]\nday = 3"), 13, "Vouliez-vous dire : days"),
        (written("older_than", "birth_date"), 1, "il manque le seuil « days »"),
        (written("in_nomenclature", "sex", 'parameters = { nomenclature = "role" }'), 12, "Vouliez-vous dire : roles"),
        (
            written("exists_in", "email", '[parameters]\nsource = "fines"\nsource_column = "finess"'),
            13,
            "« fines » n'est pas possible. Vouliez-vous dire : finess",
        ),
        (
            written("exists_in", "email", '[parameters]\nsource = "rh"\nsource_column = "emails"'),
            14,
            "la colonne « emails » n'existe pas",
        ),
        (
            written("exists_in", "email", '[parameters]\nsource = "rh"\nsource_column = "end_date"'),
            14,
            "« end_date » est de type date ; attendu : texte",
        ),
        (written("granted", "role", '[parameters]\naccess = "2030"', "situation"), 13, "« 2030 »"),
        (written("required", "email", 'when = { column = "emails", present = true }'), 12, "« emails » n'existe pas"),
        (written("required", "email", 'when = { column = "email" }'), 12, "l'un de « values », « except »"),
        (written("required", "email", 'when = { column = "is_open", values = ["oui"] }'), 12, "true ou false"),
        (written("required", "email", "forgotten = true"), 12, "« required » ne dit pas depuis quand"),
        (written("required", "email", "forgotten = 1"), 12, "« forgotten » doit être true ou false"),
        (written("matches", "email phone", '[parameters]\npattern = "a"'), 5, "ne lit qu'une colonne"),
        (written("none_open", "professional_id", table="situation"), 4, "juge la table « professional »"),
        (written("required", "email", 'applies_to = ["rh"]'), 12, "« applies_to = rh » n'est pas possible"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_file_and_line(text: str, line: int, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_rule(text, "mon-controle.md")
    assert str(refused.value).startswith(f"mon-controle.md, ligne {line} : ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            'parameters = { years = "2" }',
            "ligne 3, [ouverte-trop-longtemps] : seuil « years » : un nombre d'au moins 0",
        ),
        ("enabled = 1", "ligne 3, [ouverte-trop-longtemps] : « enabled » doit être true ou false"),
        ("parameters = 2", "ligne 3, [ouverte-trop-longtemps] : « parameters » doit être un tableau"),
        ('applies_to = "suivi"', "ligne 3, [ouverte-trop-longtemps] : « applies_to » doit être une liste"),
    ],
)
def test_a_site_s_threshold_of_a_wrong_type_is_refused(tmp_path: Path, setting: str, message: str) -> None:
    (tmp_path / "rules").mkdir()
    settings = f"# nos seuils\n[ouverte-trop-longtemps]\n{setting}\n"
    (tmp_path / "rules" / "reglages.toml").write_text(settings, "utf-8")
    with pytest.raises(UsageError, match=re.escape(f"reglages.toml, {message}")):
        load_catalogue(tmp_path)


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=lambda kind: kind.name)
def test_a_kind_takes_the_parameters_it_declares(kind: Any) -> None:
    declared = {one.name for one in kind.parameters}
    functions = [kind.predicate, kind.looked_at, kind.since, kind.query, kind.population, kind.alike]
    taken = [set(signature(one).parameters) - {"rule", "columns", "context"} for one in functions if one]
    assert all(names == declared for names in taken)


# --- who was looked at ------------------------------------------------------------------------------------------------


def judged(store: Store, checked: Rule, rows: list[dict[str, Any]], **others: list[dict[str, Any]]) -> tuple[int, int]:
    """How many records the rule looked at, and how many it found."""
    for kind, other in others.items():
        snapshot(store, kind.replace("_", "-"), other)
    run = run_checks(store, snapshot(store, "suivi", rows), Catalogue((checked,)))
    return run.rules["evaluated"].item(), run.rules["failed"].item()


GONE = {"is_open": False, "end_date": date(2025, 1, 1)}
CARD = {"professional_id": f"8{1:011d}", "valid_to": date(2027, 1, 1)}
CHECKED = [
    (rule("shared_value", "professional", "email"), [person(1, email="a@x.example"), person(2)], {}, (1, 0)),
    (rule("several_identities", "professional", "birth_name"), [person(1), person(2), person(2)], {}, (2, 0)),
    (rule("overlapping_twin", "situation", "finess"), [person(1), person(2, finess=None)], {}, (1, 0)),
    (rule("request_beside_another", "situation", "pending_request_date"), [person(1)], {}, (0, 0)),
    (rule("closed_establishment", "situation", "finess"), [person(1)], {"finess": [{"finess": "690000023"}]}, (0, 0)),
    (
        rule("left_according_to_roster", "situation", "end_date"),
        [person(1), person(2)],
        {"rh": [{"finess": "690000015", "pp_id": f"{1:011d}"}]},
        (1, 0),
    ),
    (rule("absent_from_roster", "situation", "finess"), [person(1)], {"rh": [{"finess": "690000023"}]}, (0, 0)),
    (rule("card_of_departed", "professional", "pp_id"), [person(1, **GONE), person(2)], {"cartes": [CARD]}, (1, 1)),
    (rule("card_of_departed", "professional", "pp_id"), [person(2, **GONE)], {"cartes": [CARD]}, (0, 0)),
    (
        rule("disagrees_with", "situation", "role", source="annuaire-public", on=["finess"], source_column="role"),
        [person(1), person(2, finess="690000023"), person(3, **GONE)],
        {"annuaire_public": [person(1, role="GENR12")]},
        (1, 1),
    ),
    (
        rule("missing_from", "situation", "finess", source="annuaire-public", on=["professional_id"], min_days=7),
        [person(1), person(2, start_date=date(2026, 10, 30)), person(3, **GONE)],
        {"annuaire_public": [person(9)]},
        (1, 1),
    ),
    (
        rule("published_contact", "professional", "email", source_column="structure_email"),
        [person(1, email="a@x.example"), person(2, email="b@x.example"), person(3)],
        {"annuaire_public": [person(1, structure_email="c@x.example"), person(2)]},
        (1, 0),
    ),
    (
        rule("date_order", "situation", "end_date", before_column="start_date"),
        [person(1), person(2, **GONE)],
        {},
        (1, 0),
    ),
    # An end in the past beside a blank « Situation ouverte »: nobody knows, and it is not counted as looked at.
    (
        rule("past_end_still_open", "situation", "end_date", open_column="is_open"),
        [person(1, end_date=date(2025, 1, 1), is_open=None), person(2, **GONE)],
        {},
        (1, 0),
    ),
]


@pytest.mark.parametrize(("checked", "rows", "others", "expected"), CHECKED, ids=lambda one: getattr(one, "kind", ""))
def test_a_kind_says_whom_it_looked_at(
    checked: Rule, rows: list[dict[str, Any]], others: dict[str, list[dict[str, Any]]], expected: tuple[int, int]
) -> None:
    with memory_store() as store:
        assert judged(store, checked, rows, **others) == expected


@pytest.mark.parametrize("checked", list(load_catalogue()), ids=lambda one: one.id)
def test_whoever_breaks_a_rule_was_looked_at(checked: Rule) -> None:
    for example in checked.examples:
        with memory_store() as store:
            snapshot_id = load_example(store, example, checked.applies_to[0])
            run = run_checks(store, snapshot_id, Catalogue((checked,)), as_of=date.fromisoformat(example.as_of))
            assert run.rules["failed"].item() <= run.rules["evaluated"].item()


def test_the_records_of_an_example_may_stand_in_several_files() -> None:
    text = written("shared_value", "email").replace(
        "+++\n\npage",
        """[[examples]]
verdict = "bad"
rows = [
  { professional_id = "810000000017", email = "a@x.example", file = "A" },
  { professional_id = "810000000025", email = "a@x.example", file = "B" },
]
+++

page""",
    )
    checked = parse_rule(text, "mon-controle.md")
    assert run_examples(checked) == []
    with memory_store() as store:
        load_example(store, checked.examples[0], "suivi")
        assert store.sql("SELECT count(DISTINCT series) FROM snapshots").fetchone() == (2,)


# --- departures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [True, False])
@pytest.mark.parametrize(
    ("kind", "column", "more", "others"),
    [
        ("closed_establishment", "finess", {}, {"finess": [{"finess": "690000015", "closed_on": date(2026, 3, 1)}]}),
        ("past_end_still_open", "end_date", {"open_column": "is_open"}, {}),
    ],
)
def test_a_departure_is_told_when_the_rule_says_so(
    forgotten: bool, kind: str, column: str, more: dict[str, Any], others: dict[str, Any]
) -> None:
    checked = rule(kind, "situation", column, forgotten=forgotten, **more)
    with memory_store() as store:
        assert judged(store, checked, [person(1, end_date=date(2026, 3, 1))], **others) == (1, 1)
        told = store.sql("SELECT since FROM departures").fetchall()
    assert told == ([(date(2026, 3, 1),)] if forgotten else [])


def test_telling_departures_or_not_is_another_run() -> None:
    checked = rule("past_end_still_open", "situation", "end_date", open_column="is_open")
    with memory_store() as store:
        snapshot_id = snapshot(store, "suivi", [person(1, end_date=date(2026, 3, 1))])
        before = run_checks(store, snapshot_id, Catalogue((checked,)))
        after = run_checks(store, snapshot_id, Catalogue((replace(checked, forgotten=True),)))
        assert after.run_id != before.run_id
        assert store.sql("SELECT count(*) FROM departures").fetchone() == (1,)


# --- references in force ----------------------------------------------------------------------------------------------


def test_roles_are_judged_by_the_matrix_in_force() -> None:
    shipped = load_access()
    mine = replace(shipped, version="à nous", grants=shipped.grants.filter(role="GENR08"))
    checked = rule("granted", "situation", "role")
    with memory_store() as store:
        snapshot_id = snapshot(store, "suivi", [person(1)])
        assert run_checks(store, snapshot_id, Catalogue((checked,))).findings == 0
        assert run_checks(store, snapshot_id, Catalogue((checked,), References(mine))).findings == 1


def test_a_workspace_s_version_of_a_nomenclature_is_in_force_from_its_day(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "nomenclatures"
    folder.mkdir(parents=True)
    header = (rules_root() / "nomenclatures" / "roles.toml").read_text("utf-8")
    newer = header.replace("20240329120000", "2026-12").replace("2024-03-29", "2026-12-01")
    (folder / "roles-2026-12.toml").write_text('nomenclature = "roles"\n' + newer, "utf-8")
    codes = (rules_root() / "nomenclatures" / "roles.csv").read_text("utf-8")
    (folder / "roles-2026-12.csv").write_text(codes + "GENR77,Rôle nouveau,2026-12-01,,,true,\n", "utf-8")
    known = load_nomenclatures(tmp_path)
    assert len(known.versions("roles")) == 2
    checked = rule("in_nomenclature", "situation", "role", nomenclature="roles")
    with memory_store() as store:
        catalogue = Catalogue((checked,), References(nomenclatures=known))
        snapshot_id = snapshot(store, "suivi", [person(1, role="GENR77")])
        assert run_checks(store, snapshot_id, catalogue, as_of=date(2026, 11, 30)).findings == 1
        assert run_checks(store, snapshot_id, catalogue, as_of=date(2026, 12, 1)).findings == 0


def test_a_nomenclature_that_cannot_be_read_names_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "nomenclatures"
    folder.mkdir(parents=True)
    (folder / "metiers.toml").write_text('identifier = "x"\n', "utf-8")
    with pytest.raises(UsageError, match=r"metiers\.toml : le champ « oid » doit être un texte"):
        load_nomenclatures(tmp_path)


# --- columns and queries ----------------------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_store() -> None:
    held = {"text": "VARCHAR", "code": "VARCHAR", "first_names": "VARCHAR", "date": "DATE", "yes_no": "BOOLEAN"}
    tables = {"registrations": {one.name: held[one.type] for one in columns()}}
    tables |= {source.table: {name: held[kind] for name, kind in source.types.items()} for source in sources().values()}
    with memory_store() as store:
        for table, declared in tables.items():
            query = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?"
            found = dict(store.sql(query, [table]).fetchall())
            assert {name: kind for name, kind in found.items() if name not in ("snapshot_id", "line")} == declared


def test_every_column_has_one_french_label() -> None:
    labels = [one.label for one in columns()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("checked", list(load_catalogue()), ids=lambda one: one.id)
def test_a_rule_shows_what_finds_its_rows(checked: Rule) -> None:
    told = explain(checked, Context(date(2026, 11, 1)))
    assert ("SELECT" in told) is not kind_of(checked).of_rows
    assert "enregistrements regardés" in told
