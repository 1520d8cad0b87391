"""Starting is what everybody waits for: what each verb imports is listed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "cryptography",
    "duckdb",
    "email_validator",
    "fastexcel",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandera",
    "phonenumbers",
    "polars",
    "pyarrow",
    "pydantic",
    "smartcard",
    "tqdm",
    "xlsxwriter",
}
PROGRAM = """
import sys
from rpps_audit.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stderr.write("\\n" + " ".join(sorted(name for name in sys.modules if "." not in name)))
"""


def imported(workspace: Path, *arguments: str) -> set[str]:
    """The heavy libraries a verb leaves in memory."""
    call = [sys.executable, "-c", PROGRAM, "--workspace", str(workspace), *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=True, timeout=60)
    return HEAVY & set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("bogus",), ("lab", "--help"), ("doctor", "--help")]
)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert imported(tmp_path, *arguments) == set()


def test_the_front_door_imports_nothing_heavy() -> None:
    program = "import sys, rpps_audit; sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert HEAVY & set(done.stdout.split()) == set()


def test_rules_reads_the_catalogue_and_no_more(tmp_path: Path) -> None:
    assert imported(tmp_path, "rules") <= {"polars", "duckdb"}


def test_findings_does_not_wait_for_what_checks_and_reports_need(tmp_path: Path) -> None:
    assert imported(tmp_path, "findings") <= {"polars", "duckdb", "pyarrow", "numpy"}
