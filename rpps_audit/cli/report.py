"""report: the report of the store's latest extracts, as a page or a workbook."""

from __future__ import annotations

import argparse
from pathlib import Path

from rpps_audit.cli.dates import day
from rpps_audit.cli.output import say
from rpps_audit.workspace import open_workspace


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb of this room."""
    report = commands.add_parser("report", help="écrit le rapport des dernières extractions contrôlées")
    report.add_argument("--format", choices=["html", "xlsx"], default="html", metavar="FORMAT", help="html ou xlsx")
    report.add_argument("--out", type=Path, metavar="FICHIER", help="par défaut : reports/rapport.html de l'espace")
    report.add_argument("--as-of", type=day, metavar="DATE", help="l'état de ce jour (défaut : le présent)")
    report.add_argument(
        "--nominatif-cles",
        action="store_true",
        help="montre les numéros RPPS au lieu des pseudonymes : pour le gestionnaire habilité seulement",
    )
    report.set_defaults(run=_report)


def _report(args: argparse.Namespace) -> int:
    from rpps_audit.audit import judged_runs
    from rpps_audit.reports import build_report, write_html, write_xlsx

    workspace = open_workspace(args.workspace)
    name = "rapport-nominatif" if args.nominatif_cles else "rapport"
    path = args.out or workspace.reports / f"{name}.{args.format}"
    with workspace.store() as store:
        judged_runs(store, workspace.catalogue(), args.as_of)
        report = build_report(store, workspace, as_of=args.as_of, pseudonymous=not args.nominatif_cles)
    (write_html if args.format == "html" else write_xlsx)(report, path)
    say(f"Rapport : {path}")
    if args.nominatif_cles:
        say("Il contient des numéros RPPS : réservez-le au gestionnaire habilité et détruisez-le après usage.")
    return 0
