"""The French words for the codes of the store: `rules/vocabulary.toml` and `rules/columns.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from rpps_audit.reference.root import rules_root


@cache
def words(table: str) -> Mapping[str, str]:
    """Code to French word, in the file's order. `table`: tables, columns, severities, categories, kinds,
    states or headings."""
    return MappingProxyType(_file()[table])


def heading(name: str) -> str:
    """What a column of a table is called: by the book of headings, else by the list of columns; the name itself when
    neither knows it (the column of a file, kept in its own words)."""
    found = _file()
    return found["headings"].get(name) or found["columns"].get(name) or name


@cache
def _file() -> dict[str, dict[str, str]]:
    columns = tomllib.loads((rules_root() / "columns.toml").read_text("utf-8"))["columns"]
    found = tomllib.loads((rules_root() / "vocabulary.toml").read_text("utf-8"))
    return found | {"columns": {column["name"]: column["label"] for column in columns}}
