"""What we understand in a cell that is not written as its column wants it: `rules/cells.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from rpps_audit.reference import normalise_word, rules_root


class Said(NamedTuple):
    """What the different odd cells of a column say, in turn.

    A value is None for a cell that is absent or withheld; a text is what stays beside a null date; a cause says why a
    cell was converted; `lost` marks a cell that could not be read.
    """

    values: list[Any]
    texts: list[str | None]
    causes: list[str | None]
    lost: list[bool]


@cache
def understood(section: str) -> Mapping[str, Any]:
    """One section: yes_no, dates, identifiers, lists or causes."""
    return MappingProxyType(tomllib.loads((rules_root() / "cells.toml").read_text("utf-8"))[section])


def keys(words: Sequence[str]) -> list[str]:
    """Words as compared: uppercase, without accents, hyphens as spaces."""
    return [normalise_word(word) for word in words]
