"""What the user sees when something fails: a sentence and a reference. The log has the place, never a value."""

from __future__ import annotations

import logging
import os
import secrets
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rpps_audit.errors import AuditError

WORKSPACE_VARIABLE = "RPPS_AUDIT_WORKSPACE"
LOG_NAME = "atelier.log"


def workspace_path() -> Path:
    """The workspace the launcher named, else the current folder."""
    return Path(os.environ.get(WORKSPACE_VARIABLE, ".")).resolve()


def log_file() -> Path:
    """Where references can be looked up."""
    return workspace_path() / LOG_NAME


def tell_fault(error: BaseException) -> str:
    """One French sentence for the user, with a reference under which the log says where it happened.

    A foreseen error (AuditError) speaks for itself. Of any other, only the type and the places in the code are logged:
    its message could carry a person's data.
    """
    reference = f"E-{secrets.token_hex(3).upper()}"
    places = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    _logger().error("%s %s %s", reference, type(error).__name__, places)
    if isinstance(error, AuditError):
        return f"{error} (référence {reference})"
    return (
        "Une erreur imprévue a interrompu cette action ; ce qui était enregistré l’est toujours. "
        f"Référence {reference}, à donner à l’assistance : le journal technique {LOG_NAME} dit où."
    )


def _logger() -> logging.Logger:
    logger = logging.getLogger("rpps_audit.workbench")
    path = str(log_file())
    if not any(getattr(handler, "baseFilename", None) == path for handler in logger.handlers):
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
        log_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keeper = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True)
        keeper.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(keeper)
        logger.propagate = False
    return logger
