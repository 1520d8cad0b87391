"""suivi, collect, operator: the living follow-up, what is lacking, the establishments side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from rpps_audit.cli.output import number, say, say_json, write_frame
from rpps_audit.cli.parser import add_json, add_output, chosen_format
from rpps_audit.workspace import open_workspace


def add_suivi(suivi: argparse.ArgumentParser) -> None:
    """What `suivi` can be asked."""
    suivi.add_argument("--out", type=Path, metavar="FICHIER", help=".xlsx ou .csv (défaut : suivi.xlsx)")
    suivi.add_argument("--retour", type=Path, metavar="FICHIER", help="reprend un suivi complété à la main")
    suivi.add_argument("--author", default="", metavar="NOM", help="qui l'a complété")
    suivi.add_argument("--completude", action="store_true", help="données obligatoires connues, par établissement")
    add_json(suivi)
    suivi.set_defaults(run=_suivi)


def add_collect(collect: argparse.ArgumentParser) -> None:
    """What `collect` can be asked."""
    collect.add_argument(
        "--tous", action="store_true", help="aussi les personnes enregistrées dont il manque des données"
    )
    collect.add_argument("--pdf", action="store_true", help="les fiches en PDF aussi")
    add_json(collect)
    collect.set_defaults(run=_collect)


def add_operator(operator: argparse.ArgumentParser) -> None:
    """What `operator` can be asked."""
    add_output(operator, ["xlsx", "html", "csv", "json", "table"])
    operator.add_argument(
        "--note", nargs=3, metavar=("FINESS", "ÉTAPE", "VALEUR"), help="note l'avancement d'une étape"
    )
    operator.set_defaults(run=_operator)


def _suivi(args: argparse.Namespace) -> int:
    from rpps_audit.followup import completeness, give_back, kept_cells, update_followup, wide, write_followup
    from rpps_audit.matching import reconcile

    workspace = open_workspace(args.workspace)
    path = args.out or args.workspace / "suivi.xlsx"
    with workspace.store() as store:
        taken = give_back(store, args.retour, args.author) if args.retour else 0
        found = reconcile(store, args.workspace)
        clashes = update_followup(store, args.workspace, found)
        if args.completude:
            write_frame(completeness(wide(kept_cells(store))), "json" if args.json else "table")
            return 0
        write_followup(store, args.workspace, path, found)
        rows = wide(kept_cells(store)).height
    if args.json:
        say_json({"suivi": str(path), "rows": rows, "taken": taken, "conflicts": clashes.height})
        return 0
    if args.retour:
        say(f"{number(taken)} cellules écrites à la main reprises.")
    say(f"Suivi : {path} ({number(rows)} situations).")
    if clashes.height:
        say(
            f"{number(clashes.height)} désaccords entre la saisie et les fichiers : la saisie est gardée, voyez la "
            "feuille Conflits."
        )
    return 0


def _collect(args: argparse.Namespace) -> int:
    from rpps_audit.followup import collect, update_followup
    from rpps_audit.matching import reconcile

    workspace = open_workspace(args.workspace)
    with workspace.store() as store:
        found = reconcile(store, args.workspace)
        update_followup(store, args.workspace, found)
        done = collect(store, args.workspace, found.outcomes, everybody=args.tous, pdf=args.pdf)
    if args.json:
        say_json({"folder": str(done.folder), "people": done.people, "establishments": done.establishments,
                  "pdf": done.pdf})  # fmt: skip
        return 0
    say(f"{number(done.people)} fiches dans {number(done.establishments)} établissements : {done.folder}")
    say("Modèles à adapter dans modeles/ : note d'information, questions des directions.")
    return 0


def _operator(args: argparse.Namespace) -> int:
    from rpps_audit.followup import operator_page, write_operator_page
    from rpps_audit.followup.operator import keep_step
    from rpps_audit.matching import reconcile
    from rpps_audit.records import state_at

    form = chosen_format(args)
    workspace = open_workspace(args.workspace)
    if args.note:
        keep_step(args.workspace, *args.note)
    with workspace.store() as store:
        state = state_at(store)
        found = reconcile(store, args.workspace, state=state, access=workspace.access_matrix())
        page = operator_page(store, args.workspace, found, state)
    if args.out and form in {"xlsx", "html", "csv"}:
        say(f"Écrit : {write_operator_page(page, args.out, state.as_of)}")
        return 0
    write_frame(page, form, args.out)
    return 0
