"""The verbs `corrections` and `batch` as their reader sees them, with the card in the reader and the shipped rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rpps_audit.checks import load_catalogue
from rpps_audit.cli import main
from rpps_audit.corrections import suggestions
from tests.batches.test_batches import SUIVI
from tests.card.profiles import PIN

SITE = "750000001"
LINES = [
    f"10000000001;DUPONT;Zoé;05/01/1990;zoe.dupont@gmial;{SITE};GENR11;01/02/2020;;Oui",
    f"10000000002;MARTIN;Léa;06/02/1991;lea@exemple.fr;{SITE};GENR11;01/02/2020;31/03/2026;Oui",
    f"10000000003;PETIT;Noé;07/03/1992;noe@exemple.fr;{SITE};GENR11;01/02/2020;;Oui",
]


@pytest.fixture
def run(card, card_workspace, tmp_path, capsys, monkeypatch):
    """Run a command line in the card's workspace: (exit code, standard output). A suivi is loaded and checked."""
    monkeypatch.setattr("getpass.getpass", lambda _prompt: PIN)

    def command(*arguments: str) -> tuple[int, str]:
        code = main(["--workspace", str(card_workspace), *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    file = tmp_path / "suivi_20261101.csv"
    file.write_text("\n".join([SUIVI, *LINES, ""]), "utf-8")
    assert command("load", str(file))[0] == 0
    command("check")
    return command


@pytest.mark.card
def test_the_loop_as_commands(run, card_workspace, tmp_path):
    code, said = run("corrections", "suggest", "--rule", "email-format")
    assert code == 0
    assert "zoe.dupont@gmail.com" not in said  # « gmial » alone is no known slip
    one = ("corrections", "propose", "personne", "810000000001", "email")
    code, said = run(*one, "zoe", "--rule", "email-format", "--reason", "essai")
    assert code == 1
    assert "laisse en place la faute" in said
    assert run(*one, "zoe@gmail.com", "--rule", "email-format", "--reason", "essai")[0] == 0
    code, said = run(*one, "zoe.dupont@gmail.com", "--reason", "vu avec elle")
    assert code == 2
    assert "déjà corrigé ce champ (correction n° 1" in said
    assert run(*one, "zoe.dupont@gmail.com", "--reason", "vu avec elle", "--replaces", "1")[0] == 0
    code, said = run("corrections", "accept", "fin-passee-ouverte", "--reason", "fins passées")
    assert "Rien n'est écrit" in said
    assert run("corrections", "accept", "fin-passee-ouverte", "--reason", "fins passées", "--yes")[0] == 0
    key = f"810000000003@{SITE}#2020-02-01"
    assert run("corrections", "close", key, "--date", "2026-10-31", "--end-reason", "CHA", "--reason", "départ")[0] == 0
    assert run("corrections", "undo", "1", "--reason", "faute")[0] == 0
    listed = json.loads(run("corrections", "list", "--json")[1])
    assert {row["column"] for row in listed} == {"email", "is_open", "end_date", "end_reason"}
    assert not any({"old", "new"} & set(row) for row in listed)

    code, said = run("batch", "prepare", "--no-pdf", "--fhir", "--json")
    assert code == 0, said
    batch_id, path = (json.loads(said)[name] for name in ("batch_id", "path"))
    assert run("batch", "verify", path)[0] == 1
    assert run("batch", "sign", batch_id)[0] == 0
    code, said = run("batch", "verify", path)
    assert (code, "Signé par CAMILLE GESTION-TEST" in said) == (0, True)
    code, said = run("batch", "send", batch_id)
    assert "n'est pas un dépôt au portail" in said.lower()
    assert "déjà" in run("batch", "send", batch_id)[1]
    assert run("batch", "receipt", batch_id, "--acknowledged", "saisi")[0] == 0
    page = tmp_path / "lot.html"
    assert run("batch", "status", batch_id, "--page", str(page))[0] == 0
    assert "gmail" not in page.read_text("utf-8")
    assert run("journal", "verify")[0] == 0


@pytest.mark.card
def test_a_situation_is_added_from_the_command_line(run):
    add = ("corrections", "add", "810000000003", "--finess", SITE, "--role", "GENR11", "--start", "02/11/2026")
    code, said = run(*add, "--reason", "nouveau poste")
    assert code == 2
    assert "existe déjà" in said
    elsewhere = ("corrections", "add", "810000000003", "--finess", "010000024", "--reason", "nouveau poste")
    code, said = run(*elsewhere)
    assert code == 4
    assert "010000024" in said


@pytest.mark.card
def test_an_old_batch_shown_beside_the_one_that_replaces_it_is_said_old(run):
    one = ("corrections", "propose", "personne", "810000000003", "email")
    paths = []
    for number, value in enumerate(("a@exemple.fr", "b@exemple.fr")):
        replaces = ("--replaces", str(number)) if number else ()
        assert run(*one, value, "--reason", "x", *replaces)[0] == 0
        prepared = json.loads(run("batch", "prepare", "--no-pdf", "--json")[1])
        assert run("batch", "sign", prepared["batch_id"])[0] == 0
        paths.append(prepared["path"])
    code, said = run("batch", "verify", *paths)
    assert code == 0
    assert said.count("ANCIEN") == 1
    assert run("batch", "verify", paths[1], "--at", "01/01/1990")[0] == 1
    with pytest.raises(SystemExit, match="2"):
        run("batch", "verify", paths[1], "--at", "hier")


@pytest.mark.card
def test_verify_needs_no_workspace(run, card_workspace, tmp_path, capsys):
    run("corrections", "propose", "personne", "810000000003", "email", "autre@exemple.fr", "--reason", "x")
    said = json.loads(run("batch", "prepare", "--no-pdf", "--json")[1])
    run("batch", "sign", said["batch_id"])
    assert run("batch", "receipt", said["batch_id"], "--refused", "numéro inconnu", "--correction", "1")[0] == 0
    assert json.loads(run("corrections", "list", "--all", "--json")[1])[0]["state"] == "rejected"
    elsewhere = tmp_path / "ailleurs"
    elsewhere.mkdir()
    package = Path(shutil.copy(said["path"], elsewhere))
    roots = card_workspace / "racines" / "production"
    assert main(["--workspace", str(elsewhere), "batch", "verify", str(package), "--roots", str(roots)]) == 0
    assert main(["--workspace", str(elsewhere), "batch", "verify", str(package)]) == 1
    assert "--roots" in capsys.readouterr().out
    assert [file.name for file in elsewhere.iterdir()] == [package.name]


def test_every_suggester_answers_for_a_shipped_rule():
    known = {rule.id for rule in load_catalogue()}
    from rpps_audit.corrections import suggest_contact, suggest_names, suggest_places, suggest_situations  # noqa: F401

    assert set(suggestions._BY_RULE) - known == set()
