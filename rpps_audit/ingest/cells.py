"""Cells as text become clean, typed cells: trimmed, dates read, labels made codes, first names separated by ', '.

Done here, on columns in memory: it costs DuckDB ten times more. A plain cell is read at once; only the different odd
ones of a column are looked at closely (`dates`, `codes`). A cell that says something and cannot be read is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from rpps_audit.ingest.codes import code_list, read_codes, read_identifiers, read_yes_no
from rpps_audit.ingest.dates import ISO, ORIGIN_1900, PLAIN, plain_days, read_dates
from rpps_audit.ingest.layouts import Column, Layout
from rpps_audit.ingest.losses import Losses
from rpps_audit.ingest.understood import Said, understood

Mask = npt.NDArray[np.bool_]
AMBIGUOUS = "first_names_ambiguous"
# The restricted extract joins three first names, empty ones included: exactly two apostrophes, or one is in a name.
_JOINTS = 2
_NO_BREAK = "\t\n\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ZERO_WIDTH = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BLANKS = dict.fromkeys(_NO_BREAK, " ") | dict.fromkeys(_ZERO_WIDTH, "")


class Care(NamedTuple):
    """What a text may hold, so that no column is searched for what is nowhere.

    `spaced`: a cell may begin or end with a space; `blank`: no-break or zero-width blanks, tabs or line breaks;
    `decomposed`: accents apart from their letters.
    """

    spaced: bool = True
    blank: bool = True
    decomposed: bool = True


ANYTHING = Care()


class _Odd(NamedTuple):
    """Where the odd cells of one column are noted."""

    name: str
    lines: npt.NDArray[np.int64]
    losses: Losses


def clean(
    table: pa.Table,
    kept: Collection[Column],
    lines: npt.NDArray[np.int64],
    care: Care = ANYTHING,
    origin: date = ORIGIN_1900,
) -> tuple[pa.Table, Losses]:
    """The same columns, clean and typed, and what was lost, at `lines`.

    A date is date32, with `<field>_text` beside it for what is not a whole date; a yes/no is boolean; the rest is text,
    "" or null where absent. With `first_names` joined by apostrophes, adds `first_names_ambiguous`. `origin` is a
    workbook's day 0.
    """
    losses = Losses()
    cleaned: dict[str, Any] = {}
    for column in kept:
        name = column.field or ""
        cells = _plain_text(table[name], care)
        lengths, odd = _lengths(cells), _Odd(name, lines, losses)
        filled = lengths != 0
        losses.filled[name] += int(np.count_nonzero(filled))
        if column.type == "date":
            cleaned |= _dates(cells, filled, odd, origin)
        elif column.type == "yes_no":
            cleaned[name] = _yes_no(cells, filled, odd)
        elif column.type == "first_names":
            cleaned |= _first_names(_series(cells), column)
        elif name in understood("identifiers"):
            cleaned[name] = _identifiers(cells, lengths, odd)
        else:
            cleaned[name] = _codes(cells, filled, column, odd)
    return pa.table(cleaned), losses


def cleaned(
    batches: Iterable[pa.RecordBatch], layout: Layout, losses: Losses, origin: date = ORIGIN_1900
) -> Generator[pa.RecordBatch]:
    """The same for batches that were not split from text: text columns and `line`."""
    fields = layout.fields()
    for batch in batches:
        raw = pa.Table.from_batches([batch])
        present = [fields[name] for name in raw.column_names if name in fields]
        text = pa.table(
            {name: pc.fill_null(raw[name].cast(pa.string()), "") for name in raw.column_names if name in fields}
        )
        table, lost = clean(text, present, raw["line"].to_numpy(), origin=origin)
        losses.add(lost)
        yield from table.append_column("line", raw["line"]).combine_chunks().to_batches()


def batch_schema(layout: Layout, present: Collection[str]) -> pa.Schema:
    """The columns of every batch before it is cleaned: the fields `present` as text, and `line`."""
    return pa.schema([*((name, pa.string()) for name in layout.fields() if name in present), ("line", pa.int32())])


def clean_schema(layout: Layout, present: Collection[str]) -> pa.Schema:
    """The columns of every clean batch: the typed fields `present`, what cleaning adds, and `line`."""
    types = {"date": pa.date32(), "yes_no": pa.bool_()}
    columns: list[tuple[str, pa.DataType]] = []
    for name, column in layout.fields().items():
        if name in present:
            columns.append((name, types.get(column.type, pa.string())))
            columns += [(f"{name}_text", pa.string())] if column.type == "date" else []
            columns += [(AMBIGUOUS, pa.bool_())] if marks_ambiguity(column) else []
    return pa.schema([*columns, ("line", pa.int32())])


def marks_ambiguity(column: Column) -> bool:
    """Whether an apostrophe inside a first name cannot be told from the separator."""
    return column.type == "first_names" and column.separator == "'"


# ------------------------------------------------------------------------------------------------- kinds of columns


def _plain_text(column: pa.ChunkedArray, care: Care) -> pa.Array:
    cells = column.combine_chunks()
    if care.blank or care.decomposed:
        text = _series(cells)
        if care.decomposed:
            text = text.str.normalize("NFC")
        if care.blank:
            text = text.to_frame("cell").select(pl.col("cell").str.replace_many(_BLANKS)).to_series()
        cells = _text(text)
    return pc.ascii_trim(cells, " ") if care.spaced or care.blank else cells


def _dates(cells: pa.Array, filled: Mask, odd: _Odd, origin: date) -> dict[str, pa.Array]:
    nothing = pa.nulls(len(cells), pa.string())
    beside = f"{odd.name}_text"
    if not filled.any():
        return {odd.name: pa.nulls(len(cells), pa.date32()), beside: nothing}
    day, plain = _days(cells, PLAIN)
    if 2 * plain.sum() < filled.sum():
        day, plain = _days(cells, ISO)
    strange = filled & ~plain
    if not strange.any():
        return {odd.name: day, beside: nothing}
    told = _told(cells, strange, lambda words: read_dates(words, odd.name, origin), odd)
    return {
        odd.name: _put(day, strange, told.said.values, told),
        beside: _put(nothing, strange, told.said.texts, told),
    }


def _days(cells: pa.Array, form: str) -> tuple[pa.Array, Mask]:
    """The days written in one form, and which of them are plain."""
    day = _series(cells).str.to_date(form, strict=False)
    (first, last), days = plain_days(), day.to_physical()
    return day.to_arrow(), ((days >= first) & (days <= last)).to_arrow().fill_null(False).to_numpy(zero_copy_only=False)


def _yes_no(cells: pa.Array, filled: Mask, odd: _Odd) -> pa.Array:
    nothing = pa.nulls(len(cells), pa.bool_())
    if not filled.any():
        return nothing
    told = _told(cells, filled, read_yes_no, odd)
    return _put(nothing, filled, told.said.values, told)


def _identifiers(cells: pa.Array, lengths: npt.NDArray[np.int32], odd: _Odd) -> pa.Array:
    known = understood("identifiers")[odd.name]
    strange = lengths != 0
    if not strange.any():
        return cells
    if "plain" in known:
        strange &= ~_series(cells).str.contains(known["plain"]).to_numpy()
    # « 1,00000E+10 » is as long as an RPPS number.
    elif b"+" in cells.buffers()[2].to_pybytes():
        strange &= (lengths != known["length"]) | _series(cells).str.contains("+", literal=True).to_numpy()
    else:
        strange &= lengths != known["length"]
    if not strange.any():
        return cells
    told = _told(cells, strange, lambda words: read_identifiers(words, odd.name), odd)
    return _put(cells, strange, told.said.values, told)


def _codes(cells: pa.Array, filled: Mask, column: Column, odd: _Odd) -> pa.Array:
    """A known label becomes its code; anything else stays as it is."""
    known = code_list(column)
    if known is None or not filled.any():
        return cells
    told_apart = cells.dictionary_encode()
    other = np.array([word != "" and word not in known.codes for word in told_apart.dictionary.to_pylist()])
    if not other.any():
        return cells
    strange = other[told_apart.indices.to_numpy()]
    told = _told(cells, strange, lambda words: read_codes(words, known), odd)
    return _put(cells, strange, told.said.values, told)


def _first_names(names: pl.Series, column: Column) -> dict[str, Any]:
    """Empty names, which only pad, are dropped."""
    cleaned: dict[str, Any] = {}
    if marks_ambiguity(column):
        joints = names.replace("", None).str.count_matches("'", literal=True)
        cleaned[AMBIGUOUS] = (joints != _JOINTS).to_arrow()
        bare = names.str.strip_chars("'")
        # A gap between two first names is rare; a pattern costs far more than a plain replacement.
        gaps = bare.str.contains("''", literal=True).any()
        split = bare.str.replace_all("'+", ", ") if gaps else bare.str.replace_all("'", ", ", literal=True)
    else:
        at = column.separator
        split = names.str.strip_chars(f"{at} ").str.replace_all(rf"\s*{at}[\s{at}]*", ", ")
    return {column.field or "": _text(split), **cleaned}


# -------------------------------------------------------------------------------------------------------- odd cells


class _Told(NamedTuple):
    """What the different strange cells say, and which of them each strange cell is."""

    said: Said
    places: npt.NDArray[np.int32]


def _told(cells: pa.Array, strange: Mask, read: Callable[[list[str]], Said], odd: _Odd) -> _Told:
    """What each strange cell says; noted. A column holds few different strange cells: each is read once."""
    told_apart = cells.filter(pa.array(strange)).dictionary_encode()
    words, places = told_apart.dictionary.to_pylist(), told_apart.indices.to_numpy()
    said = read(words)
    odd.losses.note(odd.name, words, said, places, odd.lines[strange])
    return _Told(said, places)


def _put(plain: pa.Array, strange: Mask, values: list[Any], told: _Told) -> pa.Array:
    """`plain`, with `values` where `strange`."""
    return pc.replace_with_mask(plain, pa.array(strange), pa.array(values, plain.type).take(pa.array(told.places)))


def _lengths(cells: pa.Array) -> npt.NDArray[np.int32]:
    """Bytes of each cell, from the column's own offsets."""
    offsets = np.frombuffer(cells.buffers()[1], np.int32) if len(cells) else np.zeros(1, np.int32)
    lengths: npt.NDArray[np.int32] = np.diff(offsets[cells.offset : cells.offset + len(cells) + 1])
    return lengths


def _series(cells: pa.Array) -> pl.Series:
    found = pl.from_arrow(cells)
    assert isinstance(found, pl.Series)
    return found


def _text(cells: pl.Series) -> pa.Array:
    return cells.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
