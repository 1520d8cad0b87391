"""Audit and correction workbench for RPPS+ registrations.

import rpps_audit as ra

ws = ra.open("my-folder")
ws.load("suivi-20261101.csv")
ws.findings(state="new")
"""

from rpps_audit.errors import AuditError, NotAuthorisedError, UnreadableInputError, UsageError
from rpps_audit.workspace import Workspace
from rpps_audit.workspace import open_folder as open

__version__ = "0.2.0"

__all__ = [
    "AuditError",
    "NotAuthorisedError",
    "UnreadableInputError",
    "UsageError",
    "Workspace",
    "open",
]
