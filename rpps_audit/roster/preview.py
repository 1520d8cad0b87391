"""Ten rows as they will be read, for a person to look at before anything is stored."""

from __future__ import annotations

import polars as pl

from rpps_audit.roster.contents import as_date
from rpps_audit.roster.jobs import propose_jobs
from rpps_audit.roster.places import propose_places
from rpps_audit.roster.proposal import Choice, fields
from rpps_audit.roster.reading import Table
from rpps_audit.roster.resolve import resolved

ROWS = 10
_DATES = ("birth_date", "start_date", "end_date")


def as_read(table: Table, choices: list[Choice], establishments: pl.DataFrame, rows: int = ROWS) -> pl.DataFrame:
    """The first rows with the store's columns, then `profession` and `role` as proposed for the function."""
    ours = {heading: field for heading, (field, _) in fields().items()}
    mapped = {ours[one.column]: table.column(one.heading) for one in choices if one.column}
    frame = pl.DataFrame({field: mapped.get(field, pl.Series([None] * table.rows.height, dtype=pl.String))
                          for field in ours.values()})  # fmt: skip
    typed = frame.with_columns(as_date(pl.col(name)).alias(name) for name in _DATES)
    read = resolved(typed, propose_places(typed["place"], establishments)).head(rows)
    jobs = propose_jobs(read["job"]).select("job", "profession", "role")
    return read.join(jobs, on="job", how="left", maintain_order="left").drop("full_name", "month")
