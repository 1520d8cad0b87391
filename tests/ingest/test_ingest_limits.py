"""What is too large, too deep, or no ordinary file is refused before it does harm; the refusal says the limit."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.ingest import load
from rpps_audit.ingest.limits import default_limits
from rpps_audit.ingest.sources import Source, expand
from rpps_audit.store import Store, memory_store
from tests.ingest.files import restricted, write


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as opened:
        yield opened


def refusal(store: Store, path: Path) -> str:
    with pytest.raises(UnreadableInputError) as caught:
        load(store, [path])
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_limits_are_changed_by_name_and_faults_are_told() -> None:
    assert default_limits().changed({"rapport": 7}).rapport == 7
    with pytest.raises(UsageError, match="« vitesse » n'existe pas"):
        default_limits().changed({"vitesse": 1})
    for wrong in (0, "10", True, 1.5):
        with pytest.raises(UsageError, match="nombre entier positif"):
            default_limits().changed({"rapport": wrong})


def test_an_archive_that_inflates_too_much_is_refused_before_it_is_opened(store: Store, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bombe.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.txt", b"|" * 60_000_000)
    said = refusal(store, tmp_path / "bombe.zip")
    assert "« rapport »" in said
    assert "100 fois" in said


def test_a_gzip_is_bounded_by_what_comes_out_of_it(tmp_path: Path) -> None:
    """Whatever it says of its own size."""
    path = write(tmp_path, "bombe.json.gz", gzip.compress(b" " * 60_000_000)[:-4] + (10).to_bytes(4, "little"))
    (source,) = expand([path])
    with pytest.raises(UnreadableInputError, match="« rapport »"), source.open() as stream:
        while stream.read(1 << 20):
            pass


def test_too_many_members(store: Store, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "foule.zip", "w") as archive:
        for rank in range(501):
            archive.writestr(f"{rank}.txt", "x")
    assert "501 fichiers" in refusal(store, tmp_path / "foule.zip")


def test_a_size_above_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path, "gros.csv", b"x" * 2_000_001)
    with pytest.raises(UnreadableInputError, match="« taille_mo »"):
        expand([path], default_limits().changed({"taille_mo": 1}))


def test_blank_lines_beyond_the_limit(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "vide.csv", "Nom;Prénom;Date d'entrée\nA;B;01/01/2024\n" + "\n" * 1_000_001)
    assert "« lignes_vides »" in refusal(store, path)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ('{"a":' * 200 + "1" + "}" * 200, "json_profondeur"),
        ("[" * 100_000 + "]" * 100_000, "json_profondeur"),
        ("9" * 100_000, "json_chiffres"),
    ],
)
def test_json_deeper_or_longer_than_any_real_one(store: Store, tmp_path: Path, inner: str, words: str) -> None:
    said = refusal(store, write(tmp_path, "finess.json", f'{{"pmej": [{{"ege": [], "x": {inner}}}]}}'))
    assert words in said


def test_finess_activities_are_named_for_what_they_are(store: Store, tmp_path: Path) -> None:
    text = json.dumps({"pmej": [{"numFiness": "690000021", "activitesExercees": []}]})
    assert "activités" in refusal(store, write(tmp_path, "finess-activites-mensuel-202607.json", text))


@pytest.mark.parametrize("spelling", ["informationsGeneralesPMEJ", "informationsGeneralesPmej"])
def test_both_spellings_of_finess_plus(store: Store, tmp_path: Path, spelling: str) -> None:
    establishment = {
        spelling.replace("P", "E").replace("MEJ", "GE").replace("mej", "ge"): {"numFinessEge": "690000013"}
    }
    text = json.dumps({"pmej": [{spelling: {"numFinessPm": "690000021"}, "ege": [establishment]}]})
    load(store, [write(tmp_path, "f.json.gz", gzip.compress(text.encode()))])
    assert store.sql("SELECT finess, finess_legal FROM establishments").fetchall() == [("690000013", "690000021")]


def test_a_pipe_is_no_file(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tube.csv")
    assert "fichier ordinaire" in refusal(store, tmp_path / "tube.csv")
    assert "fichier ordinaire" in refusal(store, Path("/dev/null"))


def test_a_name_that_is_not_utf_8(store: Store, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9sum\xe9.csv"))
    path.write_bytes(b"x")
    said = refusal(store, path)
    assert "UTF-8" in said
    said.encode()


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = restricted(tmp_path)
    (source,) = expand([path])
    with pytest.raises(UnreadableInputError, match="a changé pendant sa lecture"), source.open() as stream:
        stream.read(10)
        path.write_bytes(path.read_bytes() + b"x")


def test_a_damaged_gzip_is_told(store: Store, tmp_path: Path) -> None:
    whole = gzip.compress(restricted(tmp_path).read_bytes())
    assert "gzip endommagée" in refusal(store, write(tmp_path, "x.txt.gz", whole[:-30]))


def test_a_gzip_is_the_file_in_it(store: Store, tmp_path: Path) -> None:
    plain = restricted(tmp_path)
    packed = write(tmp_path, f"{plain.name}.gz", gzip.compress(plain.read_bytes()))
    (first,), (second,) = load(store, [plain]), load(store, [packed])
    assert second.already_loaded
    assert Source(packed).series("x") == Source(plain).series("x")
    assert first.data_date == second.data_date
