"""What verbs print: sentences for people, JSON or tables for programs; progress only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size

import polars as pl
from tqdm import tqdm

_ROWS = 50
_HEADINGS = {
    "access": "droits",
    "category": "famille",
    "column": "colonne",
    "document_type": "type de document",
    "documents": "types de document",
    "documents_forgotten": "ouverts par oubli",
    "establishments": "établissements",
    "file_name": "fichier",
    "findings": "constats",
    "finess": "FINESS",
    "forgotten_days": "jours d'oubli",
    "forgotten_since": "oublié depuis",
    "forgotten_situations": "situations oubliées",
    "label": "libellé",
    "line": "ligne",
    "name": "nom",
    "operator": "organisme",
    "person_days": "jours × types",
    "person_days_forgotten": "dont par oubli",
    "person_documents": "accès ouverts",
    "person_documents_forgotten": "dont par oubli ",
    "profession": "profession",
    "professional_id": "professionnel",
    "professionals": "personnes",
    "professionals_forgotten": "dont par oubli  ",
    "record_key": "enregistrement",
    "role": "rôle",
    "roles": "rôles",
    "rule_id": "contrôle",
    "severity": "gravité",
    "state": "état",
    "type_code": "code",
    "undated": "sans date",
    "unknown_roles": "rôle inconnu",
}


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
    if form == "parquet":
        frame.write_parquet(out or Path("/dev/stdout"))
        return
    if form == "json":
        text = json.dumps(frame.to_dicts(), ensure_ascii=False, default=str) + "\n"
    elif form == "csv":
        text = frame.write_csv()
    else:
        text = _table(frame)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, "utf-8")


def _table(frame: pl.DataFrame) -> str:
    """A table for people: French headings, whole words, and what is not shown said."""
    shown = frame.head(_ROWS).rename(lambda name: _HEADINGS.get(name, name.replace("_", " ")))
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
    with tqdm(total=100, desc=title, disable=not sys.stderr.isatty(), bar_format="{desc:<38}{bar} {n:.0f} %") as bar:

        def tell(what: str, share: float) -> None:
            bar.set_description_str(f"{title} : {what}"[:38])
            bar.n = min(100.0, 100 * share)
            bar.refresh()

        yield tell
