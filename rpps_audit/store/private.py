"""Nothing of a workspace is readable by others, and nothing half-written stays in it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

FILE_NAME = "rpps-audit.duckdb"
SPILL_FOLDER = ".rpps-audit-temp"
_DROPPED = "depot"
# Where, and under which names, a write that was cut leaves something. `lots/` is settled by the batches themselves.
_LEFT = ("originals/.*.part", f"{SPILL_FOLDER}/*", f"{_DROPPED}/*", ".*.part")
# What is dropped in a browser is there until it is loaded: one that has not moved for a day is given up.
_GIVEN_UP_SECONDS = 24 * 3600
_SWEPT: set[Path] = set()


def keep_private() -> None:
    """From here on, every file and folder this process and its children create is for its owner alone (umask 0077)."""
    os.umask(0o077)


def make_private(*paths: Path) -> None:
    """Close to others what an earlier release, or another program, left open; what is not there is passed over."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError, PermissionError):
            mode = path.stat().st_mode
            if mode & 0o077:
                path.chmod(mode & 0o700)


def leftovers(workspace: Path) -> list[Path]:
    """What cut writes left: partial originals, spill files, partial drops. Not ours to read, and no longer of use."""
    return sorted({path for pattern in _LEFT for path in workspace.glob(pattern) if path.is_file()})


def sweep(workspace: Path) -> int:
    """Remove them; how many there were. Called by who has just opened the store: no other program is writing then.

    Only the first opening of a workspace by this process does it: later ones may be beside a load under way in here.
    """
    place = workspace.resolve()
    if place in _SWEPT:
        return 0
    _SWEPT.add(place)
    count = 0
    for path in leftovers(workspace):
        with contextlib.suppress(OSError):
            if path.parent.name != _DROPPED or path.stat().st_mtime < time.time() - _GIVEN_UP_SECONDS:
                path.unlink()
                count += 1
    return count


def exposed(workspace: Path) -> Iterator[Path]:
    """Files of the workspace that somebody else may read or list, for `doctor`."""
    for path in sorted(workspace.rglob("*")):
        with contextlib.suppress(OSError):
            if not path.is_symlink() and path.stat().st_mode & 0o077:
                yield path
