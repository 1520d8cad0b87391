"""From decided corrections to the changes that a batch carries, with what their readers need beside the values."""

from __future__ import annotations

import polars as pl

from rpps_audit.batches.carried import Carried
from rpps_audit.corrections.changes import FIELD
from rpps_audit.corrections.fields import field_frame, fields, shown_expr
from rpps_audit.corrections.values import field_values, reading
from rpps_audit.records import State, person_of, place_of
from rpps_audit.store import Store, fetch_frame


def gather(store: Store, state: State, ready: pl.DataFrame) -> Carried | None:
    """One change per field, from corrections (the columns of the store's `correction_states`); None when none is left.

    The last correction of a field says the new value; a field that ends as the register has it is no change.
    """
    last = ready.sort("correction_id").group_by(FIELD, maintain_order=True).agg(
        pl.col("new", "kind", "rule_id", "source", "reason", "evidence", "nonce").last(),
        pl.col("author").unique(maintain_order=True).str.join(", ").alias("authors"),
        pl.col("correction_id").alias("ids"),
    )  # fmt: skip
    now = field_values(store, state, last).select(*FIELD, "line", "base")
    people, places = _around(store, state, last)
    found = (
        last.join(now, FIELD, "left", maintain_order="left")
        .filter(pl.col("new").ne_missing(pl.col("base")) & (pl.col("line").is_not_null() | (pl.col("kind") == "add")))
        .rename({"base": "before", "new": "after"})
        .join(field_frame().drop("type", "who"), ["table", "column"], "left", maintain_order="left")
        .with_columns(person_key=person_of(pl.col("record_key")))
        .join(people, "person_key", "left", maintain_order="left")
        .join(places, "record_key", "left", maintain_order="left")
        .with_columns(finess=pl.coalesce("finess", place_of(pl.col("record_key"))))
    )
    return Carried.of(_shown(found)) if found.height else None


def _around(store: Store, state: State, wanted: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who these people are, as the manager reads them, and where their situations are."""
    persons = wanted.select(person_of(pl.col("record_key"))).to_series()
    with reading(store, state, persons) as reader:
        people = fetch_frame(
            reader.execute(
                """SELECT record_key AS person_key, professional_id,
                      coalesce(substr(professional_id, 2), record_key) AS number,
                      replace(coalesce(professional_id, record_key), ':', '-') AS file,
                      concat_ws(' ', birth_name, first_names) AS person,
                      record_key IN (SELECT person_key FROM situation WHERE pending_request_date IS NOT NULL) AS waiting
               FROM professional QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY row_id) = 1"""
            )
        )
        places = fetch_frame(
            reader.execute(
                """SELECT record_key, finess, structure_name FROM situation
                   QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY row_id) = 1"""
            )
        )
    return people, places


def _shown(found: pl.DataFrame) -> pl.DataFrame:
    """Labels beside codes, as the portal shows them."""
    by_field = {(one.table, one.column): one for one in fields()}
    parts = [
        group.with_columns(
            shown_before=shown_expr(pl.col("before"), by_field[str(table), str(column)]),
            shown_after=shown_expr(pl.col("after"), by_field[str(table), str(column)]),
        )
        for (table, column), group in found.group_by("table", "column", maintain_order=True)
    ]
    return pl.concat(parts)
