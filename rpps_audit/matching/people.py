"""The people behind the lines: one row each, and every name they may be written under."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rpps_audit.matching.names import first_of, folded, glued, parts, shown

# What `names` says of where a name comes from, best first.
CIVIL, USED, DOUBLE, SWAPPED = "naissance", "usage", "composé", "inversé"
_NAMES = {"person": pl.Int64, "last": pl.String, "first": pl.String, "how": pl.String}


@dataclass(frozen=True)
class People:
    """`lines` with their `person`; `people` (person, birth_date); `places` (person, finess);
    `names` (person, last, first, last_folded, first_folded, how): every way of writing them."""

    lines: pl.DataFrame
    people: pl.DataFrame
    places: pl.DataFrame
    names: pl.DataFrame


def staff_people(roster: pl.DataFrame) -> People:
    """The people of a roster. A line with the same names and birth date as another is the same person's; without a
    birth date, the same names in the same establishment.

    `roster`: pp_id, birth_name, usage_name, first_name, birth_date, finess, and what else there is.
    """
    identity = [
        folded(pl.coalesce("birth_name", "usage_name")).fill_null("").alias("_last"),
        folded(pl.col("first_name")).fill_null("").alias("_first"),
        pl.coalesce(pl.col("birth_date").cast(pl.String), pl.col("finess"), pl.lit("")).alias("_with"),
    ]
    keyed = roster.with_columns(identity)
    lines = keyed.with_columns(person=_numbered(keyed, ["_last", "_first", "_with"])).drop("_last", "_first", "_with")
    civil = lines.select("person", last="birth_name", first="first_name", how=pl.lit(CIVIL))
    used = lines.select("person", last="usage_name", first="first_name", how=pl.lit(USED))
    swapped = civil.select("person", last="first", first="last", how=pl.lit(SWAPPED))
    return _people(lines, [civil, used, swapped])


def registered_people(registered: pl.DataFrame) -> People:
    """The people of the directory and the follow-up: one for each number.

    `registered`: professional_id, birth_name, first_names, exercise_name, exercise_first_name, birth_date, finess, ...
    """
    numbered = registered.filter(pl.col("professional_id").is_not_null())
    lines = numbered.with_columns(person=_numbered(numbered, ["professional_id"]))
    first = first_of(pl.col("first_names"))
    second = pl.col("first_names").str.split(",").list.get(1, null_on_oob=True).str.strip_chars(" ")
    used_first = pl.coalesce("exercise_first_name", first)
    civil = lines.select("person", last="birth_name", first=first, how=pl.lit(CIVIL))
    both = lines.select("person", last="birth_name", first=pl.concat_str(first, pl.lit(" "), second), how=pl.lit(USED))
    usual = lines.select("person", last="birth_name", first=used_first, how=pl.lit(USED))
    used = lines.select("person", last="exercise_name", first=used_first, how=pl.lit(USED))
    used_civil = lines.select("person", last="exercise_name", first=first, how=pl.lit(USED))
    return _people(lines, [civil, both, usual, used, used_civil])


def _people(lines: pl.DataFrame, named: list[pl.DataFrame]) -> People:
    people = lines.group_by("person", maintain_order=True).agg(pl.col("birth_date").drop_nulls().first())
    places = lines.select("person", "finess").drop_nulls().unique(maintain_order=True)
    names = pl.concat([frame.cast(_NAMES) for frame in named])  # type: ignore[arg-type]
    plain = names.with_columns(
        shown(pl.col("last")),
        shown(pl.col("first")),
        last_folded=folded(pl.col("last")),
        first_folded=folded(pl.col("first")),
    )
    in_one = [
        names.with_columns(last=pl.lit(None, pl.String), last_folded=word, first_folded=folded(pl.col("first")))
        for word in glued(pl.col("last"))
    ]
    double = (
        names.with_columns(last_folded=parts(pl.col("last")), first_folded=folded(pl.col("first")), how=pl.lit(DOUBLE))
        .explode("last_folded")
        .with_columns(last=pl.lit(None, pl.String))
    )
    every = pl.concat([plain, *in_one, double], how="diagonal").filter(
        pl.col("last_folded").is_not_null(), pl.col("first_folded").is_not_null()
    )
    names = every.unique(["person", "last", "first", "last_folded", "first_folded"], keep="first", maintain_order=True)
    return People(lines, people, places, names)


def _numbered(frame: pl.DataFrame, key: list[str]) -> pl.Series:
    """A number for each distinct key, from 0, in the order of the lines."""
    distinct = frame.select(key).unique(maintain_order=True).with_row_index("person")
    return frame.join(distinct, on=key, how="left", maintain_order="left")["person"].cast(pl.Int64)
