"""What stands between this machine and a card session, in French, one line a subject, with what to do."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from rpps_audit.card.errors import CardError
from rpps_audit.card.managers import FILE_NAME, load_managers
from rpps_audit.card.pcsc import INSTALL, MISSING_CARD, ReaderState, reader_states
from rpps_audit.card.pin import find_leak
from rpps_audit.card.settings import CardSettings, load_settings
from rpps_audit.card.trust import load_trust
from rpps_audit.errors import AuditError

_LIBRARIES = ("smartcard", "cryptography", "asn1crypto", "pyhanko")


class DoctorLine(NamedTuple):
    """One line of diagnosis."""

    status: Literal["ok", "attention", "absent"]
    sujet: str
    message: str
    remède: str  # noqa: PLC2401 - a heading that the reader sees
    """What to do; empty when all is well."""


def doctor_lines(workspace: Path) -> list[DoctorLine]:
    """Libraries, service, reader, card, driver, authorities, managers, environment. Asks for no PIN, never raises."""
    try:
        settings = load_settings(workspace)
    except AuditError as error:
        return [DoctorLine("attention", "Réglages de la carte", str(error), "Corrigez rpps-audit.toml.")]
    lines = [_libraries(settings)]
    if lines[0].status == "ok":
        lines += _readers(settings)
        lines.append(_authorities(settings))
        lines.append(_managers(workspace))
    lines.append(_environment())
    return lines


def _libraries(settings: CardSettings) -> DoctorLine:
    wanted = (*_LIBRARIES, "pkcs11") if settings.backend == "pkcs11" else _LIBRARIES
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        return DoctorLine(
            "absent",
            "Bibliothèques de la carte",
            f"absentes : {', '.join(missing)}. L'audit fonctionne ; corriger et signer demandent la carte.",
            f"Installez-les : {INSTALL}.",
        )
    return DoctorLine("ok", "Bibliothèques de la carte", "présentes", "")


def _readers(settings: CardSettings) -> list[DoctorLine]:
    try:
        states = reader_states()
    except CardError as error:
        message, _, remedy = str(error).partition(". ")
        return [DoctorLine("absent", "Service et lecteur", f"{message}.", remedy)]
    names = ", ".join(f"« {state.reader} »" for state in states)
    lines = [DoctorLine("ok", "Service et lecteur", names, "")]
    holding = [state for state in states if state.present]
    if not holding:
        message, _, remedy = MISSING_CARD.partition(". ")
        return [*lines, DoctorLine("absent", "Carte", f"{message}.", remedy)]
    if len(holding) > 1 and settings.reader is None:
        remedy = "Retirez-en une, ou réglez « lecteur » dans [carte]."
        lines.append(DoctorLine("attention", "Carte", "plusieurs lecteurs contiennent une carte", remedy))
    return [*lines, *(_driver(settings, state) for state in holding)]


def _driver(settings: CardSettings, state: ReaderState) -> DoctorLine:
    from rpps_audit.card.drivers import connect

    subject = f"Carte et pilote ({settings.backend})"
    try:
        backend = connect(settings, state)
        try:
            info, left = backend.identify(), backend.tries_left()
        finally:
            backend.close()
    except CardError as error:
        message, _, remedy = str(error).partition(". ")
        return DoctorLine("attention", subject, f"{message}.", remedy)
    if left == 0:
        remedy = "Débloquez-la avec son code de déblocage (courrier de l'ANS)."
        return DoctorLine("attention", subject, f"carte {info.serial} : code porteur bloqué", remedy)
    if not info.signature:
        return DoctorLine(
            "attention", subject, f"carte {info.serial} sans clé de signature utilisable", "Changez de pilote."
        )
    tries = "" if left is None else f", essais restants : {left}"
    return DoctorLine("ok", subject, f"carte {info.serial}{tries}", "")


def _authorities(settings: CardSettings) -> DoctorLine:
    try:
        trust = load_trust(settings)
    except AuditError as error:
        message, _, remedy = str(error).partition(" : ")
        return DoctorLine("absent", "Autorités de confiance", message, remedy)
    known = f"{len(trust.roots)} racine(s), {settings.environment}"
    if not trust.crls:
        remedy = "Déposez les listes de révocation de l'IGC-Santé et réglez « crl » dans [carte]."
        return DoctorLine("attention", "Autorités de confiance", f"{known} ; révocation non vérifiée", remedy)
    return DoctorLine("ok", "Autorités de confiance", f"{known}, {len(trust.crls)} liste(s) de révocation", "")


def _managers(workspace: Path) -> DoctorLine:
    try:
        managers = load_managers(workspace)
    except AuditError as error:
        return DoctorLine("absent", "Gestionnaires habilités", str(error), f"Complétez {FILE_NAME}.")
    if unbound := managers.unbound():
        numbers = ", ".join(str(number) for number in unbound)
        message = f"entrée(s) n° {numbers} de {FILE_NAME} : un numéro de carte seul ne donne aucun droit"
        remedy = "Ajoutez-y le « nom » du certificat, ou « sujet » et « emetteur » (rpps-audit card who)."
        return DoctorLine("attention", "Gestionnaires habilités", message, remedy)
    return DoctorLine("ok", "Gestionnaires habilités", f"{len(managers.entries)} dans {FILE_NAME}", "")


def _environment() -> DoctorLine:
    leak = find_leak()
    if leak:
        return DoctorLine("attention", "Traces", leak, "Désactivez-la : elle ferait écrire le code porteur en clair.")
    return DoctorLine("ok", "Traces", "rien n'écrirait le code porteur", "")
