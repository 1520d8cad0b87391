"""How records are named to the reader: pseudonyms or registry numbers, and nothing a file put in the wrong column."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rpps_audit.privacy import Pseudonyms
from rpps_audit.records import AMBIGUOUS, UNNUMBERED, person_of
from rpps_audit.reports.labels import ROLES_SHORT

# What may be shown as it is. Anything else found in these columns could be a name or an address.
_FINESS = r"^[0-9][0-9AB][0-9]{7}$"
_NUMBER = r"^[0-9][0-9A-Z]{5,19}$"
_CODE = r"^[A-Z]{0,5}[0-9]{1,4}$"
UNKNOWN_PLACE = "établissement non renseigné"


@dataclass(frozen=True)
class Keys:
    """Names records for the reader. With `hidden`, registry numbers become labels."""

    pseudonyms: Pseudonyms
    hidden: bool

    def people(self, keys: pl.Series) -> pl.Series:
        """The professional of each record key."""
        bare = keys.to_frame("key").select(person_of(pl.col("key"))).to_series()
        labels = self.pseudonyms.labels(bare)
        frame = pl.DataFrame({"bare": bare, "label": labels})
        plain = pl.lit(not self.hidden) & pl.col("bare").str.contains(_NUMBER)
        return frame.select(
            pl.when(pl.col("bare").str.starts_with(UNNUMBERED))
            .then(pl.format("sans numéro RPPS, {}", "label"))
            .when(pl.col("bare").str.starts_with(AMBIGUOUS))
            .then(pl.format("sans numéro et ambigu, {}", "label"))
            .when(plain)
            .then("bare")
            .otherwise("label")
            .alias(keys.name)
        ).to_series()

    def places(self, numbers: pl.Series, names: pl.Series | None = None) -> pl.Series:
        """Each establishment, by its FINESS number and name.

        A structure without FINESS may be one person's practice, with that person's number and name: it is shown as a
        label, without its name.
        """
        names = pl.Series("name", [None] * len(numbers), pl.String) if names is None else names
        known = pl.col("number").str.contains(_FINESS)
        frame = pl.DataFrame({"number": numbers, "name": names})
        unknown = frame.select(pl.when(~known).then("number")).to_series()
        frame = frame.with_columns(label=self.pseudonyms.labels(unknown, "S"))
        named = pl.format("{} ({})", pl.col("name").str.strip_chars(), "number")
        return frame.select(
            pl.when(pl.col("number").is_null() | (pl.col("number") == "?"))
            .then(pl.lit(UNKNOWN_PLACE))
            .when(known & pl.col("name").is_not_null() & (pl.col("name") != ""))
            .then(named)
            .when(known)
            .then(pl.format("FINESS {}", "number"))
            .otherwise(pl.format("FINESS absent ou mal formé, {}", "label"))
            .alias("place")
        ).to_series()


def code_or_unknown(code: pl.Expr) -> pl.Expr:
    """A role or profession code as it is when it looks like one, else what it is: not a code."""
    return (
        pl.when(code.is_null())
        .then(pl.lit("absent"))
        .when(code.str.contains(_CODE))
        .then(code)
        .otherwise(pl.lit("illisible"))
    )


def short_role(code: pl.Expr) -> pl.Expr:
    """« soin (GENR11) »; the code alone for a role that has no short name."""
    return labelled(code, code.replace_strict(ROLES_SHORT, default=None, return_dtype=pl.String))


def labelled(code: pl.Expr, label: pl.Expr) -> pl.Expr:
    """« Libellé (CODE) », or the code alone when it has no label."""
    shown = code_or_unknown(code)
    return pl.when(label.is_null()).then(shown).otherwise(pl.format("{} ({})", label, shown))
