"""Build the shipped reference data: `python -m rpps_audit.reference.build SOURCE_DIR [--out DIR]`.

SOURCE_DIR holds, under any name that fits the pattern (the year in the name is the year of the data):

- `*.zip`                       INSEE's own zip (code officiel géographique), preferred when present; otherwise
- `communes_depuis_1943*.csv`   TYPECOM, COM, LIBELLE, DATE_DEBUT, DATE_FIN
- `insee_pays_depuis_1943*.csv` COG, CRPAY, LIBCOG, LIBENR, DATE_DEBUT, DATE_FIN
- `*mvt_commune*.csv`           INSEE's movements, in both cases
- `communes_*_etalab.csv`       code, codesPostaux (separated by `|`), in both cases

The same sources give the same bytes. `PROVENANCE.toml` says what was built from what.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from rpps_audit.errors import UnreadableInputError
from rpps_audit.reference.communes import merge_intervals
from rpps_audit.reference.insee import read_communes, read_countries, read_csv, read_insee_zip, read_movements
from rpps_audit.reference.root import rules_root

COMMAND = "python -m rpps_audit.reference.build SOURCE_DIR"
LICENCE = "Licence Ouverte 2.0"

_ZIP, _COMMUNES, _COUNTRIES = "*.zip", "communes_depuis_1943*.csv", "insee_pays_depuis_1943*.csv"
_MOVEMENTS, _POSTCODES = "*mvt_commune*.csv", "communes_*_etalab.csv"


class Table(NamedTuple):
    """A table to ship: its file's name, a French title, its rows, where they come from."""

    name: str
    title: str
    frame: pl.DataFrame
    source: str
    files: tuple[Path, ...]


def build(source: Path, out: Path) -> list[Table]:
    """Read the sources, write the Parquet files and `PROVENANCE.toml` into `out`. Returns what was written.

    Raises `UnreadableInputError` when a source is missing or is not what it should be.
    """
    tables = _read(source)
    out.mkdir(parents=True, exist_ok=True)
    for table in tables:
        table.frame.write_parquet(out / f"{table.name}.parquet", compression="zstd", compression_level=19)
    (out / "PROVENANCE.toml").write_text(_provenance(tables), "utf-8")
    return tables


def _read(source: Path) -> list[Table]:
    archive = next(iter(sorted(source.glob(_ZIP))), None)
    if archive is not None:
        communes, countries = read_insee_zip(archive)
        communes_files, countries_files = (archive,), (archive,)
        origin = "Insee, code officiel géographique, communes depuis 1943"
    else:
        communes_files, countries_files = (_one(source, _COMMUNES),), (_one(source, _COUNTRIES),)
        communes = read_communes(_table(communes_files[0]), communes_files[0].name)
        countries = read_countries(_table(countries_files[0]), countries_files[0].name)
        origin = "Insee, code officiel géographique : communes depuis 1943, reconstituées à partir des mouvements"
    movements_file, postcodes_file = _one(source, _MOVEMENTS), _one(source, _POSTCODES)
    movements = read_movements(_table(movements_file), movements_file.name)
    return [
        Table("communes", "Communes depuis 1943", communes, origin, communes_files),
        Table(
            "commune-successors",
            "Codes de commune et leurs successeurs",
            successors(communes, movements),
            "Insee, code officiel géographique, mouvements de communes",
            (*communes_files, movements_file),
        ),
        Table(
            "countries",
            "Pays et territoires depuis 1943",
            countries,
            "Insee, code officiel géographique, pays et territoires depuis 1943",
            countries_files,
        ),
        Table(
            "postcodes",
            "Codes postaux des communes actuelles",
            read_postcodes(_table(postcodes_file)),
            "Insee et La Poste, découpage administratif publié par Etalab",
            (postcodes_file,),
        ),
    ]


def successors(communes: pl.DataFrame, movements: pl.DataFrame) -> pl.DataFrame:
    """`code`, `date`, `successor`: for each day a code stopped existing, the code or codes that took over.

    Where INSEE records no movement (Saint-Barthélemy, Saint-Martin), the overseas collectivity's commune of the
    same name.
    """
    ends = merge_intervals(communes).filter(pl.col("valid_to").is_not_null()).select("code", date="valid_to")
    moved = ends.join(movements, on=["code", "date"])
    last_names = communes.select("code", "label", date="valid_to")
    overseas = communes.filter(pl.col("kind") == "overseas").select("label", successor="code")
    renamed = (
        ends.join(movements, on=["code", "date"], how="anti")
        .join(last_names, on=["code", "date"])
        .join(overseas, on="label")
        .filter(pl.col("code") != pl.col("successor"))
        .select("code", "date", "successor")
    )
    return pl.concat([moved, renamed]).unique().sort("code", "date", "successor")


def read_postcodes(table: pl.DataFrame) -> pl.DataFrame:
    """`postcode`, `code`, one row per pair."""
    return (
        table.select(postcode=pl.col("codesPostaux").str.split("|"), code="code")
        .explode("postcode")
        .drop_nulls()
        .unique()
        .sort("postcode", "code")
    )


def _one(source: Path, pattern: str) -> Path:
    found = sorted(source.glob(pattern))
    if not found:
        raise UnreadableInputError(f"{source} : aucun fichier « {pattern} ».")
    return found[-1]


def _table(path: Path) -> pl.DataFrame:
    return read_csv(path.read_bytes(), path.name)


def _provenance(tables: list[Table]) -> str:
    lines = [f"# Écrit par `{COMMAND}` : ne pas modifier à la main.", ""]
    for table in tables:
        lines += [
            "[[table]]",
            f"file = {_quoted(f'{table.name}.parquet')}",
            f"title = {_quoted(table.title)}",
            f"rows = {table.frame.height}",
            f"source = {_quoted(table.source)}",
            f"licence = {_quoted(LICENCE)}",
            # A table is only as recent as the oldest of its sources.
            f"data_date = {min(_data_date(path) for path in table.files).isoformat()}",
            f"command = {_quoted(COMMAND)}",
            *(
                f"[[table.from]]\nfile = {_quoted(path.name)}\nsha256 = {_quoted(_sha256(path))}"
                for path in table.files
            ),
            "",
        ]
    return "\n".join(lines)


def _data_date(path: Path) -> date:
    """1 January of the year in the file's name (INSEE publishes the state of that day)."""
    years = [year for year in re.findall(r"(?<!\d)(?:19|20)\d{2}(?!\d)", path.name) if year != "1943"]
    if not years:
        raise UnreadableInputError(
            f"{path.name} : le nom du fichier doit contenir l’année des données (par exemple 2026)."
        )
    return date(int(years[-1]), 1, 1)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _quoted(text: str) -> str:
    # A JSON string without escapes beyond \" and \\ is a TOML string.
    return json.dumps(text, ensure_ascii=False)


def main(arguments: list[str] | None = None) -> None:
    """The command line; the default output is the `rules/reference` of this checkout."""
    parser = argparse.ArgumentParser(prog="python -m rpps_audit.reference.build", description="Build rules/reference.")
    parser.add_argument("source", type=Path, metavar="SOURCE_DIR")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args(arguments)
    for table in build(options.source, options.out or rules_root() / "reference"):
        print(f"{table.name}.parquet : {table.frame.height} lignes")


if __name__ == "__main__":
    main()
