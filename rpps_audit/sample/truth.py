"""The truth of a sample: the findings each file must give, and what becomes of them between the follow-ups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO

import polars as pl

from rpps_audit.sample.plants import BEFORE, NOW

COLUMNS = ["file", "rule_id", "table", "record_key", "column"]
CYCLE_COLUMNS = ["rule_id", "record_key", "column", "state"]


def with_keys(lines: pl.DataFrame, carried: pl.Expr, first_line: int, has_structure_id: bool) -> pl.DataFrame:
    """The lines that carry a plant, with line, professional_key and situation_key as the store makes them.

    The second situation of a person in the same establishment is `#2`, by start date then line. People without a plant
    share nothing with others, so they are left out.
    """
    kept = lines.with_columns(line=pl.int_range(pl.len()) + first_line).filter(carried)
    twin = pl.int_range(1, pl.len() + 1).over("professional_id", "finess")
    numbered = pl.when(pl.col("professional_id").is_not_null() & (twin > 1)).then(pl.concat_str(pl.lit("#"), twin))
    person = pl.coalesce("professional_id", pl.concat_str(pl.lit("ligne:"), "line"))
    place = pl.coalesce("finess", "structure_id" if has_structure_id else pl.lit("?"), pl.lit("?"))
    return (
        kept.sort("start_date", "line", nulls_last=True)
        .with_columns(
            professional_key=person,
            situation_key=pl.concat_str(person, pl.lit("@"), place, numbered.fill_null("")),
        )
        .sort("line")
    )


def truth(lines: pl.DataFrame, expected: pl.DataFrame, kind: str, file: str) -> pl.DataFrame:
    """The expected findings of a file for these keyed lines: COLUMNS, one row a finding."""
    wanted = expected.filter(file=kind).drop("file")
    keyed = lines.select("slot", "rank", "copy", "professional_key", "situation_key")
    matched = wanted.join(keyed, on=["slot", "copy"], how="inner", maintain_order="right").filter(
        pl.col("wanted_rank").is_null() | (pl.col("wanted_rank") == pl.col("rank"))
    )
    key = pl.when(pl.col("table") == "professional").then("professional_key").otherwise("situation_key")
    return matched.with_columns(file=pl.lit(file), record_key=key).select(COLUMNS).unique(maintain_order=True)


def cycle(before: Mapping[str, pl.DataFrame], now: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The state of each finding of the two follow-ups: nouveau, persistant, corrigé or disparu.

    Both mappings have `truth` (COLUMNS) and `keys` (keyed lines). A finding whose record is no longer there is
    `disparu`, which proves nothing; `corrigé` when the record is still there.
    """
    same = ["rule_id", "record_key", "column"]
    old, new = before["truth"].select(same), now["truth"].select(same)
    kept = pl.concat([now["keys"]["professional_key"], now["keys"]["situation_key"]]).unique().implode()
    gone = old.join(new, on=same, how="anti", maintain_order="left").with_columns(
        state=pl.when(pl.col("record_key").is_in(kept)).then(pl.lit("corrigé")).otherwise(pl.lit("disparu"))
    )
    there = new.join(old.with_columns(known=True), on=same, how="left", maintain_order="left").select(
        *same, state=pl.when("known").then(pl.lit("persistant")).otherwise(pl.lit("nouveau"))
    )
    return pl.concat([there, gone]).select(CYCLE_COLUMNS)


class Ledger:
    """The truth files, written batch by batch beside the exports."""

    def __init__(self, findings: IO[bytes], states: IO[bytes]) -> None:
        self._findings, self._states, self.count = findings, states, 0
        findings.write((",".join(COLUMNS) + "\n").encode())
        states.write((",".join(CYCLE_COLUMNS) + "\n").encode())

    def add(self, found: Mapping[str, Mapping[str, pl.DataFrame]]) -> None:
        """Append the truth of one batch, by kind of file; the states too when both follow-ups are there."""
        for one in found.values():
            one["truth"].write_csv(self._findings, include_header=False)
            self.count += one["truth"].height
        if BEFORE in found and NOW in found:
            cycle(found[BEFORE], found[NOW]).write_csv(self._states, include_header=False)
