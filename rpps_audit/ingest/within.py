"""A national file is read whole and kept only for the workspace's perimeter: the rest is counted, never stored."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from rpps_audit.ingest.layouts import Layout
from rpps_audit.store import Store

# Kinds that hold everybody. The establishments stay whole: labels are looked up in them, and they are nobody's data.
NATIONAL = ("annuaire-public", "annuaire-restreint")
_PEOPLE = {
    "cartes": "pp_id",
    "mssante": "professional_id",
    "savoir-faire": "professional_id",
    "diplomes": "professional_id",
}


class Within:
    """What lets a line in: for each column, the values that do. Without columns, everything is in."""

    def __init__(self, columns: dict[str, list[str]]) -> None:
        self._columns = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        self.outside = 0

    def keep(self, batches: Generator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
        """The batches without the lines that are outside; those are counted."""
        try:
            for batch in batches:
                yield self._inside(batch) if self._columns else batch
        finally:
            batches.close()

    def _inside(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        present = [name for name in self._columns if name in batch.schema.names]
        inside = pa.array([False] * batch.num_rows, pa.bool_())
        for name in present:
            inside = pc.or_(inside, pc.is_in(batch[name], value_set=self._columns[name]))
        kept = batch.filter(inside)
        self.outside += batch.num_rows - kept.num_rows
        return kept


def within(store: Store, workspace: Path | None, layout: Layout) -> Within:
    """What the workspace keeps of a file of this layout.

    A registration is kept when its establishment is in the perimeter (by FINESS, by its operator, by SIRET), or when
    its number is that of somebody in the HR rosters: they may be registered elsewhere. Files about people (cards,
    mailboxes, skills, diplomas) are kept for the people already stored.
    """
    from rpps_audit.workspace import open_workspace

    perimeter = open_workspace(workspace).perimeter if workspace else None
    if not perimeter or layout.kind not in (*NATIONAL, *_PEOPLE):
        return Within({})
    if layout.kind in _PEOPLE:
        column = _PEOPLE[layout.kind]
        return Within({column: _values(store, f"SELECT DISTINCT {column} FROM registrations")})
    listed = ", ".join(f"'{one}'" for one in perimeter.establishments) or "NULL"
    ours = f"FROM establishments WHERE finess_legal = '{perimeter.operator}' OR finess IN ({listed})"
    finess = {*perimeter.establishments, *_values(store, f"SELECT DISTINCT finess {ours}")}
    return Within(
        {
            "finess": sorted(finess),
            "finess_legal": [perimeter.operator] if perimeter.operator else [],
            "siret": _values(store, f"SELECT DISTINCT siret {ours}"),
            "pp_id": _values(store, "SELECT DISTINCT pp_id FROM employments"),
        }
    )


def _values(store: Store, query: str) -> list[str]:
    return [row[0] for row in store.sql(query).fetchall() if row[0]]
