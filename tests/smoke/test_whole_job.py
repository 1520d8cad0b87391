"""The main job from the command line to the report, as a user runs it; also run on the next version of DuckDB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb

SAMPLE = Path(__file__).parents[2] / "sample_data"


def test_audit_of_the_sample(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rpps_audit", "--workspace", str(tmp_path), "audit", str(SAMPLE), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    assert all(file["rows_read"] == file["rows_kept"] + file["rows_rejected"] for file in answer["loaded"])
    assert sum(run["findings"] for run in answer["runs"]) > 0
    page = Path(answer["report"]).read_text("utf-8")
    assert '<html lang="fr"' in page
    assert duckdb.__version__ in ("1.5.5", "2.0.0")
