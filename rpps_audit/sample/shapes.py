"""The shapes most planted defects have: a value of a person, of a situation, of a situation that ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.sample.plants import (
    BOTH,
    FOLLOW_UP,
    PUBLIC,
    Change,
    Finding,
    P,
    Plant,
    S,
)

FRANCE, ITALY = "99100", "99127"
OLD, RECENT = date(2026, 6, 15), date(2026, 10, 20)
EVERYWHERE = (*BOTH, PUBLIC)
NO_DAY = pl.lit(None, pl.Date)
NOTHING = pl.lit(None, pl.String)
RANK = pl.col("person").cast(pl.String).str.zfill(9)
IDENTITY = (
    "birth_name",
    "first_names",
    "birth_date",
    "birth_commune",
    "birth_place",
    "sex",
    "civility",
    "exercise_name",
    "exercise_first_name",
)


def person(
    rule: str, column: str, values: Mapping[str, Any], *also: Finding, files: tuple[str, ...] = BOTH, **more: Any
) -> Plant:
    """A defect of the person: one finding on `column`, and `also`."""
    return Plant([Finding(rule, P, column, files), *also], [Change(values)], **more)


def work(
    rule: str,
    column: str,
    values: Mapping[str, Any],
    *also: Finding,
    files: tuple[str, ...] = BOTH,
    rank: int = 0,
    **more: Any,
) -> Plant:
    """A defect of a situation: the only one, or the second of two when `rank` is 1."""
    found = [Finding(rule, S, column, files, rank), *also]
    return Plant(found, [Change(values, rank=rank)], situations=rank + 1, **more)


def closed(rule: str, column: str, values: Mapping[str, Any]) -> Plant:
    """A defect of a closed second situation, in the follow-up file alone."""
    ended = {
        "start_date": date(2024, 2, 5),
        "notice_date": date(2024, 2, 8),
        "end_date": date(2026, 5, 29),
        "end_reason": "CHL",
        "is_open": False,
        "last_confirmed": NO_DAY,
    }
    return work(rule, column, {**ended, **values}, files=FOLLOW_UP, rank=1)


def pair(rule: str, column: str, taken: Mapping[str, pl.Expr]) -> Plant:
    """A finding on each of two people, the second having taken something of the first."""
    return Plant([Finding(rule, P, column, partner=None)], [Change(taken, partner=True)])
