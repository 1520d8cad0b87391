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
    answer = _holds_expr(intervals, code, at)
    otherwise = pl.lit(value=False) if unknown is None else unknown
    return pl.when(code.is_not_null() & at.is_not_null()).then(pl.coalesce(answer, otherwise))


def outdated_expr(intervals: pl.DataFrame, code: pl.Expr, at: pl.Expr) -> pl.Expr:
    """Boolean: `code` is one of `intervals` (see `interval_expr`), but held on another day than `at`.

    Null when either is null, and for an unknown code: that is another question.
    """
    return _holds_expr(intervals, code, at).not_()


def valid_at(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of a frame with `valid_from` and `valid_to` that hold on `day`."""
    starts, ends = pl.col("valid_from"), pl.col("valid_to")
    return frame.filter(starts.is_null() | (starts <= day), ends.is_null() | (ends > day))


def _holds_expr(intervals: pl.DataFrame, code: pl.Expr, at: pl.Expr) -> pl.Expr:
    """Whether the code holds on the day; null for an unknown code, or when either is null."""
    bounds = _bounds_by_code(intervals)
    codes = pl.Enum(bounds["code"])
    row, day = pl.col("row"), pl.col("day")
    holds = [
        (pl.lit(bounds[start]).gather(row) <= day) & (day < pl.lit(bounds[end]).gather(row))
        for start, end in zip(bounds.columns[1::2], bounds.columns[2::2], strict=True)
    ]

    def look_up(asked: pl.Series) -> pl.Series:
        # A physical Enum is a hash look-up from code to row of `bounds`. Done here, it is done once: polars would do it
        # again at each mention of the row.
        given = asked.struct.unnest().select(row=pl.col("code").cast(codes, strict=False).to_physical(), day="day")
        return given.select(pl.when(row.is_not_null() & day.is_not_null()).then(pl.any_horizontal(holds))).to_series()

    asked = pl.struct(code.cast(pl.String).alias("code"), at.cast(pl.Date).cast(pl.Int32).alias("day"))
    return asked.map_batches(look_up, return_dtype=pl.Boolean)


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
