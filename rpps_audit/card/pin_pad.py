"""A PIN typed on the reader: PC/SC part 10. It never enters the computer.

Not exercised against a real PIN pad yet: only the bytes of the request are tested.
"""

from __future__ import annotations

from rpps_audit.card.backend import PinRules
from rpps_audit.card.errors import CardError, PinRefusedError
from rpps_audit.card.pcsc import Link

_FEATURE_VERIFY_PIN_DIRECT = 0x06
_SECONDS = 30
_FRENCH = 0x040C
_CANCELLED, _TIMED_OUT = 0x6401, 0x6400


def find_pin_pad(link: Link) -> int | None:
    """Control code that asks the reader for a PIN, or None for a reader without keys."""
    from smartcard.pcsc import PCSCPart10  # type: ignore[import-untyped]

    try:
        answer = link.control(PCSCPart10.CM_IOCTL_GET_FEATURE_REQUEST, b"")
    except CardError:
        return None
    # Six bytes each: feature, 04, control code.
    features = {answer[at]: int.from_bytes(answer[at + 2 : at + 6]) for at in range(0, len(answer) - 5, 6)}
    return features.get(_FEATURE_VERIFY_PIN_DIRECT)


def verify_on_pad(link: Link, code: int, rules: PinRules) -> int:
    """Let the holder type on the reader; the card's status word. Raises PinRefusedError when they give up."""
    answer = link.control(code, pin_verify_request(rules))
    status = int.from_bytes(answer[-2:])
    if status in (_CANCELLED, _TIMED_OUT):
        raise PinRefusedError("Saisie du code annulée ou trop longue sur le lecteur. Aucun essai n'a été consommé.")
    return status


def pin_verify_request(rules: PinRules) -> bytes:
    """PIN_VERIFY_STRUCTURE: ASCII digits after the five header bytes of VERIFY, confirmed with the green key."""
    size = rules.stored if rules.padding is not None else 0
    command = bytes([0x00, 0x20, 0x00, rules.reference, size]) + bytes([rules.padding or 0]) * size
    return b"".join(
        [
            bytes([_SECONDS, _SECONDS, 0x82, size & 0x0F, 0x00]),
            (rules.shortest << 8 | rules.longest).to_bytes(2, "little"),
            bytes([0x02, 0x01]),
            _FRENCH.to_bytes(2, "little"),
            bytes([0x00, 0x00, 0x00, 0x00]),
            len(command).to_bytes(4, "little"),
            command,
        ]
    )
