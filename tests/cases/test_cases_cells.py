"""What stands in the cells of real files, and the right outcome: each folder beside is one case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rpps_audit.cli import main

CASES = Path(__file__).parent
DAY = "2026-11-20"


@pytest.fixture
def ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Audit the files of a case: what loading said by file name, and the findings as {(rule, line)}."""

    def run(case: str) -> tuple[dict[str, dict[str, Any]], set[tuple[str, int]]]:
        files = [str(path) for path in sorted((CASES / case).iterdir())]
        here = ["--workspace", str(tmp_path)]
        main([*here, "audit", "--as-of", DAY, "--severity", "none", "--json", *files])
        loaded = json.loads(capsys.readouterr().out)["loaded"]
        main([*here, "findings", "--as-of", DAY, "--format", "json"])
        found = json.loads(capsys.readouterr().out)
        return {one["file_name"]: one for one in loaded}, {(one["rule_id"], one["line"]) for one in found}

    return run


@pytest.mark.parametrize("case", ["C09", "C21", "C23", "C25", "C32", "C35", "C37", "T01"])
def test_a_right_file_has_no_finding_however_it_is_written(ran: Any, case: str) -> None:
    loaded, found = ran(case)
    assert found == set()
    assert all(one["rows_kept"] == one["rows_read"] > 0 for one in loaded.values())
    assert all(cell["unreadable"] == 0 for one in loaded.values() for cell in one["cells"])


def test_a_departure_is_seen_however_its_date_is_written(ran: Any) -> None:
    loaded, found = ran("C01")
    assert found == {("parti-selon-rh", line) for line in range(2, 9)}
    (end,) = [cell for cell in loaded["personnel-20261101.csv"]["cells"] if cell["column"] == "end_date"]
    assert (end["filled"], end["read"], end["unreadable"]) == (7, 7, 0)
    assert end["causes"] == {"month": 1, "serial": 1, "time": 2, "two_digit_year": 1}
    notes = loaded["personnel-20261101.csv"]["notes"]
    assert any("ambigu" in note for note in notes)
    assert any("abîmée par un tableur" in note for note in notes)


def test_separators_alone_are_blank_lines(ran: Any) -> None:
    (loaded,) = ran("C09")[0].values()
    assert loaded["rows_read"] == 2
    assert "5 lignes vides ignorées." in loaded["notes"]


def test_a_far_end_is_no_end(ran: Any) -> None:
    loaded, found = ran("C13")
    assert found == {("ouverte-trop-longtemps", 2), ("ouverte-trop-longtemps", 3)}
    assert any("sans fin" in note for one in loaded.values() for note in one["notes"])


def test_a_card_ended_or_opposed_at_a_time_of_day_is_ended(ran: Any) -> None:
    assert "carte-valide-personne-partie" not in {rule for rule, _ in ran("C14")[1]}


def test_closed_is_understood_in_a_yes_no_column(ran: Any) -> None:
    found = ran("T04")[1]
    assert {("situation-fermee-sans-fin", 2), ("situation-fermee-sans-fin", 3), ("fin-passee-ouverte", 4)} <= found


def test_phones_are_compared_whatever_blanks_they_hold(ran: Any) -> None:
    found = ran("T10")[1]
    assert {("telephone-partage", 2), ("telephone-partage", 3), ("contact-prive-publie-telephone", 4)} <= found


def test_blanks_of_every_kind_are_absent(ran: Any) -> None:
    absent = ["nom-naissance-absent", "nom-exercice-absent", "email-absent", "commune-naissance-absente", "role-absent"]
    assert ran("T11")[1] == {*((rule, 2) for rule in absent), ("telephone-absent", 3), ("telephone-absent", 4)}


def test_a_no_break_space_does_not_make_two_names(ran: Any) -> None:
    assert "meme-personne-deux-numeros" in {rule for rule, _ in ran("T15")[1]}


def test_a_date_that_cannot_be_read_is_said_and_not_absent(ran: Any) -> None:
    (loaded,) = ran("T17")[0].values()
    (cell,) = [cell for cell in loaded["cells"] if cell["column"] == "pending_request_date"]
    assert (cell["filled"], cell["unreadable"]) == (1, 1)
    assert any("Demande en attente depuis" in note and "ligne 5" in note for note in loaded["notes"])


def test_a_name_encoded_twice_does_not_refuse_the_file(ran: Any) -> None:
    loaded, found = ran("T19")
    assert loaded["suivi.csv"]["rows_kept"] == 2
    assert ("prenoms-caracteres", 3) in found
