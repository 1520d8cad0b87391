"""French counting, as shown on the screens."""

from __future__ import annotations


def number(value: float) -> str:
    """1234567 as « 1 234 567 », with narrow no-break spaces."""
    return f"{value:,.0f}".replace(",", "\u202f")


def count(how_many: int, one: str, several: str) -> str:
    """« 0 ligne », « 1 ligne », « 2 lignes »: French says zero in the singular."""
    return f"{number(how_many)} {several if how_many > 1 else one}"
