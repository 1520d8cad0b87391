"""Commune search, file drop, long work, panels: state and messages, no browser."""

import threading
from datetime import date
from pathlib import Path

import pytest

from rpps_audit.errors import UsageError
from rpps_audit.workbench.commune import CommuneSearch
from rpps_audit.workbench.drop import DropZone
from rpps_audit.workbench.panel import Panel, sentence
from rpps_audit.workbench.task import Task

# -- commune ------------------------------------------------------------------------------------------------------


def test_a_name_finds_several_communes_with_their_code_in_brackets():
    search = CommuneSearch(date(1980, 6, 1))
    search.ask("look", text="saint denis")
    shown = [found["shown"] for found in search.view()["results"]]
    assert "Saint-Denis (93066)" in shown
    assert "Saint-Denis (97411)" in shown


def test_communes_are_those_of_the_birth_date():
    search = CommuneSearch(date(1970, 1, 1))
    search.ask("look", text="Bastia")
    assert next(found["code"] for found in search.view()["results"]) == "20033"
    search.at(date(1980, 1, 1))
    search.ask("look", text="Bastia")
    assert next(found["code"] for found in search.view()["results"]) == "2B033"


def test_taking_one_says_so_and_tells_the_listener():
    taken: list[str] = []
    search = CommuneSearch(date(1980, 6, 1), on_take=taken.append)
    search.ask("look", text="rennes")
    search.ask("take", code="35238")
    assert taken == ["35238"]
    assert search.view()["status"] == "Commune choisie : Rennes (35238)."
    search.ask("look", text="renn")
    assert search.code is None


def test_only_what_was_found_can_be_taken():
    search = CommuneSearch(date(1980, 6, 1))
    search.ask("look", text="rennes")
    search.ask("take", code="99999")
    assert search.code is None


def test_nothing_found_says_what_to_do_and_marks_the_field():
    search = CommuneSearch(date(1980, 6, 1))
    search.ask("look", text="xyzxyz")
    assert search.view()["fault"]
    assert "laissez la commune vide et donnez le pays" in search.view()["status"]


def test_paris_as_a_whole_asks_for_the_arrondissement():
    search = CommuneSearch(date(1980, 6, 1))
    search.ask("look", text="75056")
    search.ask("take", code="75056")
    assert search.view()["fault"]
    assert "arrondissement" in search.view()["status"]


def test_the_birth_date_is_never_a_trait():
    assert "1980" not in str(CommuneSearch(date(1980, 6, 1)).get_state())


# -- files --------------------------------------------------------------------------------------------------------


def _drop(folder: Path) -> tuple[DropZone, list[list[Path]]]:
    got: list[list[Path]] = []
    return DropZone(folder, got.append), got


def test_a_file_comes_in_by_pieces_and_is_private(tmp_path: Path):
    zone, got = _drop(tmp_path / "depot")
    zone.ask("receive", name="a.csv", start=0, last=False, buffers=[memoryview(b"abc")])
    assert got == []
    zone.ask("receive", name="a.csv", start=3, last=True, buffers=[memoryview(b"def")])
    zone.ask("finish")
    (path,) = got[0]
    assert path.read_bytes() == b"abcdef"
    assert path.stat().st_mode & 0o077 == 0
    assert zone.view()["status"] == "1\u00a0fichier reçu."


def test_a_missing_piece_is_said_and_no_half_file_is_handed_on(tmp_path: Path):
    zone, got = _drop(tmp_path / "depot")
    zone.ask("receive", name="a.csv", start=0, last=False, buffers=[b"abc"])
    zone.ask("receive", name="a.csv", start=9, last=True, buffers=[b"def"])
    assert "coupée" in zone.message
    zone.ask("finish")
    assert got == []


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/x.csv", "..\\x.csv"])
def test_a_file_never_lands_outside_the_folder(tmp_path: Path, name: str):
    zone, got = _drop(tmp_path / "depot")
    zone.ask("receive", name=name, start=0, last=True, buffers=[b"a"])
    zone.ask("finish")
    assert got[0] == [tmp_path / "depot" / "x.csv"]


# -- long work ----------------------------------------------------------------------------------------------------


def test_long_work_moves_a_bar_and_leaves_a_sentence():
    task, shares = Task(), []

    def work(tell):
        tell("lecture", 0.5)
        shares.append(task.view()["share"])
        return 3

    task.start(work, lambda result: f"Terminé : {result}.")
    task.wait()
    assert shares == [0.5]
    assert task.view() == {"running": False, "can_stop": True, "share": 0.5, "said": "Terminé : 3.", "seconds": 0}


def test_interrupted_work_stops_at_the_next_step():
    task, begun, go = Task(), threading.Event(), threading.Event()

    def work(tell):
        begun.set()
        go.wait(5)
        tell("lecture", 0.5)
        raise AssertionError("still working")

    task.start(work, str)
    begun.wait(5)
    task.ask("cancel")
    go.set()
    task.wait()
    assert task.view()["said"].startswith("Interrompu à votre demande")
    assert task.message == ""


def test_work_that_fails_is_a_sentence():
    task = Task()

    def work(_tell):
        raise UsageError("Le fichier est vide.")

    task.start(work, str)
    task.wait()
    assert task.message.startswith("Le fichier est vide. (référence E-")
    assert not task.view()["running"]


# -- panels -------------------------------------------------------------------------------------------------------


def test_a_panel_never_turns_a_value_into_markup_nor_into_a_trait():
    panel = sentence("<b>Dupont</b>")
    assert panel.view()["html"].strip() == "<p>&lt;b&gt;Dupont&lt;/b&gt;</p>"
    panel.ask("show")
    assert "Dupont" not in str(panel.get_state())


def test_a_panel_that_cannot_be_drawn_says_a_sentence():
    panel = Panel("sentence", dict)
    panel.ask("show")
    assert "Référence E-" in panel.message
