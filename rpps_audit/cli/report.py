"""report: the report of the store's latest extracts, as a page or a workbook."""

from __future__ import annotations

import argparse
from pathlib import Path

from rpps_audit.cli.dates import day
from rpps_audit.cli.output import say, say_json
from rpps_audit.cli.parser import add_json, chosen_format
from rpps_audit.workspace import open_workspace


def add_report(report: argparse.ArgumentParser) -> None:
    """What `report` can be asked."""
    report.add_argument("--format", choices=["html", "xlsx"], metavar="FORMAT", help="html (défaut) ou xlsx")
    report.add_argument("--out", type=Path, metavar="FICHIER", help="par défaut : reports/rapport.html de l'espace")
    report.set_defaults(formats=["xlsx", "html"])
    add_json(report)
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
    form = chosen_format(args)
    path = args.out or workspace.reports / f"{name}.{form}"
    with workspace.store() as store:
        judged_runs(store, workspace.catalogue(), args.as_of)
        report = build_report(store, workspace, as_of=args.as_of, pseudonymous=not args.nominatif_cles)
    (write_html if form == "html" else write_xlsx)(report, path)
    if args.json:
        say_json({"report": str(path), "format": form, "numbers": args.nominatif_cles})
        return 0
    say(f"Rapport : {path}")
    if args.nominatif_cles:
        say("Il contient des numéros RPPS : réservez-le au gestionnaire habilité et détruisez-le après usage.")
    return 0
