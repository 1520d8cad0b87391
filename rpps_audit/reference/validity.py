"""Is a code valid at a date? One polars expression over a table of intervals.

An interval is `[valid_from, valid_to)`: `valid_to` is the first day on which the code no longer holds. An
empty bound is open. A code may have several intervals (a commune merged, then restored).
"""

from datetime import date

import polars as pl

# INSEE's history starts here: an earlier date is read as this one.
FIRST_DAY = date(1943, 1, 1)

_ALWAYS, _NEVER = 2**31 - 1, -(2**31)


def interval_expr(intervals: pl.DataFrame, code: pl.Expr, at: pl.Expr, unknown: pl.Expr | None = None) -> pl.Expr:
    """Boolean: `code` has an interval holding at date `at`. Null when either is null.

    `intervals` has `code` (String), `valid_from`, `valid_to` (Date, null = open). A code that is in no
    interval gets `unknown` (default False). The expression looks the code up once and compares with as many
    intervals as the code with most of them has, so it runs on any frame, eager or lazy.
    """
    bounds = _bounds_by_code(intervals)
    # A physical Enum is a hash look-up from code to row of `bounds`; an unknown code becomes null.
    row = code.cast(pl.Enum(bounds["code"]), strict=False).to_physical()
    day = at.cast(pl.Int32)
    holds = [
        (pl.lit(bounds[start]).gather(row) <= day) & (day < pl.lit(bounds[end]).gather(row))
        for start, end in zip(bounds.columns[1::2], bounds.columns[2::2], strict=True)
    ]
    otherwise = pl.lit(value=False) if unknown is None else unknown
    answer = pl.when(row.is_null()).then(otherwise).otherwise(pl.any_horizontal(holds))
    return pl.when(code.is_not_null() & at.is_not_null()).then(answer)


def valid_at(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of a frame with `valid_from` and `valid_to` that hold on `day`."""
    starts, ends = pl.col("valid_from"), pl.col("valid_to")
    return frame.filter(starts.is_null() | (starts <= day), ends.is_null() | (ends > day))


def _bounds_by_code(intervals: pl.DataFrame) -> pl.DataFrame:
    """One row per code: `code`, then `start_i`, `end_i` as days since 1970 for each of its intervals."""
    lists = (
        intervals.select(
            "code",
            start=pl.col("valid_from").cast(pl.Int32).fill_null(_NEVER),
            end=pl.col("valid_to").cast(pl.Int32).fill_null(_ALWAYS),
        )
        .sort("code", "start")
        .group_by("code", maintain_order=True)
        .agg("start", "end")
    )
    width = lists.select(pl.col("start").list.len().max()).item() or 0
    # A missing interval is one that holds on no day.
    columns = [
        pl.col(name).list.get(i, null_on_oob=True).fill_null(missing).alias(f"{name}_{i}")
        for i in range(width)
        for name, missing in (("start", _ALWAYS), ("end", _NEVER))
    ]
    return lists.select("code", *columns)
