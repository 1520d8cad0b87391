"""Where every reference comes from, in which version, how old: shown by `rpps-audit doctor`, cited by reports."""

import tomllib
from datetime import date

import polars as pl

from rpps_audit.reference.access import access_versions, load_access
from rpps_audit.reference.nomenclature import load_nomenclature, nomenclature_names
from rpps_audit.reference.root import rules_root

_SCHEMA = pl.Schema(
    {
        "reference": pl.String,
        "version": pl.String,
        "data_date": pl.Date,
        "source": pl.String,
        "rows": pl.Int64,
        "licence": pl.String,
    }
)


def provenance(today: date | None = None) -> pl.DataFrame:
    """One row per shipped reference.

    Columns `reference`, `version`, `data_date` (null when the source bears no date), `source`, `rows`, `licence`,
    `age_note` (French: the age of the data on `today`, by default the machine's date).
    """
    now = today or date.today()
    frame = pl.DataFrame([*_tables(), *_nomenclatures(), *_matrices()], schema=_SCHEMA, orient="row")
    months = (
        pl.lit(now.year * 12 + now.month) - pl.col("data_date").dt.year() * 12 - pl.col("data_date").dt.month()
    ).clip(0)
    age = (
        pl.when(pl.col("data_date").is_null())
        .then(pl.lit("source non datée"))
        .when(months < 1)
        .then(pl.lit("données de moins d’un mois"))
        .otherwise(pl.format("données de {} mois", months))
    )
    return frame.with_columns(age_note=age)


def _tables() -> list[tuple[object, ...]]:
    tables = tomllib.loads((rules_root() / "reference" / "PROVENANCE.toml").read_text("utf-8"))["table"]
    return [
        (t["title"], str(t["data_date"].year), t["data_date"], t["source"], t["rows"], t["licence"]) for t in tables
    ]


def _nomenclatures() -> list[tuple[object, ...]]:
    found = [load_nomenclature(name) for name in nomenclature_names()]
    return [(n.identifier, n.version, n.data_date, n.source, n.frame.height, n.licence) for n in found]


def _matrices() -> list[tuple[object, ...]]:
    found = [load_access(version) for version in access_versions()]
    return [(f"Droits d’accès ({m.status})", m.version, None, m.source, m.grants.height, "non précisée") for m in found]
