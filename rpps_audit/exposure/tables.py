"""The temporary tables an exposure stands on, in a connection of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rpps_audit.exposure import queries
from rpps_audit.exposure.rolesets import RoleSets
from rpps_audit.records import row_keys
from rpps_audit.store import Store, fetch_frame

ALL, ACTIVE = "held_situations", "active_situations"


@dataclass(frozen=True)
class Tables:
    """`held_situations` and, among them, `active_situations` (columns of `queries.situations` and `queries.placed`),
    `role_bits` and `weights` (see `RoleSets`)."""

    connection: duckdb.DuckDBPyConnection
    run_ids: tuple[int, ...]
    as_of: date

    def sql(self, query: str, **parameters: object) -> pl.DataFrame:
        """Run one query; `$runs` and `$as_of` are known to it."""
        known = {"runs": list(self.run_ids), "as_of": self.as_of}
        needed = {name: value for name, value in known.items() if f"${name}" in query}
        return fetch_frame(self.connection.execute(query, needed | parameters))

    def make(self, statement: str) -> None:
        """Run one statement that answers nothing."""
        self.connection.execute(statement, {"runs": list(self.run_ids)} if "$runs" in statement else {})

    def give(self, name: str, frame: pl.DataFrame) -> None:
        """Let queries read a small frame under a name."""
        self.connection.register(name, frame.to_arrow())

    def with_record_keys(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the record key of each [snapshot_id, line], as the checks give it."""
        reader = self.connection.cursor()
        try:
            keys = row_keys(reader, frame)
        finally:
            reader.close()
        return frame.join(keys, on=["snapshot_id", "line"], how="left", maintain_order="left")


def make_tables(store: Store, run_ids: Sequence[int], sets: RoleSets, as_of: date) -> Tables:
    """Read the situations of the files that `run_ids` judged."""
    # Temporary tables belong to the connection that made them: two exposures never meet.
    tables = Tables(store.connection.cursor(), tuple(run_ids), as_of)
    tables.give("role_bits", sets.bits)
    tables.give("weights", sets.weights)
    later = tables.sql(_LATER)["snapshot_id"].to_list()
    tables.make(f"CREATE TEMP TABLE registered_situations AS {queries.situations(as_of, later)}")
    tables.make(f"CREATE TEMP VIEW {ALL} AS {queries.placed('registered_situations', as_of)}")
    tables.make(f"CREATE TEMP VIEW {ACTIVE} AS SELECT * FROM {ALL} WHERE active")
    return tables


# The files whose data are later than the day asked: what they show closed may have been open then.
_LATER = """
    SELECT snapshot_id FROM snapshots WHERE data_date > $as_of AND snapshot_id IN
        (SELECT unnest(snapshots) FROM runs WHERE list_contains($runs, run_id))"""
