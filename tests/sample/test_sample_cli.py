"""The verb `sample`: what it says, and that it writes nothing half."""

import argparse
import json
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.cli import sample as cli
from rpps_audit.cli.parser import FrenchParser
from rpps_audit.sample import write_sample
from rpps_audit.sample.plants import Plan


def _run(*arguments: str) -> int:
    parser = FrenchParser()
    cli.add_sample(parser.add_subparsers().add_parser("sample"))
    args: argparse.Namespace = parser.parse_args(["sample", *arguments])
    return int(args.run(args))


def test_it_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--professionals", "400", "--kinds", "rh,finess", "--out", str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "finess-structures-2026-11-01.json : 24 lignes" in said
    assert "Toutes les données sont inventées." in said


def test_it_answers_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--professionals", "400", "--kinds", "suivi", "--out", str(tmp_path), "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["findings"] == pl.read_csv(tmp_path / "verite.csv").height
    assert list(answer["rows"]) == ["suivi-rpps-2026-11-01.csv"]


def test_an_interrupted_sample_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Plan, "edition", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, 400)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
