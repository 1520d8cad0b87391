"""From clean, typed columns to the store's: one generated SELECT per file. An empty cell is null."""

from __future__ import annotations

import re
from collections.abc import Collection

from rpps_audit.ingest.cells import AMBIGUOUS, marks_ambiguity
from rpps_audit.ingest.layouts import Column, Layout


def columns_of(layout: Layout, present: Collection[str], table: Collection[str]) -> dict[str, str]:
    """Store column → SQL expression over the clean columns, for the fields `present` in the file.

    `table` names the columns of the target table: it tells which dates have a `*_text` companion.
    """
    typed: dict[str, str] = {}
    for name, column in layout.fields().items():
        if name in present:
            typed |= _typed(name, column, table)
    return typed


def insert_sql(layout: Layout, typed: dict[str, str], snapshot_id: int, source: str) -> str:
    """Insert every row of `source` (clean columns and `line`) into the layout's table, in one statement."""
    derived = {name: sql for name, sql in layout.derived.items() if _known(sql, typed)}
    names = [*typed, *(name for name in derived if name not in typed)]
    outer = [f"{derived[name]} AS {name}" if name in derived else name for name in names]
    inner = [f"{sql} AS {name}" for name, sql in typed.items()]
    return (
        f"INSERT INTO {layout.table} (snapshot_id, line, {', '.join(names)}) "
        f"SELECT {snapshot_id}, line, {', '.join(outer)} FROM (SELECT line, {', '.join(inner)} FROM {source})"
    )


def carried(layout: Layout, typed: dict[str, str]) -> list[str]:
    """The typed columns a file carries, derived ones included: what its rules can be evaluated on."""
    return sorted({*typed, *(name for name, sql in layout.derived.items() if _known(sql, typed))})


def _typed(name: str, column: Column, table: Collection[str]) -> dict[str, str]:
    match column.type:
        case "date":
            beside = f"{name}_text"
            return {name: name} | ({beside: beside} if beside in table else {})
        case "yes_no":
            return {name: name}
        case "first_names" if marks_ambiguity(column):
            return {name: f"nullif({name}, '')", AMBIGUOUS: AMBIGUOUS}
    return {name: f"nullif({name}, '')"}


def _known(sql: str, typed: dict[str, str]) -> bool:
    """A derived column needs at least one field it names, or none at all (a constant)."""
    words = set(_words(sql))
    return "line" not in words and (not words or bool(words & set(typed)))


def _words(sql: str) -> list[str]:
    unquoted = re.sub(r"'[^']*'", " ", sql)
    keywords = {"case", "when", "like", "and", "then", "else", "end", "left"}
    return [word for word in re.findall(r"[a-z_]+", unquoted.lower()) if word not in keywords]
