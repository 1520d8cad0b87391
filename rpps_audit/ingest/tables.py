"""What is read whole: the sheet of a workbook, INSEE's zip."""

from __future__ import annotations

from collections.abc import Callable, Generator

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.ingest.compose import Composer
from rpps_audit.ingest.keeper import Keeper
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition
from rpps_audit.ingest.workbook import forget, mended, sheets
from rpps_audit.reference import read_insee_zip

_CHUNK = 8 << 20
_MENDED = {
    "merged": "Cellules fusionnées : leur valeur est reprise sur {} lignes.",
    "shown": "Nombres lus comme leur format les affiche (zéros de tête compris) : {}.",
    "errors": "Cellules en erreur dans le classeur (#N/A, #REF!…), lues comme illisibles : {}.",
}


def read_workbook(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """The kept columns of the sheets of one kind; `line` is the row as it is numbered on the screen.

    The lines of a second sheet start above a power of ten that the first does not reach (row 2 of the second is
    10 002), so that a line says its sheet; a remark explains it. Empty rows are left aside.
    """
    _keep(recognition, keeper, tell)
    frames = sheets(recognition.source)
    told = [_MENDED[kind].format(count) for kind, count in sorted(mended(recognition.source).items()) if count]
    reading.remarks += told
    fields = recognition.fields()
    offset = 0
    for part in (recognition, *recognition.parts):
        if offset:
            reading.remarks.append(
                f"Feuille « {part.sheet} » : ses lignes sont comptées à partir de {offset} (ligne 2 : {offset + 2})."
            )
        composer = Composer(part)
        for batch in _sheet(frames[part.sheet], part, reading, offset):
            yield from _with_all(composer.table(pa.Table.from_batches([batch])), fields).to_batches()
        reading.remarks += composer.remarks()
        offset += 10 ** max(4, len(str(frames[part.sheet].height)))
    forget()


def _sheet(frame: pl.DataFrame, part: Recognition, reading: Reading, offset: int) -> Generator[pa.RecordBatch]:
    numbered = frame.with_row_index("line", offset=offset + 1)[part.header_lines :]
    filled = numbered.filter(~pl.all_horizontal(pl.all().exclude("line").fill_null("").str.strip_chars() == ""))
    names = [name for name in filled.columns if name != "line"]
    kept = part.kept()
    cells = filled.select(
        pl.col(names[place]).fill_null("").alias(column.field or "") for place, column in kept.items()
    )
    reading.add(cells.height, [], numbered.height - filled.height)
    yield from (
        _arrow(cells).append_column("line", _arrow(filled.select(pl.col("line").cast(pl.Int32)))["line"]).to_batches()
    )


def _with_all(table: pa.Table, fields: list[str]) -> pa.Table:
    """A sheet may lack a column that another has: its cells are empty."""
    for name in fields:
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(pa.scalar("", pa.string()), table.num_rows))
    return table


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
