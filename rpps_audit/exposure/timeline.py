"""Exposure on a time axis: who comes in and who goes out between two dates, by role set, then a running sum."""

from __future__ import annotations

from datetime import date

import polars as pl

from rpps_audit.exposure.rolesets import RoleSets

STEPS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}


def changes(segments: str, step: str) -> str:
    """SQL: how many people come in (+) or go out (-) of each role set [day, opens, justified, people].

    `day` is the first day shown on or after the change. `$as_of` is the last day shown.
    """
    return f"""
        WITH moves AS (
            SELECT opens, justified, unnest([begins, ends]) AS moved, unnest([1, -1]) AS people FROM {segments}
        )
        SELECT least(CAST(date_trunc('{step}', moved - 1) + INTERVAL 1 {step} AS DATE), $as_of::DATE) AS day,
               opens, justified, sum(people)::BIGINT AS people
        FROM moves WHERE moved <= $as_of::DATE GROUP BY ALL"""


def count(sets: RoleSets, moves: pl.DataFrame, step: str, last: date) -> pl.DataFrame:
    """The running sum of `moves` spread over document types [day, document_type, professionals,
    professionals_forgotten]; a document type open to nobody yet has no row."""
    moved = (
        sets.spread(moves)
        .group_by("document_type", "day")
        .agg(professionals=pl.col("people").sum(), professionals_forgotten=pl.col("people").filter("forgotten").sum())
    )
    days = pl.DataFrame({"day": _days(moved["day"].min(), step, last)}, schema={"day": pl.Date})
    shown = moved.select("document_type").unique().join(days, how="cross")
    totals = pl.col("professionals", "professionals_forgotten")
    return (
        shown.join(moved, on=["document_type", "day"], how="left")
        .sort("document_type", "day")
        .with_columns(totals.fill_null(0).cum_sum().over("document_type"))
        .select("day", "document_type", "professionals", "professionals_forgotten")
        .sort("day", "document_type")
    )


def _days(first: object, step: str, last: date) -> list[date]:
    if not isinstance(first, date):
        return []
    regular = pl.date_range(first, last, STEPS[step], eager=True).to_list()
    return sorted({*regular, last})
