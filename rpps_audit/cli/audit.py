"""audit, load, check, template: from files to findings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rpps_audit.cli.dates import day
from rpps_audit.cli.output import number, progress_bar, say, say_json, write_frame
from rpps_audit.cli.parser import add_json, add_output, chosen_format, existing_paths
from rpps_audit.errors import UsageError
from rpps_audit.reports.labels import SEVERITIES
from rpps_audit.workspace import open_workspace

if TYPE_CHECKING:
    from rpps_audit.checks import Run

_RANKS = {"error": 3, "warning": 2, "information": 1, "none": 99}
# What is typed; the codes of the store are still understood, and not shown.
_TYPED = {"erreur": "error", "avertissement": "warning", "information": "information", "aucune": "none"}


def add_audit(audit: argparse.ArgumentParser) -> None:
    """What `audit` can be asked."""
    audit.add_argument("files", nargs="+", metavar="FICHIER", help="fichiers, archives zip ou dossiers")
    _add_judgement(audit)
    audit.set_defaults(run=_audit)


def add_load(load: argparse.ArgumentParser) -> None:
    """What `load` can be asked."""
    load.add_argument("files", nargs="+", metavar="FICHIER")
    load.add_argument("--data-date", type=day, metavar="DATE", help="date des données, si le nom ne la dit pas")
    load.add_argument("--replaces", type=int, metavar="N", help="l'extraction que ce fichier remplace")
    add_json(load)
    load.set_defaults(run=_load)


def add_forget(forgotten: argparse.ArgumentParser) -> None:
    """What `forget` can be asked."""
    forgotten.add_argument("snapshot", type=int, metavar="N", help="numéro de l'extraction")
    add_json(forgotten)
    forgotten.set_defaults(run=_forget)


def add_rejects(rejects: argparse.ArgumentParser) -> None:
    """What `rejects` can be asked."""
    add_output(rejects, ["csv", "csv-fr", "json", "table"])
    rejects.set_defaults(run=_rejects)


def add_check(check: argparse.ArgumentParser) -> None:
    """What `check` can be asked."""
    _add_judgement(check)
    check.set_defaults(run=_check)


def add_template(template: argparse.ArgumentParser) -> None:
    """What `template` can be asked."""
    template.add_argument("kind", choices=["suivi"], metavar="suivi")
    template.add_argument("--out", type=Path, default=Path("suivi-modele.csv"), metavar="FICHIER", help=".csv ou .xlsx")
    add_json(template)
    template.set_defaults(run=_template)


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as-of", type=day, metavar="DATE", help="juge à cette date (défaut : celle des données)")
    parser.add_argument(
        "--severity",
        type=_severity,
        default="error",
        metavar="GRAVITÉ",
        help=f"gravité dès laquelle le code de sortie est 1 : {', '.join(_TYPED)} (défaut : erreur)",
    )
    add_json(parser)


def _severity(text: str) -> str:
    """The code of a severity typed in French. Raises ArgumentTypeError naming the words there are."""
    code = _TYPED.get(text.lower(), text)
    if code not in _RANKS:
        raise argparse.ArgumentTypeError(f"« {text} » n'est pas possible ; choix : {', '.join(_TYPED)}")
    return code


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
    return _exit_code(result.worst, args.severity)


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
    from rpps_audit.store import fetch_frame

    form = chosen_format(args)
    with open_workspace(args.workspace).store() as store:
        frame = fetch_frame(store.sql(_REJECTS))
    write_frame(frame, form, args.out)
    return 0


def _check(args: argparse.Namespace) -> int:
    from rpps_audit.audit import check, told_runs
    from rpps_audit.checks import worst
    from rpps_audit.corrections.desk import safety
    from rpps_audit.journal import note, note_settings

    workspace = open_workspace(args.workspace)
    with workspace.store() as store, progress_bar("Contrôles") as tell:
        runs = check(store, workspace.catalogue(), as_of=args.as_of, progress=tell)
        note_settings(workspace.path, safety(workspace.path))
        note(workspace.path, "checks-made", {"runs": told_runs(runs)})
        gravest = worst(store, [run.run_id for run in runs])
    if not runs:
        raise UsageError("Aucune extraction chargée à contrôler. Chargez-en une : rpps-audit load FICHIER.")
    if args.json:
        say_json([_run_as_json(run) for run in runs])
    else:
        _say_runs(runs)
    return _exit_code(gravest, args.severity)


def _template(args: argparse.Namespace) -> int:
    from rpps_audit.ingest import write_template

    write_template(args.out)
    if args.json:
        say_json({"template": str(args.out)})
        return 0
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


def _exit_code(worst: str | None, severity: str) -> int:
    return 1 if worst is not None and _RANKS[worst] >= _RANKS[severity] else 0


# The text of a rejected line never leaves the store.
_REJECTS = """
    SELECT snapshot_id, file_name, line, reason FROM rejects JOIN snapshots USING (snapshot_id) ORDER BY 1, 3"""
