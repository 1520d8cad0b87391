"""The README's rooms are the packages; what CONTRIBUTING names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_rooms_of_the_readme_are_the_packages() -> None:
    told = set(re.findall(r"^\| \[`rpps_audit/(\w+)`\]", (ROOT / "README.md").read_text("utf-8"), re.M))
    there = {path.parent.name for path in (ROOT / "rpps_audit").glob("*/__init__.py")}
    assert told == there


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_path_named_exists(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    paths = set(re.findall(r"`((?:rpps_audit|rules|tests|notebooks|docs|benchmarks)/[\w./-]*)`", text))
    assert len(paths) >= (10 if name != "README.md" else 1)
    # The settings of rules stand in a workspace.
    assert {path for path in paths if not (ROOT / path).exists()} <= {"rules/reglages.toml"}


def test_contributing_says_what_to_touch_for_each_thing_people_add() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", text, re.M)
    touched = {what.strip(): re.findall(r"`([^`]+)`", files) for what, files in rows}
    wanted = {
        "a rule",
        "a kind of rule",
        "a layout",
        "a version of a nomenclature",
        "a screen",
        "a verb",
        "a card backend",
    }
    assert wanted <= touched.keys()
    assert all(touched[what] for what in wanted)
