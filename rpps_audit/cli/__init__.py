"""The command line `rpps-audit`: one verb per step, messages in French, exit codes 0 to 4.

0 clean, 1 findings at or above the chosen severity, 2 usage, 3 unreadable input, 4 not authorised, 70 a fault of ours.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import duckdb

from rpps_audit import __version__
from rpps_audit.cli.parser import FrenchParser, speak_french
from rpps_audit.errors import AuditError, UsageError
from rpps_audit.store import FILE_NAME, keep_private, running_fault

# In the order of the help. Each module has add_commands(commands).
_ROOMS = (
    "matching",
    "followup",
    "audit",
    "findings",
    "exposure",
    "report",
    "rules",
    "sample",
    "card",
    "corrections",
    "batch",
    "lab",
    "doctor",
)

__all__ = ["build_parser", "main"]


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, every verb of every room."""
    speak_french()
    parser = FrenchParser(
        prog="rpps-audit",
        description="Audite les enregistrements RPPS+ d'un établissement ou d'un organisme gestionnaire.",
    )
    parser.add_argument("--version", action="version", version=f"rpps-audit {__version__}", help="affiche la version")
    parser.add_argument(
        "--workspace",
        type=Path,
        default=Path(),
        metavar="DOSSIER",
        help="espace de travail (par défaut : le dossier courant)",
    )
    commands = parser.add_subparsers(title="commandes", metavar="COMMANDE", required=True, dest="verb")
    for room in _ROOMS:
        import_module(f"rpps_audit.cli.{room}").add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; every foreseeable fault is one French sentence on the standard error, without a traceback."""
    keep_private()
    workspace = Path()
    try:
        args = build_parser().parse_args(arguments)
        workspace = args.workspace
        return int(args.run(args))
    except BrokenPipeError:
        # The reader (head, less) has closed: not our fault, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, duckdb.InterruptException):
        sys.stderr.write("rpps-audit : interrompu. Rien n'a été laissé à moitié fait.\n")
        return 130
    except Exception as error:
        # The store, the disk or a place to write is said by what it is. Anything else is a fault of ours.
        said = error if isinstance(error, AuditError) else running_fault(error, workspace / FILE_NAME)
        said = said or _place_fault(error)
        sys.stderr.write(f"rpps-audit : {said or _fault_of_ours(error)}\n")
        return said.exit_code if said else 70


def _place_fault(error: Exception) -> UsageError | None:
    """A file that cannot be opened or written, named by the system."""
    if isinstance(error, OSError) and error.filename is not None:
        return UsageError(f"{error.filename} : {error.strerror}. Vérifiez le chemin et vos droits.")
    return None


def _fault_of_ours(error: Exception) -> str:
    """The type and the place, never the text, which may hold a value."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__}, {Path(place.filename).name}:{place.lineno}"
    return f"erreur inattendue ({where}). Ce qui était commencé a été annulé. Signalez-la avec cette référence."
