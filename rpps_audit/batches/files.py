"""Files that are whole or not there, and archives whose bytes depend on their content only."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)


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


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip in the order of the names, without dates: same files, same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, files[name], compresslevel=6)
    return buffer.getvalue()
