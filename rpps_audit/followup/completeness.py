"""How much of what the portal asks for is known, by person and by establishment: `rules/followup/mandatory.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

import polars as pl

from rpps_audit.reference import rules_root


@cache
def mandatory() -> tuple[dict[str, Any], ...]:
    """The columns to collect, in the portal's order: name, group, ask, and only_when (column, values)."""
    text = (rules_root() / "followup" / "mandatory.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["column"])


def lacking(table: pl.DataFrame) -> pl.DataFrame:
    """person, place, column: each mandatory cell that is empty, in the portal's order. `table`: see `kept.wide`."""
    steps = []
    for rank, one in enumerate(mandatory()):
        empty = pl.col(one["name"]).is_null() | (pl.col(one["name"]) == "")
        when = one.get("only_when")
        asked = pl.col(when["column"]).fill_null("").is_in([*when["values"], ""]) if when else pl.lit(value=True)
        steps.append(
            table.filter(empty & asked).select("person", "place", rank=pl.lit(rank), column=pl.lit(str(one["name"])))
        )
    return pl.concat(steps).sort("place", "person", "rank").drop("rank")


def completeness(table: pl.DataFrame) -> pl.DataFrame:
    """finess, people, complete (people with nothing lacking), filled (share of the cells asked for, 0 to 1)."""
    count = len(mandatory())
    gaps = lacking(table).group_by("person", "place").len("gaps")
    people = (
        table.select("person", "place")
        .join(gaps, on=["person", "place"], how="left")
        .with_columns(pl.col("gaps").fill_null(0))
    )
    return people.group_by(finess="place").agg(
        people=pl.len().cast(pl.Int64),
        complete=(pl.col("gaps") == 0).sum().cast(pl.Int64),
        filled=1 - pl.col("gaps").sum() / (pl.len() * count),
    ).sort("finess")  # fmt: skip
