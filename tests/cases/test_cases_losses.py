"""What reading could not give is said: rules that lack their data, columns that a spreadsheet damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rpps_audit.cli import main

CASES = Path(__file__).parent
DEPARTED, ABSENT = "parti-selon-rh", "absent-du-fichier-rh"


@pytest.fixture
def audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Audit the files of a case at the command line: what `--json` says, and the findings as [(rule, line)]."""

    def run(case: str) -> tuple[dict[str, Any], list[tuple[str, int]]]:
        here = ["--workspace", str(tmp_path)]
        files = sorted(map(str, (CASES / case).iterdir()))
        main([*here, "audit", "--as-of", "2026-11-20", "--severity", "none", "--json", *files])
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        main([*here, "findings", "--as-of", "2026-11-20", "--format", "json"])
        return said, sorted((one["rule_id"], one["line"]) for one in json.loads(capsys.readouterr().out))

    return run


@pytest.mark.parametrize(
    ("case", "rules", "lacking"),
    [
        ("C02", [DEPARTED, ABSENT], "FINESS"),
        ("T02", [DEPARTED, ABSENT], "FINESS"),
        ("T03", [DEPARTED, ABSENT], "ni numéro ni état civil complet"),
    ],
)
def test_a_roster_that_cannot_be_compared_makes_its_rules_not_evaluable(
    audited: Any, case: str, rules: list[str], lacking: str
) -> None:
    said, found = audited(case)
    (run,) = said["runs"]
    told = {one["rule_id"]: one for one in run["rules"]}
    assert found == []
    assert [told[rule]["status"] for rule in rules] == ["not_evaluable"] * len(rules)
    assert all(lacking in told[rule]["reason"] for rule in rules)


def test_communes_that_are_loaded_and_not_used_are_said(audited: Any) -> None:
    said, _ = audited("C07")
    (cog,) = [one for one in said["loaded"] if one["kind"] == "cog"]
    assert any("ne s'en servent pas" in note for note in cog["notes"])


def test_each_column_that_a_spreadsheet_damaged_is_one_finding(audited: Any) -> None:
    said, found = audited("tableur")
    damage = [one for one in found if "tableur" in one[0]]
    assert damage == [
        ("commune-naissance-abimee-par-un-tableur", 2),
        ("date-debut-abimee-par-un-tableur", 2),
        ("finess-abime-par-un-tableur", 2),
        ("numero-rpps-abime-par-un-tableur", 4),
        ("telephone-abime-par-un-tableur", 2),
    ]
    assert found == damage
    cells = {one["column"]: one for one in said["loaded"][0]["cells"]}
    assert cells["finess"]["causes"] == {"leading_zero": 6}
    assert (cells["pp_id"]["read"], cells["pp_id"]["unreadable"]) == (5, 1)
