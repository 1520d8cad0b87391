"""Pairs of a staff member and a registered professional, level by level, each with its reason in French.

A level only looks at the people the levels above left alone: the most certain answer is the one given. From level 4
on a professional already paired is nobody else's: of two twins, the one who is registered keeps the number.
"""

from __future__ import annotations

import duckdb
import polars as pl

from rpps_audit.matching.people import CIVIL, DOUBLE, SWAPPED, USED, People
from rpps_audit.store import fetch_frame

# Level → what it rests on, as said to the user.
LEVELS = {
    1: "numéro RPPS",
    2: "nom de naissance, prénom et date de naissance",
    3: "noms rapprochés (accents, particules, nom d'usage, inversion) et date de naissance",
    4: "noms voisins et date de naissance",
    5: "nom et établissement : probable",
}
_SCHEMA = {"staff": pl.Int64, "registered": pl.Int64, "level": pl.Int8, "sure": pl.Boolean, "reason": pl.String}
_WAYS = {
    USED: "nom ou prénom d'usage",
    DOUBLE: "un des deux noms d'un nom double",
    SWAPPED: "nom et prénom inversés",
    CIVIL: "mêmes noms une fois les accents, particules et traits d'union retirés",
}
# First names borne by so many registered people are two names, not one misspelt: Léa and Léo.
_COMMON = 3
_CLOSE = 0.93


def pairs(staff: People, registered: People) -> pl.DataFrame:
    """Every pair of persons worth showing.

    staff, registered (persons), level (1 to 5), sure (False: shown for a decision, never taken), reason.
    """
    found = _by_number(staff, registered)
    for level in (_exact, _folded):
        found = _and(found, level(staff, registered), claimed=False)
    found = _and(found, _close(_left(staff, found, "staff"), _left(registered, found, "registered")), claimed=True)
    return _and(found, _placed(_left(staff, found, "staff"), _left(registered, found, "registered")), claimed=True)


# ------------------------------------------------------------------------------------------------------------ levels


def _by_number(staff: People, registered: People) -> pl.DataFrame:
    """Level 1. Where the number is borne by somebody of another name and another birth date, it is only shown."""
    numbered = staff.lines.select(staff="person", number="pp_id").drop_nulls().unique(maintain_order=True)
    bearers = registered.lines.select(registered="person", number=pl.col("professional_id").str.slice(1)).unique()
    found = numbered.join(bearers, on="number").select("staff", "registered").unique(maintain_order=True)
    alike = _alike(found, staff, registered)
    said = pl.when("alike").then(pl.lit("même numéro RPPS")).otherwise(
        pl.lit("même numéro RPPS, mais ni le nom ni la date de naissance ne concordent : numéro sans doute mal saisi")
    )  # fmt: skip
    return _pairs(alike, 1, pl.col("alike"), said)


def _exact(staff: People, registered: People) -> pl.DataFrame:
    """Level 2."""
    ours, theirs = (_dated(side).filter(pl.col("how") == CIVIL) for side in (staff, registered))
    found = _joined(ours, theirs, ["last", "first", "birth_date"])
    return _pairs(found, 2, pl.lit(value=True), pl.lit("mêmes nom de naissance, prénom et date de naissance"))


def _folded(staff: People, registered: People) -> pl.DataFrame:
    """Level 3. Two double names that share one part are two families: not paired."""
    found = _joined(_dated(staff), _dated(registered), ["last_folded", "first_folded", "birth_date"])
    return _pairs(_best_way(found), 3, pl.lit(value=True), _way() + ", même date de naissance")


def _close(staff: People, registered: People) -> pl.DataFrame:
    """Level 4: one edit, or Jaro-Winkler, among people born on the same day."""
    common = _common_first_names(registered)
    ours, theirs = (_spelt(_dated(side)) for side in (staff, registered))
    if not (ours.height and theirs.height):
        return pl.DataFrame(schema=_SCHEMA)
    with duckdb.connect() as engine:
        engine.register("ours", ours.to_arrow())
        engine.register("theirs", theirs.to_arrow())
        near = fetch_frame(engine.execute(f"""
            SELECT a.person AS staff, b.person AS registered, a.first_folded AS a_first, b.first_folded AS b_first
            FROM ours a JOIN theirs b USING (birth_date)
            WHERE {_near("last_folded", loose=True)} AND {_near("first_folded", prefix=True, loose=True)}
              AND (a.last_folded = b.last_folded OR a.first_folded = b.first_folded
                   OR jaro_winkler_similarity(a.last_folded || a.first_folded, b.last_folded || b.first_folded) >= 0.95)
        """))  # fmt: skip
    two_names = (pl.col("a_first") != pl.col("b_first")) & _both(common, "a_first", "b_first")
    judged = near.with_columns(sure=two_names.not_()).sort("staff", "registered", "sure")
    judged = judged.unique(["staff", "registered"], keep="last", maintain_order=True)
    said = pl.when("sure").then(pl.lit("noms à une lettre près, même date de naissance")).otherwise(
        pl.lit("même date de naissance, prénoms voisins mais tous deux courants : peut-être deux personnes")
    )  # fmt: skip
    return _pairs(judged, 4, pl.col("sure"), said)


def _placed(staff: People, registered: People) -> pl.DataFrame:
    """Level 5: where one side has no birth date, the name in a common establishment."""
    undated = {side: _undated(one) for side, one in (("staff", staff), ("registered", registered))}
    ours, theirs = (_with_places(side) for side in (staff, registered))
    same = _best_way(_joined(ours, theirs, ["last_folded", "first_folded", "finess"]))
    found = pl.concat([
        _pairs(same, 5, pl.lit(value=True), _way() + ", même établissement, sans date de naissance pour trancher"),
        _near_in_place(ours, theirs, _common_first_names(registered)),
    ]).unique(["staff", "registered"], keep="first", maintain_order=True)  # fmt: skip
    lacking = pl.col("staff").is_in(undated["staff"].implode()) | pl.col("registered").is_in(
        undated["registered"].implode()
    )
    # Same names and place, but two known birth dates: somebody has to look.
    return found.with_columns(
        sure=pl.col("sure") & lacking,
        reason=pl.when(lacking).then("reason").otherwise(
            pl.lit("mêmes nom, prénom et établissement, mais deux dates de naissance différentes")
        ),
    )  # fmt: skip


def _near_in_place(ours: pl.DataFrame, theirs: pl.DataFrame, common: pl.Series) -> pl.DataFrame:
    if not (ours.height and theirs.height):
        return pl.DataFrame(schema=_SCHEMA)
    with duckdb.connect() as engine:
        engine.register("ours", _spelt(ours).to_arrow())
        engine.register("theirs", _spelt(theirs).to_arrow())
        near = fetch_frame(engine.execute(f"""
            SELECT DISTINCT a.person AS staff, b.person AS registered,
                   a.first_folded AS a_first, b.first_folded AS b_first
            FROM ours a JOIN theirs b USING (finess)
            WHERE {_near("last_folded")} AND {_near("first_folded", prefix=True)}
              AND (a.last_folded = b.last_folded OR a.first_folded = b.first_folded)
        """))  # fmt: skip
    two_names = (pl.col("a_first") != pl.col("b_first")) & _both(common, "a_first", "b_first")
    judged = near.with_columns(sure=two_names.not_()).sort("staff", "registered", "sure")
    said = pl.when("sure").then(pl.lit("noms à une lettre près, même établissement")).otherwise(
        pl.lit("même établissement, prénoms voisins mais tous deux courants : peut-être deux personnes")
    )  # fmt: skip
    return _pairs(judged.unique(["staff", "registered"], keep="last", maintain_order=True), 5, pl.col("sure"), said)


# --------------------------------------------------------------------------------------------------------- conditions


def _near(column: str, *, prefix: bool = False, loose: bool = False) -> str:
    """One edit in a name of four letters or more; a compound first name may be cut to its first (`prefix`).

    `loose` adds Jaro-Winkler, which takes MARTIN for MARTINEZ: only among people born on the same day.
    """
    a, b = f"a.{column}", f"b.{column}"
    near = f"{a} = {b} OR (least(length({a}), length({b})) >= 4 AND damerau_levenshtein({a}, {b}) <= 1)"
    if loose:
        near += f" OR (least(length({a}), length({b})) >= 5 AND jaro_winkler_similarity({a}, {b}) >= {_CLOSE})"
    if prefix:
        near += f" OR (least(length({a}), length({b})) >= 4 AND (starts_with({a}, {b}) OR starts_with({b}, {a})))"
    return f"({near})"


def _both(common: pl.Series, one: str, other: str) -> pl.Expr:
    return pl.col(one).is_in(common.implode()) & pl.col(other).is_in(common.implode())


def _common_first_names(registered: People) -> pl.Series:
    borne = registered.names.filter(pl.col("how") != DOUBLE).select("person", "first_folded").unique()
    return borne.group_by("first_folded").len().filter(pl.col("len") >= _COMMON)["first_folded"]


def _alike(found: pl.DataFrame, staff: People, registered: People) -> pl.DataFrame:
    """The pairs of persons with `alike`: a name in common, or the same birth date, or nothing to compare."""
    born = found.join(staff.people.rename({"person": "staff"}), on="staff", how="left").join(
        registered.people.rename({"person": "registered"}), on="registered", how="left", suffix="_registered"
    )
    named = _named_alike(found, staff, registered)
    return born.join(named, on=["staff", "registered"], how="left").select(
        "staff",
        "registered",
        alike=pl.col("named").fill_null(value=False)
        | (pl.col("birth_date") == pl.col("birth_date_registered")).fill_null(value=False),
    )


def _named_alike(found: pl.DataFrame, staff: People, registered: People) -> pl.DataFrame:
    ours = staff.names.select(pl.col("person").alias("staff"), "last_folded", "first_folded")
    theirs = registered.names.select(pl.col("person").alias("registered"), "last_folded", "first_folded")
    met = found.join(ours, on="staff").join(theirs, on="registered", suffix="_registered")
    same = (pl.col("last_folded") == pl.col("last_folded_registered")) | (
        pl.col("first_folded") == pl.col("first_folded_registered")
    )
    return met.filter(same).select("staff", "registered", named=pl.lit(value=True)).unique()


# ------------------------------------------------------------------------------------------------------------- frames


def _dated(side: People) -> pl.DataFrame:
    return side.names.join(side.people.filter(pl.col("birth_date").is_not_null()), on="person")


def _undated(side: People) -> pl.Series:
    return side.people.filter(pl.col("birth_date").is_null())["person"]


def _with_places(side: People) -> pl.DataFrame:
    return side.names.join(side.places, on="person")


def _spelt(names: pl.DataFrame) -> pl.DataFrame:
    """The names to compare letter by letter: swapped and double ones are compared as they are only."""
    return names.filter(~pl.col("how").is_in([SWAPPED, DOUBLE]))


def _joined(ours: pl.DataFrame, theirs: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """The pairs that agree on `on`, with how each side was written. Null agrees with nothing."""
    met = ours.select(pl.col("person").alias("staff"), "how", *on).join(
        theirs.select(pl.col("person").alias("registered"), pl.col("how").alias("how_registered"), *on), on=on
    )
    two_families = (pl.col("how") == DOUBLE) & (pl.col("how_registered") == DOUBLE)
    return met.filter(~two_families).select("staff", "registered", "how", "how_registered").unique(maintain_order=True)


_RANKED = [CIVIL, USED, SWAPPED, DOUBLE]


def _best_way(found: pl.DataFrame) -> pl.DataFrame:
    """One line for each pair: the plainest way its names agree."""
    rank = {name: number for number, name in enumerate(_RANKED)}
    ranked = found.with_columns(
        way=pl.max_horizontal(
            pl.col("how").replace_strict(rank, return_dtype=pl.Int8),
            pl.col("how_registered").replace_strict(rank, return_dtype=pl.Int8),
        )
    )
    return ranked.sort("staff", "registered", "way").unique(["staff", "registered"], keep="first", maintain_order=True)


def _way() -> pl.Expr:
    return pl.col("way").replace_strict({n: _WAYS[name] for n, name in enumerate(_RANKED)}, return_dtype=pl.String)


def _pairs(found: pl.DataFrame, level: int, sure: pl.Expr, reason: pl.Expr) -> pl.DataFrame:
    return found.select("staff", "registered", level=pl.lit(level, pl.Int8), sure=sure, reason=reason).unique(
        ["staff", "registered"], keep="first", maintain_order=True
    )


def _and(found: pl.DataFrame, more: pl.DataFrame, *, claimed: bool) -> pl.DataFrame:
    """What is found so far and the pairs of the next level that are still free."""
    taken = found.filter("sure")
    free = more.join(taken, on="staff", how="anti").join(found, on=["staff", "registered"], how="anti")
    if claimed:
        free = free.join(taken, on="registered", how="anti")
    return pl.concat([found, free])


def _left(side: People, found: pl.DataFrame, name: str) -> People:
    taken = found.filter("sure").select(pl.col(name).alias("person"))
    return People(
        side.lines.join(taken, on="person", how="anti"),
        side.people.join(taken, on="person", how="anti"),
        side.places.join(taken, on="person", how="anti"),
        side.names.join(taken, on="person", how="anti"),
    )
