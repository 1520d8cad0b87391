"""lab: the workbench, in JupyterLab or as web pages."""

from __future__ import annotations

import argparse
import os
import sys

from rpps_audit.cli.output import say


def add_lab(lab: argparse.ArgumentParser) -> None:
    """What `lab` can be asked."""
    lab.add_argument("--no-browser", action="store_true", help="n'ouvre pas le navigateur, écrit seulement l'adresse")
    lab.add_argument("--port", type=int, metavar="PORT", help="port local (défaut : le premier libre dès 8888)")
    lab.add_argument("--voila", action="store_true", help="ouvre l'atelier en pages web (Voilà) plutôt que JupyterLab")
    lab.set_defaults(run=_lab)


def _lab(args: argparse.Namespace) -> int:
    from rpps_audit.workbench import launcher

    open_it = launcher.voila if args.voila else launcher.lab
    launch = open_it(args.workspace.resolve(), browser=not args.no_browser, port=args.port)
    for note in launch.notes:
        say(note)
    say(f"Atelier ouvert sur {args.workspace.resolve()}. Pour l'arrêter : Ctrl + C dans ce terminal.")
    sys.stdout.flush()
    os.execve(launch.command[0], launch.command, launch.environment)
