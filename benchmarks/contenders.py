"""The same row rules through other validators. Usage: contenders.py NAME PARQUET; prints how many failures it kept.

Every contender reads the same Parquet file of professionals and must say which rows fail which rule.
"""

from __future__ import annotations

import sys

import polars as pl

from benchmarks.rules import CONTEXT, row_rules
from rpps_audit.checks.kinds import violation
from rpps_audit.checks.schemas import broken_rows, build_schema


def ours(frame: pl.DataFrame) -> int:
    """Our schemas, reading each check's own output."""
    return sum(len(rows) for rows in broken_rows(build_schema(row_rules(frame.lazy()), CONTEXT, "p"), frame).values())


def pandera(frame: pl.DataFrame) -> int:
    """The same schema, reading pandera's own failure_cases."""
    import pandera.polars as pa
    from pandera.errors import SchemaErrors

    def check(rule):
        respected = violation(rule, CONTEXT).not_()
        return pa.Check(lambda data: data.lazyframe.select(respected), name=rule.id)

    schema = pa.DataFrameSchema(checks=[check(rule) for rule in row_rules(frame.lazy())], strict=False)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return errors.failure_cases.height
    return 0


def dataframely(frame: pl.DataFrame) -> int:
    """dataframely: a schema with one rule per rule, filtered."""
    import dataframely as dy

    types = {pl.String: dy.String, pl.Date: dy.Date, pl.Boolean: dy.Bool, pl.Int32: dy.Int32}
    members: dict[str, object] = {
        name: types[kind](nullable=True) for name, kind in frame.schema.items() if kind in types
    }
    for rule in row_rules(frame.lazy()):
        expression = violation(rule, CONTEXT).not_()
        members[rule.id.replace("-", "_")] = dy.rule()(lambda cls, e=expression: e)
    schema = type("Professionals", (dy.Schema,), members)
    _, failures = schema.filter(frame.select(list(set(members) & set(frame.columns))))
    return sum(failures.counts().values())


def pointblank(frame: pl.DataFrame) -> int:
    """pointblank: one step per rule."""
    import pointblank as pb

    plan = pb.Validate(frame)
    for rule in row_rules(frame.lazy()):
        plan = plan.col_vals_expr(expr=violation(rule, CONTEXT).not_())
    return sum(int(count) for count in plan.interrogate().n_failed().values())


def great_expectations(frame: pl.DataFrame) -> int:
    """Great Expectations on pandas: only the kinds it has an expectation for (presence, patterns, lists)."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("p")
    batch = asset.add_batch_definition_whole_dataframe("p")
    suite = context.suites.add(gx.ExpectationSuite(name="p"))
    for rule in row_rules(frame.lazy()):
        column = rule.column
        if rule.when:
            continue
        if rule.kind == "required" and len(rule.columns) == 1:
            suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column=column))
        elif rule.kind == "matches":
            pattern = rule.parameters["pattern"]
            suite.add_expectation(gx.expectations.ExpectColumnValuesToMatchRegex(column=column, regex=pattern))
        elif rule.kind == "one_of":
            values = rule.parameters["values"]
            suite.add_expectation(gx.expectations.ExpectColumnValuesToBeInSet(column=column, value_set=values))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="p", data=batch, suite=suite))
    answer = definition.run(batch_parameters={"dataframe": frame.to_pandas()}, result_format="COMPLETE")
    return sum(result.result.get("unexpected_count", 0) for result in answer.results)


if __name__ == "__main__":
    contender = {f.__name__: f for f in (ours, pandera, dataframely, pointblank, great_expectations)}[sys.argv[1]]
    print(contender(pl.read_parquet(sys.argv[2])), "défauts")
