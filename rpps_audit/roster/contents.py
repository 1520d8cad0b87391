"""What the cells of a column are, whatever its heading says: the share of them of each nature."""

from __future__ import annotations

from datetime import date

import polars as pl

from rpps_audit.reference import normalise

_FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
# Day 1 of Excel's calendar is 1900-01-01, and it believes that 1900 was a leap year.
_SERIAL_ORIGIN = date(1899, 12, 30)
_OLDEST_WORKER, _YOUNGEST_WORKER = 80, 15
_ENDLESS = 2090
NATURES = {
    "rpps": "numéros RPPS",
    "nir": "numéros de sécurité sociale",
    "finess": "numéros FINESS",
    "siret": "numéros SIRET",
    "birth": "dates de naissance",
    "end": "dates, certaines très lointaines ou vides",
    "date": "dates",
    "month": "mois",
    "full_name": "noms et prénoms",
    "place": "établissements connus",
    "job": "fonctions connues",
    "words": "mots",
}


def as_date(cells: pl.Expr) -> pl.Expr:
    """A date written the French way, the ISO way or as a workbook's serial number; null for anything else."""
    text = cells.str.strip_chars(" ")
    serial = pl.when(text.str.contains(r"^\d{5}(\.0+)?$")).then(
        text.str.extract(r"^(\d{5})").cast(pl.Int64, strict=False)
    )
    whole = pl.when(text.str.contains(r"\d{4}")).then(text)
    tried = [whole.str.to_date(form, strict=False) for form in _FORMATS]
    return pl.coalesce(*tried, pl.lit(_SERIAL_ORIGIN) + pl.duration(days=serial))


def as_month(cells: pl.Expr) -> pl.Expr:
    """The first day of a month written 09/2026, 2026-09, 202609 or as one of its days."""
    text = cells.str.strip_chars(" ")
    french = pl.lit("01/") + text.str.extract(r"^(\d{1,2}[/.-]\d{4})$").str.replace(r"[.-]", "/").str.zfill(7)
    iso = text.str.extract(r"^(\d{4}-\d{2})$") + pl.lit("-01")
    packed = text.str.extract(r"^((?:19|20)\d{2}(?:0[1-9]|1[0-2]))$") + pl.lit("01")
    return pl.coalesce(
        french.str.to_date("%d/%m/%Y", strict=False),
        iso.str.to_date("%Y-%m-%d", strict=False),
        packed.str.to_date("%Y%m%d", strict=False),
        as_date(text).dt.truncate("1mo"),
    )


def shares(cells: pl.Series, places: pl.Series, jobs: pl.Series, today: date) -> dict[str, float]:
    """Nature → share of the filled cells, 0 to 1. `places` and `jobs`: known labels, normalised."""
    filled = cells.drop_nulls().to_frame("cell")
    if filled.is_empty():
        return dict.fromkeys(NATURES, 0.0)
    cell = pl.col("cell")
    compact = cell.str.replace_all(r"[\s\u00a0]", "")
    plain = normalise(cell)
    year = as_date(cell).dt.year()
    dated, empty = as_date(cell).is_not_null(), cells.null_count() / cells.len()
    worker = year.is_between(today.year - _OLDEST_WORKER, today.year - _YOUNGEST_WORKER)
    old = filled.select(year.median()).item()
    found = filled.select(
        rpps=compact.str.contains(r"^8?1\d{10}$").mean(),
        nir=compact.str.contains(r"^[1-478]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)\d[\dAB]\d{6}(?:\d{2})?$").mean(),
        siret=(compact.str.contains(r"^\d{14}$")).mean(),
        finess=(compact.str.contains(r"^\d[\dAB]\d{7}$") & as_date(compact).is_null()).mean(),
        birth=(worker & dated).mean(),
        end=dated.mean(),
        date=dated.mean(),
        month=(as_month(cell).is_not_null() & cell.str.contains(r"^\d{1,2}[/.-]\d{4}$|^\d{4}-?\d{2}$|^01[/.-]")).mean(),
        full_name=cell.str.contains(r"^(?:M\.?|Mme|MME|Mlle)?\s*\p{L}[\p{L}'’-]*[ ,]+\p{L}[\p{L}'’ ,.-]+$").mean(),
        place=(plain.is_in(places.implode()) | compact.is_in(places.implode())).mean(),
        job=plain.is_in(jobs.implode()).mean(),
        words=cell.str.contains(r"^\p{L}[\p{L}'’ .-]*$").mean(),
    ).row(0, named=True)
    if old is not None and old > today.year - 18:
        found["birth"] = 0.0
    if not (empty > 0.2 or filled.select((year >= _ENDLESS).any()).item()):
        found["end"] *= 0.9
    return {name: float(share or 0) for name, share in found.items()}
