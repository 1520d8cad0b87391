"""The head of the chain, kept in a file of its own: a journal cut at its end is seen by whoever has both.

It is written before the line (old head and new) and after it (new head): a crash leaves one of the two true, and a cut
leaves neither. Whoever rewrites both is seen by the store and by the signed manifests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".tete"


class Head(NamedTuple):
    """What the witness says: the journal ends at `now`, or, if a write was cut, still at `before`."""

    now: tuple[int, str]
    before: tuple[int, str] | None


def write_head(journal: Path, now: tuple[int, str], before: tuple[int, str] | None = None) -> None:
    """Replace the witness whole (mode 0600)."""
    path = journal.with_name(journal.name + SUFFIX)
    part = path.with_name(f".{path.name}.part")
    text = json.dumps({"now": list(now), "before": None if before is None else list(before)})
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_head(journal: Path) -> Head | None:
    """The witness; None when there is none (a journal of an earlier release). Raises ValueError when it is damaged."""
    path = journal.with_name(journal.name + SUFFIX)
    if not path.exists():
        return None
    try:
        said = json.loads(path.read_bytes())
        before = said["before"]
        return Head(_place(said["now"]), None if before is None else _place(before))
    except (KeyError, TypeError, IndexError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(str(path)) from error


def _place(value: list[object]) -> tuple[int, str]:
    number, digest = value
    return int(str(number)), str(digest)
