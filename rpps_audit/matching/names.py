"""Names as compared: what two ways of writing one person's name have in common."""

from __future__ import annotations

import polars as pl

from rpps_audit.reference import normalise

# Particles of French, Breton, Dutch, German, Italian, Portuguese and Spanish names, written or not from a file to
# the next. BEN and EL are left: they are part of the name.
_PARTICLES = r"\b(?:DE|DU|DES|D|LA|LE|LES|L|VAN|VON|DER|DEN|DA|DOS|DI|DEL|DELLA)\b"


def shown(expr: pl.Expr) -> pl.Expr:
    """A name as civil status writes it, but for the case and doubled spaces. An empty name is null."""
    plain = expr.str.to_uppercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
    return pl.when(plain != "").then(plain)


def folded(expr: pl.Expr) -> pl.Expr:
    """A name without accents, hyphens, apostrophes, spaces nor particles: « Le Goff-d'Arcy » gives GOFFARCY.

    A name made of particles alone is kept whole. An empty name is null.
    """
    plain = normalise(expr).str.replace_all(r"[^A-Z ]", " ")
    bare = plain.str.replace_all(_PARTICLES, "").str.replace_all(" ", "", literal=True)
    whole = plain.str.replace_all(" ", "", literal=True)
    return pl.when(bare != "").then(bare).when(whole != "").then(whole)


def glued(expr: pl.Expr) -> list[pl.Expr]:
    """A name with particles as others write it in one word: « de La Tour » gives DELATOUR, and LATOUR. Null without
    particle."""
    plain = normalise(expr).str.replace_all(r"[^A-Z ]", " ")
    whole = pl.when(plain.str.contains(_PARTICLES)).then(plain.str.replace_all(" ", "", literal=True))
    short = plain.str.replace(r"^(?:DE|D|DU|DES) ", "")
    return [whole, pl.when(short.str.contains(_PARTICLES)).then(short.str.replace_all(" ", "", literal=True))]


def parts(expr: pl.Expr) -> pl.Expr:
    """The names of a double name, folded, as a list; null for a single name."""
    words = normalise(expr.str.replace_all(r"\s*[-‐‑–/]\s*|\s+", "|")).str.split("|").list.eval(folded(pl.element()))
    long = words.list.eval(pl.element().filter(pl.element().str.len_chars() >= 3))
    return pl.when(long.list.len() >= 2).then(long)


def first_of(expr: pl.Expr) -> pl.Expr:
    """The first of several first names joined by commas."""
    return expr.str.split(",").list.first().str.strip_chars(" ")
