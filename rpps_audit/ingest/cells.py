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

from rpps_audit.ingest.codes import code_list, read_codes, read_identifiers, read_yes_no, yes_no_words
from rpps_audit.ingest.dates import ISO, ORIGIN_1900, PLAIN, plain_days, read_dates
from rpps_audit.ingest.layouts import Column, Layout
from rpps_audit.ingest.losses import Losses
from rpps_audit.ingest.understood import understood

AMBIGUOUS = "first_names_ambiguous"
# The restricted extract joins three first names, empty ones included: exactly two apostrophes, or one is in a name.
_JOINTS = 2
_NO_BREAK = "\t\n\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ZERO_WIDTH = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BLANKS = dict.fromkeys(_NO_BREAK, " ") | dict.fromkeys(_ZERO_WIDTH, "")
_ODD_PHONE = r"^(?:[1-9]\d{8}|33[1-9]\d{8}|\d+[.,]\d*(?:[eE]\+?\d+)?|\dE\+?\d+|=.*)$"


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
    lines: pl.Series
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
        lengths = _lengths(cells)
        losses.filled[name] += int(np.count_nonzero(lengths))
        odd = _Odd(name, pl.Series(lines), losses)
        if column.type == "date":
            cleaned |= _dates(cells, odd, origin)
        elif column.type == "yes_no":
            cleaned[name] = _yes_no(_series(cells), odd).to_arrow()
        elif column.type == "first_names":
            cleaned |= _first_names(_series(cells), column)
        elif name in understood("identifiers"):
            cleaned[name] = _identifiers(cells, lengths, odd)
        else:
            cleaned[name] = _codes(cells, column, odd)
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


def _plain_text(cells: pa.ChunkedArray, care: Care) -> pa.ChunkedArray:
    if care.blank or care.decomposed:
        text = _series(cells)
        if care.decomposed:
            text = text.str.normalize("NFC")
        if care.blank:
            text = text.to_frame("cell").select(pl.col("cell").str.replace_many(_BLANKS)).to_series()
        cells = pa.chunked_array([_text(text)])
    return pc.ascii_trim(cells, " ") if care.spaced or care.blank else cells


def _dates(cells: pa.ChunkedArray, odd: _Odd, origin: date) -> dict[str, Any]:
    if not odd.losses.filled[odd.name]:
        return {odd.name: pa.nulls(len(cells), pa.date32()), f"{odd.name}_text": pa.nulls(len(cells), pa.string())}
    text = _series(cells)
    day, plain = _days(text, PLAIN)
    if 2 * plain.sum() < odd.losses.filled[odd.name]:
        day, plain = _days(text, ISO)
    if plain.sum() == odd.losses.filled[odd.name]:
        return {odd.name: day.to_arrow(), f"{odd.name}_text": pa.nulls(len(cells), pa.string())}
    strange = (text != "") & ~plain.fill_null(value=False)
    told = _told(text, strange, lambda cells: read_dates(cells, odd.name, origin), odd)
    beside = _put(_nothing(text, pl.String), strange, told["text"])
    return {odd.name: _put(day, strange, told["value"]).to_arrow(), f"{odd.name}_text": _text(beside)}


def _days(text: pl.Series, form: str) -> tuple[pl.Series, pl.Series]:
    """The days written in one form, and which of them are plain (null where nothing is written so)."""
    day = text.str.to_date(form, strict=False)
    (first, last), days = plain_days(), day.to_physical()
    return day, (days >= first) & (days <= last)


def _yes_no(text: pl.Series, odd: _Odd) -> pl.Series:
    answers = text.replace_strict(yes_no_words(), default=None, return_dtype=pl.Boolean)
    if len(text) - answers.null_count() == odd.losses.filled[odd.name]:
        return answers
    strange = (text != "") & answers.is_null()
    return _put(answers, strange, _told(text, strange, read_yes_no, odd)["value"])


def _identifiers(cells: pa.ChunkedArray, lengths: npt.NDArray[np.int32], odd: _Odd) -> pa.ChunkedArray | pa.Array:
    known = understood("identifiers")[odd.name]
    if known.get("free"):
        if not lengths.any():
            return cells
        text = _series(cells)
        strange = text.str.contains(_ODD_PHONE) | ((text != "") & ~text.str.contains(f"^(?:{known['form']})$"))
    else:
        other = (lengths != 0) & (lengths != known["length"])
        # « 1,00000E+10 » is as long as an RPPS number.
        if not other.any() and not _holds(cells, b"+"):
            return cells
        text = _series(cells)
        strange = pl.Series(other) | text.str.contains("+", literal=True)
    if not strange.any():
        return cells
    return _text(
        _put(text, strange, _told(text, strange, lambda cells: read_identifiers(cells, odd.name), odd)["value"])
    )


def _codes(cells: pa.ChunkedArray, column: Column, odd: _Odd) -> pa.ChunkedArray | pa.Array:
    """A known label becomes its code; anything else stays as it is."""
    known = code_list(column)
    if known is None or not odd.losses.filled[odd.name]:
        return cells
    text = _series(cells)
    others = [cell for cell in text.unique().to_list() if cell and cell not in known.codes]
    if not others:
        return cells
    strange = text.is_in(others)
    return _text(_put(text, strange, _told(text, strange, lambda cells: read_codes(cells, known), odd)["value"]))


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


def _told(text: pl.Series, strange: pl.Series, read: Callable[[pl.Series], pl.DataFrame], odd: _Odd) -> pl.DataFrame:
    """What each strange cell says; noted. A column holds few different strange cells: each is read once."""
    cells = text.filter(strange).alias("cell")
    told = cells.to_frame().join(read(cells.unique()), on="cell", how="left", maintain_order="left")
    odd.losses.note(odd.name, told, odd.lines.filter(strange))
    return told


def _put(plain: pl.Series, strange: pl.Series, values: pl.Series) -> pl.Series:
    """`plain`, with `values` in turn where `strange`."""
    places = (strange.cast(pl.Int64).cum_sum() - 1).clip(0)
    return plain.zip_with(~strange, values.gather(places))


def _nothing(text: pl.Series, kind: type[pl.DataType]) -> pl.Series:
    return pl.Series("nothing", [None], kind).new_from_index(0, len(text))


def _lengths(cells: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Bytes of each cell, from the column's own offsets."""
    pieces = [
        np.diff(np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1])
        for chunk in cells.chunks if len(chunk)
    ]  # fmt: skip
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int32)


def _holds(cells: pa.ChunkedArray, byte: bytes) -> bool:
    return any(
        chunk.buffers()[2] is not None and byte in memoryview(chunk.buffers()[2]).tobytes() for chunk in cells.chunks
    )


def _series(cells: pa.ChunkedArray) -> pl.Series:
    found = pl.from_arrow(cells)
    assert isinstance(found, pl.Series)
    return found


def _text(cells: pl.Series) -> pa.Array:
    return cells.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
