"""When: who works where since when, and which situation is open, both at a day."""

from __future__ import annotations

from datetime import date

import polars as pl

from rpps_audit.matching.people import People


def spells_of(staff: People, linked: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One row for a person in an establishment, whatever the number of contracts or months.

    staff, registered, professional_id, level, reason (null when not linked), finess, present, start_date, left_on,
    profession, role, hr_file, hr_line, told_on. Two spellings of one professional make one spell.
    """
    lines = staff.lines.rename({"person": "staff"}).join(
        linked.select("staff", "registered", "professional_id", "level", "reason"), on="staff", how="left"
    )
    who = pl.coalesce(pl.col("registered").cast(pl.String), pl.lit("staff ") + pl.col("staff").cast(pl.String))
    here = pl.col("end_date").is_null() | (pl.col("end_date") > as_of)
    begun = lines.with_columns(who=who, here=here).sort("here", "end_date", "start_date", nulls_last=False)
    return begun.group_by("who", "finess", maintain_order=True).agg(
        pl.col("staff", "registered", "professional_id", "level", "reason").last(),
        pl.col("profession", "role", "hr_file", "hr_line").last(),
        pl.col("told_on").max(),
        pl.col("start_date").min(),
        present=pl.col("here").any(),
        left_on=pl.when(~pl.col("here").any()).then(pl.col("end_date").max()),
    ).drop("who")  # fmt: skip


def situations_of(known: People, as_of: date) -> pl.DataFrame:
    """One row for a professional in an establishment: registered, finess, open, start_date, roles, professions,
    national_profession, told_on. Open: a source that speaks of it does not say it is closed or ended.
    """
    closed = pl.col("is_open").not_().fill_null(value=False) | (pl.col("end_date") <= as_of).fill_null(value=False)
    lines = known.lines.rename({"person": "registered"}).with_columns(open=closed.not_())
    still = pl.col("open") | pl.col("open").any().over("registered", "finess").not_()
    return lines.filter(still).group_by("registered", "finess", maintain_order=True).agg(
        pl.col("start_date").min(),
        pl.col("national_profession").drop_nulls().first(),
        pl.col("told_on").max(),
        open=pl.col("open").any(),
        roles=pl.col("role").drop_nulls().unique(maintain_order=True),
        professions=pl.col("profession").drop_nulls().unique(maintain_order=True),
    )  # fmt: skip
