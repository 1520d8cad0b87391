"""Pandera schemas built from the catalogue: the rule files are the one source of truth."""

from __future__ import annotations

from collections.abc import Sequence

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from rpps_audit.checks.predicates import Context, violation
from rpps_audit.checks.rule import Rule


def build_schema(rules: Sequence[Rule], context: Context, name: str) -> pa.DataFrameSchema:
    """A pandera schema with one check per rule, named after it.

    The checks look at whole records because a rule may read several columns; `strict=False` leaves the others alone.
    """
    return pa.DataFrameSchema(checks=[_check(rule, context) for rule in rules], name=name, strict=False)


def broken_rows(schema: pa.DataFrameSchema, batch: pl.DataFrame) -> dict[str, pl.Series]:
    """By rule id, the row positions of `batch` that break it (UInt32). Rules nobody breaks are absent.

    Reads each check's own output, one Boolean per row: pandera's `failure_cases` would copy whole records, with the
    personal data in them, and is far slower.
    """
    try:
        schema.validate(batch, lazy=True)
    except SchemaErrors as errors:
        return {str(error.check.name): _rows(error) for error in errors.schema_errors}
    return {}


def _rows(error: SchemaError) -> pl.Series:
    if error.check_output is None:
        # The check itself could not run: that must never look like a clean or a broken record.
        raise RuntimeError(f"le contrôle {getattr(error.check, 'name', '?')} n'a pas pu être évalué : {error}")
    verdicts: pl.DataFrame = error.check_output
    return verdicts.get_column(verdicts.columns[-1]).not_().arg_true()


def _check(rule: Rule, context: Context) -> pa.Check:
    respected = violation(rule, context).not_().alias("respected")
    return pa.Check(lambda data: data.lazyframe.select(respected), name=rule.id, n_failure_cases=1)
