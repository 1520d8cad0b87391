"""The communes of France since 1943 (INSEE): which code existed when, and what it became.

Birth places are coded by the commune *of that day*. Corsica is 20xxx before 1976-01-01, 2A/2B after; Mayotte
(976xx) starts on 2011-03-31; Saint-Barthélemy and Saint-Martin (97123, 97127) end on 2007-07-15; births in
Paris, Lyon and Marseille are coded by arrondissement. INSEE's history starts on 1943-01-01: an earlier date
is read as that day. What the shipped files do not hold (`rules/reference/not-covered.csv`) is answered null,
never False.
"""

from datetime import date
from functools import cache

import polars as pl

from rpps_audit.reference.names import normalise
from rpps_audit.reference.root import rules_root
from rpps_audit.reference.validity import FIRST_DAY, interval_expr, valid_at

# Whole cities whose births are coded by arrondissement: Paris, Marseille, Lyon.
SPLIT_CITIES = ("75056", "13055", "69123")

_ARTICLE = r"^(?:LE|LA|LES|L|AUX|LAS|LOS) "


@cache
def communes() -> pl.DataFrame:
    """Every commune since 1943, one row per code and name: `code`, `label`, `valid_from`, `valid_to`, `kind`.

    `valid_to` is the first day the row no longer holds, null today. `kind` is commune, arrondissement (Paris,
    Lyon, Marseille) or overseas (collectivities: their dates are unknown, both empty). Source: INSEE, see
    `provenance()`.
    """
    return pl.read_parquet(rules_root() / "reference" / "communes.parquet")


@cache
def commune_intervals() -> pl.DataFrame:
    """When each code existed: `code`, `valid_from` (null = 1943 or before), `valid_to`, sorted.

    Changes of name are joined. A code has several rows when it disappeared and came back (a merger undone): 268 codes.
    """
    return merge_intervals(communes())


def merge_intervals(frame: pl.DataFrame) -> pl.DataFrame:
    """Join the touching intervals of each code; one that starts with INSEE's history has an open start."""
    start = pl.col("valid_from").fill_null(FIRST_DAY)
    gap = start > pl.col("valid_to").shift().over("code")
    return (
        frame.sort("code", start)
        .with_columns(start=start, run=gap.fill_null(value=False).cum_sum().over("code"))
        .group_by("code", "run", maintain_order=True)
        .agg(valid_from=pl.col("start").first(), valid_to=pl.col("valid_to").last())
        .select(
            "code",
            pl.when(pl.col("valid_from") > FIRST_DAY).then("valid_from").alias("valid_from"),
            "valid_to",
        )
    )


@cache
def commune_successors() -> pl.DataFrame:
    """What a code became the day it stopped existing: `code`, `date`, `successor` (several if it was split)."""
    return pl.read_parquet(rules_root() / "reference" / "commune-successors.parquet")


@cache
def postcodes() -> pl.DataFrame:
    """The postcodes of today's communes: `postcode`, `code` (many to many)."""
    return pl.read_parquet(rules_root() / "reference" / "postcodes.parquet")


def communes_at(day: date) -> pl.DataFrame:
    """The communes of a day, with the names of that day: columns of `communes()`."""
    return valid_at(communes(), max(day, FIRST_DAY))


# -- expressions ------------------------------------------------------------------------------------------------


def commune_known_expr(code: pl.Expr) -> pl.Expr:
    """Boolean: `code` is or was a commune.

    Null when `code` is null, or when it may belong to a territory we have no file for.
    """
    known = code.is_in(commune_intervals()["code"].unique().implode())
    # False or nobody knows: nobody knows. Naming `known` twice would look every code up twice.
    return known | pl.when(~_begins(code, _not_covered()["prefix"])).then(pl.lit(value=False))


def commune_valid_expr(code: pl.Expr, at: pl.Expr) -> pl.Expr:
    """Boolean: commune `code` existed at date `at`; an unknown code is False.

    Null when either is null, or when the code is of a territory and a time we have no file for.
    """
    same_day = _not_covered().group_by("until", maintain_order=True).agg("prefix")
    uncovered = [
        _begins(code, prefixes) & (at < until)
        for until, prefixes in zip(same_day["until"], same_day["prefix"], strict=True)
    ]
    absent = pl.when(~pl.any_horizontal(uncovered)).then(pl.lit(value=False))
    return interval_expr(commune_intervals(), code, at, unknown=absent)


def commune_is_split_city_expr(code: pl.Expr) -> pl.Expr:
    """Boolean: `code` is the whole of Paris, Lyon or Marseille, where births are coded by arrondissement."""
    return code.is_in(SPLIT_CITIES)


@cache
def _not_covered() -> pl.DataFrame:
    return pl.read_csv(
        rules_root() / "reference" / "not-covered.csv",
        schema_overrides={"prefix": pl.String, "until": pl.Date},
    )


def _begins(code: pl.Expr, prefixes: pl.Series) -> pl.Expr:
    # A fifth of the time a pattern takes.
    return pl.any_horizontal(code.str.starts_with(prefix) for prefix in prefixes)


# -- search -----------------------------------------------------------------------------------------------------


def commune_search(name: str, at: date, limit: int = 20) -> pl.DataFrame:
    """Communes of day `at` whose name matches: `code`, `label`, `shown` (« Saint-Denis (93066) »), `kind`.

    Case, accents, hyphens and a leading article do not count, « St » is « Saint ». Exact names come first,
    then names starting with `name`, then names containing it. A commune code or a postcode of today may be
    given instead. Homonyms are all returned, as on the portal: the user chooses.
    """
    wanted = pl.select(_search_key(pl.lit(name))).item()
    if not wanted or limit < 1:
        return _shown(communes().clear())
    rank = (
        pl.when(
            (pl.col("key") == wanted) | (pl.col("code") == wanted) | pl.col("code").is_in(_codes_of_postcode(wanted))
        )
        .then(0)
        .when(pl.col("key").str.starts_with(wanted))
        .then(1)
        .when(pl.col("key").str.contains(wanted, literal=True))
        .then(2)
    )
    found = valid_at(_search_index(), max(at, FIRST_DAY)).with_columns(rank=rank).filter(pl.col("rank").is_not_null())
    return _shown(found.sort("rank", "key", "code").head(limit))


@cache
def _search_index() -> pl.DataFrame:
    return communes().with_columns(key=_search_key(pl.col("label")))


def _search_key(name: pl.Expr) -> pl.Expr:
    key = normalise(name).str.replace(_ARTICLE, "")
    return key.str.replace_all(r"\bST\b", "SAINT").str.replace_all(r"\bSTE\b", "SAINTE")


def _codes_of_postcode(postcode: str) -> list[str]:
    return postcodes().filter(pl.col("postcode") == postcode)["code"].to_list()


def _shown(found: pl.DataFrame) -> pl.DataFrame:
    return found.select("code", "label", pl.format("{} ({})", "label", "code").alias("shown"), "kind")
