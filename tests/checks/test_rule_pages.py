"""Every rule file: readable, complete, and its own examples hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rpps_audit.checks import Rule, load_catalogue, parse_rule, run_examples
from rpps_audit.checks.kinds import KINDS, References, faults
from rpps_audit.checks.kinds.guide import kind_tables
from rpps_audit.errors import UsageError
from rpps_audit.records.columns import column_types
from rpps_audit.reference import rules_root

SECTIONS = [
    "Ce que cela veut dire",
    "Comment c'est calculé",
    "Ce que le gestionnaire doit faire",
    "Ce que cela signifie pour l'audit",
]
GUIDE = (rules_root() / "LISEZMOI.md").read_text("utf-8")
RULES = list(load_catalogue())
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


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
def test_the_rule_says_nothing_its_kind_cannot_do(rule: Rule) -> None:
    assert list(faults(rule, References())) == []


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
        ("+++\nid = 'a\n+++\n", "ligne 2 : fichier illisible"),
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
        (
            'kind = "repeated_lines"\n+++\n',
            "« kind = repeated_lines » n'est pas possible. Vouliez-vous dire : repeated_line ? Valeurs : ",
        ),
    ],
)
def test_a_rule_page_whose_kind_cannot_do_what_it_asks_is_refused(more: str, message: str) -> None:
    with pytest.raises(UsageError, match="mon-controle.md.*" + re.escape(message)):
        parse_rule(HEAD + more, "mon-controle.md")


# --- the guide and the words ------------------------------------------------------------------------------------------


def test_the_tables_of_kinds_are_those_of_the_kinds() -> None:
    written = re.search(r"<!-- genres.*? -->\n(.*?)<!-- /genres -->", GUIDE, re.DOTALL)
    assert written is not None
    assert written[1] == kind_tables()


def test_the_guide_names_the_kinds_that_tell_a_departure() -> None:
    said = GUIDE.partition("`forgotten = true` ne s'écrit")[2].partition("\n\n")[0]
    assert re.findall(r"`([a-z_]+)`", said) == sorted(name for name, kind in KINDS.items() if kind.tells_departure)


def test_the_guide_names_every_column() -> None:
    glossary = set(re.findall(r"`([a-z_]+)`", GUIDE.partition("## Les colonnes")[2]))
    assert glossary == set(column_types())


def test_the_rule_given_as_a_model_in_the_guide_works() -> None:
    model = re.search(r"```markdown\n(.*?)```", GUIDE, re.DOTALL)
    assert model is not None
    rule = parse_rule(model[1], "LISEZMOI.md")
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == SECTIONS
    assert run_examples(rule) == []
