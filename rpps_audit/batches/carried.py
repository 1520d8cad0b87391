"""The changes of a batch as its readers see them: one typed frame, the same for who writes it and who verifies it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from rpps_audit.batches.manifest import commitment
from rpps_audit.journal import canonical_json

_TEXT = (
    "table", "record_key", "column", "kind", "before", "after", "shown_before", "shown_after", "label", "screen",
    "rule_id", "source", "reason", "evidence", "authors", "nonce", "number", "file", "person", "professional_id",
    "finess", "structure_name",
)  # fmt: skip
# ids: the corrections that make the change, the last one says the value. rank: place of the field in the portal's
# screens. file: name of the person's sheet. waiting: a request of theirs is under way in the portal.
SCHEMA = pl.Schema(
    [
        ("ids", pl.List(pl.Int64)),
        ("rank", pl.Int64()),
        ("waiting", pl.Boolean()),
        *((name, pl.String()) for name in _TEXT),
    ]
)
_SIGNED = ("ids", "table", "record_key", "column", "kind")
_ACTIONS = {"edit": "modifier", "add": "ajouter une situation", "request": "adresser une demande"}


@dataclass(frozen=True)
class Carried:
    """One row per field to change, in the order of the sheets. Raises TypeError for a frame of other columns."""

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        if self.frame.schema != SCHEMA:
            raise TypeError(f"carried changes have the columns {SCHEMA.names()}, not {self.frame.schema}")

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Carried:
        """From a frame that has these columns among others, in any order."""
        chosen = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
        return cls(chosen.sort("file", "table", "record_key", "rank"))

    @classmethod
    def read(cls, lines: bytes) -> Carried:
        """Back from `lines()`. Raises ValueError for what they did not write."""
        try:
            rows = [json.loads(line) for line in lines.splitlines()]
            carried = cls(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
            same = carried.lines() == lines
        except (ValueError, TypeError, RuntimeError, OverflowError, pl.exceptions.PolarsError) as error:
            raise ValueError("illisible") from error
        if not same:
            raise ValueError("pas écrit comme ce logiciel l'écrit")
        return carried

    def lines(self) -> bytes:
        """One canonical JSON object per change, with what the hashes of the manifest are made of."""
        return b"".join(canonical_json(row) + b"\n" for row in self.frame.to_dicts())

    def __len__(self) -> int:
        return self.frame.height

    @property
    def persons(self) -> int:
        """How many people they are about."""
        return self.frame["file"].n_unique()

    @property
    def corrections(self) -> pl.Series:
        """The numbers of the corrections that make them."""
        return self.frame["ids"].explode().unique().sort().alias("correction_id")

    def signed(self) -> list[dict[str, object]]:
        """What the manifest says of each: keys, and salted hashes in the place of values."""
        rows = self.frame.select(*_SIGNED, "before", "after", "nonce").to_dicts()
        return [
            {name: row[name] for name in _SIGNED}
            | {name: commitment(row["nonce"], row[name]) for name in ("before", "after")}
            for row in rows
        ]

    def unlike_shown(self) -> int:
        """How many values are shown as something else than what they are (a label beside a code is allowed)."""
        return self.frame.filter(_unlike("before") | _unlike("after")).height

    def worded(self) -> pl.DataFrame:
        """The frame with what follows from it: action, numbers, place (of a situation), for lists and sheets."""
        structure = pl.concat_str(
            ["structure_name", pl.format("FINESS {}", "finess")], separator=", ", ignore_nulls=True
        )
        return self.frame.with_columns(
            action=pl.col("kind").replace_strict(_ACTIONS, default=None, return_dtype=pl.String),
            numbers=pl.col("ids").cast(pl.List(pl.String)).list.join(", "),
            place=pl.when(pl.col("table") == "situation").then(structure),
        )


def _unlike(name: str) -> pl.Expr:
    """A shown value that is neither the value, nor a label with the value in brackets, nor its date or yes and no."""
    value, shown = pl.col(name), pl.col(f"shown_{name}")
    day = value.str.to_date("%Y-%m-%d", strict=False).dt.strftime("%d/%m/%Y")
    word = value.replace_strict({"true": "oui", "false": "non"}, default=None, return_dtype=pl.String)
    bracketed = shown.str.ends_with(pl.format(" ({})", value))
    known = (shown == value) | bracketed | (shown == day) | (shown == word)
    return pl.when(value.is_null()).then(shown.is_not_null()).otherwise(~known.fill_null(False))
