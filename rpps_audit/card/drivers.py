"""Which back end drives the card that was found."""

from __future__ import annotations

from rpps_audit.card.backend import CardBackend
from rpps_audit.card.pcsc import ReaderState
from rpps_audit.card.settings import CardSettings


def connect(settings: CardSettings, seen: ReaderState) -> CardBackend:
    """The back end that the workspace chose. Raises CardUnavailableError when it cannot drive this card."""
    if settings.backend == "pkcs11":
        from rpps_audit.card.pkcs11 import Pkcs11Backend

        assert settings.module is not None
        return Pkcs11Backend(seen, settings.module)
    from rpps_audit.card.apdu import ApduBackend

    return ApduBackend(seen)
