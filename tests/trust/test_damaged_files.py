"""Damaged files over every layout and container: loaded or refused in French, nothing between, the store as before.

The number of files comes from RPPS_AUDIT_DAMAGED (150; `make fuzz` runs 10 000); the same number damages the same way.
"""

from __future__ import annotations

import io
import os
import random
import resource
import zipfile
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.cli import main
from rpps_audit.outputs import xlsx_bytes
from rpps_audit.store import open_store

COUNT = int(os.environ.get("RPPS_AUDIT_DAMAGED", "150"))
SAMPLE = Path(__file__).parents[2] / "sample_data"
LINES, LIMIT_KB = 40, 1_500_000


def heads() -> dict[str, bytes]:
    """The beginning of each file of the sample, as it is and in the containers that are read."""
    found = {}
    for path in sorted([*SAMPLE.iterdir(), *(SAMPLE / "variantes").iterdir()]):
        if path.suffix in (".txt", ".csv"):
            found[path.name] = b"".join(path.read_bytes().splitlines(keepends=True)[:LINES])
        elif path.suffix in (".json", ".xlsx", ".zip"):
            found[path.name] = path.read_bytes()
    text = dict(found)
    for name, content in text.items():
        if name.endswith((".txt", ".csv")):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(name, content)
            found[f"{name}.zip"] = packed.getvalue()
    suivi = next(content for name, content in text.items() if name.startswith("suivi"))
    frame = pl.read_csv(io.BytesIO(suivi), separator=";", infer_schema=False, encoding="utf8-lossy")
    from datetime import UTC, datetime

    found["suivi.xlsx"] = xlsx_bytes(frame, "suivi", made=datetime(2026, 1, 1, tzinfo=UTC))
    return found


def damaged(content: bytes, chance: random.Random) -> bytes:
    """One to three faults, of those that disks, mails, editors and people make."""
    for _ in range(chance.randrange(1, 4)):
        if not content:
            return content
        at = chance.randrange(len(content))
        much = chance.choice((1, 2, 16, 300))
        content = chance.choice(
            (
                lambda c, a, m: c[:a],
                lambda c, a, m: c[a:],
                lambda c, a, m: c[:a] + c[a + m :],
                lambda c, a, m: c[:a] + bytes([c[a] ^ 1 << m % 8]) + c[a + 1 :],
                lambda c, a, m: c[:a] + bytes(chance.randrange(256) for _ in range(m)) + c[a:],
                lambda c, a, m: c[:a] + bytes(m) + c[a:],
                lambda c, a, m: c[:a] + b"\n" * m + c[a:],
                lambda c, a, m: c[:a] + b'"' + c[a:],
                lambda c, a, m: c[:a] + c[: a + m],
                lambda c, a, m: c.replace(b";", b",") if m > 2 else c.replace(b"|", b";"),
                lambda c, a, m: c.replace(b"\n", b"\r\n" if m > 2 else b"\r"),
                lambda c, a, m: c.decode("utf-8", "replace").encode("utf-16" if m > 2 else "latin-1", "replace"),
            )
        )(content, at, much)
    return content


@pytest.mark.slow
def test_a_damaged_file_is_loaded_or_refused(tmp_path, capsys):
    folder, chance, wholes = tmp_path / "espace", random.Random(17), heads()
    names = sorted(wholes)
    outcomes = {0: 0, 2: 0, 3: 0}
    for number in range(COUNT):
        name = names[number % len(names)]
        path = tmp_path / name
        path.write_bytes(damaged(wholes[name], chance))
        before = snapshots(folder)
        code = main(["--workspace", str(folder), "load", str(path)])
        said = capsys.readouterr()
        assert code in outcomes, (number, name, said.err)
        assert "Traceback" not in said.err + said.out
        if code:
            assert said.err.startswith("rpps-audit : "), (number, name)
            assert snapshots(folder) == before, (number, name)
        assert not list((folder / "originals").glob(".*")), (number, name)
        outcomes[code] += 1
        path.unlink()
    assert outcomes[0] and outcomes[3]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < LIMIT_KB


def snapshots(folder: Path) -> list[tuple[object, ...]]:
    with open_store(folder) as store:
        return store.sql("SELECT snapshot_id, content_hash, rows_kept FROM snapshots ORDER BY 1").fetchall()
