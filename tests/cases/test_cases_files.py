"""Files in the shapes that software and people really produce: each folder beside is one case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rpps_audit.cli import main
from rpps_audit.ingest import Loaded, load
from rpps_audit.store import Store, memory_store

CASES = Path(__file__).parent


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as opened:
        yield opened


def read(store: Store, case: str, start: str = "") -> Loaded:
    """The one file of a case whose name starts so."""
    (path,) = [path for path in (CASES / case).iterdir() if path.name.startswith(start)]
    (loaded,) = load(store, [path])
    return loaded


def columns(store: Store, kind: str) -> list[str]:
    (row,) = store.sql("SELECT columns FROM snapshots WHERE kind = ?", [kind]).fetchall()
    return list(row[0])


def audited(folder: Path, capsys: pytest.CaptureFixture[str], *steps: list[Path]) -> set[tuple[str, int]]:
    """(rule, line) of every finding, after auditing the files of each step in turn."""
    for files in steps:
        main(["--workspace", str(folder), "audit", "--severity", "none", *map(str, files)])
    capsys.readouterr()
    main(["--workspace", str(folder), "findings", "--format", "json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return {(one["rule_id"], one["line"]) for one in found if one["state"] != "resolved"}


def files(case: str) -> list[Path]:
    return sorted((CASES / case).iterdir())


@pytest.mark.parametrize(("case", "start"), [("C02", "personnel"), ("T02", "rh")])
def test_a_roster_without_establishments_says_so(store: Store, case: str, start: str) -> None:
    loaded = read(store, case, start)
    assert "finess" not in columns(store, "rh")
    assert any("« FINESS »" in note and "ne seront pas évaluables" in note for note in loaded.notes)


def test_date_sortie_is_date_de_sortie(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ("parti-selon-rh", 2) in audited(tmp_path, capsys, files("C03"))


def test_the_birth_name_wins_over_the_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(tmp_path, capsys, files("C04")) == {("parti-selon-rh", 2)}


@pytest.mark.parametrize("form", ["dashes", "copy"])
def test_the_newer_roster_replaces_the_older(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    names = {
        "dashes": ("1-personnel 01-09-2026.csv", "2-personnel 01-11-2026.csv"),
        "copy": ("1-personnel-20260901.csv", "2-personnel-20261101 (1).csv"),
    }[form]
    older, newer = (tmp_path / name.split("-", 1)[1] for name in names)
    for path, name in zip((older, newer), names, strict=True):
        path.write_bytes((CASES / "C05" / name).read_bytes())
    suivi = CASES / "C05" / "suivi-20261101.csv"
    assert ("parti-selon-rh", 2) in audited(tmp_path / "espace", capsys, [older], [suivi, newer])


def test_insee_zip_with_every_cell_quoted(store: Store) -> None:
    loaded = read(store, "C06")
    assert (loaded.rows_read, loaded.rows_kept, loaded.data_date) == (4, 4, date(2025, 1, 1))
    assert ("01001", None) in store.sql("SELECT code, valid_to FROM communes_loaded").fetchall()


def test_lines_of_separators_are_blank(store: Store) -> None:
    loaded = read(store, "C09")
    assert (loaded.rows_read, loaded.rows_kept) == (2, 2)
    assert any("5 lignes vides" in note for note in loaded.notes)


def test_other_identifiers_are_kept(store: Store) -> None:
    read(store, "C11")
    ids = store.sql("SELECT id_type, other_ids FROM registrations ORDER BY line").fetchall()
    assert {row[0] for row in ids} != {"8"}
    assert any(row[1] for row in ids)


def test_finess_with_quotes_and_separators_in_names(store: Store) -> None:
    assert read(store, "C15").rows_kept == 2
    names = {row[0] for row in store.sql("SELECT name FROM establishments").fetchall()}
    assert names == {'LIEU DE VIE "LES LILAS 1"', "EHPAD LES SAPINS; SITE 2"}


def test_geolocation_is_a_known_section(store: Store) -> None:
    loaded = read(store, "C17")
    assert (loaded.rows_read, loaded.rows_kept, loaded.rows_rejected) == (12, 12, 0)
    assert any("12 lignes" in note and "geolocalisation" in note for note in loaded.notes)


def test_inactive_and_timed_closings_and_short_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], store: Store
) -> None:
    assert {("etablissement-ferme", 2), ("etablissement-ferme", 3)} <= audited(tmp_path, capsys, files("C18"))
    loaded = read(store, "C18", "finess")
    closed = dict(store.sql("SELECT finess, closed_on FROM establishments").fetchall())
    assert (closed["690000039"], closed["690000047"]) == (date(2026, 8, 1), date(2025, 6, 30))
    assert store.sql("SELECT name FROM establishments WHERE finess = '690000054'").fetchone() == ("EHPAD COURT",)
    assert any("au plus tard le 01/08/2026 : 1" in note for note in loaded.notes)


def test_finess_plus_as_published(store: Store) -> None:
    loaded = read(store, "C19")
    assert (loaded.rows_kept, loaded.data_date) == (4, date(2026, 8, 1))


def test_a_heading_with_a_line_break(store: Store) -> None:
    assert read(store, "C32").rows_kept == 2
    assert store.sql("SELECT count(start_date) FROM registrations").fetchone() == (2,)


def test_a_roster_of_names_with_ligatures_is_read_whole(store: Store) -> None:
    loaded = read(store, "T07", "rh")
    assert (loaded.rows_read, loaded.rows_kept) == (5, 5)
