"""What is read whole: the sheet of a workbook, INSEE's zip."""

from __future__ import annotations

from collections.abc import Callable, Generator

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.ingest.keeper import Keeper
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition
from rpps_audit.ingest.workbook import read_sheet
from rpps_audit.reference import read_insee_zip

_CHUNK = 8 << 20


def read_workbook(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """The kept columns of a sheet; `line` is the row as Excel numbers it. Empty rows are left aside."""
    layout = recognition.layout
    assert layout is not None
    _keep(recognition, keeper, tell)
    sheet = read_sheet(recognition.source, recognition.sheet).with_row_index("line", offset=2)
    placed = zip(layout.columns, recognition.positions, strict=True)
    kept = {column.field: (column, place) for column, place in placed if column.field and place is not None}
    filled = sheet.filter(~pl.all_horizontal(pl.all().exclude("line").fill_null("").str.strip_chars() == ""))
    names = [name for name in filled.columns if name != "line"]
    frame = filled.select(pl.col(names[place]).fill_null("").alias(field) for field, (_, place) in kept.items())
    reading.add(frame.height, [], sheet.height - filled.height)
    yield from (
        _arrow(frame).append_column("line", _arrow(filled.select(pl.col("line").cast(pl.Int32)))["line"]).to_batches()
    )


def read_insee(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """Communes and countries with their dates of validity; `line` is their rank. Countries have the kind `country`."""
    _keep(recognition, keeper, tell)
    history = read_insee_zip(recognition.source.path)
    columns = ["code", "label", "valid_from", "valid_to", "kind"]
    countries = history.countries.with_columns(kind=pl.lit("country")).select(columns)
    frame = pl.concat([history.communes.select(columns), countries])
    reading.add(frame.height, [])
    text = frame.with_columns(pl.col("valid_from", "valid_to").cast(pl.String))
    yield from _arrow(text.with_row_index("line", 1).with_columns(pl.col("line").cast(pl.Int32))).to_batches()


def _keep(recognition: Recognition, keeper: Keeper, tell: Callable[[int], None]) -> None:
    with recognition.source.open() as stream:
        while chunk := stream.read(_CHUNK):
            keeper.take(chunk)
            tell(len(chunk))


def _arrow(frame: pl.DataFrame) -> pa.Table:
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    text = [pa.field(one.name, pa.string()) if pa.types.is_large_string(one.type) else one for one in table.schema]
    return table.cast(pa.schema(text))
