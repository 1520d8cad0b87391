"""batch: prepare, sign, verify and send a package; note the answer; say what took."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from rpps_audit.batches.batch import FRENCH_BATCH_STATES, Batch, batch, batches, settle_packages
from rpps_audit.batches.package import Options
from rpps_audit.batches.prepare import prepare
from rpps_audit.batches.receipts import receipt
from rpps_audit.batches.sign import sign
from rpps_audit.batches.status import batch_facts, batch_page
from rpps_audit.batches.transport import send
from rpps_audit.batches.verify import Verification, verify
from rpps_audit.cli.corrections import at_the_keyboard, opened
from rpps_audit.cli.dates import day
from rpps_audit.cli.output import say, say_changes, say_json, write_frame
from rpps_audit.cli.parser import add_json
from rpps_audit.errors import UnreadableInputError
from rpps_audit.outputs import write_private

if TYPE_CHECKING:
    from rpps_audit.card import Trust


def add_batch(room: argparse.ArgumentParser) -> None:
    """What `batch` can be asked."""
    verbs = room.add_subparsers(title="actions", metavar="ACTION", required=True)

    prepared = _verb(verbs, "prepare", _prepare, "met les corrections prêtes dans un lot (carte)")
    prepared.add_argument("--no-pdf", action="store_true", help="sans les fiches en PDF")
    prepared.add_argument("--fhir", action="store_true", help="ajoute un bundle FHIR (n'est pas un dépôt au portail)")

    signed = _verb(verbs, "sign", _sign, "signe un lot préparé (carte et code porteur)")
    signed.add_argument("batch", metavar="LOT")

    verified = _verb(verbs, "verify", _verify, "vérifie un lot, sur n'importe quelle machine")
    verified.add_argument("files", nargs="+", type=Path, metavar="FICHIER", help="un ou plusieurs lots")
    verified.add_argument(
        "--at",
        type=_moment,
        metavar="JJ/MM/AAAA",
        help="juge la signature à cette date (défaut : ce jour, sinon celui que la signature déclare)",
    )
    verified.add_argument(
        "--roots", type=Path, metavar="DOSSIER", help="certificats racines (défaut : ceux de l'espace de travail)"
    )

    sent = _verb(verbs, "send", _send, "envoie un lot signé (par défaut : dossier outbox)")
    sent.add_argument("batch", metavar="LOT")
    sent.add_argument("--target", default="", metavar="NOM", help="destination réglée dans [envoi.NOM]")

    answered = _verb(verbs, "receipt", _receipt, "note ce que le destinataire a répondu (carte)")
    answered.add_argument("batch", metavar="LOT")
    answered.add_argument("--acknowledged", default="", metavar="RÉFÉRENCE", help="reçu : la référence donnée")
    answered.add_argument("--refused", default="", metavar="MOTIF", help="refusé : le motif donné")
    answered.add_argument("--correction", type=int, action="append", metavar="N", help="seulement ces corrections")

    told = _verb(verbs, "status", _status, "où en sont les lots, ou un lot : ce qui a pris, ce qui n'a pas pris")
    told.add_argument("batch", nargs="?", metavar="LOT")
    told.add_argument("--page", type=Path, metavar="FICHIER", help="écrit la page du lot (HTML)")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, text: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text)
    add_json(verb)
    verb.set_defaults(run=run)
    return verb


def _prepare(args: argparse.Namespace) -> int:
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        done = prepare(desk, authorisation, options=Options(not args.no_pdf, args.fhir))
    _say_batch(args, done)
    if not args.json:
        for note in done.notes:
            say(f"  Note : {note}")
        say(f"À signer : rpps-audit batch sign {done.batch_id}")
    return 0


def _sign(args: argparse.Namespace) -> int:
    from rpps_audit.card import GetpassPin

    with opened(args) as desk, at_the_keyboard(args) as (session, _):
        done = sign(desk, session, GetpassPin(), args.batch)
    _say_batch(args, done)
    return 0


def _verify(args: argparse.Namespace) -> int:
    trust = _trust(args)
    found = [verify(file, trust, at=args.at) for file in args.files]
    # Who replaces whom is believed of proven packages only.
    newer = {old: one.batch_id for one in found if one.proven for old in one.replaces}
    if args.json:
        said = [
            {**one._asdict(), "intact": one.intact, "proven": one.proven, "replaced_by": newer.get(one.batch_id)}
            for one in found
        ]
        say_json(said if len(said) > 1 else said[0])
    else:
        for one in found:
            _say_verification(one, newer.get(one.batch_id))
    return 0 if all(one.proven for one in found) else 1


def _send(args: argparse.Namespace) -> int:
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        done, left = send(desk, authorisation, args.batch, target=args.target)
    _say_batch(args, done)
    if not args.json:
        say("Envoyé." if left else "Le destinataire l'avait déjà : rien n'a été envoyé deux fois.")
        say("Ce n'est pas un dépôt au portail RPPS+ : les changements s'y saisissent avec les fiches du lot.")
    return 0


def _receipt(args: argparse.Namespace) -> int:
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        receipt(
            desk, authorisation, args.batch, acknowledged=args.acknowledged, refused=args.refused,
            corrections=args.correction,
        )  # fmt: skip
        done = batch(desk, args.batch)
    _say_batch(args, done)
    return 0


def _status(args: argparse.Namespace) -> int:
    with opened(args) as desk:
        settle_packages(desk)
        if args.batch is None:
            frame = batches(desk)
            if args.json:
                say_json(frame.to_dicts())
            else:
                said = frame.with_columns(pl.col("state").replace_strict(FRENCH_BATCH_STATES, default=pl.col("state")))
                write_frame(said.select("batch_id", "state", "persons", "changes"), "table")
            return 0
        facts, page = batch_facts(desk, args.batch), batch_page(desk, args.batch)
    if args.page:
        write_private(args.page, page.encode("utf-8"))
    if args.json:
        say_json({"batch": facts["batch"]._asdict(), "corrections": facts["corrections"].to_dicts()})
    else:
        _say_batch(args, facts["batch"])
        say_changes(facts["corrections"], "correction_id", "record_key", "column", "state", "state_at", "days")
        if args.page:
            say(f"Page écrite : {args.page}")
    return 0


def _trust(args: argparse.Namespace) -> Trust | None:
    """The roots given, else the workspace's; None when there are none, and the signature is then not checked."""
    from rpps_audit.card import CardSettings, load_settings, load_trust

    if args.roots is not None:
        if not args.roots.is_dir():
            raise UnreadableInputError(f"{args.roots} n'est pas un dossier de certificats.")
        return load_trust(CardSettings(args.workspace, roots={"production": args.roots}))
    settings = load_settings(args.workspace)
    return load_trust(settings) if settings.roots else None


def _say_batch(args: argparse.Namespace, one: Batch) -> None:
    if args.json:
        say_json(one._asdict())
        return
    content = f"{one.changes} changement(s) pour {one.persons} personne(s)"
    say(f"Lot {one.batch_id} : {FRENCH_BATCH_STATES[one.state]}, {content}.")
    say(f"  {one.path}")


def _moment(text: str) -> datetime:
    return datetime.combine(day(text), time(23, 59, 59), UTC)


def _say_verification(found: Verification, newer: str | None) -> None:
    say(f"Lot {found.batch_id} : {found.changes} changement(s) pour {found.persons} personne(s).")
    say(f"  Préparé le {found.prepared_at:%d/%m/%Y} (date déclarée) ; son numéro ne sert qu'une fois.")
    if found.replaces:
        say(f"  Remplace, pour les mêmes champs : {', '.join(found.replaces)}.")
    if newer:
        say(f"  ANCIEN : le lot {newer} remplace certains de ses champs. Ne le saisissez pas sans comparer.")
    for fault in found.faults:
        say(f"  REFUSÉ : {fault}.")
    if found.intact:
        say("  L'archive est exactement celle du manifeste ; listes et fiches disent les corrections signées.")
    for note in found.notes:
        say(f"  Note : {note}.")
    if not found.signed:
        say("  Le lot n'est pas signé.")
    elif found.signer:
        checked = "non vérifiée" if found.revocation == "not checked" else f"vérifiée ({found.revocation})"
        say(f"  Signé par {found.signer}, heure déclarée {found.claimed_at:%d/%m/%Y %H:%M} UTC ; révocation {checked}.")
    elif not found.faults:
        say("  Signature non vérifiée : donnez les certificats racines avec --roots.")
