"""The French words for the codes of the store: `rules/vocabulary.toml` and `rules/columns.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from rpps_audit.reference.root import rules_root


@cache
def words(table: str) -> Mapping[str, str]:
    """Code to French word, in the file's order. `table`: tables, columns, severities, categories, kinds or states."""
    return MappingProxyType(_file()[table])


@cache
def _file() -> dict[str, dict[str, str]]:
    columns = tomllib.loads((rules_root() / "columns.toml").read_text("utf-8"))["columns"]
    found = tomllib.loads((rules_root() / "vocabulary.toml").read_text("utf-8"))
    return found | {"columns": {column["name"]: column["label"] for column in columns}}
