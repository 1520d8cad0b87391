"""start, mapping, reconcile: day one, from what an establishment really holds."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.cli.output import progress_bar, say, say_json, write_frame
from rpps_audit.cli.parser import add_json, add_output, chosen_format, existing_paths
from rpps_audit.errors import UsageError
from rpps_audit.workspace import open_workspace

_FRENCH = {
    "present": "présents et enregistrés",
    "left_open": "partis, situation encore ouverte",
    "to_register": "à enregistrer",
    "elsewhere": "enregistrés ailleurs seulement",
    "disagrees": "en désaccord (date, profession ou rôle)",
    "ambiguous": "ambigus, à décider",
}


def add_start(start: argparse.ArgumentParser) -> None:
    """What `start` can be asked."""
    start.add_argument("files", nargs="+", metavar="FICHIER", help="fichiers du personnel, annuaire, FINESS, ...")
    start.add_argument("--operator", default="", metavar="FINESS", help="FINESS juridique, ou son nom, sa ville")
    start.add_argument("--establishments", nargs="+", default=[], metavar="FINESS", help="ces établissements seulement")
    start.add_argument("--yes", action="store_true", help="prend les correspondances proposées qui sont sûres")
    add_json(start)
    start.set_defaults(run=_start)


def add_mapping(mapping: argparse.ArgumentParser) -> None:
    """What `mapping` can be asked."""
    mapping.add_argument("file", type=Path, metavar="FICHIER")
    mapping.add_argument("--set", action="append", default=[], metavar="INTITULÉ=COLONNE", help="corrige une colonne")
    mapping.add_argument("--save", action="store_true", help="garde la correspondance dans l'espace de travail")
    add_json(mapping)
    mapping.set_defaults(run=_mapping)


def add_reconcile(reconcile: argparse.ArgumentParser) -> None:
    """What `reconcile` can be asked."""
    add_output(reconcile, ["csv", "csv-fr", "json", "table"])
    reconcile.add_argument("--signs", action="store_true", help="signes de vie auprès de chaque situation non fermée")
    reconcile.add_argument("--side-by-side", action="store_true", help="les ambigus côte à côte, avec leurs valeurs")
    reconcile.add_argument(
        "--decide", metavar="CLÉ=NUMÉRO", help="tranche un ambigu : clé de la personne = professionnel, ou = aucun"
    )
    reconcile.add_argument("--author", default="", metavar="NOM", help="qui décide")
    reconcile.add_argument("--reason", default="", metavar="MOTIF", help="pourquoi")
    reconcile.set_defaults(run=_reconcile)


def _start(args: argparse.Namespace) -> int:
    from rpps_audit.start import UnconfirmedError, begin

    try:
        with progress_bar("Premier jour") as tell:
            done = begin(
                args.workspace,
                existing_paths(args.files),
                operator=args.operator,
                establishments=args.establishments,
                take_sure=args.yes,
                progress=tell,
            )
    except UnconfirmedError as error:
        hint = 'Relancez avec --yes, ou corrigez : rpps-audit mapping FICHIER --set "Intitulé=Colonne" --save.'
        raise UsageError(f"{error}\n{hint}") from error
    if args.json:
        say_json({"perimeter": done.perimeter_name, "files": done.sentences, "outcomes": done.counts,
                  "not_evaluable": done.not_evaluable, "suivi": str(done.followup)})  # fmt: skip
        return 0
    say(f"Périmètre : {done.perimeter_name}.")
    for sentence in done.sentences:
        say(sentence)
    _say_counts(done.counts, done.not_evaluable)
    say(f"Suivi : {done.followup}")
    return 0


def _mapping(args: argparse.Namespace) -> int:
    from rpps_audit.roster import as_read, corrected, establishments, keep_form, labels, proposed

    workspace = open_workspace(args.workspace)
    with workspace.store() as store:
        known = establishments(store, workspace.perimeter)
    table, choices = proposed(args.file, args.workspace, labels(known))
    choices = corrected(choices, args.set)
    if args.save:
        keep_form(args.workspace, args.file.stem, choices)
    if args.json:
        say_json({one.heading: {"column": one.column, "reason": one.reason, "sure": one.sure} for one in choices})
        return 0
    for one in choices:
        say(f"{one.heading} → {one.column or 'laissée'} ({one.reason}{'' if one.sure else ' ; à vérifier'})")
    say("\nDix lignes comme elles seront lues :")
    write_frame(as_read(table, choices, known), "table")
    if args.save:
        say("Correspondance gardée dans rh.toml.")
    else:
        say('Pour corriger : --set "Intitulé=Colonne" ; pour garder : --save.')
    return 0


def _reconcile(args: argparse.Namespace) -> int:
    from rpps_audit.matching import Decision, decide, reconcile, side_by_side, signs_of_life
    from rpps_audit.records import state_at

    args.format = chosen_format(args)
    workspace = open_workspace(args.workspace)
    if args.decide:
        key, _, chosen = args.decide.partition("=")
        with workspace.store() as store:
            asked = reconcile(store, args.workspace).candidates
        if asked.filter(pl.col("name_key") == key).is_empty():
            raise UsageError(f"« {key} » n'est pas une question posée. Voyez : rpps-audit reconcile --side-by-side.")
        if chosen not in {"aucun", *asked.filter(pl.col("name_key") == key)["professional_id"]}:
            raise UsageError(
                f"« {chosen} » n'est pas un candidat de {key} ; « aucun » dit que ce n'est personne d'eux."
            )
        decide(args.workspace, Decision(key, chosen, args.author, args.reason, date.today()))
    with workspace.store() as store:
        found = reconcile(store, args.workspace, access=workspace.access_matrix())
        if args.signs:
            write_frame(signs_of_life(store, state_at(store), found), args.format, args.out)
            return 0
        if args.side_by_side:
            write_frame(side_by_side(store, args.workspace, found), args.format, args.out)
            return 0
    if args.format == "table" and args.out is None:
        _say_counts(found.counts(), found.not_evaluable)
    for sentence in found.not_evaluable if args.format != "table" else []:
        sys.stderr.write(sentence + "\n")
    write_frame(found.outcomes.drop("documents"), args.format, args.out)
    return 0


def _say_counts(counts: dict[str, int], not_evaluable: list[str]) -> None:
    for outcome, count in counts.items():
        say(f"{_FRENCH[outcome]} : {count}")
    for sentence in not_evaluable:
        say(sentence)
