"""The documents cannot drift: every command in them parses, the harmless ones run, every verb is in the guide."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import rpps_audit as ra
from rpps_audit.cli import build_parser, main
from rpps_audit.cli.guide import verb_table

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS += [ROOT / "rules" / "LISEZMOI.md"]
GUIDE = (ROOT / "docs" / "guide.md").read_text("utf-8")
# They read the store, or write one file where they are run.
HARMLESS = {"access", "diff", "doctor", "exposure", "findings", "rejects", "report", "rules", "template"}
COMMAND = re.compile(r"^(?:\.venv/bin/)?rpps-audit(?: (?!: )(.*))?$")


def commands(document: Path) -> list[list[str]]:
    """The arguments of each command of a document: in a block of code, or alone between two backticks."""
    text = document.read_text("utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.M | re.S)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += [line.strip() for line in re.findall(r"^    (.+)$", text, re.M)]
    lines += [
        one.replace("\n", " ") for one in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    ]
    found = [COMMAND.match(line) for line in lines]
    # The name alone is the tool, not a command.
    return [shlex.split(one[1], comments=True) for one in found if one and one[1]]


EVERY = [(document.name, arguments) for document in DOCUMENTS for arguments in commands(document)]


def test_there_are_commands_in_the_documents() -> None:
    assert len(EVERY) > 40
    assert {name for name, _ in EVERY} >= {"README.md", "guide.md", "corriger.md", "carte.md"}


@pytest.mark.parametrize(("document", "arguments"), EVERY, ids=lambda value: " ".join(value) if value else "")
def test_every_command_of_the_documents_parses(document: str, arguments: list[str]) -> None:
    try:
        build_parser().parse_args(arguments)
    except SystemExit as stop:
        # --help and --version stop by themselves.
        assert stop.code == 0, f"{document} : rpps-audit {shlex.join(arguments)}"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = ra.open(tmp_path_factory.mktemp("documents"))
    workspace.load(
        ROOT / "sample_data" / "suivi-rpps-2026-11-01.csv", ROOT / "sample_data" / "personnel-rh-2026-11-01.csv"
    )
    workspace.check()
    return workspace.path


def test_the_harmless_ones_run_on_the_sample(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = {shlex.join(arguments): arguments for _, arguments in EVERY if arguments[0] in HARMLESS}
    assert {arguments[0] for arguments in chosen.values()} >= {"findings", "diff", "rules", "exposure", "doctor"}
    failed = {text for text, arguments in chosen.items() if main(["--workspace", str(sample), *arguments]) != 0}
    assert not failed, capsys.readouterr().err


def test_every_verb_is_in_the_guide() -> None:
    written = re.search(r"<!-- commandes.*? -->\n(.*?)<!-- /commandes -->", GUIDE, re.S)
    assert written is not None
    assert written[1].strip() == verb_table(build_parser()).strip()
