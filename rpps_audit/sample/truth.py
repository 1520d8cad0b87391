"""The truth of a sample: the findings each file must give, and what becomes of them between the follow-ups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import IO

import polars as pl

from rpps_audit.sample.plants import BEFORE, NOW

COLUMNS = ["file", "rule_id", "table", "record_key", "column"]
_OF_A_SITUATION = ("structure_id", "start_date", "end_date", "role", "profession")
CYCLE_COLUMNS = ["rule_id", "record_key", "column", "state"]


def with_keys(lines: pl.DataFrame, carried: pl.Expr, first_line: int, columns: Collection[str]) -> pl.DataFrame:
    """The lines that carry a plant, with line, professional_key and situation_key as the store makes them.

    `columns` are those the file has. A situation is known by person, place and start; several alike, by their rank in
    the order of role, profession and end. Who has no number is `id:ligne N`: the store hashes civil identity with a key
    that only the workspace holds. People without a plant share nothing with others, so they are left out.
    """
    kept = lines.with_columns(line=pl.int_range(pl.len()) + first_line).filter(carried)
    held = {name: pl.col(name) if name in columns else pl.lit(None, pl.String) for name in _OF_A_SITUATION}
    person = pl.coalesce("professional_id", pl.format("id:ligne {}", "line"))
    place = pl.coalesce("finess", held["structure_id"], pl.lit("?"))
    start = held["start_date"].cast(pl.String)
    order = pl.struct(
        held["role"].fill_null(""), held["profession"].fill_null(""), held["end_date"].cast(pl.String).fill_null("")
    )
    rank = order.rank("dense").over(person, place, start)
    key = pl.concat_str(
        person,
        pl.lit("@"),
        place,
        pl.format("#{}", start).fill_null(""),
        pl.when(rank > 1).then(pl.format(".{}", rank)).otherwise(pl.lit("")),
    )
    return kept.with_columns(professional_key=person, situation_key=key)


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
    old = before["truth"].select(same).join(_moved(before["keys"], now["keys"]), on="record_key", how="left")
    old = old.with_columns(pl.coalesce("new_key", "record_key").alias("record_key")).select(same)
    new = now["truth"].select(same)
    kept = pl.concat([now["keys"]["professional_key"], now["keys"]["situation_key"]]).unique().implode()
    gone = old.join(new, on=same, how="anti", maintain_order="left").with_columns(
        state=pl.when(pl.col("record_key").is_in(kept)).then(pl.lit("corrigé")).otherwise(pl.lit("disparu"))
    )
    there = new.join(old.with_columns(known=True), on=same, how="left", maintain_order="left").select(
        *same, state=pl.when("known").then(pl.lit("persistant")).otherwise(pl.lit("nouveau"))
    )
    return pl.concat([there, gone]).select(CYCLE_COLUMNS)


def _moved(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """The situations whose start was corrected [record_key, new_key]: the same lines, the same person and place."""
    line = ["slot", "rank", "copy"]
    pairs = before.select(*line, record_key="situation_key").join(now.select(*line, new_key="situation_key"), on=line)
    old, new = pl.col("record_key"), pl.col("new_key")
    same_place = old.str.extract(r"^([^#]*)") == new.str.extract(r"^([^#]*)")
    return pairs.filter((old != new) & same_place).select("record_key", "new_key")


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
