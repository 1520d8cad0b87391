"""audit, load, check, template: from files to findings."""

from __future__ import annotations

import argparse
from pathlib import Path

from rpps_audit.checks import Run
from rpps_audit.cli.dates import day
from rpps_audit.cli.output import number, progress_bar, say, say_json, write_frame
from rpps_audit.cli.parser import add_json, existing_paths
from rpps_audit.errors import UsageError
from rpps_audit.reports.labels import SEVERITIES
from rpps_audit.store import fetch_frame
from rpps_audit.workspace import open_workspace

_RANKS = {"error": 3, "warning": 2, "information": 1, "none": 99}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs of this room."""
    audit = commands.add_parser("audit", help="charge, contrôle, calcule l'exposition et écrit le rapport")
    audit.add_argument("files", nargs="+", metavar="FICHIER", help="fichiers, archives zip ou dossiers")
    _add_judgement(audit)
    audit.set_defaults(run=_audit)

    load = commands.add_parser("load", help="charge des fichiers, sans les contrôler")
    load.add_argument("files", nargs="+", metavar="FICHIER")
    load.add_argument("--data-date", type=day, metavar="DATE", help="date des données, si le nom ne la dit pas")
    load.add_argument("--replaces", type=int, metavar="N", help="l'extraction que ce fichier remplace")
    add_json(load)
    load.set_defaults(run=_load)

    forgotten = commands.add_parser("forget", help="retire une extraction chargée, avec ce qui repose sur elle")
    forgotten.add_argument("snapshot", type=int, metavar="N", help="numéro de l'extraction")
    add_json(forgotten)
    forgotten.set_defaults(run=_forget)

    rejects = commands.add_parser("rejects", help="liste les lignes rejetées : fichier, ligne, motif")
    rejects.add_argument("--format", choices=["csv", "csv-fr", "json", "table"], default="table", metavar="FORMAT")
    rejects.add_argument("--json", dest="format", action="store_const", const="json", help="comme --format json")
    rejects.add_argument("--out", type=Path, metavar="FICHIER", help="écrit dans un fichier")
    rejects.set_defaults(run=_rejects)

    check = commands.add_parser("check", help="contrôle les extractions chargées")
    _add_judgement(check)
    check.set_defaults(run=_check)

    template = commands.add_parser("template", help="écrit le modèle de fichier à remplir")
    template.add_argument("kind", choices=["suivi"], metavar="suivi")
    template.add_argument("--out", type=Path, default=Path("suivi-modele.csv"), metavar="FICHIER", help=".csv ou .xlsx")
    template.set_defaults(run=_template)


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as-of", type=day, metavar="DATE", help="juge à cette date (défaut : celle des données)")
    parser.add_argument(
        "--severity",
        choices=list(_RANKS),
        default="error",
        metavar="GRAVITÉ",
        help="gravité dès laquelle le code de sortie est 1 : error, warning, information, none (défaut : error)",
    )
    add_json(parser)


def _audit(args: argparse.Namespace) -> int:
    from rpps_audit.audit import audit

    workspace = open_workspace(args.workspace)
    with progress_bar("Audit") as tell:
        result = audit(workspace, existing_paths(args.files), as_of=args.as_of, progress=tell)
    if args.json:
        say_json(
            {
                "loaded": [vars(loaded) for loaded in result.loaded],
                "runs": [_run_as_json(run) for run in result.runs],
                "report": str(result.report),
            }
        )
    else:
        say("Fichiers lus")
        for loaded in result.loaded:
            say(f"  {loaded.sentence()}")
            for note in loaded.notes:
                say(f"    Note : {note}")
        say()
        _say_runs(result.runs)
        say()
        say(f"Rapport : {result.report}")
    return _exit_code(result.runs, args.severity)


def _load(args: argparse.Namespace) -> int:
    from rpps_audit.audit import told_files
    from rpps_audit.ingest import load
    from rpps_audit.journal import note

    with open_workspace(args.workspace).store() as store, progress_bar("Chargement") as tell:
        paths = existing_paths(args.files)
        loaded = load(store, paths, data_date=args.data_date, replaces=args.replaces, progress=tell)
        note(args.workspace, "files-loaded", {"files": told_files(loaded)})
    if args.json:
        say_json([vars(one) for one in loaded])
    else:
        for one in loaded:
            say(one.sentence())
            for remark in one.notes:
                say(f"  Note : {remark}")
    return 0


def _forget(args: argparse.Namespace) -> int:
    from rpps_audit.ingest import forget
    from rpps_audit.journal import note

    workspace = open_workspace(args.workspace)
    with workspace.store() as store:
        name = forget(store, args.snapshot)
        note(workspace.path, "snapshot-forgotten", {"snapshot": args.snapshot})
    if args.json:
        say_json({"snapshot_id": args.snapshot, "file_name": name})
    else:
        say(f"{name} : extraction n° {args.snapshot} retirée, avec ses lignes, ses évaluations et son original.")
    return 0


def _rejects(args: argparse.Namespace) -> int:
    with open_workspace(args.workspace).store() as store:
        frame = fetch_frame(store.sql(_REJECTS))
    write_frame(frame, args.format, args.out)
    return 0


def _check(args: argparse.Namespace) -> int:
    from rpps_audit.audit import check, told_runs
    from rpps_audit.corrections.desk import safety
    from rpps_audit.journal import note, note_settings

    workspace = open_workspace(args.workspace)
    with workspace.store() as store, progress_bar("Contrôles") as tell:
        runs = check(store, workspace.catalogue(), as_of=args.as_of, progress=tell)
        note_settings(workspace.path, safety(workspace.path))
        note(workspace.path, "checks-made", {"runs": told_runs(runs)})
    if not runs:
        raise UsageError("Aucune extraction chargée à contrôler. Chargez-en une : rpps-audit load FICHIER.")
    if args.json:
        say_json([_run_as_json(run) for run in runs])
    else:
        _say_runs(runs)
    return _exit_code(runs, args.severity)


def _template(args: argparse.Namespace) -> int:
    from rpps_audit.ingest import write_template

    write_template(args.out)
    say(f"Modèle écrit : {args.out}")
    return 0


def _say_runs(runs: list[Run]) -> None:
    say("Contrôles")
    for run in runs:
        failed = {severity: int(run.rules.filter(severity=severity)["failed"].sum()) for severity in SEVERITIES}
        said = ", ".join(
            f"{number(count)} {SEVERITIES[severity]}{'s' * (count > 1)}" for severity, count in failed.items()
        )
        missing = run.not_evaluable().height
        idle = run.rules.filter(status="no_object").height
        say(f"  {run.files}, jugés au {run.as_of:%d/%m/%Y} : {said}")
        say(
            f"    {run.rules.height - missing - idle} contrôles évalués, {missing} non évaluables faute de données, "
            f"{idle} sans objet (rien à regarder)"
        )


def _run_as_json(run: Run) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "kind": run.kind,
        "snapshots": list(run.snapshots),
        "as_of": run.as_of,
        "findings": run.findings,
        "rules": run.rules.to_dicts(),
    }


def _exit_code(runs: list[Run], severity: str) -> int:
    worst = max((_RANKS[found] for run in runs if (found := run.worst())), default=0)
    return 1 if worst >= _RANKS[severity] else 0


# The text of a rejected line never leaves the store.
_REJECTS = """
    SELECT snapshot_id, file_name, line, reason FROM rejects JOIN snapshots USING (snapshot_id) ORDER BY 1, 3"""
