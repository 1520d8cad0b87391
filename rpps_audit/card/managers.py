"""Who may do what: managers.toml in the workspace.

Establishments register their own people (decentralised) or an operator's head office does it for all (centralised):
a perimeter is a set of establishments, a whole operator, or both. Every change of the file is in the journal.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rpps_audit.card.identity import Identity, same_name
from rpps_audit.card.person import folded
from rpps_audit.errors import UsageError
from rpps_audit.journal import Journal, canonical_json, sha256_hex

if TYPE_CHECKING:
    import polars as pl

Role = Literal["author", "approver"]
FILE_NAME = "managers.toml"
CHANGED = "managers-changed"
_ROLES: dict[str, Role] = {"auteur": "author", "approbateur": "approver"}
_KEYS = ("nom", "personne", "carte", "sujet", "emetteur", "etablissements", "organismes", "roles", "du", "au")


@dataclass(frozen=True)
class Perimeter:
    """Where a manager may act. FINESS numbers, nine characters."""

    establishments: frozenset[str] = frozenset()
    """Geographic FINESS numbers."""
    operators: frozenset[str] = frozenset()
    """Legal-entity FINESS numbers: every establishment of theirs, today's and tomorrow's."""

    def covers(self, establishment: str, operator: str | None = None) -> bool:
        """Is this establishment, or the operator above it, in the perimeter?"""
        return establishment in self.establishments or (operator is not None and operator in self.operators)

    def expression(self, establishment: str, operator: str) -> pl.Expr:
        """The same, for the two columns of a frame: keeps the rows that this manager may see."""
        import polars as pl

        own = pl.col(establishment).is_in(sorted(self.establishments))
        return (own | pl.col(operator).is_in(sorted(self.operators))).fill_null(False)

    def __or__(self, other: Perimeter) -> Perimeter:
        return Perimeter(self.establishments | other.establishments, self.operators | other.operators)


class Manager(NamedTuple):
    """One entry of the file: known by issuer and full subject, or by card number and the name in the certificate."""

    name: str
    card: str | None
    subject: str | None
    issuer: str | None
    perimeter: Perimeter
    roles: frozenset[Role]
    starts: date
    ends: date | None
    person: str = ""
    """Who it is, where one person has several cards or two persons one name (compared for four eyes)."""

    def is_held_by(self, identity: Identity, serial: str) -> bool:
        """Issuer and subject match; or the card number, and the holder's name as the certificate gives it.

        No certificate signs a card's number: alone, it would give the manager's rights to whoever copies it. An RPPS
        number alone never matches: many managers have none.
        """
        if self.card is not None:
            return self.card == serial and bool(self.name) and folded(self.name) == folded(identity.name)
        assert self.subject is not None and self.issuer is not None
        return same_name(self.issuer, identity.issuer) and same_name(self.subject, identity.subject)

    def active(self, day: date) -> bool:
        """In force that day, both ends included."""
        return self.starts <= day and (self.ends is None or day <= self.ends)


class Managers(NamedTuple):
    """The whole file."""

    entries: tuple[Manager, ...]

    def unbound(self) -> tuple[int, ...]:
        """Numbers of the entries that give no rights: a card number, and no name that a certificate could confirm."""
        return tuple(
            number for number, entry in enumerate(self.entries, 1) if entry.card is not None and not folded(entry.name)
        )

    def of(self, identity: Identity, serial: str) -> tuple[Manager, ...]:
        """The entries of one card, in force or not."""
        return tuple(entry for entry in self.entries if entry.is_held_by(identity, serial))


def load_managers(workspace: Path) -> Managers:
    """Read managers.toml and journal what has changed since the last reading. Raises UsageError naming the entry."""
    file = workspace / FILE_NAME
    if not file.exists():
        raise UsageError(
            f"{file} est absent : aucun gestionnaire n'est habilité. Lignes à y mettre : « rpps-audit card who »."
        )
    content = file.read_bytes()
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} : illisible ({error}).") from error
    raw = table.pop("gestionnaire", [])
    if table or not isinstance(raw, list) or not all(isinstance(entry, dict) for entry in raw):
        raise UsageError(f"{file} : seules des entrées [[gestionnaire]] sont attendues.")
    entries = tuple(_entry(entry, f"{file}, gestionnaire n° {number}") for number, entry in enumerate(raw, 1))
    _journal_change(workspace, sha256_hex(content), entries)
    return Managers(entries)


def _entry(raw: Mapping[str, Any], where: str) -> Manager:
    unknown = sorted(set(raw) - set(_KEYS))
    if unknown:
        raise UsageError(f"{where} : champ inconnu « {unknown[0]} ». Possibles : {', '.join(_KEYS)}.")
    words = ("nom", "personne", "carte", "sujet", "emetteur")
    text = {key: _typed(raw, key, str, "un texte", where) for key in words}
    if (text["carte"] is None) == (text["sujet"] is None) or (text["sujet"] is None) != (text["emetteur"] is None):
        raise UsageError(f"{where} : donnez soit « carte », soit « sujet » et « emetteur ».")
    if text["sujet"] is not None:
        same_name(text["sujet"], text["emetteur"])
    perimeter = Perimeter(_finess(raw, "etablissements", where), _finess(raw, "organismes", where))
    if perimeter == Perimeter():
        raise UsageError(f"{where} : aucun établissement ni organisme.")
    roles = _texts(raw, "roles", where)
    if not roles or roles - set(_ROLES):
        raise UsageError(f"{where} : « roles » doit contenir auteur, approbateur, ou les deux.")
    starts = _typed(raw, "du", date, "une date (2026-01-31, sans guillemets)", where)
    ends = _typed(raw, "au", date, "une date (2026-12-31, sans guillemets)", where)
    if starts is None or (ends is not None and ends < starts):
        raise UsageError(f"{where} : « du » est obligatoire, et « au » ne peut pas le précéder.")
    mapped = frozenset(_ROLES[role] for role in roles)
    return Manager(
        text["nom"] or "", text["carte"], text["sujet"], text["emetteur"], perimeter, mapped, starts, ends,
        (text["personne"] or "").strip(),
    )  # fmt: skip


def _typed(raw: Mapping[str, Any], key: str, kind: type, wanted: str, where: str) -> Any:
    value = raw.get(key)
    if value is not None and type(value) is not kind:
        raise UsageError(f"{where} : « {key} » doit être {wanted}.")
    return value


def _texts(raw: Mapping[str, Any], key: str, where: str) -> frozenset[str]:
    values = raw.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{where} : « {key} » doit être une liste de textes.")
    return frozenset(values)


def _finess(raw: Mapping[str, Any], key: str, where: str) -> frozenset[str]:
    values = _texts(raw, key, where)
    wrong = sorted(value for value in values if len(value) != 9 or not value.isalnum())
    if wrong:
        raise UsageError(f"{where} : « {wrong[0]} » dans « {key} » n'est pas un numéro FINESS de neuf caractères.")
    return values


# --- Journal ---


def _journal_change(workspace: Path, digest: str, entries: tuple[Manager, ...]) -> None:
    from rpps_audit.journal import FILE_NAME as JOURNAL

    journal = Journal(workspace / JOURNAL)
    last = None
    for past in journal.entries():
        if past.event == CHANGED:
            last = past.data
    if last is not None and last["sha256"] == digest:
        return
    before: list[Any] = last["entries"] if last is not None else []
    after = [_described(entry) for entry in entries]
    data = {
        "sha256": digest,
        "entries": after,
        "added": sum(entry not in before for entry in after),
        "removed": sum(entry not in after for entry in before),
    }
    journal.append(CHANGED, data, "rpps-audit")


def _described(entry: Manager) -> dict[str, Any]:
    """Enough to know later who was allowed to do what: the names of certificates as a fingerprint, not in clear."""
    return {
        "card": entry.card,
        "names": sha256_hex(canonical_json([entry.issuer, entry.subject])) if entry.subject else None,
        "establishments": sorted(entry.perimeter.establishments),
        "operators": sorted(entry.perimeter.operators),
        "roles": sorted(entry.roles),
        "person": sha256_hex(entry.person.encode()) if entry.person else None,
        "from": entry.starts.isoformat(),
        "until": entry.ends.isoformat() if entry.ends else None,
    }
