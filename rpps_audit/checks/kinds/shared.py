"""The kind `shared_value`: two different professionals carry the same value.

The hashes of every rule of the kind are made in one pass over the professionals: the table `marks`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import polars as pl

from rpps_audit.checks.kinds.folds import all_folded, present
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.links import link_numbers
from rpps_audit.checks.kinds.parameters import FOLD, Parameter, columns
from rpps_audit.checks.rule import Rule
from rpps_audit.records.folding import initial_sql
from rpps_audit.store import fetch_frame


def _shared_value(rule: Rule, fold: str, exact_columns: Sequence[str]) -> str:
    """The same folded value in all the columns, and the same `exact_columns`."""
    shared = f"""
        WITH shared AS (SELECT "{rule.id}" AS h FROM marks WHERE "{rule.id}" IS NOT NULL
                        GROUP BY h HAVING min(person) <> max(person))
        SELECT row_id, person, "{rule.id}" AS h FROM marks WHERE "{rule.id}" IN (SELECT h FROM shared)"""
    if not exact_columns:
        return f"SELECT row_id FROM ({shared})"
    # The marks were of the exact columns and the initials: folding names is dear, and few share all of these.
    return f"""
        WITH near AS ({shared}), folded AS (
            SELECT n.row_id, n.person, hash(n.h, {all_folded(rule.columns, fold)}) AS h
            FROM near n JOIN professional USING (row_id) WHERE {present(rule.columns)}
        ), shared AS (SELECT h FROM folded GROUP BY h HAVING min(person) <> max(person))
        SELECT row_id FROM folded WHERE h IN (SELECT h FROM shared)"""


def _comparable(rule: Rule, fold: str, exact_columns: Sequence[str]) -> str:
    wanted = present(["professional_id", *exact_columns, *rule.columns])
    return f"SELECT row_id FROM professional WHERE {wanted}"


def _make_marks(reader: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """`marks`: row_id, person, and a hash per rule or null, for the rows that share one of their hashes."""
    link_numbers(reader)
    marks = ", ".join(_mark(rule) for rule in rules)
    # Numbers that a file declares to be one person's share nothing with each other.
    made = f"""SELECT row_id, hash(coalesce(l.person, professional_id)) AS person, {marks}
               FROM professional LEFT JOIN linked l USING (professional_id) WHERE professional_id IS NOT NULL"""
    # With room to answer ahead of the reader every core hashes; with the usual megabyte, one.
    reader.execute("SET streaming_buffer_size = '64MB'")
    every = fetch_frame(reader.execute(made))
    reader.execute("RESET streaming_buffer_size")
    twice = [pl.col(rule.id).is_in(_repeated(every[rule.id]).implode()) for rule in rules]
    reader.register("marks_made", every.filter(pl.any_horizontal(twice)).to_arrow())
    # A table of its own: pushing a filter on 64-bit hashes down to Arrow fails.
    reader.execute("CREATE OR REPLACE TEMP TABLE marks AS SELECT * FROM marks_made")
    reader.unregister("marks_made")


def _repeated(hashes: pl.Series) -> pl.Series:
    """The values met more than once. Sorting numbers costs a fifth of grouping them."""
    ordered = hashes.drop_nulls().sort()
    return ordered.filter(ordered == ordered.shift()).unique()


def _mark(rule: Rule) -> str:
    return f'{_alike(rule, **rule.parameters)} AS "{rule.id}"'


def _alike(rule: Rule, fold: str = "exact", exact_columns: Sequence[str] = ()) -> str:
    content = all_folded(rule.columns, fold)
    if exact_columns:
        initials = (initial_sql(name) for name in rule.columns)
        content = ", ".join([*exact_columns, *initials])
    return f"CASE WHEN {present([*exact_columns, *rule.columns])} THEN hash({content}) END"


KINDS = (
    Kind(
        "shared_value",
        "deux numéros portent les mêmes valeurs dans toutes les colonnes",
        (
            Parameter("fold", FOLD, "comment deux textes se comparent", "exact"),
            Parameter("exact_columns", columns(), "les colonnes qui doivent être égales au caractère près", ()),
        ),
        many=True,
        tables=("professional",),
        query=_shared_value,
        population=_comparable,
        prepare=_make_marks,
        always=("professional_id",),
        alike=_alike,
    ),
)
