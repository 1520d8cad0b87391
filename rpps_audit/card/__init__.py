"""The CPx card: who is at the keyboard, and a signature that stands.

The libraries of the card are optional (`make card`): this room can be imported without them, and
says what is missing when a card is needed. Checked against a software CPS3 that OpenSC accepts; not yet with a
physical card.
"""

from rpps_audit.card.authorisation import Authorisation
from rpps_audit.card.backend import CardBackend, CardInfo, Key, PinRules
from rpps_audit.card.doctor import DoctorLine, doctor_lines
from rpps_audit.card.drivers import connect
from rpps_audit.card.errors import (
    CardError,
    CardRemovedError,
    CardUnavailableError,
    MalformedPinError,
    PinBlockedError,
    PinError,
    PinRefusedError,
    SessionClosedError,
    UntrustedCardError,
    WrongPinError,
)
from rpps_audit.card.identity import Identity, read_identity
from rpps_audit.card.managers import Manager, Managers, Perimeter, Role, load_managers
from rpps_audit.card.pcsc import ReaderState, find_card, reader_states
from rpps_audit.card.pin import CallablePin, GetpassPin, PinRequest, PinSource, refuse_leaks
from rpps_audit.card.session import CardSession, open_session
from rpps_audit.card.settings import CardSettings, load_settings
from rpps_audit.card.signature import SignatureCheck, SignedManifest, verify_signature
from rpps_audit.card.trust import Chain, Trust, check_chain, load_trust

__all__ = [
    "Authorisation",
    "CallablePin",
    "CardBackend",
    "CardError",
    "CardInfo",
    "CardRemovedError",
    "CardSession",
    "CardSettings",
    "CardUnavailableError",
    "Chain",
    "DoctorLine",
    "GetpassPin",
    "Identity",
    "Key",
    "MalformedPinError",
    "Manager",
    "Managers",
    "Perimeter",
    "PinBlockedError",
    "PinError",
    "PinRefusedError",
    "PinRequest",
    "PinRules",
    "PinSource",
    "ReaderState",
    "Role",
    "SessionClosedError",
    "SignatureCheck",
    "SignedManifest",
    "Trust",
    "UntrustedCardError",
    "WrongPinError",
    "check_chain",
    "connect",
    "doctor_lines",
    "find_card",
    "load_managers",
    "load_settings",
    "load_trust",
    "open_session",
    "read_identity",
    "reader_states",
    "refuse_leaks",
    "verify_signature",
]
