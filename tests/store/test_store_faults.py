"""A store that is busy, damaged, too new or only readable is called what it is."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rpps_audit.cli import main
from rpps_audit.errors import (
    AuditError,
    StoreBusyError,
    StoreDamagedError,
    StoreNewerError,
    StoreReadOnlyError,
    UsageError,
)
from rpps_audit.store import FILE_NAME, open_store
from rpps_audit.store.faults import newest_storage

ROOT = Path(__file__).parents[2]
OPEN = "import sys, pathlib, rpps_audit.store; s = rpps_audit.store.open_store(pathlib.Path(sys.argv[1]))"
HOLD = f"{OPEN}; print(1, flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("magasin") / "espace"
    with open_store(folder) as store:
        store.sql("CREATE TABLE ballast AS SELECT range AS n, md5(range::VARCHAR) AS text FROM range(20000)")
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "espace"))


def everything(folder):
    with open_store(folder) as store:
        for (name,) in store.sql("SELECT table_name FROM duckdb_tables()").fetchall():
            store.sql(f"SELECT * FROM {name}").fetchall()


def test_the_store_another_program_holds_is_busy(folder):
    program = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"1\n"
        with pytest.raises(StoreBusyError, match="autre programme"):
            open_store(folder)
        assert main(["--workspace", str(folder), "findings"]) == 2
        holder.communicate()
    everything(folder)


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_is_damage_and_never_a_program_that_holds_the_store(folder, seed):
    path, chance = folder / FILE_NAME, random.Random(seed)
    content = bytearray(path.read_bytes())
    # Half of them where the file says what it is: headers and free lists.
    place = chance.randrange(3 * 4096 if seed % 2 else len(content))
    content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    try:
        everything(folder)
    except AuditError as error:
        assert isinstance(error, StoreDamagedError), error
        assert "abîmé" in str(error)


@pytest.mark.parametrize("content", [b"", b"x", b"DUCK" * 5_000, bytes(20_000), b"col;col\n1;2\n"])
def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path, content, capsys):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    code = main(["--workspace", str(tmp_path), "findings"])
    assert code == (3 if content.startswith(b"DUCK") else 2)
    assert "pas un magasin" in capsys.readouterr().err
    assert path.read_bytes() == content


def test_a_truncated_store_is_damaged(folder):
    path = folder / FILE_NAME
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreDamagedError):
        everything(folder)


def test_a_store_of_a_later_version_is_refused_unchanged(folder, capsys):
    with open_store(folder) as store:
        store.sql("INSERT INTO migrations VALUES ('999_futur.sql')")
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(StoreNewerError, match="plus récente de rpps-audit"):
        open_store(folder)
    assert main(["--workspace", str(folder), "findings"]) == 2
    assert "plus récente" in capsys.readouterr().err
    assert (folder / FILE_NAME).read_bytes() == before


def test_a_later_storage_version_is_said(folder):
    path = folder / FILE_NAME
    content = bytearray(path.read_bytes())
    content[12:20] = (newest_storage() + 1).to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(StoreNewerError, match="DuckDB"):
        open_store(folder)


def test_a_folder_in_place_of_the_store_and_a_file_in_place_of_the_workspace(tmp_path):
    (tmp_path / "a" / FILE_NAME).mkdir(parents=True)
    (tmp_path / "b").write_text("x")
    for folder in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(UsageError):
            open_store(folder)


def test_a_store_opened_for_reading_is_read_and_not_changed(folder):
    before = (folder / FILE_NAME).read_bytes()
    names = sorted(folder.iterdir())
    with open_store(folder, read_only=True) as store:
        assert store.sql("SELECT count(*) FROM ballast").fetchone() == (20000,)
    assert (folder / FILE_NAME).read_bytes() == before
    assert sorted(folder.iterdir()) == names


def test_a_workspace_that_cannot_be_written_is_read(folder, monkeypatch):
    monkeypatch.setattr("rpps_audit.store.store.writable", lambda _path: False)
    monkeypatch.setattr("rpps_audit.store.faults.writable", lambda _path: False)
    with open_store(folder) as store:
        assert store.sql("SELECT count(*) FROM ballast").fetchone() == (20000,)


def test_an_older_store_that_cannot_be_written_says_what_to_do(folder):
    with open_store(folder) as store:
        store.sql("DELETE FROM migrations WHERE name LIKE '020%'")
    with pytest.raises(StoreReadOnlyError, match="version antérieure"):
        open_store(folder, read_only=True)


@pytest.mark.parametrize("place", ["absent/x/y.csv", "dossier", "fichier/y.csv"])
def test_a_place_that_cannot_be_written_is_the_readers_fault(tmp_path, place, capsys):
    (tmp_path / "dossier").mkdir()
    (tmp_path / "fichier").write_text("x")
    code = main(["--workspace", str(tmp_path), "access", "--format", "csv", "--out", str(tmp_path / place)])
    said = capsys.readouterr().err
    assert code == (0 if place.startswith("absent") else 2)
    assert "erreur inattendue" not in said


def test_a_crash_of_an_earlier_release_is_closed_to_others_and_swept(tmp_path):
    folder = tmp_path / "espace"
    with open_store(folder) as store:
        store.sql("SELECT 1")
    (folder / "originals").mkdir()
    for name in ("originals/.aaaa.part", "originals/entier", ".lot.part"):
        (folder / name).write_bytes(b"x")
    (folder / FILE_NAME).chmod(0o644)
    subprocess.run([sys.executable, "-c", OPEN, str(folder)], cwd=ROOT, check=True)
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in sorted((folder / "originals").iterdir())] == ["entier"]
    assert not (folder / ".lot.part").exists()
