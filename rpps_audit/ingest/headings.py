"""Headings compared by their words: without case, accents, articles, plural, abbreviations (`rules/headings.toml`)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from rpps_audit.reference import rules_root

_PLURAL_FROM = 4


@dataclass(frozen=True)
class Meaning:
    """What a column may be called: `phrases`, the best first, each a set of words, beside which `beside` may stand."""

    phrases: tuple[frozenset[str], ...]
    beside: frozenset[str]

    def rank(self, heading: frozenset[str]) -> int | None:
        """Which phrase a heading is, 0 the best; None when it is none of them."""
        return next(
            (rank for rank, words in enumerate(self.phrases) if words <= heading and heading - words <= self.beside),
            None,
        )


def header_key(name: str) -> str:
    """A header as compared: without case, accents, punctuation or doubled spaces."""
    plain = unicodedata.normalize("NFD", name.replace("œ", "oe").replace("Œ", "OE"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", " ", plain.lower()).strip()


@lru_cache(4096)
def heading_words(name: str) -> tuple[str, ...]:
    """The words of a heading that count, in their order: no articles, no plural, abbreviations written out."""
    parted = re.sub(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Ý][a-zà-ÿ])", " ", unicodedata.normalize("NFC", name))
    words = (_singular(word) for word in header_key(parted).split() if word not in _articles())
    return tuple(_abbreviations().get(word, word) for word in words)


def meanings(layout_id: str) -> Mapping[str, Meaning]:
    """By field, the meanings known for a layout; empty for the layouts whose headers are published."""
    return _meanings().get(layout_id, {})


def _singular(word: str) -> str:
    return word[:-1] if len(word) >= _PLURAL_FROM and word[-1] in "sx" and word[-2] != "s" else word


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((rules_root() / "headings.toml").read_text("utf-8"))


@cache
def _articles() -> frozenset[str]:
    return frozenset(_file()["articles"])


def _abbreviations() -> Mapping[str, str]:
    return _file()["abbreviations"]  # type: ignore[no-any-return]


@cache
def _meanings() -> dict[str, dict[str, Meaning]]:
    formats = {name: table for name, table in _file().items() if name not in ("articles", "abbreviations")}
    return {
        name: {
            field: Meaning(
                tuple(frozenset(heading_words(phrase)) for phrase in entry["any"]),
                frozenset(heading_words(" ".join(entry["with"]))),
            )
            for field, entry in table.items()
        }
        for name, table in formats.items()
    }
