"""The verb `report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpps_audit.cli import main


def test_the_page_goes_to_the_reports_of_the_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workspace", str(tmp_path), "report"]) == 0
    assert "Commencez par" in (tmp_path / "reports" / "rapport.html").read_text("utf-8")
    assert str(tmp_path / "reports" / "rapport.html") in capsys.readouterr().out


def test_a_workbook_can_go_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "ailleurs.xlsx"
    assert main(["--workspace", str(tmp_path), "report", "--format", "xlsx", "--out", str(out)]) == 0
    assert out.read_bytes()[:2] == b"PK"


def test_a_report_with_numbers_has_its_own_name_and_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--workspace", str(tmp_path), "report", "--nominatif-cles"]) == 0
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["rapport-nominatif.html"]
    assert "gestionnaire habilité" in capsys.readouterr().out
