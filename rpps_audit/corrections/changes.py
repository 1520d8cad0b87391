"""What is decided of fields, as one typed thing: which record, which column, what it becomes."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rpps_audit.records import person_of

FIELD = ("table", "record_key", "column")
# kind: edit, add (a field of a new situation) or request (a file to open, whose outcome nobody knows).
SCHEMA = pl.Schema(
    {"table": pl.String, "record_key": pl.String, "column": pl.String, "kind": pl.String, "new": pl.String}
)


@dataclass(frozen=True)
class Changes:
    """Changes of fields, one row each: `frame` has exactly the columns of SCHEMA, else TypeError."""

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        if self.frame.schema != SCHEMA:
            raise TypeError(f"changes have the columns {SCHEMA.names()}, not {self.frame.columns}")

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Changes:
        """From a frame that has these columns among others."""
        return cls(frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()))

    def __len__(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> frozenset[str]:
        """The columns they change."""
        return frozenset(self.frame["column"])

    @property
    def records(self) -> pl.DataFrame:
        """The records they change [table, record_key], once each."""
        return self.frame.select("table", "record_key").unique(maintain_order=True)

    @property
    def people(self) -> pl.Series:
        """Whom they are about."""
        persons = self.frame.select(person=person_of(pl.col("record_key"))).to_series()
        return persons.unique(maintain_order=True)

    def judged(self) -> Changes:
        """Those the rules are run with: a merge of duplicates is a request whose outcome nobody knows."""
        return Changes(self.frame.filter(pl.col("column") != "professional_id"))

    def applied(self) -> Changes:
        """Those that go into a corrected file: a request is addressed, not applied."""
        return Changes(self.frame.filter(pl.col("kind") != "request"))
