"""What we understand in a cell that is not written as its column wants it: `rules/cells.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import polars as pl

from rpps_audit.reference import normalise, rules_root

# What reading the different odd cells of a column gives. `value` is null for a cell that is absent or withheld; `text`
# is what stays beside a null date; `cause` says why a cell was converted; `lost` marks a cell that could not be read.
READ = {"cell": pl.String, "value": pl.String, "text": pl.String, "cause": pl.String, "lost": pl.Boolean}


@cache
def understood(section: str) -> Mapping[str, Any]:
    """One section: yes_no, dates, identifiers, lists or causes."""
    return MappingProxyType(tomllib.loads((rules_root() / "cells.toml").read_text("utf-8"))[section])


def keys(words: Sequence[str]) -> list[str]:
    """Words as compared: uppercase, without accents, hyphens as spaces."""
    return pl.Series(words, dtype=pl.String).to_frame("word").select(normalise(pl.col("word"))).to_series().to_list()
