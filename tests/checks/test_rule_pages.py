"""Every rule file: readable, complete, and its own examples hold."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from inspect import signature
from pathlib import Path

import pytest

from rpps_audit.checks import Rule, load_catalogue, parse_rule, run_examples
from rpps_audit.checks.predicates import ROW_KINDS, bound_parameters, needed_columns
from rpps_audit.checks.relations import SET_KINDS, query
from rpps_audit.errors import UsageError
from rpps_audit.reference import rules_root
from rpps_audit.store import memory_store

SECTIONS = [
    "Ce que cela veut dire",
    "Comment c'est calculé",
    "Ce que le gestionnaire doit faire",
    "Ce que cela signifie pour l'audit",
]
GUIDE = (rules_root() / "LISEZMOI.md").read_text("utf-8")
VOCABULARY = tomllib.loads((rules_root() / "vocabulary.toml").read_text("utf-8"))
RULES = list(load_catalogue())
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


@cache
def typed_columns() -> frozenset[str]:
    """What a rule may read: the columns of the registrations, their place in the store aside."""
    with memory_store() as store:
        found = store.sql("SELECT column_name FROM duckdb_columns() WHERE table_name = 'registrations'").fetchall()
    return frozenset(row[0] for row in found) - {"snapshot_id", "line"}


def test_the_catalogue_has_all_families() -> None:
    assert len(RULES) >= 60
    assert {rule.category for rule in RULES} == {
        "completeness",
        "conformance",
        "plausibility",
        "uniqueness",
        "timeliness",
    }


@EVERY_RULE
def test_the_page_has_its_four_sections_and_something_in_each(rule: Rule) -> None:
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == SECTIONS
    assert all(len(text.strip()) > 25 for text in re.split(r"^## .+$", rule.page, flags=re.MULTILINE)[1:])
    assert rule.basis
    assert rule.source


@EVERY_RULE
def test_the_examples_say_what_the_rule_says(rule: Rule) -> None:
    assert {example.verdict for example in rule.examples} == {"good", "bad"}
    assert run_examples(rule) == []


@EVERY_RULE
def test_the_rule_reads_columns_that_exist_and_thresholds_its_kind_knows(rule: Rule) -> None:
    columns = typed_columns()
    if rule.kind in ROW_KINDS:
        assert needed_columns(rule) <= columns
        bound_parameters(rule)
    else:
        assert rule.kind in SET_KINDS
        assert set(rule.columns) <= columns
        query(rule)


@EVERY_RULE
def test_what_nobody_verified_is_never_an_error(rule: Rule) -> None:
    if "non vérifié" in rule.source:
        assert rule.severity != "error"


def test_no_two_rules_share_a_title() -> None:
    titles = [rule.title.casefold() for rule in RULES]
    assert sorted(titles) == sorted(set(titles))


def test_every_file_is_named_after_its_rule() -> None:
    for path in (rules_root() / "checks").glob("*.md"):
        assert parse_rule(path.read_text("utf-8"), path.name).id == path.stem


def test_a_site_changes_a_threshold_and_adds_a_rule(tmp_path: Path) -> None:
    (tmp_path / "rules" / "checks").mkdir(parents=True)
    own = (rules_root() / "checks" / "email-absent.md").read_text("utf-8").replace("email-absent", "lieu-absent")
    (tmp_path / "rules" / "checks" / "lieu-absent.md").write_text(own, "utf-8")
    settings = '[ouverte-trop-longtemps]\nseverity = "error"\nparameters = { years = 2 }\n'
    (tmp_path / "rules" / "reglages.toml").write_text(settings, "utf-8")
    shipped, here = load_catalogue(), load_catalogue(tmp_path)
    changed = here["ouverte-trop-longtemps"]
    assert (changed.severity, changed.parameters["years"]) == ("error", 2)
    assert changed.parameters["sign_column"] == "last_confirmed"
    assert len(here) == len(shipped) + 1
    assert here.fingerprint != shipped.fingerprint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[ouverte-trop-longtemp]\n", "Vouliez-vous dire : ouverte-trop-longtemps"),
        ("[email-absent]\nseveritie = 'error'\n", "clé inconnue « severitie »"),
        ("[email-absent]\nparameters = { years = 2 }\n", "seuil inconnu « years »"),
        ("[email-absent]\nseverity = 'grave'\n", "Valeurs : error, warning, information"),
        ("[email-absent\n", "fichier illisible"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_possible(tmp_path: Path, settings: str, message: str) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "reglages.toml").write_text(settings, "utf-8")
    with pytest.raises(UsageError, match=re.escape(message)):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no front matter", "commence par un en-tête TOML"),
        ("+++\nid = 'a'\n+++\n", "il manque « title"),
        ("+++\nid = 'a\n+++\n", "en-tête illisible"),
    ],
)
def test_a_broken_rule_file_names_itself(text: str, message: str) -> None:
    with pytest.raises(UsageError, match="mon-controle.md.*" + re.escape(message)):
        parse_rule(text, "mon-controle.md")


HEAD = """+++
id = "mon-controle"
title = "Titre"
table = "situation"
columns = ["role"]
severity = "error"
category = "uniqueness"
basis = "Fondement"
source = "Source"
since = "2026-11-23"
"""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            'kind = "repeated_line"\nwhen = { column = "role", present = true }\n+++\n',
            "« when » ne s'emploie pas avec « kind = repeated_line »",
        ),
        ('kind = "repeated_lines"\n+++\n', "« kind = repeated_lines » n'est pas possible. Valeurs : "),
    ],
)
def test_a_rule_page_whose_kind_cannot_do_what_it_asks_is_refused(more: str, message: str) -> None:
    with pytest.raises(UsageError, match="mon-controle.md.*" + re.escape(message)):
        parse_rule(HEAD + more, "mon-controle.md")


# --- the guide and the words ------------------------------------------------------------------------------------------


def test_every_typed_column_has_one_french_label() -> None:
    assert set(VOCABULARY["columns"]) == typed_columns()
    assert len(set(VOCABULARY["columns"].values())) == len(VOCABULARY["columns"])


def test_the_words_are_those_of_the_screens() -> None:
    screens = tomllib.loads((rules_root() / "corrections" / "fields.toml").read_text("utf-8"))["screens"]
    shown = {field["column"]: field["label"] for screen in screens for field in screen["fields"]}
    assert {column: VOCABULARY["columns"][column] for column in shown if column != "professional_id"} == {
        column: label for column, label in shown.items() if column != "professional_id"
    }


@pytest.mark.parametrize("kind", sorted({*ROW_KINDS, *SET_KINDS}))
def test_the_guide_lists_every_kind_with_its_parameters(kind: str) -> None:
    row = next(line for line in GUIDE.splitlines() if line.startswith("|") and f"`{kind}`" in line.split("|")[1])
    declared = (
        list(signature(ROW_KINDS[kind]).parameters)[2:]
        if kind in ROW_KINDS
        else list(signature(SET_KINDS[kind]).parameters)[1:]
    )
    assert set(re.findall(r"`([a-z_]+)`", row.split("|")[3])) == set(declared)


def test_the_guide_names_every_column() -> None:
    glossary = set(re.findall(r"`([a-z_]+)`", GUIDE.partition("## Les colonnes")[2]))
    assert glossary == typed_columns()


def test_the_rule_given_as_a_model_in_the_guide_works() -> None:
    model = re.search(r"```markdown\n(.*?)```", GUIDE, re.DOTALL)
    assert model is not None
    rule = parse_rule(model[1], "LISEZMOI.md")
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == SECTIONS
    assert run_examples(rule) == []
