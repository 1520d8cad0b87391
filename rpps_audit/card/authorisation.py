"""The right to act, given by an open session and asked for by the store that writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from rpps_audit.card.managers import Perimeter, Role
from rpps_audit.card.person import Person, folded
from rpps_audit.card.settings import Environment
from rpps_audit.errors import NotAuthorisedError

_SEAL = object()


@dataclass(frozen=True, slots=True, eq=False)
class Authorisation:
    """Who acts, where, in which role, while their card is in the reader.

    Only `CardSession.require` makes one; it can be neither built by hand, nor copied, nor stored. Whoever runs code in
    the same process can still forge anything: this prevents accidents, the signature is the proof.
    """

    author: str
    """CN of the card's certificate: what the journal writes."""
    name: str
    """Given name and family name, for screens."""
    card: str
    """Card number."""
    role: Role
    perimeter: Perimeter
    environment: Environment
    granted_at: datetime
    _still_open: Callable[[], None] = field(repr=False)
    _seal: object = field(repr=False)
    declared: str = ""
    """« personne » of managers.toml: who this is, whatever the card."""
    _rights_now: Callable[[Role], Perimeter] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("an Authorisation comes from CardSession.require")

    def check(self, establishments: Iterable[str] = (), operators: Mapping[str, str] | None = None) -> None:
        """At the moment of writing: session open, card present, every establishment inside the perimeter.

        `operators` gives the operator above each establishment, for perimeters that are a whole operator.
        Raises NotAuthorisedError, in French.
        """
        self._still_open()
        outside(self.perimeter, establishments, operators or {})

    def confirm(self) -> None:
        """Just before a COMMIT: the card answers, and managers.toml, read again, still gives all that was granted.

        Raises NotAuthorisedError; whoever writes then rolls back.
        """
        self._still_open()
        if self._rights_now is None:
            return
        now = self._rights_now(self.role)
        if now | self.perimeter != now:
            raise NotAuthorisedError(
                "Vos droits (managers.toml) ont été réduits pendant l'acte : rien n'a été écrit. Recommencez."
            )

    @property
    def person(self) -> Person:
        """Who acts, to be compared with who acted."""
        return Person(self.author, self.card, folded(self.name), self.declared)

    def __copy__(self) -> NoReturn:
        raise TypeError("an Authorisation is not copied: ask the session again")

    def __deepcopy__(self, memo: Any) -> NoReturn:
        raise TypeError("an Authorisation is not copied: ask the session again")

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Authorisation is not stored: ask the session again")


def grant(session_fields: Mapping[str, Any]) -> Authorisation:
    """For CardSession only."""
    return Authorisation(**session_fields, _seal=_SEAL)


def outside(perimeter: Perimeter, establishments: Iterable[str], operators: Mapping[str, str]) -> None:
    """Raises NotAuthorisedError naming the establishments that are not in the perimeter."""
    refused = sorted({e for e in establishments if not perimeter.covers(e, operators.get(e))})
    if refused:
        raise NotAuthorisedError(
            f"Hors de votre périmètre (managers.toml) : FINESS {', '.join(refused[:5])}"
            + (f" et {len(refused) - 5} autres." if len(refused) > 5 else ".")
        )
