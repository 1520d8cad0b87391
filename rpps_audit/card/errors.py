"""What can go wrong between a card and a session. All are "not authorised" (exit code 4), all speak French.

NotAuthorisedError
└── CardError
    ├── CardUnavailableError   no library, service, reader, card or driver
    ├── CardBusyError          another program holds the card
    ├── CardRemovedError       the card or the reader left during an exchange
    ├── PinError               MalformedPinError (no try spent), WrongPinError, PinBlockedError, PinRefusedError
    ├── UntrustedCardError     chain, validity, revocation, pseudonym, or a challenge the card could not sign
    └── SessionClosedError     the session was open and is no longer
"""

from __future__ import annotations

from rpps_audit.errors import NotAuthorisedError


class CardError(NotAuthorisedError):
    """Base of the errors of this room."""


class CardUnavailableError(CardError):
    """A library, the PC/SC service, a reader, a card or a driver is missing; the message says what to do."""


class CardRemovedError(CardError):
    """The card, the reader or the service went away while it was needed."""

    def __init__(self, message: str = "La carte a été retirée ou le lecteur ne répond plus. Réinsérez-la.") -> None:
        super().__init__(message)


class CardBusyError(CardError):
    """Another program holds the card alone."""

    def __init__(self) -> None:
        super().__init__("La carte est utilisée par un autre logiciel. Fermez-le, ou retirez puis réinsérez la carte.")


class PinError(CardError):
    """The PIN was not accepted. The message never holds it."""


class MalformedPinError(PinError):
    """Not a possible PIN: it was not sent to the card, no try was spent."""


class PinRefusedError(PinError):
    """The holder gave up, did not confirm the last try, or the computer is set up so that the PIN would leak."""


class WrongPinError(PinError):
    """The card refused the PIN."""

    def __init__(self, tries_left: int | None) -> None:
        self.tries_left = tries_left
        left = "" if tries_left is None else f" Essais restants : {tries_left}."
        super().__init__(f"Code porteur refusé par la carte.{left}")


class PinBlockedError(PinError):
    """No try is left: only the PUK, or the ANS, unblocks the card."""

    def __init__(self) -> None:
        super().__init__(
            "Code porteur bloqué : plus aucun essai. Débloquez la carte avec son code de déblocage (courrier de l'ANS)."
        )


class UntrustedCardError(CardError):
    """The card's certificate or its answer proves nothing: no session, no signature."""


class SessionClosedError(CardError):
    """The session has ended; `reason` says why, in French."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Session de la carte fermée : {reason}. Ouvrez-en une autre.")
