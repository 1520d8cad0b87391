"""The temporary tables an exposure stands on, in a connection of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rpps_audit.checks.views import situation_keys
from rpps_audit.exposure import queries
from rpps_audit.exposure.rolesets import RoleSets
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
        parts = [frame.clear().with_columns(record_key=pl.lit(None, pl.String))]
        for snapshot_id in frame["snapshot_id"].unique().sort():
            lines = frame.filter(pl.col("snapshot_id") == snapshot_id)
            reader = self.connection.cursor()
            try:
                keys = situation_keys(reader, snapshot_id, lines)
            finally:
                reader.close()
            parts.append(lines.join(keys, on="line"))
        return pl.concat(parts)


def make_tables(store: Store, run_ids: Sequence[int], sets: RoleSets, as_of: date) -> Tables:
    """Read the situations of the snapshots that `run_ids` judged."""
    # Temporary tables belong to the connection that made them: two exposures never meet.
    tables = Tables(store.connection.cursor(), tuple(run_ids), as_of)
    tables.give("role_bits", sets.bits)
    tables.give("weights", sets.weights)
    tables.make(f"CREATE TEMP TABLE registered_situations AS {queries.situations(as_of)}")
    tables.make(f"CREATE TEMP VIEW {ALL} AS {queries.placed('registered_situations', as_of)}")
    tables.make(f"CREATE TEMP VIEW {ACTIVE} AS SELECT * FROM {ALL} WHERE active")
    return tables
