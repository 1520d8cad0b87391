"""The corrected file: the export's own bytes, with the cells of the corrected records changed and nothing else."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from rpps_audit.corrections.fields import OF_A_SITUATION
from rpps_audit.corrections.values import RECORD_LINES, Extract, reading
from rpps_audit.errors import UsageError
from rpps_audit.ingest import Column, Recognition, open_original, recognise
from rpps_audit.store import Store, fetch_frame

_HEAD = 1 << 20
_BOM = b"\xef\xbb\xbf"
# As the loader reads them; the first is what the files use.
_DATE_FORMS = {
    r"\d\d/\d\d/\d{4}": "%d/%m/%Y",
    r"\d{4}-\d\d-\d\d": "%Y-%m-%d",
    r"\d{8}": "%Y%m%d",
    r"\d\d-\d\d-\d{4}": "%d-%m-%Y",
    r"\d\d\.\d\d\.\d{4}": "%d.%m.%Y",
}
_YES_NO = {"oui": "non", "o": "n", "vrai": "faux", "true": "false", "1": "0", "yes": "no"}


class Rewritten(NamedTuple):
    """The corrected file. `absent`: corrected columns that this layout does not have."""

    content: bytes
    absent: list[str]


class _Form(NamedTuple):
    """How the original writes its cells."""

    delimiter: bytes
    quote: bytes
    encoding: str
    places: Mapping[str, int]
    columns: Mapping[str, Column]


def rewrite(store: Store, folder: Path, facts: Extract, changes: pl.DataFrame) -> Rewritten | None:
    """Apply `changes` [table, record_key, column, new] to the original; None for a workbook or UTF-16, whose bytes are
    not lines.

    Raises UsageError when the original was not kept, or when a value cannot be written in its encoding.
    """
    with open_original(folder, facts.content_hash) as stream:
        original = stream.read()
    form = _form(original, facts)
    if form is None:
        return None
    with reading(store, facts.snapshot_id, facts.data_date) as reader:
        reader.register("changed", changes.select("table", "record_key").unique().to_arrow())
        lines = fetch_frame(reader.execute(RECORD_LINES))
    lines = lines.with_columns(added=pl.col("table") == "added", table=pl.col("table").replace("added", "situation"))
    cells = (
        lines.join(changes, ["table", "record_key"], maintain_order="left")
        .filter(pl.col("column").is_in(list(form.places)))
        .group_by("record_key", "line", "added", maintain_order=True)
        .agg("column", "new")
    )
    absent = sorted(set(changes["column"]) - set(form.places))
    return Rewritten(_spliced(original, cells, form), absent)


def _form(original: bytes, facts: Extract) -> _Form | None:
    """Recognise the original again: its header says where each column is."""
    with tempfile.TemporaryDirectory(prefix="rpps-audit-") as place:
        head = Path(place) / "original"
        head.write_bytes(original[:_HEAD])
        if original.startswith((b"PK\x03\x04", b"\xff\xfe", b"\xfe\xff")) or b"\n" not in original[:_HEAD]:
            return None
        seen: Recognition = recognise(head)
    if seen.layout is None:
        raise UsageError(
            f"{facts.file_name} : la copie de l'original n'est plus reconnue. Chargez de nouveau le fichier."
        )
    placed = list(zip(seen.layout.columns, seen.positions, strict=True))
    fields = {column.field: (column, place) for column, place in placed if column.field and place is not None}
    return _Form(
        seen.delimiter.encode(),
        seen.quote.encode(),
        facts.encoding,
        {name: place for name, (_, place) in fields.items()},
        {name: column for name, (column, _) in fields.items()},
    )


def _spliced(original: bytes, cells: pl.DataFrame, form: _Form) -> bytes:
    """The original with some lines replaced, and the added situations at its end. Loops over changed lines only."""
    ends = np.flatnonzero(np.frombuffer(original, np.uint8) == 10) + 1
    changed: dict[int, dict[str, str | None]] = {}
    added: list[tuple[int, dict[str, str | None]]] = []
    for line, is_new, columns, values in zip(
        *(cells[name].to_list() for name in ("line", "added", "column", "new")), strict=True
    ):
        wanted = dict(zip(columns, values, strict=True))
        if is_new:
            added.append((line, dict.fromkeys(OF_A_SITUATION) | wanted))
        else:
            changed[line] = changed.get(line, {}) | wanted
    pieces, done = [], 0
    for line in sorted(changed):
        start, end = _span(original, ends, line, form)
        pieces += [original[done:start], _rewritten(original[start:end], changed[line], form)]
        done = end
    pieces.append(original[done:])
    for line, wanted in added:
        start, end = _span(original, ends, line, form)
        newline = b"\r\n" if b"\r\n" in original[:_HEAD] else b"\n"
        if not pieces[-1].endswith(b"\n"):
            pieces.append(newline)
        model = _rewritten(original[start:end], changed.get(line, {}), form)
        pieces.append(_rewritten(model, wanted, form).rstrip(b"\r\n") + newline)
    return b"".join(pieces)


def _span(original: bytes, ends: np.ndarray, line: int, form: _Form) -> tuple[int, int]:
    """Where a record begins and ends; a quoted cell may hold line breaks."""
    start = int(ends[line - 2]) if line > 1 else 0
    last = line - 1
    while True:
        end = int(ends[last]) if last < len(ends) else len(original)
        if not form.quote or original.count(form.quote, start, end) % 2 == 0 or last >= len(ends):
            return start, end
        last += 1


def _rewritten(record: bytes, wanted: Mapping[str, str | None], form: _Form) -> bytes:
    body = record.rstrip(b"\r\n")
    raw = _cells(body, form)
    for name, value in wanted.items():
        place = form.places.get(name)
        if place is not None and place < len(raw):
            raw[place] = _cell(raw[place], value, form.columns[name], form)
    return form.delimiter.join(raw) + record[len(body) :]


def _cells(body: bytes, form: _Form) -> list[bytes]:
    """Cells as they stand, quotes included."""
    parts = body.split(form.delimiter)
    if not form.quote or form.quote not in body:
        return parts
    cells: list[bytes] = []
    is_open = False
    for part in parts:
        if is_open:
            cells[-1] += form.delimiter + part
        else:
            cells.append(part)
        is_open = cells[-1].count(form.quote) % 2 == 1
    return cells


def _cell(old: bytes, value: str | None, column: Column, form: _Form) -> bytes:
    quoted = bool(form.quote) and old.startswith(form.quote)
    before = (
        old.strip(form.quote).decode(form.encoding, "replace") if form.quote else old.decode(form.encoding, "replace")
    )
    try:
        text = _worded(value, before.strip(), column).encode(form.encoding)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"Colonne « {column.header} » : la nouvelle valeur a un caractère que l'encodage du fichier "
            f"({form.encoding}) ne sait pas écrire. Corrigez la valeur."
        ) from error
    special = form.delimiter in text or (bool(form.quote) and form.quote in text)
    if special and not form.quote:
        raise UsageError(f"Colonne « {column.header} » : la nouvelle valeur contient le séparateur du fichier.")
    if quoted or special:
        return form.quote + text.replace(form.quote, form.quote * 2) + form.quote
    return text


def _worded(value: str | None, before: str, column: Column) -> str:
    """A value of the store in the words of the file."""
    if value is None:
        return ""
    match column.type:
        case "date":
            form = next((style for shape, style in _DATE_FORMS.items() if re.fullmatch(shape, before)), "%d/%m/%Y")
            return date.fromisoformat(value).strftime(form)
        case "yes_no":
            return _yes_no(value == "true", before)
        case "first_names":
            names = [name.strip() for name in value.split(",")]
            if column.separator == "'":
                # The restricted extract always has three places.
                return "'".join([*names, "", ""][: max(3, len(names))])
            return (", " if ", " in before or not before else ",").join(names)
    return value


def _yes_no(value: bool, before: str) -> str:
    words = next(((yes, no) for yes, no in _YES_NO.items() if before.lower() in (yes, no)), ("oui", "non"))
    word = words[0] if value else words[1]
    if before[:1].isupper():
        return word.capitalize() if before[1:].islower() or len(before) == 1 else word.upper()
    return word
