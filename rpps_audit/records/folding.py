"""How texts compare: one definition, written for the database and for frames.

Case, accents (composed or not), ligatures, blanks of every kind, hyphens and apostrophes never make two names
different: `Sacré-Cœur`, `SACRE COEUR` and `SACRÉ COEUR` are one name. `tests/records/test_folding.py` holds the two
writings together, letter by letter.
"""

from __future__ import annotations

import unicodedata

import polars as pl

# Letters that no decomposition gives. Civil status knows Æ and Œ (circulaire JUSC1412888C); the others are met in the
# names of people born abroad.
_LIGATURES = {"Œ": "OE", "Æ": "AE"}
_STROKES = {"Ø": "O", "Ł": "L", "Đ": "D"}
_BLANKS = " \t\n\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_SIGNS = "'’‘ʼ`´-‐‑‒–—−"
_STOPS = ".,"
_LATIN = [chr(point) for start, end in ((0xC0, 0x250), (0x1E00, 0x1F00)) for point in range(start, end)]


def _spellings() -> dict[str, str]:
    """Each character that is not written as such: an accented letter, a lone accent, a ligature, a separator."""
    plain = {letter: base for letter in _LATIN if (base := unicodedata.normalize("NFD", letter)[0]) != letter}
    accents = {chr(point): "" for point in range(0x300, 0x370)}
    special = _LIGATURES | _STROKES
    special |= {letter.lower(): base.lower() for letter, base in special.items()}
    return plain | accents | special | dict.fromkeys(_INVISIBLE, "") | dict.fromkeys(_BLANKS + _SIGNS, " ")


# One pass with a table takes a third of the time of a Unicode decomposition followed by regular expressions.
_SPELLINGS = _spellings()
_TABLE = str.maketrans(_SPELLINGS)


def words(expr: pl.Expr) -> pl.Expr:
    """Uppercase words without accents, ligatures expanded, hyphens and apostrophes as single spaces.

    `Élodie-Anne d’Œuvre` gives `ELODIE ANNE D OEUVRE`. Null stays null. What is no Latin letter passes unchanged.
    """
    plain = expr.str.replace_many(_SPELLINGS).str.to_uppercase()
    return plain.str.replace_all(r" {2,}", " ").str.strip_chars(" ")


def word(text: str) -> str:
    """`words` for one text: a handful of them is read sooner than an expression is built."""
    return " ".join(part for part in text.translate(_TABLE).upper().split(" ") if part)


def folded(expr: pl.Expr) -> pl.Expr:
    """What two ways of writing one name have in common: its letters and digits. `Élodie-Anne` gives `ELODIEANNE`."""
    return expr.str.replace_many(_SPELLINGS).str.to_uppercase().str.replace_all(f"[ {_STOPS}]", "")


def folded_sql(column: str) -> str:
    """`folded`, as DuckDB writes it; dates and codes pass through as text."""
    upper = f"upper(strip_accents(CAST({column} AS VARCHAR)))"
    spelt = upper
    for letter, base in _LIGATURES.items():
        spelt = f"replace({spelt}, '{letter}', '{base}')"
    # A character of the first list becomes the one below it in the second, or nothing.
    rare = f"translate({spelt}, {_text(_FROM)}, '{_TO}')"
    return f"CASE WHEN {_is_ascii(upper)} THEN translate({upper}, {_text(_ASCII)}, '') ELSE {rare} END"


def initial_sql(column: str) -> str:
    """The first letter of a name, whatever its accent: equal for names that fold alike, and much cheaper."""
    return f"translate(upper(strip_accents(left(CAST({column} AS VARCHAR), 1))), 'ŒÆ{_FROM_STROKES}', 'OA{_TO}')"


def digits_sql(column: str) -> str:
    """The last nine digits of a phone number: its national number, whatever prefix and punctuation."""
    text = f"CAST({column} AS VARCHAR)"
    plain = f"translate({text}, {_text('()/+_:;' + _ASCII)}, '')"
    rare = f"translate({text}, {_text('()/+_:;' + _BLANKS + _INVISIBLE + _SIGNS + _STOPS)}, '')"
    return f"right(CASE WHEN {_is_ascii(text)} THEN {plain} ELSE {rare} END, 9)"


def _is_ascii(text: str) -> str:
    # As many bytes as letters. Translating by a long list costs ten times as much as all the rest, and few need it.
    return f"strlen({text}) = length({text})"


def _text(characters: str) -> str:
    return "'" + characters.replace("'", "''") + "'"


_FROM_STROKES = "".join(_STROKES)
_TO = "".join(_STROKES.values())
_FROM = _FROM_STROKES + _BLANKS + _INVISIBLE + _SIGNS + _STOPS
_ASCII = "".join(sign for sign in _BLANKS + _SIGNS + _STOPS if sign.isascii())
