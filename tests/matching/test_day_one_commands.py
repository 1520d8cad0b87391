"""Day one on the command line: three commands, as the guide gives them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.cli import main
from rpps_audit.sample.day_one import DayOne, write_day_one


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> DayOne:
    return write_day_one(tmp_path_factory.mktemp("fichiers"))


def run(workspace: Path, *arguments: object) -> int:
    return main(["--workspace", str(workspace), *map(str, arguments)])


def test_three_commands(day: DayOne, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [*day.rosters, day.directories["annuaire-public"], day.finess]
    assert run(tmp_path, "start", *files, "--operator", day.operator, "--yes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert "45 établissements" in told["perimeter"]
    assert run(tmp_path, "reconcile", "--format", "csv", "--out", tmp_path / "rapprochement.csv") == 0
    assert run(tmp_path, "operator", "--out", tmp_path / "organisme.xlsx") == 0
    frame = pl.read_csv(tmp_path / "rapprochement.csv", infer_schema=False)
    assert frame.columns == [
        "outcome", "level", "professional_id", "finess", "name_key", "hr_file", "hr_line", "left_on", "reasons",
    ]  # fmt: skip
    counted = frame.unique(["outcome", "name_key", "finess"]).group_by("outcome").len()
    assert dict(counted.iter_rows()) == {one: count for one, count in told["outcomes"].items() if count}
    assert Path(told["suivi"]).exists()
    assert pl.read_excel(tmp_path / "organisme.xlsx", sheet_name="Établissements").height == 45


def test_without_yes_the_proposal_is_shown_and_nothing_is_loaded(
    day: DayOne, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "start", day.rosters[0], day.finess, "--operator", day.operator) == 2
    told = capsys.readouterr().err
    assert "Né(e) le → Date de naissance" in told
    assert "--yes" in told
    assert not (tmp_path / "rh.toml").exists()


def test_a_mapping_is_shown_corrected_and_kept(day: DayOne, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "mapping", day.rosters[0], "--json") == 0
    proposed = json.loads(capsys.readouterr().out)
    assert proposed["Nom"]["column"] == "Nom d'usage"
    assert proposed["Salaire brut"]["column"] is None
    assert all(one["reason"] for one in proposed.values())
    assert run(tmp_path, "mapping", day.rosters[0], "--set", "Emploi=", "--save") == 0
    assert "Dix lignes" in capsys.readouterr().out
    assert run(tmp_path, "mapping", day.rosters[0], "--json") == 0
    assert json.loads(capsys.readouterr().out)["Emploi"]["column"] is None


def test_an_operator_is_found_by_words_or_the_choice_is_given(
    day: DayOne, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "start", day.finess, day.rosters[0], "--yes", "--operator", "introuvable") == 2
    assert "Aucun organisme" in capsys.readouterr().err
    assert run(tmp_path, "start", day.finess, day.rosters[0], "--yes", "--operator", "IME") == 2
    assert "Plusieurs organismes" in capsys.readouterr().err
    assert run(tmp_path, "start", day.finess, day.rosters[0], "--yes", "--operator", day.operator) == 0


def test_an_ambiguous_person_is_decided_once_and_for_all(
    day: DayOne, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [*day.rosters, day.directories["annuaire-public"], day.finess]
    assert run(tmp_path, "start", *files, "--operator", day.operator, "--yes") == 0
    capsys.readouterr()
    run(tmp_path, "reconcile", "--side-by-side", "--json")
    asked = json.loads(capsys.readouterr().out)
    chosen = f"{asked[0]['name_key']}={asked[0]['professional_id']}"
    assert run(tmp_path, "reconcile", "--decide", chosen) == 2
    assert "auteur" in capsys.readouterr().err
    assert run(tmp_path, "reconcile", "--decide", "N-XXXXXXXX=aucun", "--author", "x", "--reason", "y") == 2
    capsys.readouterr()
    told = ("--author", "La gestionnaire", "--reason", "vu au face à face", "--json")
    assert run(tmp_path, "reconcile", "--decide", chosen, *told) == 0
    rows = json.loads(capsys.readouterr().out)
    mine = [row for row in rows if row["name_key"] == asked[0]["name_key"]]
    assert [row["outcome"] for row in mine] == ["present"]
    assert "décidé par La gestionnaire" in mine[0]["reasons"]
    kept = (tmp_path / "rapprochements.csv").read_text("utf-8")
    assert asked[0]["birth_name"] not in kept


def test_the_follow_up_is_completed_and_given_back(
    day: DayOne, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [*day.rosters, day.directories["annuaire-public"], day.finess]
    assert run(tmp_path, "start", *files, "--operator", day.operator, "--yes") == 0
    capsys.readouterr()
    assert run(tmp_path, "suivi", "--retour", tmp_path / "suivi.xlsx", "--json") == 0
    assert json.loads(capsys.readouterr().out)["taken"] == 0
    assert run(tmp_path, "collect", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert len(list(Path(done["folder"]).iterdir())) == done["establishments"]
