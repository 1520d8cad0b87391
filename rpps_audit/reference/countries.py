"""Countries and territories since 1943 (INSEE, code officiel géographique)."""

from datetime import date
from functools import cache

import polars as pl

from rpps_audit.reference.communes import merge_intervals
from rpps_audit.reference.root import rules_root
from rpps_audit.reference.validity import FIRST_DAY, interval_expr, valid_at

# INSEE's code, and the one the registry's extracts also write.
FRANCE = ("99100", "99000")


@cache
def countries() -> pl.DataFrame:
    """Every country or territory since 1943, one row per code and name.

    Columns `code`, `label`, `official_label`, `attached_to`, `valid_from`, `valid_to`. `attached_to` is the code of
    the country it depended on. 99000 stands for France beside 99100. Source: INSEE.
    """
    return pl.read_parquet(rules_root() / "reference" / "countries.parquet")


@cache
def country_intervals() -> pl.DataFrame:
    """When each code existed: `code`, `valid_from` (null = 1943 or before), `valid_to`, sorted."""
    return merge_intervals(countries())


def countries_at(day: date) -> pl.DataFrame:
    """The countries of a day: columns of `countries()`."""
    return valid_at(countries(), max(day, FIRST_DAY))


def country_known_expr(code: pl.Expr) -> pl.Expr:
    """Boolean: `code` is or was a country (99000 and 99100 are France). Null when `code` is null."""
    return code.is_in(country_intervals()["code"].unique().implode())


def country_valid_expr(code: pl.Expr, at: pl.Expr) -> pl.Expr:
    """Boolean: country `code` existed at date `at`; an unknown code is False. Null when either is null."""
    return interval_expr(country_intervals(), code, at)


def is_france_expr(code: pl.Expr) -> pl.Expr:
    """Boolean: `code` is France, written 99100 or 99000. Null when `code` is null."""
    return code.is_in(FRANCE)
