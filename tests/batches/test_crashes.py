"""kill -9 at any instant of any write: nothing told is lost, nothing is there by half."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rpps_audit.batches.batch import batch as one_batch
from rpps_audit.batches.batch import batches, intact, settle_packages
from rpps_audit.batches.verify import verify
from rpps_audit.corrections.operations import settle
from rpps_audit.ingest import load
from rpps_audit.store import open_store
from tests.batches.test_batches import registered, restricted
from tests.corrections.literal import desk

ROOT = Path(__file__).parents[2]
# A seeded part of them here; `make fuzz` runs 1 000.
KILLS = os.environ.get("RPPS_AUDIT_KILLS", "20")
COUNTS = """SELECT (SELECT count(*) FROM corrections ANTI JOIN correction_events USING (correction_id)),
                   (SELECT count(*) FROM correction_events ANTI JOIN corrections USING (correction_id)),
                   (SELECT count(*) FROM batches WHERE batch_id NOT IN (SELECT batch_id FROM batch_corrections)),
                   (SELECT count(*) FROM batch_corrections WHERE batch_id NOT IN (SELECT batch_id FROM batch_events))"""


@pytest.mark.slow
def test_kills_lose_nothing_and_leave_nothing(tmp_path):
    folder = tmp_path / "espace"
    with open_store(folder) as store:
        load(store, [restricted(tmp_path, registered(1))])
    done = subprocess.run(
        [sys.executable, "-m", "tests.batches.crash", str(folder), KILLS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    with open_store(folder) as store:
        table = desk(store, folder)
        settle(table)
        settle_packages(table)
        # Whole in the store.
        assert store.sql(COUNTS).fetchone() == (0, 0, 0, 0)
        told = (folder / "told").read_text().split()
        kinds = dict(zip(("proposed", "undone", "batch"), ([], [], []), strict=True))
        for kind, number in zip(told[::2], told[1::2], strict=True):
            kinds[kind].append(number)
        assert all(kinds.values())
        ids = {str(row[0]) for row in store.sql("SELECT correction_id FROM corrections").fetchall()}
        undone = {
            str(row[0])
            for row in store.sql("SELECT correction_id FROM correction_events WHERE event = 'undone'").fetchall()
        }
        assert set(kinds["proposed"]) <= ids
        assert set(kinds["undone"]) <= undone
        # Whole on the disk, and nothing besides.
        known = batches(table)
        assert set(kinds["batch"]) <= set(known["batch_id"])
        for batch_id in known["batch_id"]:
            assert verify(intact(one_batch(table, batch_id))).intact
        assert {file.name for file in (folder / "lots").iterdir()} == set(known["package"])
        # Whole in the journal: each decision once, in order.
        assert table.journal.verify().intact
        numbers = [entry.data["operation"] for entry in table.journal.entries() if "operation" in entry.data]
        assert numbers == [row[0] for row in store.sql("SELECT operation_id FROM operations ORDER BY 1").fetchall()]
