"""Small files a person can open in a spreadsheet: what was decided once of a label."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.outputs import write_private


def read_kept(path: Path, french: Mapping[str, str]) -> pl.DataFrame:
    """The file with our column names (`french`: its headings → ours), all text; empty when there is none.

    Raises UsageError naming the column that is missing.
    """
    if not path.exists():
        return pl.DataFrame(schema=dict.fromkeys(french.values(), pl.String))
    try:
        frame = pl.read_csv(path, separator=";", infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} : fichier illisible. Enregistrez-le en « CSV UTF-8 », séparateur « ; ».") from error
    missing = [name for name in french if name not in frame.columns]
    if missing:
        raise UsageError(f"{path} : il manque la colonne « {missing[0]} ». Attendu : {' ; '.join(french)}.")
    return frame.select(*french).rename(french)


def write_kept(path: Path, frame: pl.DataFrame, french: Mapping[str, str]) -> None:
    """Write the file whole, mode 0600, with its French headings."""
    ours = {name: heading for heading, name in french.items()}
    write_private(path, frame.rename(ours).write_csv(separator=";").encode())
