"""From an establishment in the HR software's words to a FINESS: proposed with the reason, kept once decided."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.reference import normalise
from rpps_audit.roster.kept import read_kept, write_kept
from rpps_audit.store import fetch_frame

PLACES_FILE = "etablissements-rh.csv"
_FRENCH = {"libelle": "place", "finess": "finess", "motif": "reason", "decide": "decided"}
# Words that say nothing of which establishment it is.
_SMALL = r"\b(?:DE|DU|DES|D|L|LA|LE|LES|ET|A|AU|AUX|ETABLISSEMENT|SERVICE|ASSOCIATION)\b"
_CLOSE = 0.92
# What `decided` says: found by itself without doubt, found with a doubt, chosen by a person. The second is not used.
SURE, DOUBTFUL, CHOSEN = "sûr", "à vérifier", "oui"
_BY_SPELLING = "nom FINESS à quelques lettres près"
UNKNOWN = "aucun établissement du périmètre ne lui ressemble : à choisir"
_SEVERAL = "plusieurs établissements du périmètre lui ressemblent : à choisir"


def place_words(expr: pl.Expr) -> pl.Expr:
    """The words of a label in one order: « IME Les Lilas (Lyon) » and « Les Lilas - I.M.E. » can be compared."""
    spelt = normalise(expr.str.replace_all(".", "", literal=True))
    plain = spelt.str.replace_all(r"[^A-Z0-9 ]", " ").str.replace_all(_SMALL, " ")
    return plain.str.split(" ").list.filter(pl.element() != "").list.unique().list.sort()


def propose_places(places: pl.Series, establishments: pl.DataFrame) -> pl.DataFrame:
    """For each distinct label: place, finess (null: none), reason, decided (SURE or DOUBTFUL).

    `establishments`: finess, name, siret, commune_label, of the perimeter. A FINESS or a SIRET is found as such; a
    label by the same words, by the words of one name only, then by Jaro-Winkler. Two that fit are nobody's.
    """
    labels = places.drop_nulls().unique(maintain_order=True).to_frame("place")
    code = pl.col("place").str.replace_all(r"[\s\u00a0]", "")
    known = establishments.unique("finess", keep="first", maintain_order=True).with_columns(
        words=place_words(pl.concat_str("name", "commune_label", separator=" ", ignore_nulls=True)),
        named=place_words(pl.col("name")),
    )
    coded = labels.with_columns(code=code)
    steps = [
        coded.join(known, left_on="code", right_on="finess").select(
            "place", finess="code", reason=pl.lit("numéro FINESS")
        ),
        coded.join(known.drop_nulls("siret"), left_on="code", right_on="siret").select(
            "place", "finess", reason=pl.lit("numéro SIRET de l'établissement")
        ),
        *_by_words(labels.with_columns(words=place_words(pl.col("place"))), known),
    ]
    found = labels.clear().with_columns(finess=pl.lit(None, pl.String), reason=pl.lit(None, pl.String))
    for step in steps:
        fresh = step.select(found.columns).unique(["place", "finess"]).join(found, on="place", how="anti")
        single = fresh.with_columns(several=pl.len().over("place") > 1).with_columns(
            finess=pl.when("several").then(None).otherwise("finess"),
            reason=pl.when("several").then(pl.lit(_SEVERAL)).otherwise("reason"),
        )
        found = pl.concat([found, single.select(found.columns).unique("place", keep="first")])
    told = labels.join(found, on="place", how="left")
    sure = pl.col("finess").is_not_null() & (pl.col("reason") != _BY_SPELLING)
    return told.with_columns(
        pl.col("reason").fill_null(UNKNOWN), decided=pl.when(sure).then(pl.lit(SURE)).otherwise(pl.lit(DOUBTFUL))
    )


def _by_words(labels: pl.DataFrame, known: pl.DataFrame) -> list[pl.DataFrame]:
    """The ways a label can be a name, the surest first: place, finess, reason."""
    met = labels.join(known.select("finess", "named", all_words="words"), how="cross")
    lacking = pl.col("words").list.set_difference("all_words").list.len() == 0
    covered = pl.col("named").list.set_difference("words").list.len() == 0
    same = (pl.col("words") == pl.col("named")) | (pl.col("words") == pl.col("all_words"))
    ways = [
        (same, "mêmes mots que le nom FINESS"),
        (lacking & covered, "le nom FINESS et sa commune"),
        (covered & (pl.col("named").list.len() >= 2), "contient tous les mots du nom FINESS"),
        (lacking & (pl.col("words").list.len() >= 2), "tous ses mots sont dans le nom FINESS ou la commune"),
    ]
    plain = [met.filter(way).select("place", "finess", reason=pl.lit(said)) for way, said in ways]
    return [*plain, _by_spelling(labels, known)]


def _by_spelling(labels: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    ours = labels.select("place", text=pl.col("words").list.join(" "))
    theirs = known.select("finess", text=pl.col("named").list.join(" "))
    with duckdb.connect() as engine:
        engine.register("ours", ours.to_arrow())
        engine.register("theirs", theirs.to_arrow())
        return fetch_frame(engine.execute(
            f"SELECT place, finess, '{_BY_SPELLING}' AS reason FROM ours a, theirs b "
            f"WHERE jaro_winkler_similarity(a.text, b.text) >= {_CLOSE} AND length(a.text) >= 6"
        ))  # fmt: skip


def kept_places(workspace: Path) -> pl.DataFrame:
    """place, finess, reason, decided: what the workspace keeps. Raises UsageError when it cannot be read."""
    return read_kept(workspace / PLACES_FILE, _FRENCH)


def keep_places(workspace: Path, proposed: pl.DataFrame) -> pl.DataFrame:
    """Add the labels not kept yet, and try again those nobody could place; what a person decided stays."""
    before = kept_places(workspace)
    settled = before.filter(pl.col("decided").is_in([SURE, CHOSEN]))
    after = pl.concat([settled, proposed.select(settled.columns).join(settled, on="place", how="anti")])
    write_kept(workspace / PLACES_FILE, after, _FRENCH)
    return after


def decide_place(workspace: Path, place: str, finess: str) -> None:
    """A person's choice for one label. Raises UsageError for a label no file has shown."""
    kept = kept_places(workspace)
    if place not in kept["place"]:
        raise UsageError(f"Aucun fichier du personnel ne porte l'établissement « {place} ». Voyez {PLACES_FILE}.")
    chosen = pl.when(pl.col("place") == place)
    write_kept(
        workspace / PLACES_FILE,
        kept.with_columns(
            finess=chosen.then(pl.lit(finess or None)).otherwise("finess"),
            reason=chosen.then(pl.lit("choisi par une personne")).otherwise("reason"),
            decided=chosen.then(pl.lit(CHOSEN)).otherwise("decided"),
        ),
        _FRENCH,
    )
