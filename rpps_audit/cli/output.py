"""What verbs print: sentences for people, JSON or tables for programs; progress only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from tqdm import tqdm


def say(text: str = "") -> None:
    """One line for the reader."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    """One JSON document; dates in ISO form."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def number(value: float) -> str:
    """1234567 as « 1 234 567 », with narrow no-break spaces."""
    return f"{value:,.0f}".replace(",", "\u202f")


def write_frame(frame: pl.DataFrame, form: str, out: Path | None = None) -> None:
    """A frame as csv, json, parquet or a readable table, to a file or the standard output (parquet: file only)."""
    if form == "json":
        text = json.dumps(frame.to_dicts(), ensure_ascii=False, default=str) + "\n"
    elif form == "csv":
        text = frame.write_csv()
    elif form == "parquet":
        frame.write_parquet(out or Path("/dev/stdout"))
        return
    else:
        with pl.Config(tbl_rows=40, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, fmt_str_lengths=60):
            text = str(frame) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, "utf-8")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[str, float], None]]:
    """A callback `(what, share from 0 to 1)` that moves a bar on a terminal and is silent elsewhere."""
    with tqdm(total=100, desc=title, disable=not sys.stderr.isatty(), bar_format="{desc:<38}{bar} {n:.0f} %") as bar:

        def tell(what: str, share: float) -> None:
            bar.set_description_str(f"{title} : {what}"[:38])
            bar.n = min(100.0, 100 * share)
            bar.refresh()

        yield tell
