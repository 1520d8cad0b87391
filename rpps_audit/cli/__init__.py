"""The command line `rpps-audit`: one verb per step, messages in French, exit codes 0 to 4.

0 clean, 1 findings at or above the chosen severity, 2 usage, 3 unreadable input, 4 not authorised, 70 a fault of ours.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from rpps_audit import __version__
from rpps_audit.cli.parser import FrenchParser, speak_french
from rpps_audit.cli.verbs import VERBS
from rpps_audit.errors import AuditError, UsageError, system_said
from rpps_audit.store import FILE_NAME, keep_private

__all__ = ["build_parser", "main"]


def build_parser() -> FrenchParser:
    """The whole command line; each verb takes its arguments when it is used (`FrenchParser.fill`)."""
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
    for verb in VERBS:
        commands.add_parser(verb.name, help=verb.text).filled_by = verb.fill
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
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if type(error).__name__ == "InterruptException":
            # DuckDB's own: named, because importing DuckDB is what every start would wait for.
            return _interrupted()
        said = error if isinstance(error, AuditError) else _known_fault(error, workspace)
        sys.stderr.write(f"rpps-audit : {said or _fault_of_ours(error)}\n")
        return said.exit_code if said else 70


def _interrupted() -> int:
    sys.stderr.write("rpps-audit : interrompu. Rien n'a été laissé à moitié fait.\n")
    return 130


def _known_fault(error: Exception, workspace: Path) -> AuditError | None:
    """The store, the disk or a place to write, said by what it is. Anything else is a fault of ours."""
    from rpps_audit.store import running_fault

    if said := running_fault(error, workspace / FILE_NAME):
        return said
    if isinstance(error, OSError) and error.filename is not None:
        return UsageError(f"{error.filename} : {system_said(error)}. Vérifiez le chemin et vos droits.")
    return None


def _fault_of_ours(error: Exception) -> str:
    """The type and the place, never the text, which may hold a value."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__}, {Path(place.filename).name}:{place.lineno}"
    return f"erreur inattendue ({where}). Ce qui était commencé a été annulé. Signalez-la avec cette référence."
