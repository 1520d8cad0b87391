"""Tiny literal files, one per layout, made from the layouts themselves: synthetic people only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rpps_audit.ingest import layout

PERSON = {
    "id_type": "8", "pp_id": "10100000017", "professional_id": "810100000017", "birth_name": "ROLEAU",
    "first_names": "PIERRE'DANIEL'", "birth_date": "26/08/1987", "birth_commune": "56260", "birth_country": "99000",
    "email": "p.roleau@exemple.fr", "finess": "560000019", "role": "GENR11", "profession": "313",
    "national_profession": "99", "exercise_name": "ROLEAU",
}  # fmt: skip


def text_of(layout_id: str, rows: Sequence[Mapping[str, str]], newline: str = "\n") -> str:
    """A file of this layout: header and rows, each cell placed by its field."""
    one = layout(layout_id)
    quote = one.quote
    end = one.delimiter if one.trailing_delimiter else ""
    header = [column.header for column in one.columns]
    lines = [header, *([row.get(column.field or "", "") for column in one.columns] for row in rows)]
    return newline.join([*(one.delimiter.join(f"{quote}{cell}{quote}" for cell in line) + end for line in lines), ""])


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file and give its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def restricted(folder: Path, count: int = 3, name: str = "extraction_20261101.txt") -> Path:
    """A restricted extract (51 columns) of `count` lines."""
    rows = [{**PERSON, "pp_id": f"101000000{k:02d}", "professional_id": f"8101000000{k:02d}"} for k in range(count)]
    return write(folder, name, text_of("annuaire-restreint-51", rows))
