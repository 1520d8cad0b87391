"""`card`: the card in the reader, who holds it, a trial login. With it comes `journal`, the proof of what was done."""

from __future__ import annotations

import argparse
import json
from typing import Any

from rpps_audit.card import (
    CardBackend,
    CardInfo,
    CardSettings,
    GetpassPin,
    Identity,
    check_chain,
    connect,
    find_card,
    load_managers,
    load_settings,
    load_trust,
    open_session,
    read_identity,
)
from rpps_audit.cli.output import say, say_json
from rpps_audit.cli.parser import add_json
from rpps_audit.errors import AuditError


def add_card(card: argparse.ArgumentParser) -> None:
    """What `card` can be asked."""
    verbs = card.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, text in (
        ("status", _status, "la carte du lecteur : numéro, essais restants, confiance, habilitation (sans code)"),
        ("who", _who, "le porteur de la carte et les lignes à mettre dans managers.toml (sans code)"),
        ("login-test", _login_test, "ouvre une session avec le code porteur, puis la ferme"),
    ):
        verb = verbs.add_parser(name, help=text)
        add_json(verb)
        verb.set_defaults(run=run)


# --- card ---


def _status(args: argparse.Namespace) -> int:
    settings = load_settings(args.workspace)
    info, left = _read_card(settings)
    identity = read_identity(info.authentication)
    problems = _problems(settings, info, identity)
    if left == 0:
        problems.append("Code porteur bloqué : débloquez la carte avec son code de déblocage.")
    if args.json:
        say_json({"card": info.serial, "reader": info.reader, "tries_left": left, "problems": problems})
        return 4 if problems else 0
    say(f"Lecteur : {info.reader}")
    say(f"Carte : {info.serial} ({identity.kind})")
    say(f"Porteur : {identity.name or 'carte sans nom'}")
    say(f"Essais restants : {'inconnu' if left is None else left}")
    for problem in problems:
        say(f"À régler : {problem}")
    if not problems:
        say("La carte est de confiance et son porteur est habilité.")
    return 4 if problems else 0


def _who(args: argparse.Namespace) -> int:
    info, _ = _read_card(load_settings(args.workspace))
    identity = read_identity(info.authentication)
    if args.json:
        say_json({"card": info.serial, **identity._asdict()})
        return 0
    say(f"{identity.name or 'Carte sans nom'}, {identity.kind}, n° {identity.number}")
    if identity.rpps:
        say(f"RPPS : {identity.rpps}")
    say(f"Carte : {info.serial}")
    say()
    say("# À mettre dans managers.toml par le responsable, avec les bons établissements :")
    say("[[gestionnaire]]")
    for key, value in (("nom", identity.name), ("sujet", identity.subject), ("emetteur", identity.issuer)):
        # A JSON string is a TOML basic string.
        say(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    say("etablissements = []  # FINESS géographiques")
    say("organismes = []      # FINESS juridiques : tous leurs établissements")
    say('roles = ["auteur"]   # "auteur", "approbateur"')
    say("du = 2026-01-01")
    return 0


def _login_test(args: argparse.Namespace) -> int:
    with open_session(args.workspace, GetpassPin()) as session:
        scope = {role: session.perimeter(role) for role in ("author", "approver")}
        answer: dict[str, Any] = {"name": session.identity.name, "card": session.card}
        answer["signature_problem"] = session.signature_problem
        for role, perimeter in scope.items():
            answer[role] = sorted(perimeter.establishments | perimeter.operators)
    if args.json:
        say_json(answer)
        return 0
    say(f"Session ouverte puis fermée : {answer['name']}, carte {answer['card']}.")
    if answer["signature_problem"]:
        say(str(answer["signature_problem"]))
    say(f"Auteur pour : {', '.join(answer['author']) or 'aucun établissement'}")
    say(f"Approbateur pour : {', '.join(answer['approver']) or 'aucun établissement'}")
    return 0


def _read_card(settings: CardSettings) -> tuple[CardInfo, int | None]:
    backend: CardBackend = connect(settings, find_card(settings.reader))
    try:
        return backend.identify(), backend.tries_left()
    finally:
        backend.close()


def _problems(settings: CardSettings, info: CardInfo, identity: Identity) -> list[str]:
    """What would refuse a session with this card, in French; each is looked for whatever the others say."""
    problems = []
    try:
        check_chain(info.authentication, load_trust(settings))
    except AuditError as error:
        problems.append(str(error))
    problems += _signature_problems(settings, info, trusted=not problems)
    if identity.pseudonymous:
        problems.append("Cette carte de service ne nomme personne : elle ne peut ni corriger ni signer.")
    try:
        if not load_managers(settings.workspace).of(identity, info.serial):
            problems.append("Le porteur n'est pas dans managers.toml (voir « rpps-audit card who »).")
    except AuditError as error:
        problems.append(str(error))
    return problems


def _signature_problems(settings: CardSettings, info: CardInfo, *, trusted: bool) -> list[str]:
    """What would refuse a signature with a card that can log in; said now rather than at the end of a batch."""
    if not info.signature:
        return ["Cette carte, ou son pilote, ne donne pas de certificat de signature."]
    if trusted:
        try:
            check_chain(info.signature, load_trust(settings))
        except AuditError as error:
            return [f"Certificat de signature : {error}"]
    return []
