"""corrections: what is waiting, what is suggested, and the decisions of a manager with their card."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import polars as pl

from rpps_audit.card import Authorisation, CardSession, GetpassPin, Role, open_session
from rpps_audit.cli.dates import day
from rpps_audit.cli.output import number, say, say_changes, say_json
from rpps_audit.cli.parser import add_json
from rpps_audit.corrections import (
    PENDING,
    ConflictError,
    Desk,
    Proposed,
    add_situation,
    approve,
    close_situations,
    held,
    only_inside,
    open_desk,
    pending,
    present_state,
    propose,
    run_to_correct,
    suggest,
    undo,
)
from rpps_audit.corrections.fields import fields
from rpps_audit.corrections.witness import told
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.records import column_types
from rpps_audit.store import fetch_frame
from rpps_audit.workspace import Workspace, open_workspace

_TABLES = {"personne": "professional", "situation": "situation"}


def add_corrections(room: argparse.ArgumentParser) -> None:
    """What `corrections` can be asked."""
    verbs = room.add_subparsers(title="actions", metavar="ACTION", required=True)

    listed = _verb(verbs, "list", _list, "les corrections et leur état (sans carte, sans valeur)")
    listed.add_argument("--all", action="store_true", help="aussi celles qui sont closes")

    suggested = _verb(
        verbs, "suggest", _suggest, "ce que l'outil propose pour les constats (affiche des valeurs : carte)"
    )
    suggested.add_argument("--rule", metavar="ID", help="seulement pour ce contrôle")

    proposed = _verb(verbs, "propose", _propose, "corrige un champ d'une fiche")
    proposed.add_argument("table", choices=list(_TABLES), metavar="personne|situation")
    proposed.add_argument("key", metavar="CLÉ", help="clé de la fiche, telle que la donne findings")
    proposed.add_argument("column", metavar="DONNÉE", help="son nom, tel que le donne findings : « Adresse e-mail »")
    proposed.add_argument(
        "value",
        metavar="VALEUR",
        help="nouvelle valeur (dates : JJ/MM/AAAA ; oui ou non) ; vide pour vider le champ ; « - » : lue "
        "sur l'entrée standard, où les autres utilisateurs de la machine ne la voient pas",
    )
    proposed.add_argument("--rule", metavar="ID", help="le contrôle dont le constat est corrigé")
    proposed.add_argument("--replaces", type=int, metavar="N", help="la correction du même champ que vous avez lue")
    _add_why(proposed)

    added = _verb(verbs, "add", _add, "ajoute une situation à une personne déjà enregistrée")
    added.add_argument("key", metavar="CLÉ", help="clé de la personne, telle que la donne findings")
    added.add_argument("--finess", required=True, metavar="FINESS", help="établissement (FINESS géographique)")
    added.add_argument("--role", metavar="CODE", help="rôle (GENR08 à GENR12)")
    added.add_argument("--profession", metavar="CODE", help="profession (code de trois chiffres)")
    added.add_argument("--start", type=day, metavar="JJ/MM/AAAA", help="date de prise de fonction")
    _add_why(added)

    accepted = _verb(verbs, "accept", _accept, "accepte les propositions d'un contrôle, après les avoir montrées")
    accepted.add_argument("rule", metavar="ID")
    accepted.add_argument(
        "--confidence", type=float, default=0.8, metavar="C", help="confiance minimale (défaut : 0.8)"
    )
    accepted.add_argument("--yes", action="store_true", help="écrit ; sans cette option, montre seulement")
    _add_why(accepted)

    closed = _verb(verbs, "close", _close, "ferme des situations : date et motif de fin")
    closed.add_argument("keys", nargs="*", metavar="CLÉ")
    closed.add_argument("--date", type=day, metavar="JJ/MM/AAAA", help="date de fin")
    closed.add_argument("--rule", metavar="ID", help="toutes celles que ce contrôle désigne, à la date proposée")
    closed.add_argument(
        "--end-reason", required=True, metavar="CODE", help="motif de fin (TRE_R25) : CHA, CHL, AUT ..."
    )
    closed.add_argument("--yes", action="store_true", help="avec --rule : écrit ; sans cette option, montre seulement")
    _add_why(closed)

    undone = _verb(verbs, "undo", _undo, "annule des corrections, n'importe lesquelles")
    undone.add_argument("numbers", nargs="+", type=int, metavar="N")
    undone.add_argument("--reason", required=True, metavar="MOTIF")

    approved = _verb(verbs, "approve", _approve, "approuve (ou refuse) les corrections d'un autre, avec votre carte")
    approved.add_argument("numbers", nargs="*", type=int, metavar="N")
    approved.add_argument("--all", action="store_true", help="toutes celles qui attendent dans votre périmètre")
    approved.add_argument("--refuse", metavar="MOTIF", help="refuse au lieu d'approuver")
    approved.add_argument("--yes", action="store_true", help="décide ; sans cette option, montre seulement")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, text: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text)
    add_json(verb)
    verb.set_defaults(run=run)
    return verb


def _add_why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, metavar="MOTIF", help="pourquoi, en une phrase")
    parser.add_argument("--evidence", default="", metavar="PREUVE", help="justificatif vu, face à face, et quand")


# --- opening ---


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Desk]:
    """The workspace's desk, its store open."""
    workspace: Workspace = open_workspace(args.workspace)
    with workspace.store() as store:
        yield open_desk(workspace, store)


@contextmanager
def at_the_keyboard(args: argparse.Namespace, role: Role = "author") -> Iterator[tuple[CardSession, Authorisation]]:
    """The holder of the card in the reader, in one of their roles; the PIN is asked."""
    with open_session(args.workspace, GetpassPin()) as session:
        if session.signature_problem:
            sys.stderr.write(f"rpps-audit : {session.signature_problem}\n")
        yield session, session.require(role=role)


# --- actions ---


def _list(args: argparse.Namespace) -> int:
    with opened(args) as desk:
        frame = fetch_frame(
            desk.store.sql(
                """SELECT correction_id, "table", record_key, "column", kind, rule_id, source, author, state, state_at,
                      batch_id
               FROM correction_states WHERE $all OR list_contains($pending, state) OR state = 'contradicted'
               ORDER BY correction_id""",
                {"all": args.all, "pending": list(PENDING)},  # type: ignore[arg-type]
            )
        )
    if args.json:
        say_json(frame.to_dicts())
        return 0
    say_changes(frame, "correction_id", "record_key", "column", "rule_id", "author", "state", "batch_id")
    say(f"{number(frame.height)} correction(s).")
    return 0


def _suggest(args: argparse.Namespace) -> int:
    # Values are shown to the authorised manager only, inside their perimeter.
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        frame = _mine(desk, authorisation, suggest(desk, _run(desk), args.rule))
    if args.json:
        say_json(frame.to_dicts())
    else:
        _say_suggestions(frame)
    return 0


def _propose(args: argparse.Namespace) -> int:
    column = _column(args.column)
    one = pl.DataFrame(
        {
            "table": [_TABLES[args.table]], "record_key": [args.key], "column": [column],
            "new": [_stored(column, _value(args.value)) or None],
            "previous_id": [args.replaces], "rule_id": [args.rule],
        },
        schema_overrides={"previous_id": pl.Int32, "new": pl.String, "rule_id": pl.String},
    )  # fmt: skip
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        try:
            done = propose(
                desk, authorisation, present_state(desk.store), one, reason=args.reason, evidence=args.evidence
            )
        except ConflictError as error:
            raise ConflictError(f"{error} Pour la remplacer : --replaces et son numéro.") from error
    return _say_proposed(done, args)


def _add(args: argparse.Namespace) -> int:
    start = args.start.isoformat() if args.start else None
    given = {"finess": args.finess, "role": args.role, "profession": args.profession, "start_date": start}
    values = {column: value for column, value in given.items() if value}
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        done = add_situation(
            desk, authorisation, present_state(desk.store), args.key, values, reason=args.reason, evidence=args.evidence
        )
    return _say_proposed(done, args)


def _value(given: str) -> str:
    """The value, or the first line of the standard input for « - »: a command line can be read by others (ps)."""
    return sys.stdin.readline().rstrip("\r\n") if given == "-" else given


def _column(given: str) -> str:
    """The store's name of a field named by its French label; what is no label is left for the room to refuse."""
    labels = {one.label.casefold(): one.column for one in fields()}
    return labels.get(given.strip().casefold(), given)


def _stored(column: str, given: str) -> str:
    """A date or a yes or no as people type it, as the store writes it; anything else as it is."""
    kind = column_types().get(column)
    if kind == "yes_no":
        return {"oui": "true", "non": "false"}.get(given.strip().lower(), given)
    if kind == "date" and given:
        try:
            return day(given).isoformat()
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"{error}.") from error
    return given


def _accept(args: argparse.Namespace) -> int:
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        found = _mine(desk, authorisation, suggest(desk, _run(desk), args.rule))
        sure = found.filter((pl.col("choices") == 1) & (pl.col("confidence") >= args.confidence))
        if not args.yes or sure.is_empty():
            _say_suggestions(sure)
            say(
                f"{found.height - sure.height} autre(s) proposition(s) à choisir une par une (plusieurs choix, ou "
                "moins sûres)."
            )
            say("Rien n'est écrit. Pour les accepter : même commande avec --yes.")
            return 0
        done = propose(
            desk,
            authorisation,
            present_state(desk.store),
            sure,
            reason=args.reason,
            evidence=args.evidence,
        )
    return _say_proposed(done, args)


def _close(args: argparse.Namespace) -> int:
    if bool(args.keys) == bool(args.rule) or (args.keys and not args.date):
        raise UsageError("Donnez soit des clés de situation et --date, soit --rule.")
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        if args.rule:
            found = _mine(desk, authorisation, suggest(desk, _run(desk), args.rule)).filter(
                pl.col("column") == "end_date"
            )
            ends = found.filter(pl.col("choices") == 1).rename({"new": "end_date"})
            if not args.yes or ends.is_empty():
                _say_suggestions(found)
                say("Rien n'est écrit. Pour fermer ces situations : même commande avec --yes.")
                return 0
            ends = ends.select("record_key", "end_date", "previous_id", "rule_id", "source", "confidence")
        else:
            seen = pending(desk.store).filter(pl.col("column") == "end_date")
            ends = pl.DataFrame({"record_key": args.keys}).join(
                seen.select("record_key", "previous_id"), "record_key", "left"
            )
            if ends["previous_id"].drop_nulls().len():
                raise UsageError(
                    "Une fermeture est déjà en cours pour une de ces situations : rpps-audit corrections list."
                )
            ends = ends.with_columns(end_date=pl.lit(args.date))
        done = close_situations(
            desk, authorisation, present_state(desk.store), ends, end_reason=args.end_reason, reason=args.reason,
            evidence=args.evidence,
        )  # fmt: skip
    return _say_proposed(done, args)


def _undo(args: argparse.Namespace) -> int:
    with opened(args) as desk, at_the_keyboard(args) as (_, authorisation):
        undo(desk, authorisation, args.numbers, reason=args.reason)
    _answer(args, {"undone": sorted(set(args.numbers))}, f"{len(set(args.numbers))} correction(s) annulée(s).")
    return 0


def _approve(args: argparse.Namespace) -> int:
    if bool(args.numbers) == args.all:
        raise UsageError("Donnez des numéros de correction, ou --all.")
    with opened(args) as desk, at_the_keyboard(args, "approver") as (_, authorisation):
        seen = held(desk, authorisation, present_state(desk.store))
        waiting = seen.filter(pl.col("state") == "proposed")
        if args.all:
            said = told(desk.journal)
            own = [number for number, who in said.authors.items() if authorisation.person.same_as(who)]
            waiting = waiting.filter(~pl.col("correction_id").is_in(own))
        else:
            waiting = waiting.filter(pl.col("correction_id").is_in(args.numbers))
        shown_at = datetime.now(UTC)
        _say_waiting(waiting)
        chosen = waiting["correction_id"].to_list() if args.all else args.numbers
        if not args.yes or not chosen:
            say("Rien n'est décidé. Pour décider : même commande avec --yes.")
            return 0
        if not _confirmed(len(chosen)):
            raise NotAuthorisedError("Décision abandonnée : rien n'a été écrit.")
        approve(desk, authorisation, chosen, shown_at=shown_at, refuse=args.refuse)
    decided = "approuvée(s)" if args.refuse is None else "refusée(s)"
    _answer(args, {"decided": chosen, "refused": args.refuse is not None}, f"{len(chosen)} correction(s) {decided}.")
    return 0


# --- what is said ---


def _run(desk: Desk) -> int:
    """The last evaluation of what is corrected."""
    found = run_to_correct(desk.store, present_state(desk.store))
    if found is None:
        raise UsageError("L'état présent n'a pas encore été contrôlé : rpps-audit check.")
    return found


def _mine(desk: Desk, authorisation: Authorisation, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of records inside the manager's perimeter."""
    return only_inside(desk.store, authorisation, present_state(desk.store), frame)


def _say_waiting(frame: pl.DataFrame) -> None:
    say_changes(frame, "correction_id", "record_key", "column", "old", "new", "reason", "evidence", "author")


def _say_suggestions(frame: pl.DataFrame) -> None:
    say_changes(
        frame, "rule_id", "record_key", "column", "shown_old", "shown_new", "source", "confidence", "choices"
    )  # fmt: skip
    say(f"{number(frame.height)} proposition(s). Aucune n'est appliquée d'elle-même.")


def _say_proposed(done: Proposed, args: argparse.Namespace) -> int:
    if args.json:
        say_json({"accepted": done.accepted.to_dicts(), "refused": done.refused.to_dicts()})
    else:
        say(f"{number(done.accepted.height)} correction(s) écrite(s), {number(done.refused.height)} refusée(s).")
        if done.accepted.height:
            say(f"Numéros {done.accepted['correction_id'][0]} à {done.accepted['correction_id'][-1]}.")
        if done.refused.height:
            _say_refused(done.refused, args)
    return 1 if done.refused.height else 0


def _say_refused(refused: pl.DataFrame, args: argparse.Namespace) -> None:
    """Why each is refused, its field by its French label; how a document is cited on a command line."""
    labels = {one.column: one.label for one in fields()}
    said = refused.with_columns(pl.col("column").replace(labels))
    for sentence in said.select(pl.format("  {} {} : {}.", "record_key", "column", "reason")).to_series():
        say(sentence)
    if refused["reason"].str.contains("justificatif").any() and not args.evidence:
        say("Un justificatif se cite avec --evidence.")


def _confirmed(count: int) -> bool:
    """The time between showing and deciding is kept: a decision is typed."""
    try:
        return input(f"Décider pour ces {count} correction(s) ? Tapez oui : ").strip().lower() == "oui"
    except EOFError:
        return False


def _answer(args: argparse.Namespace, value: object, sentence: str) -> None:
    say_json(value) if args.json else say(sentence)
