"""The front door: its names are pinned, its frames have the columns their docstrings say."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import rpps_audit as ra

HEADER = "Numéro RPPS;Nom de naissance;Prénoms;Date de naissance;FINESS géographique;Rôle;Date de prise de fonction"
VERBS = [
    "access", "access_matrix", "batches", "catalogue", "check", "corrections", "exposure", "findings", "load",
    "memory_limit", "not_evaluable", "organisation", "path", "perimeter", "reconcile", "reports", "rules", "snapshots",
    "sql", "store",
]  # fmt: skip


@pytest.fixture
def ws(tmp_path: Path) -> ra.Workspace:
    export = tmp_path / "suivi-20261101.csv"
    export.write_text(f"{HEADER}\n10003461033;A;B;01/02/1980;690000015;;01/01/2024\n", "utf-8")
    opened = ra.open(tmp_path / "espace", create=True)
    opened.load(export)
    return opened


def test_the_public_names_are_these() -> None:
    assert ra.__all__ == [
        "AuditError", "NotAuthorisedError", "UnreadableInputError", "UsageError", "Workspace", "open",
    ]  # fmt: skip
    assert {name for name in dir(ra.Workspace) if not name.startswith("_")} <= set(VERBS)


def test_a_missing_folder_is_an_error_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ra.UsageError, match="n'existe pas"):
        ra.open(tmp_path / "ailleurs")
    assert ra.open(tmp_path / "ailleurs", create=True).path.is_dir()


@pytest.mark.parametrize("verb", ["snapshots", "rules", "findings", "not_evaluable", "corrections", "batches"])
def test_documented_columns_are_the_frames(ws: ra.Workspace, verb: str) -> None:
    documented = re.sub(r"\([^)]*\)", "", " ".join((getattr(ra.Workspace, verb).__doc__ or "").split()))
    listed = re.search(r"(?:Columns: |: |\[)((?:\w+, )+\w+)[.\]]?", documented)
    assert listed is not None
    assert getattr(ws, verb)().columns == listed[1].split(", ")


def test_questions_answer_about_the_state(ws: ra.Workspace) -> None:
    found = ws.findings(rule="role-absent", finess="690000015", state="new")
    assert found.select("record_key", "line", "file_name").rows() == [
        ("810003461033@690000015#2024-01-01", 2, "suivi-20261101.csv")
    ]
    assert ws.check(as_of=date(2026, 11, 1))[0].kind == "suivi"
    assert ws.exposure(as_of=date(2026, 10, 1)).totals()["professionals"].to_list() == [1]
    assert ws.sql("SELECT count(*) AS n FROM registrations")["n"].to_list() == [1]
    with pytest.raises(ra.UsageError, match="role-absent"):
        ws.findings(rule="role-absant")


def test_a_matrix_named_in_the_settings_is_looked_for_in_the_workspace(
    ws: ra.Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = Path(ra.__file__).parents[1] / "rules" / "access" / "sara-slides-1.toml"
    ours = shipped.read_text("utf-8").replace("gcs-sara-diapositives-1", "la-notre")
    (ws.path / "droits.toml").write_text(ours, "utf-8")
    (ws.path / "rpps-audit.toml").write_text('[espace]\nmatrice = "droits.toml"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    assert ra.open("espace").access_matrix().version == "la-notre"
