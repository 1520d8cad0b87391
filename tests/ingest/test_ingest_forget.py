"""Taking a loaded file back leaves nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpps_audit.ingest import forget, load
from rpps_audit.ingest.layouts import layouts
from rpps_audit.store import memory_store
from tests.ingest.files import text_of, write

TABLES = sorted({one.table for one in layouts()})
TEXT = [one.id for one in layouts() if one.delimiter and not one.first_line]
LINE = {
    "id_type": "8", "pp_id": "10100000017", "professional_id": "810100000017", "finess": "560000019",
    "birth_name": "ROLEAU", "exercise_name": "ROLEAU", "adeli": "699300017", "name": "IME",
}  # fmt: skip


@pytest.mark.parametrize("layout_id", TEXT)
def test_nothing_is_left_of_a_forgotten_file(tmp_path: Path, layout_id: str) -> None:
    path = write(tmp_path, "fichier-2026-11-01.csv", text_of(layout_id, [LINE]))
    with memory_store() as store:
        (one,) = load(store, [path])
        held = "SELECT " + " + ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        assert store.sql(held).fetchone() == (1,)
        assert forget(store, one.snapshot_id) == path.name
        assert store.sql(held).fetchone() == (0,)


@pytest.mark.parametrize(
    ("layout_id", "told"), [("adeli-rpps", "aucun contrôle ne s'en sert"), ("cat18", "aucun contrôle ne le juge")]
)
def test_a_file_that_no_rule_reads_says_so(tmp_path: Path, layout_id: str, told: str) -> None:
    path = write(tmp_path, "fichier-2026-11-01.csv", text_of(layout_id, [LINE]))
    with memory_store() as store:
        assert any(told in note for note in load(store, [path])[0].notes)
