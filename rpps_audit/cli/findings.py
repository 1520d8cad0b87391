"""findings, diff: what is wrong, by key, and what changed since the export before."""

from __future__ import annotations

import argparse
from datetime import date

import polars as pl

from rpps_audit.audit import judged_runs
from rpps_audit.checks import OPEN_STATES, Catalogue, findings, tolerate
from rpps_audit.cli.dates import day
from rpps_audit.cli.output import FORMATS, note_export, number, say, say_json, write_frame
from rpps_audit.cli.parser import add_json, add_output, chosen_format
from rpps_audit.errors import UsageError
from rpps_audit.journal import note
from rpps_audit.privacy import hidden, open_pseudonyms
from rpps_audit.reference import words
from rpps_audit.reports.labels import SEVERITIES, STATES
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workspace import open_workspace

_COLUMNS = ["rule_id", "table", "record_key", "column", "severity", "state", "line"]
_WORDS = {"state": STATES, "severity": SEVERITIES, "column": words("columns")}
_TOTALS = {
    "new": "nouveaux",
    "persisting": "persistants",
    "reopened": "rouverts",
    "tolerated": "tolérés",
    "resolved": "corrigés",
    "vanished": "disparus (l'enregistrement n'est plus dans l'extraction)",
    "not_evaluable": "non évaluables aujourd'hui",
}


def add_findings(listing: argparse.ArgumentParser) -> None:
    """What `findings` can be asked."""
    add_output(listing, FORMATS)
    listing.add_argument("--rule", metavar="ID", help="un seul contrôle")
    listing.add_argument("--as-of", type=day, metavar="DATE", help="l'état de ce jour (défaut : le présent)")
    listing.add_argument("--kind", metavar="GENRE", help="un seul genre d'extraction (suivi, annuaire-restreint…)")
    listing.add_argument(
        "--pseudonymes", action="store_true", help="des pseudonymes au lieu des clés (à donner à d'autres que vous)"
    )
    listing.add_argument("--all-states", action="store_true", help="montre aussi les constats corrigés ou disparus")
    listing.set_defaults(run=_findings)


def add_diff(diff: argparse.ArgumentParser) -> None:
    """What `diff` can be asked."""
    diff.add_argument("--as-of", type=day, metavar="DATE", help="l'état de ce jour (défaut : le présent)")
    add_json(diff)
    diff.set_defaults(run=_diff)


def add_tolerate(accept: argparse.ArgumentParser) -> None:
    """What `tolerate` can be asked."""
    accept.add_argument("rule", metavar="ID")
    accept.add_argument("record_key", metavar="CLÉ")
    accept.add_argument("--author", required=True, metavar="NOM")
    accept.add_argument("--reason", required=True, metavar="MOTIF")
    accept.add_argument("--until", required=True, type=day, metavar="DATE")
    add_json(accept)
    accept.set_defaults(run=_tolerate)


def _findings(args: argparse.Namespace) -> int:
    workspace = open_workspace(args.workspace)
    if args.rule:
        workspace.catalogue()[args.rule]
    args.format = chosen_format(args)
    with workspace.store() as store:
        frame = _all_findings(store, workspace.catalogue(), args.as_of, args.kind)
    if not args.all_states:
        frame = frame.filter(pl.col("state").is_in([*OPEN_STATES, "tolerated"]))
    if args.rule:
        frame = frame.filter(pl.col("rule_id") == args.rule)
    if args.pseudonymes:
        frame = hidden(frame, open_pseudonyms(workspace.path))
    note_export(workspace.path, "findings", frame, args, not args.pseudonymes)
    if args.format == "table":
        frame = frame.select("rule_id", "record_key", "column", "severity", "state", "file_name", "line").with_columns(
            pl.col(name).replace(known) for name, known in _WORDS.items()
        )
    else:
        frame = frame.select(_COLUMNS)
    write_frame(frame, args.format, args.out)
    return 0


def _diff(args: argparse.Namespace) -> int:
    workspace = open_workspace(args.workspace)
    with workspace.store() as store:
        frame = _all_findings(store, workspace.catalogue(), args.as_of)
    counts = frame.group_by("rule_id", "state").len("findings").sort("rule_id", "state")
    if args.json:
        write_frame(counts, "json")
        return 0
    totals = dict(frame.group_by("state").len("findings").iter_rows())
    for state, label in _TOTALS.items():
        say(f"{number(totals.get(state, 0)):>9}  {label}")
    say()
    write_frame(counts.filter(pl.col("state") != "persisting").with_columns(pl.col("state").replace(STATES)), "table")
    return 0


def _tolerate(args: argparse.Namespace) -> int:
    workspace = open_workspace(args.workspace)
    rule = workspace.catalogue()[args.rule]
    with workspace.store() as store:
        tolerate(
            store,
            rule.id,
            args.record_key,
            rule.column,
            author=args.author,
            reason=args.reason,
            expires_on=args.until,
        )
        said = {"rule": rule.id, "key": args.record_key, "column": rule.column, "until": args.until.isoformat()}
        note(workspace.path, "finding-tolerated", {**said, "declared_author": args.author})
    if args.json:
        say_json(said)
        return 0
    say(f"Constat {rule.id} toléré jusqu'au {args.until:%d/%m/%Y}.")
    return 0


def _all_findings(store: Store, catalogue: Catalogue, as_of: date | None, kind: str | None = None) -> pl.DataFrame:
    """The findings of a state of the register, with the file_name of each."""
    runs = judged_runs(store, catalogue, as_of)
    if runs.is_empty():
        raise UsageError("Aucune extraction contrôlée. Commencez par : rpps-audit audit FICHIER.")
    chosen = runs.filter(pl.col("kind") == kind) if kind else runs
    if chosen.is_empty():
        known = ", ".join(runs["kind"].unique().sort())
        raise UsageError(f"Aucune extraction contrôlée du genre « {kind} ». Genres présents : {known}.")
    files = fetch_frame(store.sql("SELECT snapshot_id, file_name FROM snapshots"))
    found = pl.concat([findings(store, run_id) for run_id in chosen["run_id"]])
    return found.join(files, on="snapshot_id", how="left", maintain_order="left")
