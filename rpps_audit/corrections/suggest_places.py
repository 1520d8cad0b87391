"""Birth places: the commune of that day, the arrondissement, the country."""

from __future__ import annotations

import polars as pl

from rpps_audit import reference
from rpps_audit.corrections.suggestions import Subject, for_rules, said
from rpps_audit.reference.places import agreeing, commune_names, postcode_names

_FRANCE = "99100"
_HOPS = 3
# INSEE: 75101 to 75120, 13201 to 13216, 69381 to 69389.
_ARRONDISSEMENTS = {"75056": (75100, 20), "13055": (13200, 16), "69123": (69380, 9)}


@for_rules("commune-naissance-hors-date")
def commune_of_that_day(subject: Subject) -> pl.DataFrame:
    """What the code became before the birth, or what it was made of after: mergers and splits of INSEE's history."""
    born = subject.records.select(
        "record_key", "birth_commune", "birth_place", day=pl.col("birth_date").str.to_date("%Y-%m-%d", strict=False)
    ).drop_nulls(["birth_commune", "day"])
    moves = reference.commune_successors().select("code", "date", "successor")
    candidates = pl.concat([_followed(born, moves, forward=True), _followed(born, moves, forward=False)]).unique(
        maintain_order=True
    )
    valid = candidates.filter(reference.commune_valid_expr(pl.col("new"), pl.col("day")).fill_null(False))
    # A code that merely was once another commune's is no proposal when the place is written and is not that commune.
    named = _with_agreement(valid).filter(pl.col("agrees").fill_null(value=True))
    named = named.with_columns(among=pl.len().over("record_key"))
    sure = pl.when("agrees").then(0.95).when(pl.col("among") == 1).then(0.8).otherwise(0.5 / pl.col("among"))
    return said(named, "birth_commune", pl.col("new"), "historique des communes (INSEE), à la date de naissance", sure)


@for_rules("commune-naissance-absente", "commune-naissance-inconnue", "commune-naissance-hors-date")
def commune_of_that_name(subject: Subject) -> pl.DataFrame:
    """The communes that bore this name on the day of birth: several results possible, each with its code."""
    born = subject.records.select(
        "record_key", "birth_commune", key=_key(pl.col("birth_place")),
        day=pl.col("birth_date").str.to_date("%Y-%m-%d", strict=False),
    ).drop_nulls(["key", "day"])  # fmt: skip
    known = reference.communes().select(new="code", key=_key(pl.col("label")))
    found = born.join(known.unique(), "key").filter(
        reference.commune_valid_expr(pl.col("new"), pl.col("day")).fill_null(False)
    )
    among = pl.len().over("record_key")
    # The only commune of that name, but far from where the code points: a namesake, perhaps.
    far = (pl.col("birth_commune").str.head(2) != pl.col("new").str.head(2)).fill_null(value=False)
    sure = pl.when(far).then(0.4 / among).when(among == 1).then(0.85).otherwise(0.5 / among)
    return said(found, "birth_commune", pl.col("new"), "communes de ce nom à la date de naissance (INSEE)", sure)


@for_rules("code-postal-pour-commune", "commune-naissance-inconnue", "commune-naissance-hors-date")
def commune_of_postcode(subject: Subject) -> pl.DataFrame:
    """The commune of the written place among those that the postcode serves; of Paris, Lyon, Marseille, the
    arrondissement."""
    asked = subject.records.select("record_key", "birth_date", code="birth_commune", place="birth_place")
    served = postcode_names().select("code", new="commune").unique()
    offered = asked.drop_nulls(["code", "place"]).join(served, "code")
    offered = offered.filter(~pl.col("new").is_in(list(_ARRONDISSEMENTS)))
    day = pl.col("birth_date").str.to_date("%Y-%m-%d", strict=False)
    valid = offered.filter(reference.commune_valid_expr(pl.col("new"), day).fill_null(value=True))
    right = _with_agreement(valid.rename({"place": "birth_place"})).filter("agrees")
    among = pl.len().over("record_key")
    sure = pl.when(among == 1).then(0.9).otherwise(0.5 / among)
    return said(right, "birth_commune", pl.col("new"), "code postal du lieu écrit (La Poste, Insee)", sure)


@for_rules("commune-ville-a-arrondissements")
def arrondissement(subject: Subject) -> pl.DataFrame:
    """« Paris 12e »: the arrondissement that the place names."""
    number = pl.col("birth_place").str.extract(r"(?:^|\D)(\d{1,2})(?:\D|$)").cast(pl.Int32, strict=False)
    parts = [
        said(
            subject.records.filter((pl.col("birth_commune") == city) & number.is_between(1, count)),
            "birth_commune",
            (base + number).cast(pl.String),
            "arrondissement écrit dans le lieu de naissance",
            0.9,
        )
        for city, (base, count) in _ARRONDISSEMENTS.items()
    ]
    return pl.concat(parts)


@for_rules("pays-naissance-absent", "commune-francaise-pays-etranger")
def country_of_commune(subject: Subject) -> pl.DataFrame:
    """A French commune code says France; a code 99xxx is itself a country."""
    code = pl.col("birth_commune")
    french = reference.commune_known_expr(code).fill_null(False) & ~code.str.starts_with("99")
    abroad = code.str.starts_with("99") & reference.country_known_expr(code)
    new = pl.when(french).then(pl.lit(_FRANCE)).when(abroad).then(code)
    return said(subject.records, "birth_country", new, "code de la commune de naissance", 0.8)


@for_rules("pays-naissance-inconnu")
def country_of_label(subject: Subject) -> pl.DataFrame:
    """A name where the code is expected, or a code without its 99."""
    known = reference.countries().sort("valid_from", nulls_last=False).unique("label", keep="last", maintain_order=True)
    keys = known.select("code", key=_key(pl.col("label"))).unique("key", keep="last", maintain_order=True)
    label = _key(pl.col("birth_country")).replace_strict(
        keys["key"], keys["code"], default=None, return_dtype=pl.String
    )
    short = pl.format("99{}", pl.col("birth_country").str.extract(r"^(\d{3})$"))
    new = pl.coalesce(label, pl.when(reference.country_known_expr(short)).then(short))
    return said(subject.records, "birth_country", new, "pays reconnu (INSEE)", 0.85)


def _followed(born: pl.DataFrame, moves: pl.DataFrame, *, forward: bool) -> pl.DataFrame:
    """Follow successors dated before the birth, or predecessors dated after it, a few steps [..., new]."""
    start, end = ("code", "successor") if forward else ("successor", "code")
    before = (pl.col("date") <= pl.col("day")) if forward else (pl.col("date") > pl.col("day"))
    reached, steps = born.with_columns(new=pl.col("birth_commune")), []
    for _ in range(_HOPS):
        reached = (
            reached.join(moves.rename({start: "new", end: "next"}), "new")
            .filter(before)
            .drop("new", "date")
            .rename({"next": "new"})
        )
        steps.append(reached)
    return pl.concat(steps).filter(pl.col("new") != pl.col("birth_commune"))


def _with_agreement(offered: pl.DataFrame) -> pl.DataFrame:
    """`agrees`: the written place (birth_place) is a name of the code offered (new); null where none is written."""
    pairs = offered.select(code="new", place="birth_place").drop_nulls().unique()
    agreed = agreeing(pairs, commune_names()).rename({"code": "new", "place": "birth_place"})
    return offered.join(agreed, ["new", "birth_place"], how="left", maintain_order="left")


def _key(name: pl.Expr) -> pl.Expr:
    """Names compared without article, and « St » as « Saint »."""
    plain = reference.normalise(name).str.replace(r"^(?:LE|LA|LES|L) ", "")
    return plain.str.replace_all(r"\bST\b", "SAINT").str.replace_all(r"\bSTE\b", "SAINTE")
