"""Pandera schemas built from the catalogue: the rule files are the one source of truth."""

from __future__ import annotations

from collections.abc import Sequence

import pandera.polars as pa
import polars as pl

from rpps_audit.checks.kinds import Context, violation
from rpps_audit.checks.rule import Rule


def build_schema(rules: Sequence[Rule], context: Context, name: str) -> pa.DataFrameSchema:
    """A pandera schema with one check per rule, named after it.

    The checks look at whole records because a rule may read several columns; `strict=False` leaves the others alone.
    """
    return pa.DataFrameSchema(checks=[_check(rule, context) for rule in rules], name=name, strict=False)


def broken_rows(schema: pa.DataFrameSchema, batch: pl.DataFrame) -> dict[str, pl.Series]:
    """By rule id, the row positions of `batch` that break it (UInt32). Rules nobody breaks are absent.

    Asks each check of the schema for its own output, one Boolean per row: `validate` would copy the failing records,
    with the personal data in them, to put them in its report. Raises RuntimeError for a check that could not run: that
    must never look like a clean or a broken record.
    """
    records = batch.lazy()
    broken = {}
    for check in schema.checks:
        try:
            verdicts = check(records).check_output.collect()
        except pl.exceptions.PolarsError as error:
            raise RuntimeError(f"le contrôle {check.name} n'a pas pu être évalué") from error
        rows = verdicts.to_series().not_().arg_true()
        if len(rows):
            broken[str(check.name)] = rows
    return broken


def _check(rule: Rule, context: Context) -> pa.Check:
    respected = violation(rule, context).not_().alias("respected")
    return pa.Check(lambda data: data.lazyframe.select(respected), name=rule.id, n_failure_cases=1)
