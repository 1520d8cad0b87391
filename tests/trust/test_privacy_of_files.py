"""Nothing of a workspace is readable by others, during each act and after it; numbers are not in what is exported."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rpps_audit.cli import main
from rpps_audit.journal import Journal
from tests.batches.test_batches import registered, restricted

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"\b8?10{6,}\d\b")


@pytest.fixture(autouse=True)
def everyday_umask():
    """What a session of a shared machine has; the tool must not rely on it."""
    previous = os.umask(0o022)
    yield
    os.umask(previous)


def open_to_others(folder):
    found = []
    for path in [folder, *folder.rglob("*")]:
        try:
            if stat.S_IMODE(path.lstat().st_mode) & 0o077:
                found.append(str(path.relative_to(folder)))
        except FileNotFoundError:
            continue  # gone meanwhile
    return found


class Watch:
    """Looks at every file of a folder, without end, while an act runs."""

    def __init__(self, folder):
        self.folder, self.found, self.over = folder, set(), threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.over.is_set():
            if self.folder.exists():
                self.found |= set(open_to_others(self.folder))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_modes_during_and_after_each_act(tmp_path):
    folder = tmp_path / "espace"
    source = restricted(tmp_path, *(registered(number) for number in range(1, 6)))
    out = folder / "sorties"
    acts = [
        ["load", str(source)],
        ["check"],
        ["findings", "--format", "csv", "--out", str(out / "constats.csv")],
        ["exposure", "--by", "professional", "--format", "csv-fr", "--out", str(out / "exposition.csv")],
        ["exposure", "--by", "professional", "--format", "parquet", "--out", str(out / "exposition.parquet")],
        ["access", "--format", "csv", "--out", str(out / "droits.csv")],
        ["report", "--out", str(out / "rapport.html")],
        ["audit", str(source)],
        ["doctor"],
    ]
    for act in acts:
        with Watch(folder) as watch:
            done = subprocess.run(
                [sys.executable, "-m", "rpps_audit", "--workspace", str(folder), *act],
                cwd=ROOT, capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        assert done.returncode in (0, 1), (act, done.stderr)
        assert watch.found == set(), act
        assert open_to_others(folder) == [], act
    events = [entry.event for entry in Journal(folder / "journal.jsonl").entries()]
    assert {"files-loaded", "checks-made", "audit-made", "export-written"} <= set(events)
    assert Journal(folder / "journal.jsonl").verify().intact


@pytest.mark.parametrize("form", ["csv", "csv-fr", "json"])
def test_numbers_are_given_on_request_only(tmp_path, capsys, form):
    folder = tmp_path / "espace"
    main(["--workspace", str(folder), "audit", str(restricted(tmp_path, registered(1), registered(2)))])
    capsys.readouterr()

    def said(*verb):
        main(["--workspace", str(folder), *verb, "--format", form])
        return capsys.readouterr().out

    by = ("exposure", "--by", "professional")
    assert "810000000001" not in said(*by)
    assert "P-" in said(*by)
    assert "810000000001" in said(*by, "--numeros")
    assert "810000000001" in said("findings", "--all-states") or "810000000002" in said("findings", "--all-states")
    assert not NUMBER.search(said("findings", "--all-states", "--pseudonymes"))


def test_a_deleted_original_is_given_back_by_loading_the_file_again(tmp_path):
    folder, source = tmp_path / "espace", restricted(tmp_path, registered(1))
    main(["--workspace", str(folder), "load", str(source)])
    (kept,) = (folder / "originals").iterdir()
    kept.unlink()
    main(["--workspace", str(folder), "load", str(source)])
    assert kept.read_bytes() == source.read_bytes()
    main(["--workspace", str(folder), "load", str(source)])
    assert [path.name for path in (folder / "originals").iterdir()] == [kept.name]


def test_a_setting_that_makes_less_safe_is_in_the_journal(tmp_path):
    folder, source = tmp_path / "espace", restricted(tmp_path, registered(1))
    folder.mkdir(mode=0o700)
    settings = folder / "rpps-audit.toml"
    for text in ("[corrections]\nquatre_yeux = true\n", "[corrections]\nquatre_yeux = false\n"):
        settings.write_text(text)
        main(["--workspace", str(folder), "audit", str(source)])
        main(["--workspace", str(folder), "audit", str(source)])
    changes = [entry for entry in Journal(folder / "journal.jsonl").entries() if entry.event == "settings-changed"]
    assert [entry.data["safety"]["four_eyes"] for entry in changes] == [True, False]
    assert changes[1].data["changed"] == ["rpps-audit.toml"]
    assert changes[1].author.startswith("compte:")
