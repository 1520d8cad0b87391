"""The corrected file: the export's headings, then only the lines that are corrected, in its own layout and encoding."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import polars as pl

from rpps_audit.corrections.changes import Changes
from rpps_audit.corrections.fields import OF_A_SITUATION
from rpps_audit.corrections.values import RECORD_LINES, Extract, reading
from rpps_audit.errors import UsageError
from rpps_audit.ingest import Column, Recognition, open_original, recognise
from rpps_audit.records import State
from rpps_audit.store import Store, fetch_frame

_HEAD = 1 << 20
_BLOCK, _NEWLINE = 8 << 20, 10
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
    """The corrected file. `lines`: how many it has; `absent`: corrected columns that this layout does not have."""

    content: bytes
    lines: int
    absent: list[str]


class _Form(NamedTuple):
    """How the original writes its cells."""

    delimiter: bytes
    quote: bytes
    encoding: str
    places: Mapping[str, int]
    columns: Mapping[str, Column]


def rewrite(folder: Path, facts: Extract, lines: pl.DataFrame) -> Rewritten | None:
    """These lines of one original (see `lines_to_correct`), corrected; None for a workbook or UTF-16: no lines there.

    Nobody else's line is read into it: a package goes to people who have no business with the others. Raises UsageError
    when the original was not kept, or when a value cannot be written in its encoding.
    """
    with open_original(folder, facts.content_hash) as stream:
        head = stream.read(_HEAD)
        form = _form(head, facts)
        if form is None:
            return None
        cells = (
            lines.filter(pl.col("column").is_in(list(form.places)))
            .group_by("record_key", "line", "added", maintain_order=True)
            .agg("column", "new")
        )
        raw = _records(stream, sorted(set(cells["line"])), form)
    header = head[: head.find(b"\n") + 1] or head
    newline = b"\r\n" if header.endswith(b"\r\n") else b"\n"
    absent = sorted(set(lines["column"]) - set(form.places))
    return Rewritten(header + _written(raw, cells, form, newline), cells.height, absent)


def lines_to_correct(store: Store, state: State, changes: Changes) -> pl.DataFrame:
    """Where each change is made: a person's civil status stands on each of their lines, in each of their files.

    Columns: snapshot_id, line, record_key, added (a new line, after the model of this one), column, new.
    """
    lines = _lines(store, state, changes)
    lines = lines.with_columns(added=pl.col("table") == "added", table=pl.col("table").replace("added", "situation"))
    return lines.join(changes.frame, ["table", "record_key"], maintain_order="left").select(
        "snapshot_id", "line", "record_key", "added", "column", "new"
    )


def files_of(store: Store, state: State, changes: Changes) -> set[int]:
    """The files that hold the records of these changes."""
    return set(_lines(store, state, changes)["snapshot_id"])


def _lines(store: Store, state: State, changes: Changes) -> pl.DataFrame:
    with reading(store, state, changes.people) as reader:
        reader.register("changed", changes.records.to_arrow())
        return fetch_frame(reader.execute(f"FROM ({RECORD_LINES}) ORDER BY snapshot_id, line, record_key"))


def _form(head: bytes, facts: Extract) -> _Form | None:
    """Recognise the original again: its header says where each column is."""
    if head.startswith((b"PK\x03\x04", b"\xff\xfe", b"\xfe\xff")) or b"\n" not in head:
        return None
    with tempfile.TemporaryDirectory(prefix="rpps-audit-") as place:
        copy = Path(place) / "original"
        copy.write_bytes(head)
        seen: Recognition = recognise(copy)
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


def _written(raw: Mapping[int, bytes], cells: pl.DataFrame, form: _Form, newline: bytes) -> bytes:
    """The changed lines in their order, and the added situations after them. Loops over changed lines only."""
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
    pieces = [_rewritten(raw[line], changed[line], form) for line in sorted(changed)]
    for line, wanted in added:
        # The person's own line is the model of their further situation.
        pieces.append(_rewritten(_rewritten(raw[line], changed.get(line, {}), form), wanted, form))
    return b"".join(piece.rstrip(b"\r\n") + newline for piece in pieces)


def _records(stream: BinaryIO, lines: list[int], form: _Form) -> dict[int, bytes]:
    """The bytes of some records by their first line, whatever the size of the file; a quoted cell may hold breaks."""
    records = {}
    for line, start in _starts(stream, np.array(lines, np.int64)).items():
        stream.seek(start)
        record = stream.readline()
        while form.quote and record.count(form.quote) % 2 and (more := stream.readline()):
            record += more
        records[line] = record
    return records


def _starts(stream: BinaryIO, lines: np.ndarray) -> dict[int, int]:
    """Where each of these lines (sorted, the first is 1) begins: breaks are counted block by block."""
    starts = {1: 0} if 1 in lines else {}
    seen = place = 0
    stream.seek(0)
    while (last := len(lines) and int(lines[-1])) > seen + 1 and (block := stream.read(_BLOCK)):
        breaks = np.frombuffer(block, np.uint8) == _NEWLINE
        count = int(np.count_nonzero(breaks))
        here = lines[(lines - 1 > seen) & (lines - 1 <= seen + count)]
        if len(here):
            ends = np.flatnonzero(breaks)[here - 2 - seen] + 1 + place
            starts |= dict(zip(here.tolist(), ends.tolist(), strict=True))
        seen, place = seen + count, place + len(block)
    assert last == 0 or last in starts
    return starts


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
