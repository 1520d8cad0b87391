"""Reading INSEE's files (code officiel géographique) into the shapes of `communes()` and `countries()`."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import date
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import polars as pl

from rpps_audit.errors import UnreadableInputError

COMMUNES_FILE = "v_commune_depuis_1943.csv"
OVERSEAS_FILE = "v_commune_outremer_depuis_1943.csv"
COUNTRIES_FILE = "v_pays_et_territoire_depuis_1943.csv"

# Delegated and associated communes (COMD, COMA) are left out: nobody's birth place is coded by them.
_KINDS = {"COM": "commune", "ARM": "arrondissement"}
_LEFT_OUT = ("COMD", "COMA")
_OVERSEAS = r"^(?:975|977|978|98)"
_FRANCE_IN_EXTRACTS, _FRANCE = "99000", "99100"
_FAR = date(9999, 12, 31)


class InseeHistory(NamedTuple):
    """What INSEE's zip holds: `communes` and `countries`, in the shapes of the functions of the same names."""

    communes: pl.DataFrame
    countries: pl.DataFrame


def read_insee_zip(path: Path) -> InseeHistory:
    """Read INSEE's zip of the code officiel géographique, whose three files are known by their own names.

    Raises `UnreadableInputError` when it is no zip, is damaged, or lacks a file or a column.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {PurePosixPath(name).name: name for name in archive.namelist()}
            missing = [name for name in (COMMUNES_FILE, OVERSEAS_FILE, COUNTRIES_FILE) if name not in members]
            if missing:
                raise UnreadableInputError(
                    f"{path.name} : il manque {', '.join(missing)}. Donnez le zip « code officiel géographique » "
                    "de l’Insee, tel que téléchargé."
                )
            mainland, overseas, world = (
                read_csv(archive.read(members[name]), f"{path.name}/{name}")
                for name in (COMMUNES_FILE, OVERSEAS_FILE, COUNTRIES_FILE)
            )
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UnreadableInputError(f"{path.name} : ce n’est pas un fichier zip lisible.") from error
    overseas = overseas.rename({"COM_COMER": "COM"}, strict=False)
    return InseeHistory(
        communes=pl.concat([read_communes(mainland, COMMUNES_FILE), read_communes(overseas, OVERSEAS_FILE)])
        .unique(maintain_order=True)
        .sort("code", "valid_from"),
        countries=read_countries(world, COUNTRIES_FILE),
    )


def read_csv(content: bytes, name: str) -> pl.DataFrame:
    """One of INSEE's CSV files as text columns, empty cells null: since 2024 every cell is quoted, even empty ones."""
    try:
        return pl.read_csv(io.BytesIO(content), infer_schema=False, encoding="utf8", null_values="")
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise UnreadableInputError(f"{name} : ce n’est pas un fichier CSV en UTF-8 séparé par des virgules.") from error


def read_communes(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The shape of `communes()`, from `COM`, `LIBELLE`, `DATE_DEBUT`, `DATE_FIN` and, in some files, `TYPECOM`."""
    _need(table, ("COM", "LIBELLE", "DATE_DEBUT", "DATE_FIN"), name)
    if "TYPECOM" not in table.columns:
        table = table.with_columns(TYPECOM=pl.lit("COM"))
    unknown = table.filter(~pl.col("TYPECOM").fill_null("").is_in([*_KINDS, *_LEFT_OUT])).height
    if unknown:
        raise UnreadableInputError(
            f"{name} : {unknown} ligne(s) d’un type de commune inconnu (colonne TYPECOM). Attendu : "
            f"{', '.join([*_KINDS, *_LEFT_OUT])}. Redonnez le zip de l’Insee, tel que téléchargé."
        )
    kept = _with_dates(table.filter(pl.col("TYPECOM").is_in(list(_KINDS))), ("DATE_DEBUT", "DATE_FIN"), name)
    overseas = pl.col("COM").str.contains(_OVERSEAS)
    rows = kept.select(
        code="COM",
        label="LIBELLE",
        valid_from="DATE_DEBUT",
        valid_to="DATE_FIN",
        kind=pl.when(overseas).then(pl.lit("overseas")).otherwise(pl.col("TYPECOM").replace_strict(_KINDS)),
    )
    return _without_overlaps(rows.sort("code", "valid_from"))


def _without_overlaps(rows: pl.DataFrame) -> pl.DataFrame:
    """Cut a row that spans the next one of its code into what comes before and after (Val-d'Épy, 39209)."""
    end = pl.col("valid_to").fill_null(_FAR)
    next_start, next_end = (pl.col(name).shift(-1).over("code") for name in ("valid_from", "valid_to"))
    spans = (end > next_start).fill_null(value=False)
    before = rows.with_columns(valid_to=pl.when(spans).then(next_start).otherwise("valid_to"))
    after = rows.with_columns(next_end=next_end).filter(spans, pl.col("next_end") < end)
    tails = after.with_columns(valid_from="next_end").drop("next_end")
    return pl.concat([before, tails]).sort("code", "valid_from")


def read_countries(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The shape of `countries()`, with France's second code added."""
    _need(table, ("COG", "CRPAY", "LIBCOG", "LIBENR", "DATE_DEBUT", "DATE_FIN"), name)
    found = _with_dates(table, ("DATE_DEBUT", "DATE_FIN"), name).select(
        code="COG",
        label="LIBCOG",
        official_label="LIBENR",
        attached_to="CRPAY",
        valid_from="DATE_DEBUT",
        valid_to="DATE_FIN",
    )
    second = found.filter(pl.col("code") == _FRANCE).with_columns(code=pl.lit(_FRANCE_IN_EXTRACTS))
    return pl.concat([found, second]).sort("code", "valid_from")


def read_movements(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """`code`, `date`, `successor`: each commune (or arrondissement) that another code follows on a day."""
    _need(table, ("DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"), name)
    moves = table.filter(
        pl.col("TYPECOM_AV").is_in(list(_KINDS)),
        pl.col("TYPECOM_AP").is_in(list(_KINDS)),
        pl.col("COM_AV") != pl.col("COM_AP"),
    )
    return _with_dates(moves, ("DATE_EFF",), name).select(code="COM_AV", date="DATE_EFF", successor="COM_AP")


def _with_dates(table: pl.DataFrame, columns: tuple[str, ...], name: str) -> pl.DataFrame:
    try:
        return table.with_columns(pl.col(columns).str.to_date("%Y-%m-%d"))
    except pl.exceptions.PolarsError as error:
        raise UnreadableInputError(
            f"{name} : une date n’est pas au format AAAA-MM-JJ (colonnes {', '.join(columns)})."
        ) from error


def _need(table: pl.DataFrame, columns: tuple[str, ...], name: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UnreadableInputError(
            f"{name} : colonnes manquantes : {', '.join(missing)}. Colonnes lues : {', '.join(table.columns)}."
        )
