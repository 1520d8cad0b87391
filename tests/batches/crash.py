"""Writes corrections and batches without end, in a child that is killed at any instant. Run: crash.py FOLDER ROUNDS.

The parent has only imported what is needed: it opens nothing and starts no thread, so that forking is safe.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from rpps_audit.batches.package import Options
from rpps_audit.batches.prepare import prepare
from rpps_audit.corrections.deciding import undo
from rpps_audit.corrections.proposing import propose
from rpps_audit.records import state_at as now
from rpps_audit.store import open_store
from tests.corrections.literal import authorisation, change, desk, proposals

LONGEST_ACT = 0.2


def work(folder: Path, progress: int) -> None:
    """Correct one more field, undo some, make batches; tell what is done only once it is."""
    with open_store(folder) as store:
        table, who = desk(store, folder), authorisation()

        def tell(line: str) -> None:
            with (folder / "told").open("a") as file:
                file.write(line + "\n")
            os.write(progress, b"x")

        while True:
            row = store.sql("SELECT coalesce(max(correction_id), 0) FROM corrections").fetchone()
            number = row[0] + 1
            last = store.sql(
                """SELECT max(correction_id) FROM correction_states WHERE "column" = 'email'
                   AND state IN ('proposed', 'approved', 'batched')"""
            ).fetchone()[0]
            wanted = proposals(change("professional", "810000000001", "email", f"{number}@b.fr", previous_id=last))
            done = propose(table, who, now(table.store), wanted, reason="essai")
            tell(f"proposed {done.accepted['correction_id'][0]}")
            if number % 3 == 0:
                undo(table, who, [number], reason="essai")
                tell(f"undone {number}")
            if number % 2 == 0:
                tell(f"batch {prepare(table, who, options=Options(pdf=False)).batch_id}")


def rounds(folder: Path, count: int) -> None:
    """Fork, let it work for a random while, kill -9."""
    chance = random.Random(4)
    for _ in range(count):
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reads)
            try:
                work(folder, writes)
            except BaseException as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                os._exit(1)
        os.close(writes)
        # Some acts whole, then anywhere in the next.
        for _ in range(chance.choice((0, 1, 1, 2))):
            os.read(reads, 1)
        time.sleep(chance.uniform(0, LONGEST_ACT))
        os.close(reads)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit("a child ended by itself")


if __name__ == "__main__":
    rounds(Path(sys.argv[1]), int(sys.argv[2]))
