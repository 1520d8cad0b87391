"""From pairs to links: one professional for a staff member, or a question for a person."""

from __future__ import annotations

import polars as pl

from rpps_audit.matching.decisions import NOBODY
from rpps_audit.matching.people import DOUBLE, People
from rpps_audit.privacy import Pseudonyms

# From this level on, two staff members cannot be one professional.
_EXCLUSIVE = 4


def name_keys(side: People, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """staff (the person), name_key: a keyed hash of folded names and birth date, or establishment without a date."""
    named = side.names.filter(pl.col("how") != DOUBLE).group_by("person", maintain_order=True).first()
    place = side.places.group_by("person").agg(pl.col("finess").min())
    whole = side.people.join(named, on="person", how="left").join(place, on="person", how="left").select(
        staff="person",
        text=pl.concat_str(
            pl.col("last_folded").fill_null(""), pl.col("first_folded").fill_null(""),
            pl.coalesce(pl.col("birth_date").cast(pl.String), "finess", pl.lit("")), separator="|",
        ),
    )  # fmt: skip
    return whole.select("staff", name_key=pseudonyms.labels(whole["text"], "N"))


def settle(found: pl.DataFrame, decisions: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(linked, ambiguous): each with staff, registered, professional_id, level, reason, name_key.

    linked has one professional for a person; ambiguous every candidate of the others. A kept decision comes first.
    """
    decided, open_pairs = _decided(found, decisions)
    best = open_pairs.filter("sure").filter(pl.col("level") == pl.col("level").min().over("staff"))
    alone = best.filter(
        pl.len().over("staff") == 1,
        (pl.col("level") < _EXCLUSIVE) | (pl.col("staff").n_unique().over("registered") == 1),
    )
    linked = pl.concat([decided, alone])
    ambiguous = open_pairs.join(linked, on="staff", how="anti")
    columns = ["staff", "registered", "professional_id", "level", "reason", "name_key"]
    # Beside a sure candidate, what was only shown is not a candidate any more.
    sure = ambiguous.filter("sure").select("staff").unique()
    doubtful = pl.col("sure").not_() & pl.col("staff").is_in(sure["staff"].implode())
    return linked.select(columns), ambiguous.filter(~doubtful).select(columns)


def _decided(found: pl.DataFrame, decisions: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs a person chose, and those of the people nobody decided on."""
    if decisions is None or decisions.is_empty():
        return found.clear(), found
    told = decisions.select("name_key", chosen="professional_id", by="author")
    met = found.join(told, on="name_key", how="left")
    chosen = met.filter(pl.col("chosen") == pl.col("professional_id")).with_columns(
        reason=pl.lit("décidé par ") + pl.col("by") + pl.lit(" : ") + pl.col("reason")
    )
    # A decision for somebody who is no longer a candidate decides nothing: the question is asked again.
    answered = pl.concat([chosen["name_key"], met.filter(pl.col("chosen") == NOBODY)["name_key"]])
    rest = met.filter(~pl.col("name_key").is_in(answered.implode()))
    # Whoever was chosen is no candidate for somebody else, where one number is one person.
    free = rest.join(chosen.select("registered"), on="registered", how="anti")
    certain = rest.filter(pl.col("level") < _EXCLUSIVE)
    kept = pl.concat([free, certain]).unique(["staff", "registered"], keep="first", maintain_order=True)
    return chosen.select(found.columns), kept.select(found.columns)
