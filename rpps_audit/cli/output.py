"""What verbs print: sentences for people, JSON or tables for programs; progress only on a terminal."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from rpps_audit.journal import note

if TYPE_CHECKING:
    import polars as pl

_ROWS = 50


def say(text: str = "") -> None:
    """One line for the reader."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    """One JSON document; dates in ISO form."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def number(value: float) -> str:
    """1234567 as « 1 234 567 », with narrow no-break spaces."""
    return f"{value:,.0f}".replace(",", "\u202f")


FORMATS = ("csv", "csv-fr", "json", "parquet", "table")


def write_frame(frame: pl.DataFrame, form: str, out: Path | None = None) -> None:
    """A frame as csv, csv-fr, json, parquet or a readable table, to a file (mode 0600) or the standard output.

    csv-fr is for a spreadsheet in French; parquet goes to a file only.
    """
    from rpps_audit.outputs import csv_bytes, json_bytes, write_private

    if form == "parquet":
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        content = buffer.getvalue()
    elif form == "json":
        content = json_bytes(frame)
    elif form.startswith("csv"):
        content = csv_bytes(frame, french=form == "csv-fr", titles=_titles(frame) if form == "csv-fr" else None)
    else:
        content = _table(frame).encode("utf-8")
    if out is not None:
        write_private(out, content)
    else:
        sys.stdout.write(content.decode("utf-8"))


def say_changes(frame: pl.DataFrame, *columns: str) -> None:
    """Corrections as a table: these columns of them, fields by their French labels, states in French."""
    import polars as pl

    from rpps_audit.corrections.deciding import FRENCH_STATES
    from rpps_audit.corrections.fields import fields

    labels = {one.column: one.label for one in fields()}
    words = {"column": labels, "state": FRENCH_STATES}
    shown = frame.select(columns)
    write_frame(
        shown.with_columns(pl.col(name).replace(known) for name, known in words.items() if name in shown.columns),
        "table",
    )


def note_export(workspace: Path, name: str, frame: pl.DataFrame, args: argparse.Namespace, numbers: bool) -> None:
    """Journal that a table of people was written into a file: what, how many rows, with or without their numbers."""
    if args.out is not None:
        data = {"table": name, "format": args.format, "rows": frame.height, "numbers": numbers, "file": args.out.name}
        note(workspace, "export-written", data)


def _titles(frame: pl.DataFrame) -> dict[str, str]:
    """The French heading of each column; where two of a table have the same, the second also says its own name."""
    from rpps_audit.reference import heading

    titles: dict[str, str] = {}
    for name in frame.columns:
        title = heading(name)
        titles[name] = f"{title} ({name})" if title in titles.values() else title
    return titles


def _table(frame: pl.DataFrame) -> str:
    """A table for people: French headings, whole words, and what is not shown said."""
    import polars as pl

    shown = frame.head(_ROWS).rename(_titles(frame))
    with pl.Config(
        tbl_rows=_ROWS,
        tbl_cols=-1,
        tbl_width_chars=max(get_terminal_size().columns, 200),
        tbl_formatting="UTF8_FULL_CONDENSED",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        fmt_str_lengths=60,
        thousands_separator=" ",
    ):
        text = str(shown).replace(" null ", "  —   ") + "\n"
    left = frame.height - shown.height
    return text + (f"… et {number(left)} lignes de plus : --format csv les donne toutes.\n" if left else "")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[str, float], None]]:
    """A callback `(what, share from 0 to 1)` that moves a bar on a terminal and is silent elsewhere."""
    from tqdm import tqdm

    with tqdm(total=100, desc=title, disable=not sys.stderr.isatty(), bar_format="{desc:<38}{bar} {n:.0f} %") as bar:

        def tell(what: str, share: float) -> None:
            bar.set_description_str(f"{title} : {what}"[:38])
            bar.n = min(100.0, 100 * share)
            bar.refresh()

        yield tell
