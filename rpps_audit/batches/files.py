"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a private file so that a crash leaves the old one, or the new one, never half of it."""
    part = path.with_name(f".{path.name}.part")
    write_synced(part, content)
    publish(part, path)


def write_synced(path: Path, content: bytes) -> None:
    """Write and flush to the disk (mode 0600); for a file that nobody reads yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def publish(part: Path, path: Path) -> None:
    """Give a finished file its name."""
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
