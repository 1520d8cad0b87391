"""Invented establishments and operators, in real communes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from rpps_audit import reference
from rpps_audit.sample import numbers

_DATA = Path(__file__).parent / "data"
_REGION = ("01", "03", "07", "15", "26", "38", "42", "43", "63", "69", "73", "74")  # Auvergne-Rhône-Alpes
_ONE_REGION = 1_000
_PER_OPERATOR = 45
# Orders at the far end of each department's range, so that the numbers look like FINESS and are nobody's.
_SITES, _OPERATORS, _SPARE = 99_999, 69_999, 40_000
CLOSED_ON = date(2026, 6, 30)


def establishments(count: int, closed: int, seed: int) -> pl.DataFrame:
    """`count` open establishments, then `closed` closed ones; one operator for each 45, all in one region if they fit.

    Columns: finess, finess_legal, siret, structure_id, structure_name, structure_phone, structure_email, operator_name,
    operator_siren, category, category_label, group, group_label, department, commune, commune_label, postcode,
    opened_on, closed_on.
    """
    rank = np.arange(count + closed)
    rng = np.random.default_rng([seed, 1])
    towns = _towns(len(rank))
    town = towns[rng.integers(0, towns.height, len(rank))]
    kinds = pl.read_csv(_DATA / "establishments.csv", infer_schema=False)
    kind = kinds[rng.integers(0, kinds.height, len(rank))]
    places = pl.read_csv(_DATA / "places.txt", has_header=False, separator="\t", new_columns=["place"])
    place = places[rng.permutation(len(rank)) % places.height]["place"]
    # Ranks within a department: each gets its own order.
    order = town.with_columns(n=pl.int_range(pl.len()).over("department"))["n"].to_numpy()
    operator = rank // _PER_OPERATOR
    seat = town["department"].gather(operator * _PER_OPERATOR)
    sites = pl.concat(
        [
            kind,
            town,
            place.to_frame(),
            pl.DataFrame({"rank": rank, "operator": operator, "opened": rng.integers(0, 9_000, len(rank))}),
        ],
        how="horizontal",
    )
    return sites.with_columns(
        finess=numbers.finess(town["department"], _SITES - order),
        finess_legal=numbers.finess(seat, _OPERATORS - operator),
        siret=numbers.siret(rank + 1),
        structure_name=pl.concat_str("kind", pl.lit(" "), "place"),
        structure_phone=numbers.landline(rank),
        structure_email=pl.concat_str(
            pl.lit("accueil."), _slug("kind"), pl.lit("-"), _slug("place"), pl.col("rank") + 1, pl.lit("@asso.example")
        ),
        operator_name=pl.concat_str(pl.lit("ASSOCIATION DES SOURCES "), pl.col("operator") + 1),
        operator_siren=numbers.siret(operator + 90_000_00).str.head(9),
        opened_on=pl.lit(date(1985, 9, 1)) + pl.duration(days="opened"),
        closed_on=pl.when(pl.Series(rank >= count)).then(pl.lit(CLOSED_ON)),
    ).with_columns(structure_id="F" + pl.col("finess"))


def spare_finess(rank: numbers.Ints) -> pl.Series:
    """FINESS numbers with a true key that no establishment of the sample has."""
    department = pl.Series(_REGION).gather(pl.Series(rank // 10_000 % len(_REGION)))
    return numbers.finess(department, _SPARE + rank % 10_000)


def _towns(count: int) -> pl.DataFrame:
    """Today's communes with a postcode, of the region or of all the mainland but Corsica."""
    department = pl.col("code").str.head(2)
    wanted = department.is_in(_REGION) if count <= _ONE_REGION else department.str.contains("^[0-9]{2}$")
    today = reference.communes_at(date(2026, 1, 1)).filter(pl.col("kind") == "commune")
    return (
        today.join(reference.postcodes().unique("code", keep="first", maintain_order=True), on="code", how="inner")
        .filter(wanted, department < "97")
        .sort("code")
        .select(department=department, commune="code", commune_label="label", postcode="postcode")
    )


def _slug(name: str) -> pl.Expr:
    return reference.normalise(pl.col(name)).str.to_lowercase().str.replace_all("[^a-z0-9]+", "-")
