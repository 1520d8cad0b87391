"""Does a place written in words name the commune of a code? And the territories that once had French codes."""

from __future__ import annotations

from functools import cache

import polars as pl

from rpps_audit.reference.communes import commune_successors, communes, postcodes
from rpps_audit.reference.names import normalise
from rpps_audit.reference.root import rules_root

_NUMBER = r"\b0*([1-9][0-9]?)(?:ER|ERE|E|EME|ND)?\b"
_NOISE = r"\(.*?\)|\b(?:ARRONDISSEMENT|ARRDT|ARDT|ARR|CEDEX)\b|\b[0-9][0-9A-Z]*\b|[^A-Z0-9 ]"


def place_names(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """`frame` with what a place's name says: `name` (its words, sorted out of « LE », « ST ») and `number`.

    `number` is the arrondissement of « PARIS 16E », null elsewhere. A name in parentheses is left aside.
    """
    words = normalise(pl.col(column))
    name = words.str.replace_all(_NOISE, " ").str.replace_all(r" {2,}", " ").str.strip_chars(" ")
    name = name.str.replace_all(r"\bSTE?\b", "SAINT").str.replace_all(r"\bSAINTE\b", "SAINT")
    return frame.with_columns(
        name=name.str.replace(r"^(?:LE|LA|LES|L) ", ""), number=words.str.extract(_NUMBER).cast(pl.Int32)
    )


def agreeing(written: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The pairs of `written` (code, place) with `agrees`: the place is a name that `names` (code, name, number) gives.

    One name may be the beginning of the other (« CLERMONT » for Clermont-Ferrand); two arrondissements must be the
    same. Pairs whose code has no name are left out.
    """
    told = place_names(written, "place").join(names, "code", suffix="_known")
    words, known = pl.col("name").str.split(" "), pl.col("name_known").str.split(" ")
    within = (words.list.set_difference(known).list.len() == 0) | (known.list.set_difference(words).list.len() == 0)
    same_number = (pl.col("number") == pl.col("number_known")).fill_null(value=True)
    return told.group_by("code", "place").agg(agrees=(within & same_number).any())


@cache
def commune_names() -> pl.DataFrame:
    """Every name that a code stands for: those it bore since 1943, and those of what it merged with [code, name,
    number]."""
    own = communes().select("code", "label")
    moves = commune_successors().select("code", "successor")
    kept = own.join(moves, "code").select(code="successor", label="label")
    after = own.rename({"code": "successor"}).join(moves, "successor").select("code", "label")
    every = pl.concat([own, kept, after]).unique()
    return place_names(every, "label").select("code", "name", "number").unique()


@cache
def postcode_names() -> pl.DataFrame:
    """The names of the communes that each postcode serves [code (the postcode), name, number, commune]."""
    served = postcodes().rename({"code": "commune"}).join(commune_names().rename({"code": "commune"}), "commune")
    return served.select("name", "number", "commune", code="postcode")


@cache
def former_departments() -> pl.DataFrame:
    """Prefixes of commune codes that were those of other territories until a day [prefix, until, territory].

    Source: service-public.fr F33078 (numéro de sécurité sociale): 91 to 94 Algeria, 95 Morocco, 96 Tunisia before
    independence.
    """
    path = rules_root() / "reference" / "former-departments.csv"
    return pl.read_csv(path, schema_overrides={"prefix": pl.String, "until": pl.Date})


def formerly_abroad_expr(code: pl.Expr, at: pl.Expr) -> pl.Expr:
    """Boolean: on day `at`, a code of this prefix was of a territory that has left France. Null when the day is
    needed and unknown."""
    prefixes = former_departments()
    return pl.any_horizontal(
        code.str.starts_with(prefix) & (at < until)
        for prefix, until in zip(prefixes["prefix"], prefixes["until"], strict=True)
    )
