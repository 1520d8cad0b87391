"""Which fields can be corrected, by whom, in which order the portal asks for them (`rules/corrections/fields.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from rpps_audit import reference
from rpps_audit.errors import UsageError
from rpps_audit.records.columns import column as column_named
from rpps_audit.records.columns import columns, situation_columns
from rpps_audit.reference import rules_root

# The store keeps what is no whole real date as text, beside the date.
WITH_TEXT = tuple(column.name for column in columns() if column.text)
# What is not copied with the person when a further situation is added.
OF_A_SITUATION = tuple(column.name for column in situation_columns())
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True)
class Field:
    """One field of one screen. `who`: gestionnaire, etat-civil, demande or suivi (see the file's header)."""

    table: str
    column: str
    label: str
    type: str
    who: str
    screen: str
    rank: int
    nomenclature: str = ""


@cache
def fields() -> tuple[Field, ...]:
    """Every field, in the order of the portal's screens."""
    rank, found = 0, []
    for screen in _file()["screens"]:
        for entry in screen["fields"]:
            name, label = (entry, None) if isinstance(entry, str) else (entry["column"], entry["label"])
            one = column_named(name)
            found.append(
                Field(
                    screen["table"],
                    name,
                    label or one.label,
                    one.type,
                    one.who,
                    screen["title"],
                    rank,
                    one.nomenclature,
                )
            )
            rank += 1
    return tuple(found)


def field(table: str, column: str) -> Field:
    """One field. Raises UsageError naming those of the table when this one cannot be corrected."""
    known = {one.column: one for one in fields() if one.table == table}
    if column not in known:
        raise UsageError(
            f"La colonne « {column} » ({table}) ne se corrige pas. Colonnes possibles : {', '.join(known) or 'aucune'}."
        )
    return known[column]


@cache
def certified_states() -> tuple[str, ...]:
    """The states (TRE_R31) under which a civil status is certified: changing it is then a request."""
    return tuple(_file()["certified"])


def field_frame() -> pl.DataFrame:
    """The fields as a frame [table, column, label, type, who, screen, rank]."""
    rows = fields()
    return pl.DataFrame(
        {
            name: [getattr(row, name) for row in rows]
            for name in ("table", "column", "label", "type", "who", "screen", "rank")
        },
        schema_overrides={"rank": pl.Int32},
    )


def value_sql(column: str) -> str:
    """SQL: a store column as the text that corrections hold (dates in ISO form, unreadable dates as they stand)."""
    if column in WITH_TEXT:
        return f"coalesce(CAST({column} AS VARCHAR), {column}_text)"
    return f"CAST({column} AS VARCHAR)"


def malformed(proposals: pl.DataFrame) -> pl.Series:
    """Boolean, per proposal [new, type]: the new value cannot be one of its type. An emptied field is well formed."""
    new, kind = pl.col("new"), pl.col("type")
    real_date = new.str.contains(_ISO_DATE) & new.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    wrong = (
        pl.when(kind == "date")
        .then(~real_date)
        .when(kind == "yes_no")
        .then(~new.is_in(["true", "false"]))
        .when(kind == "code")
        .then(new.str.contains(r"\s"))
        .otherwise(new.str.contains(r"[\r\n\t\x00]"))
    )
    wrong = new.is_not_null() & (wrong | (new.str.strip_chars() == ""))
    return proposals.select(wrong.fill_null(False).alias("wrong")).to_series()


def shown_expr(value: pl.Expr, one: Field) -> pl.Expr:
    """A value as the portal shows it: « Saint-Denis (93066) », 31/12/2026, oui; null for an empty field."""
    if one.type == "date":
        day = value.str.to_date("%Y-%m-%d", strict=False)
        return pl.coalesce(day.dt.strftime("%d/%m/%Y"), value)
    if one.type == "yes_no":
        return value.replace_strict({"true": "oui", "false": "non"}, default=None)
    label = _label(one.nomenclature, value) if one.nomenclature else pl.lit(None, pl.String)
    return pl.when(label.is_not_null()).then(pl.format("{} ({})", label, value)).otherwise(value)


def _label(nomenclature: str, code: pl.Expr) -> pl.Expr:
    if nomenclature in ("communes", "countries"):
        known = reference.communes() if nomenclature == "communes" else reference.countries()
        last = known.sort("valid_from", nulls_last=False).unique("code", keep="last", maintain_order=True)
        return code.replace_strict(last["code"], last["label"], default=None, return_dtype=pl.String)
    return reference.nomenclature_label_expr(nomenclature, code)


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((rules_root() / "corrections" / "fields.toml").read_text("utf-8"))
