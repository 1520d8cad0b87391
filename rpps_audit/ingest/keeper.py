"""Keeping the original: its hash, and a copy that corrections can later rewrite byte for byte."""

from __future__ import annotations

import hashlib
import os
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from rpps_audit.errors import UsageError, system_said

FOLDER = "originals"
_WAITING = 3


class Keeper:
    """Hashes every byte it is given, in order, in its own thread, and copies it when there is a folder.

    Use as a context manager: the copy is `<folder>/<sha256>` (mode 0600) once `keep()` was called, else nothing. It is
    not compressed: anybody can compare it with its name (`sha256sum`), and compressing costs a tenth of a load.
    """

    def __init__(self, workspace: Path | None) -> None:
        self._hash = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._pending: list[Future[None]] = []
        self._part: Path | None = None
        self._copy: BinaryIO | None = None
        if workspace is not None:
            self._part, self._copy = _create(workspace / FOLDER)

    def take(self, block: bytes) -> None:
        """The next bytes of the file; waits when the thread is far behind, so that memory stays bounded."""
        self._pending.append(self._thread.submit(self._take, block))
        if len(self._pending) > _WAITING:
            self._pending.pop(0).result()

    def content_hash(self) -> str:
        """SHA-256 of everything taken so far."""
        while self._pending:
            self._pending.pop(0).result()
        return self._hash.hexdigest()

    def keep(self) -> None:
        """The file was stored: its copy stays."""
        digest = self.content_hash()
        if self._part is not None and self._copy is not None:
            self._copy.close()
            self._part.replace(_place(self._part.parent, digest))
            self._part = None

    def _take(self, block: bytes) -> None:
        self._hash.update(block)
        if self._copy is not None:
            self._copy.write(block)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
        if self._copy is not None and not self._copy.closed:
            self._copy.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)


def has_original(workspace: Path, content_hash: str) -> bool:
    """Whether the workspace still holds its copy of a loaded file."""
    return _place(workspace / FOLDER, content_hash).exists()


def open_original(workspace: Path, content_hash: str) -> BinaryIO:
    """The bytes of a loaded file, exactly as delivered. Raises UsageError when the workspace holds no copy."""
    path = _place(workspace / FOLDER, content_hash)
    if not path.exists():
        raise UsageError(
            f"L'original {content_hash[:12]}… n'est pas dans {path.parent}. Chargez de nouveau le fichier."
        )
    return path.open("rb")


def _create(folder: Path) -> tuple[Path, BinaryIO]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".{uuid.uuid4().hex}.part"
        copy = os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise UsageError(
            f"{folder} : écriture impossible ({system_said(error)}). Vérifiez le dossier et ses droits."
        ) from error
    return part, copy


def _place(folder: Path, digest: str) -> Path:
    return folder / digest
