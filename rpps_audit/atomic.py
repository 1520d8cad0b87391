"""Writing a file whole or not at all, private to its owner."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rpps_audit.errors import UsageError


def write_private(path: Path, content: bytes) -> None:
    """Put `content` at `path`, mode 0600, through a temporary file beside it. Raises UsageError when it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{path} ne peut pas être écrit : {error.strerror}. Vérifiez le dossier et ses droits."
        ) from error
