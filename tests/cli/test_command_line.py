"""The command line as a user meets it: French, exit codes, no traceback, nothing half done."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpps_audit.cli import build_parser, main
from rpps_audit.cli.parser import FrenchParser

HEADER = (
    "Numéro RPPS;Nom de naissance;Prénoms;Date de naissance;FINESS géographique;Rôle;Profession;"
    "Date de prise de fonction;Situation ouverte"
)

# Nothing in it is wrong: a valid number, a role, dates.
CLEAN = "10003461034;DUPONT;Anne;01/02/1980;690000013;GENR09;326;01/01/2024;oui"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run a verb in a fresh workspace; returns (exit code, standard output, standard error)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(["--workspace", str(tmp_path), *arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_every_verb_explains_itself_in_french(run) -> None:
    for verb in build_parser()._subparsers._group_actions[0].choices:  # type: ignore[union-attr]
        code, out, _ = run(verb, "--help")
        assert code == 0
        assert out.startswith("Utilisation : rpps-audit")
        assert "show this help" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit"], "il manque : FICHIER"),
        (["audit", "x", "--as-of", "hier"], "n'est pas une date (JJ/MM/AAAA"),
        (["audit", "x", "--severity", "grave"], "n'est pas possible ; choix"),
        (["bogus"], "n'est pas possible"),
        (["rules", "--nope"], "argument inconnu : --nope"),
    ],
)
def test_a_wrong_command_line_is_refused_in_french(run, arguments: list[str], message: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_an_unknown_rule_names_the_nearest(run) -> None:
    code, _, err = run("rules", "email-absents")
    assert code == 2
    assert "Vouliez-vous dire : email-absent" in err


def test_rules_as_json_carry_what_a_program_needs(run) -> None:
    code, out, _ = run("rules", "email-absent", "--json")
    (rule,) = json.loads(out)
    assert code == 0
    assert rule["id"] == "email-absent"
    assert rule["columns"] == ["email"]
    assert len(rule["fingerprint"]) == 16


def test_findings_before_any_audit_says_what_to_do(run) -> None:
    code, _, err = run("findings")
    assert code == 2
    assert "Commencez par : rpps-audit audit" in err


def test_a_missing_file_is_unreadable_input(run, tmp_path: Path) -> None:
    code, _, err = run("audit", str(tmp_path / "absent.csv"))
    assert code == 3
    assert "absent.csv" in err
    assert "Traceback" not in err


def test_a_renamed_pdf_changes_nothing(run, tmp_path: Path) -> None:
    fake = tmp_path / "export.csv"
    fake.write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")
    code, _, err = run("load", str(fake))
    assert code == 3
    assert "PDF" in err


def test_a_store_that_is_no_store_is_said_so(run, tmp_path: Path) -> None:
    (tmp_path / "rpps-audit.duckdb").write_bytes(b"not a database" * 500)
    code, _, err = run("findings")
    assert code == 2
    assert "n'est pas un magasin" in err
    assert (tmp_path / "rpps-audit.duckdb").read_bytes() == b"not a database" * 500


def test_an_unknown_setting_is_named(run, tmp_path: Path) -> None:
    (tmp_path / "rpps-audit.toml").write_text('[espace]\nmemoir = "1GB"\n', "utf-8")
    code, _, err = run("check")
    assert code == 2
    assert "réglage inconnu « memoir »" in err


def test_a_setting_outside_the_tables_is_named(run, tmp_path: Path) -> None:
    (tmp_path / "rpps-audit.toml").write_text('memoire = "2GB"\n', "utf-8")
    code, _, err = run("check")
    assert code == 2
    assert "« memoire » n'est dans aucun tableau connu" in err


def test_from_a_file_to_findings_without_values(run, tmp_path: Path) -> None:
    export = tmp_path / "suivi-20261101.csv"
    person = "10003461033;ZZYZX;Anne;01/02/1980;690000015;;326;01/01/2024;oui"
    export.write_text(f"{HEADER}\n{person}\n", "utf-8")
    code, out, _ = run("audit", str(export))
    assert code == 1
    assert "1 lignes lues = 1 gardées + 0 rejetées" in out
    code, out, _ = run("findings", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert {"role-absent", "rpps-cle"} <= {finding["rule_id"] for finding in found}
    assert set(found[0]) == {"rule_id", "table", "record_key", "column", "severity", "state", "line"}
    assert "ZZYZX" not in out
    assert run("audit", str(export), "--severity", "none")[0] == 0


def test_tolerating_a_finding_needs_a_reason_and_shows(run, tmp_path: Path) -> None:
    export = tmp_path / "suivi-20261101.csv"
    export.write_text(f"{HEADER}\n10003461033;A;B;01/02/1980;690000015;;326;01/01/2024;oui\n", "utf-8")
    run("audit", str(export))
    key = "810003461033@690000015#2024-01-01"
    tolerate = ["tolerate", "role-absent", key, "--author", "DPO", "--until", "2999-01-01", "--reason"]
    assert run(*tolerate, " ")[0] == 2
    assert run(*tolerate, "en cours")[0] == 0
    states = {f["rule_id"]: f["state"] for f in json.loads(run("findings", "--format", "json")[1])}
    assert states["role-absent"] == "tolerated"


def test_a_tolerated_error_is_no_error(run, tmp_path: Path) -> None:
    # Dates said, no key to break: the missing role is the only error.
    export = tmp_path / "suivi-20261101.csv"
    export.write_text(f"{HEADER}\n{CLEAN.replace(';GENR09;', ';;')}\n", "utf-8")
    assert run("audit", str(export))[0] == 1
    for one in json.loads(run("findings", "--json")[1]):
        if one["severity"] == "error":
            until = ["--author", "DPO", "--until", "01/01/2999", "--reason", "en cours", "--json"]
            code, out, _ = run("tolerate", one["rule_id"], one["record_key"], *until)
            assert (code, json.loads(out)["rule"]) == (0, one["rule_id"])
    assert run("audit", str(export))[0] == 0
    assert run("check")[0] == 0


def test_the_error_of_an_older_export_is_no_error_of_today(run, tmp_path: Path) -> None:
    old, new = tmp_path / "suivi-20261001.csv", tmp_path / "suivi-20261101.csv"
    old.write_text(f"{HEADER}\n{CLEAN.replace(';GENR09;', ';;')}\n", "utf-8")
    new.write_text(f"{HEADER}\n{CLEAN}\n", "utf-8")
    assert run("audit", str(old))[0] == 1
    assert run("audit", str(new))[0] == 0
    assert run("audit", str(old), str(new))[0] == 0


@pytest.mark.parametrize(
    ("typed", "code"), [("erreur", 1), ("Avertissement", 1), ("information", 1), ("error", 1), ("aucune", 0)]
)
def test_severities_are_typed_in_french(run, tmp_path: Path, typed: str, code: int) -> None:
    export = tmp_path / "suivi-20261101.csv"
    export.write_text(f"{HEADER}\n{CLEAN.replace(';GENR09;', ';;')}\n", "utf-8")
    assert run("audit", str(export), "--severity", typed)[0] == code


def test_english_severities_are_not_shown(run) -> None:
    assert "erreur, avertissement, information, aucune" in " ".join(run("audit", "--help")[1].split())
    assert "warning" not in run("audit", "--help")[1] + run("audit", "x", "--severity", "grave")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "--out", "x.pdf"], "ne s'écrit pas en « .pdf ». Possibles : .html, .xlsx"),
        (["report", "--out", "x.html", "--format", "xlsx"], "la fin du nom dit html, --format dit xlsx"),
        (["findings", "--out", "x.xlsx"], "ne s'écrit pas en « .xlsx »"),
        (["findings", "--out", "x.csv", "--json"], "la fin du nom dit csv, --format dit json"),
        (["findings", "--format", "parquet"], "ajoutez --out"),
        (["exposure", "--by", "role", "--out", "x.html"], "ne s'écrit pas en « .html »"),
        (["reconcile", "--out", "x.parquet"], "ne s'écrit pas en « .parquet »"),
        (["operator", "--out", "x.pdf"], "ne s'écrit pas en « .pdf »"),
        (["rejects", "--out", "x.html"], "ne s'écrit pas en « .html »"),
    ],
)
def test_the_ending_of_a_file_decides_or_is_refused(run, arguments: list[str], said: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert said in err


def test_the_ending_decides_the_form(run, tmp_path: Path) -> None:
    export = tmp_path / "suivi-20261101.csv"
    export.write_text(f"{HEADER}\n{CLEAN}\n", "utf-8")
    run("audit", str(export))
    assert run("findings", "--out", str(tmp_path / "a.csv"))[0] == 0
    assert (tmp_path / "a.csv").read_text("utf-8").startswith("rule_id,table,record_key")
    assert run("findings", "--out", str(tmp_path / "b.csv"), "--format", "csv-fr")[0] == 0
    assert (tmp_path / "b.csv").read_text("utf-8-sig").startswith('"Contrôle";"Fiche";"Enregistrement"')
    code, out, _ = run("report", "--out", str(tmp_path / "c.xlsx"), "--json")
    assert (code, json.loads(out)["format"]) == (0, "xlsx")
    assert (tmp_path / "c.xlsx").read_bytes().startswith(b"PK")


def test_system_errors_are_said_in_french(run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x", "utf-8")
    code, _, err = run("template", "suivi", "--out", str(tmp_path / "taken" / "modele.csv"))
    assert code == 2
    assert "directory" not in err
    assert "dossier" in err


def every_verb(parser: FrenchParser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FrenchParser]]:
    """Each command of the real parser, down to its actions."""
    parser.fill()
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield path, parser
    for group in groups:
        for name, inner in group.choices.items():
            yield from every_verb(inner, (*path, name))


def test_every_verb_that_answers_does_so_in_json() -> None:
    silent = {
        " ".join(path)
        for path, parser in every_verb(build_parser())
        if not any("--json" in action.option_strings for action in parser._actions)
    }
    # It becomes another program.
    assert silent == {"lab"}


def test_a_fault_of_ours_is_one_sentence_without_values(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_args: object) -> int:
        raise RuntimeError("ZZYZX")

    monkeypatch.setattr("rpps_audit.cli.rules._rules", fail)
    code, _, err = run("rules")
    assert code == 70
    assert "erreur inattendue (RuntimeError, test_command_line.py:" in err
    assert "ZZYZX" not in err
