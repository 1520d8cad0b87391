"""lab: the workbench, in JupyterLab or as web pages."""

from __future__ import annotations

import argparse
import os
import sys

from rpps_audit.cli.output import say


def add_lab(lab: argparse.ArgumentParser) -> None:
    """What `lab` can be asked."""
    lab.add_argument("--no-browser", action="store_true", help="n'ouvre pas le navigateur, écrit seulement l'adresse")
    lab.add_argument("--port", type=int, metavar="PORT", help="port local (défaut : un port libre)")
    lab.add_argument("--voila", action="store_true", help="ouvre l'atelier en pages web (Voilà) plutôt que JupyterLab")
    lab.set_defaults(run=_lab)


def _lab(args: argparse.Namespace) -> int:
    from rpps_audit.workbench import launcher

    open_it = launcher.voila if args.voila else launcher.lab
    launch = open_it(args.workspace.resolve(), browser=not args.no_browser, port=args.port)
    for note in launch.notes:
        say(note)
    say(f"Atelier ouvert sur {args.workspace.resolve()}. Pour l'arrêter : Ctrl + C dans ce terminal.")
    if launch.address:
        if args.no_browser:
            say(f"Adresse à ouvrir, pour vous seul : {launch.address}")
        # What the server says is for whoever helps, not for whoever works.
        with launch.log.open("ab") as log:
            os.dup2(log.fileno(), sys.stderr.fileno())
    sys.stdout.flush()
    os.execve(launch.command[0], launch.command, launch.environment)
