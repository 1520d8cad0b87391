"""Run a command in its own process; its wall time, processor time and peak memory, as the system counts them."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """`wall` and `cpu` in seconds, `peak` in MB (resident, of the process itself), `said` its last line of output."""

    wall: float
    cpu: float
    peak: float
    exit_code: int
    said: str

    @property
    def finished(self) -> bool:
        """It ended by itself, with an answer."""
        return self.exit_code in (0, 1)


def measure(command: list[str], *, limit: float = 900.0, cwd: str | None = None) -> Measure:
    """Run `command`; killed after `limit` seconds (exit code -9)."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        killer = _after(limit, process)
        said = process.stdout.read().strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
    return Measure(
        time.perf_counter() - start,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        process.returncode,
        said[-1] if said else "",
    )


def _after(limit: float, process: subprocess.Popen[str]):
    from threading import Timer

    timer = Timer(limit, process.kill)
    timer.daemon = True
    timer.start()
    return timer
