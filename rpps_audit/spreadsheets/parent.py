"""Starting the child that reads a workbook, and taking its sheets."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]

_SECONDS = 600


class RefusedError(Exception):
    """The workbook was not read. `why` is `memory`, `cells` or `damaged`; `detail` the sheet and its last cell."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(why)
        self.why, self.detail = why, detail


def read_workbook(content: bytes, *, memory_mb: int, cells: int) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """Sheet name → its rows from the first, all columns as text; and how many cells were mended, by kind.

    Kinds: `merged` (a merged cell's value repeated down), `shown` (a number written as its format shows it), `errors`
    (a cell in error, given as its text, such as #N/A). Raises RefusedError.
    """
    command = [sys.executable, "-P", "-m", "rpps_audit.spreadsheets.child", str(memory_mb), str(cells)]
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": paths, "RUST_BACKTRACE": "0", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, input=content, capture_output=True, env=env, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RefusedError("memory") from error
    line, _, rest = done.stdout.partition(b"\n")
    if done.returncode or not line:
        raise RefusedError("memory")
    told = json.loads(line)
    if "refused" in told:
        raise RefusedError(told["refused"], told.get("detail", ""))
    stream = io.BytesIO(rest)
    return {name: _table(stream.read(size)) for name, size in told["sheets"]}, told["mended"]


def _table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()
