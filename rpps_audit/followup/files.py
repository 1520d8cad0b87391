"""The follow-up as a file a manager completes in a spreadsheet and gives back: XLSX with three sheets, or CSV."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.followup.kept import conflicts, kept_cells, replace_cells, wide
from rpps_audit.followup.merge import written
from rpps_audit.followup.sourced import columns
from rpps_audit.ingest.layouts import header_key, layout
from rpps_audit.matching import Reconciliation
from rpps_audit.outputs import write_private
from rpps_audit.store import Store

# The two columns that say whose row it is; a row without them was added by hand.
KEYS = ("Clé (ne pas modifier)", "Lieu (ne pas modifier)")


def headings() -> dict[str, str]:
    """Store column → heading of the follow-up, in order."""
    return {str(column.field): column.header for column in layout("suivi").columns if column.field}


def write_followup(store: Store, workspace: Path, path: Path, found: Reconciliation | None = None) -> Path:
    """Write the follow-up to `.xlsx` (Suivi, Provenance, Conflits) or `.csv` (Suivi alone). Gives the path.

    Raises UsageError for another extension.
    """
    cells = kept_cells(store)
    told = conflicts(store, workspace, found) if found else pl.DataFrame()
    match path.suffix.lower():
        case ".csv":
            write_private(path, ("\ufeff" + _named(wide(cells)).write_csv(separator=";")).encode())
        case ".xlsx":
            write_private(path, _book(cells, told))
        case _:
            raise UsageError(f"{path} : le suivi s'écrit en .xlsx ou en .csv.")
    return path


def give_back(store: Store, path: Path, author: str = "") -> int:
    """Take a completed follow-up back: what differs from what is kept becomes written by hand. Gives how many cells.

    Columns the file lacks and cells left empty stay as they are; « (vide) » empties a cell.
    Raises UnreadableInputError when it is not a follow-up with its keys.
    """
    table = _read(path)
    keys = {header_key(name): name for name in table.columns}
    ours = {field: keys[header_key(name)] for field, name in headings().items() if header_key(name) in keys}
    person, place = (keys.get(header_key(name)) for name in KEYS)
    if person is None or place is None or not ours:
        raise UnreadableInputError(
            f"{path.name} : il manque les colonnes « {KEYS[0]} » et « {KEYS[1]} ». Repartez du fichier donné par "
            "rpps-audit suivi."
        )
    text = table.select(
        pl.col(person).alias("person"), pl.col(place).fill_null("").alias("finess"),
        *(pl.col(theirs).str.strip_chars(" \u00a0").replace("", None).alias(field) for field, theirs in ours.items()
          if field != "finess"),
    ).filter(pl.col("person").is_not_null() & (pl.col("person") != ""))  # fmt: skip
    given = text.unpivot(index=["person", "finess"], variable_name="column", value_name="value")
    cells = kept_cells(store)
    known = given.join(cells.select("person", "finess").unique(), on=["person", "finess"], how="semi")
    after = written(cells, known, pl.lit(date.today()), author)
    count = after.join(
        cells, on=["person", "finess", "column", "value", "by_hand"], how="anti", nulls_equal=True
    ).height
    replace_cells(store, after)
    return count


# -------------------------------------------------------------------------------------------------------------- files


def _named(table: pl.DataFrame) -> pl.DataFrame:
    return table.rename({"person": KEYS[0], "place": KEYS[1], **headings()})


def _book(cells: pl.DataFrame, told: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    values, sources = wide(cells), wide(cells, "source")
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        title = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        text = book.add_format({"num_format": "@"})
        by_hand = book.add_format({"num_format": "@", "bg_color": "#FFF2CC"})
        sheet = book.add_worksheet("Suivi")
        _fill(sheet, values, title, text)
        for row, column, value in _by_hand(cells, values).rows():
            sheet.write_string(row, values.columns.index(column), value, by_hand)
        sheet.set_column(0, 1, 12, text, {"hidden": True})
        _fill(book.add_worksheet("Provenance"), sources, title, text)
        clash = book.add_worksheet("Conflits")
        clash.write_row(0, 0, ["Clé", "Lieu", "Colonne", "Écrit à la main", "La source dit", "Source", "Du"], title)
        labels = headings()
        for row, one in enumerate(told.to_dicts(), start=1):
            shown = [one["person"], one["finess"], labels.get(one["column"], one["column"]), one["value"], one["other"],
                     one["source"], f"{one['told_on']:%d/%m/%Y}"]  # fmt: skip
            for place, cell in enumerate(shown):
                clash.write_string(row, place, cell or "", text)
    return buffer.getvalue()


def _by_hand(cells: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Where the cells written by hand stand in the sheet: row, column, value."""
    rows = values.select("person", finess="place").with_row_index("row", offset=1)
    hand = cells.filter("by_hand", pl.col("value").is_not_null(), pl.col("column").is_in(values.columns))
    return hand.join(rows, on=["person", "finess"]).select("row", "column", "value")


def _fill(sheet: xlsxwriter.worksheet.Worksheet, table: pl.DataFrame, title: object, text: object) -> None:
    sheet.set_column(0, table.width - 1, 18, text)
    sheet.write_row(0, 0, _named(table).columns, title)
    sheet.freeze_panes(1, 4)
    sheet.autofilter(0, 0, max(table.height, 1), table.width - 1)
    for place, name in enumerate(table.columns):
        sheet.write_column(1, place, [cell or "" for cell in table[name]], text)


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, separator=";", infer_schema=False)
        return pl.read_excel(path, sheet_name="Suivi", infer_schema_length=0)
    except FileNotFoundError as error:
        raise UnreadableInputError(f"{path} : fichier introuvable.") from error
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        raise UnreadableInputError(f"{path.name} : suivi illisible. Donnez le .xlsx ou le .csv complété.") from error


__all__ = ["KEYS", "columns", "give_back", "headings", "write_followup"]
