"""The reference files of a sample: its establishments as FINESS publishes them, and a small INSEE archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl

from rpps_audit import reference
from rpps_audit.sample.files import PLACES_FILE
from rpps_audit.sample.population import World

_STOCK_FILE = "etalab-cs1100502-stock-20261101.csv"
_COG_FILE = "code-officiel-geographique-extrait-2026.zip"
_STAMP = (2026, 1, 1, 0, 0, 0)


def write_places(world: World, folder: Path) -> dict[str, int]:
    """The FINESS+ JSON, closed establishments included; returns the rows by file name."""
    sites = world.places.with_columns(pl.col("opened_on", "closed_on").dt.strftime("%Y-%m-%d"))
    general = pl.struct(
        numFinessEge="finess",
        nomEgeLong="structure_name",
        siret="siret",
        dateOuverture="opened_on",
        dateFermeture="closed_on",
    )
    address = pl.concat_list(pl.struct(cogCommune="commune", codePostal="postcode", libelleCommune="commune_label"))
    operators = (
        sites.select(
            "operator",
            "finess_legal",
            "operator_name",
            "operator_siren",
            ege=pl.struct(
                informationsGeneralesEGE=general, categorieentiteGeographiqueExercice="category", adresse=address
            ),
        )
        .group_by("operator", maintain_order=True)
        .agg(pl.col("finess_legal", "operator_name", "operator_siren").first(), "ege")
        .select(
            informationsGeneralesPMEJ=pl.struct(
                numFinessPm="finess_legal", raisonSociale="operator_name", siren="operator_siren"
            ),
            ege="ege",
        )
    )
    (folder / PLACES_FILE).write_text('{"pmej":' + operators.write_json() + "}\n", "utf-8")
    return {PLACES_FILE: sites.height}


def write_places_variant(world: World, folder: Path) -> dict[str, int]:
    """The older FINESS extraction cs1100502: no header, open establishments only."""
    sites = world.places.filter(pl.col("closed_on").is_null())
    day = pl.col("opened_on").dt.strftime("%Y-%m-%d")
    cells = {
        0: pl.lit("structureet"),
        1: pl.col("finess"),
        2: pl.col("finess_legal"),
        3: pl.col("structure_name").str.to_uppercase(),
        4: pl.col("structure_name"),
        12: pl.col("commune").str.slice(2),
        13: pl.col("department"),
        15: pl.concat_str("postcode", pl.lit(" "), pl.col("commune_label").str.to_uppercase()),
        16: pl.col("structure_phone"),
        18: pl.col("category"),
        19: pl.col("category_label"),
        20: pl.col("group"),
        21: pl.col("group_label"),
        22: pl.col("siret"),
        28: day,
        29: day,
        30: pl.lit("2026-10-01"),
    }
    frame = sites.select(cells.get(place, pl.lit("")).alias(str(place)) for place in range(32))
    text = frame.write_csv(separator=";", include_header=False, quote_style="never")
    (folder / _STOCK_FILE).write_text("finess;etalab;111;2026-11-01\n" + text, "utf-8")
    return {f"variantes/{_STOCK_FILE}": frame.height}


def write_cog_variant(folder: Path) -> dict[str, int]:
    """A few communes and countries in an archive with INSEE's own file names."""
    communes = reference.communes().filter(pl.col("kind") == "commune").head(200)
    overseas = reference.communes().filter(pl.col("kind") == "overseas").head(20)
    countries = reference.countries().filter(pl.col("code") != "99000").head(60)
    dates = {"DATE_DEBUT": pl.col("valid_from"), "DATE_FIN": pl.col("valid_to")}
    members = {
        "v_commune_depuis_1943.csv": communes.select(TYPECOM=pl.lit("COM"), COM="code", LIBELLE="label", **dates),
        "v_commune_outremer_depuis_1943.csv": overseas.select(COM_COMER="code", LIBELLE="label", **dates),
        "v_pays_et_territoire_depuis_1943.csv": countries.select(
            COG="code", CRPAY="attached_to", LIBCOG="label", LIBENR="official_label", **dates
        ),
    }
    with zipfile.ZipFile(folder / _COG_FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, frame in members.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), frame.write_csv())
    return {f"variantes/{_COG_FILE}": sum(frame.height for frame in members.values())}
