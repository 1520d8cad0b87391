"""Codes, yes or no and identifiers as people and spreadsheets write them. Only cells that are not plain come here.

A label, a code badly typed, a feminine or an acronym becomes the code when one reading alone is possible; an identifier
gets back what a spreadsheet took, when its length (and its check digit) confirm it. The lists are in rules/cells.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from rpps_audit.ingest.layouts import Column
from rpps_audit.ingest.understood import keys, understood
from rpps_audit.reference import countries, load_aliases, load_nomenclature, normalise, rules_root

_SCIENTIFIC = r"^\d(?:[.,]\d+)?[eE]\+?\d+$"
_DECIMAL = r"^(\d+)[.,]0+$"
_FORMULA = r'^="?(.*?)"?$'
_CODE_AND_LABEL = r"^(\S+?)\s*(?:[-–—:(]\s*|\s)(.+?)\)?$"


@dataclass(frozen=True)
class CodeList:
    """A closed list: its `codes`, and what is understood for one of them (`by_key`: normalised words → code)."""

    codes: frozenset[str]
    by_key: Mapping[str, str]


def code_list(column: Column) -> CodeList | None:
    """The closed list of a column, None when any text is welcome."""
    lists = tuple(understood("lists").get(column.field or "", [column.labels] if column.labels else []))
    return _code_list(lists, tuple(column.values.items())) if lists or column.values else None


def read_codes(cells: pl.Series, known: CodeList) -> pl.DataFrame:
    """Different cells that are no code → `cell`, `value` (the code, else the cell as it is), `text`, `cause`, `lost`."""
    frame = cells.alias("cell").to_frame()
    both = pl.col("cell").str.extract_groups(_CODE_AND_LABEL).struct
    bare = pl.col("cell").str.replace(_DECIMAL, "$1")
    found = frame.select(
        "cell",
        whole=_code(bare, known),
        closed=_code(bare.str.replace_all(r"\s", ""), known),
        first=_code(both.field("1"), known),
        rest=_code(both.field("2"), known),
    )
    code = pl.coalesce("whole", "closed", pl.when(pl.col("first") == pl.col("rest")).then("first"))
    return found.select(
        "cell",
        value=pl.coalesce(code, "cell"),
        text=pl.lit(None, pl.String),
        cause=pl.when(code.is_not_null()).then(pl.lit("label")),
        lost=code.is_null(),
    )


def read_yes_no(cells: pl.Series) -> pl.DataFrame:
    """Different cells → `cell`, `value` (Boolean), `text`, `cause`, `lost`."""
    known = understood("yes_no")
    answers = {key: True for name in ("yes", "yes_words") for key in keys(known[name])}
    answers |= {key: False for name in ("no", "no_words") for key in keys(known[name])}
    word = normalise(pl.col("cell"))
    value = word.replace_strict(answers, default=None, return_dtype=pl.Boolean)
    expected = word.is_in(keys([*known["yes"], *known["no"]]))
    return (
        cells.alias("cell")
        .to_frame()
        .select(
            "cell",
            value=value,
            text=pl.lit(None, pl.String),
            cause=pl.when(value.is_not_null() & ~expected).then(pl.lit("word")),
            lost=value.is_null(),
        )
    )


def read_identifiers(cells: pl.Series, field: str) -> pl.DataFrame:
    """Different cells of another length than theirs → `cell`, `value`, `text`, `cause`, `lost`.

    Only what a spreadsheet made unreadable is `lost` (its digits are gone, `value` is null); any other text stays as it
    is, for the rules to judge.
    """
    known = understood("identifiers")[field]
    length, free = known["length"], known.get("free", False)
    cell = pl.col("cell")
    unwrapped = cell.str.replace(_FORMULA, "$1")
    whole = unwrapped.str.replace(_DECIMAL, "$1")
    bare = whole if free else whole.str.replace_all(r"\s", "")
    digits = bare.str.contains(r"^\d+$")
    short = digits & (bare.str.len_chars() == length - 1) & ~bare.str.starts_with("0")
    padded = "0" + bare
    zero = short & (luhn_holds(padded) if known.get("key") else True) if known.get("zeros") else pl.lit(value=False)
    prefixed = digits & (bare.str.len_chars() == length + 1) & bare.str.starts_with(known.get("prefix", "-"))
    plus = bare.str.contains(r"^33[1-9]\d{8}$") if free else pl.lit(value=False)
    fits = (bare.str.len_chars() == length) | pl.lit(free)
    frame = cells.alias("cell").to_frame().with_columns(
        cause=pl.when(cell.str.contains(_SCIENTIFIC)).then(pl.lit("scientific"))
        .when(zero).then(pl.lit("leading_zero"))
        .when(prefixed).then(pl.lit("prefix"))
        .when(plus).then(pl.lit("plus_sign"))
        .when(fits & (whole != unwrapped)).then(pl.lit("decimal"))
        .when(unwrapped != cell).then(pl.lit("formula"))
        .when(fits & (bare != whole)).then(pl.lit("spaces")),
    )  # fmt: skip
    cause = pl.col("cause")
    value = (
        pl.when(cause == "scientific").then(pl.lit(None, pl.String))
        .when(cause == "leading_zero").then(padded)
        .when(cause == "prefix").then(bare.str.slice(1))
        .when(cause == "plus_sign").then("+" + bare)
        .when(cause.is_in(["decimal", "spaces"])).then(bare)
        .when(cause == "formula").then(unwrapped)
        .otherwise(cell)
    )  # fmt: skip
    lost = (cause == "scientific").fill_null(value=False)
    return frame.select("cell", value=value, text=pl.lit(None, pl.String), cause=cause, lost=lost)


def luhn_holds(text: pl.Expr) -> pl.Expr:
    """Boolean: the Luhn sum of a text of digits is a multiple of ten."""
    digits = text.str.reverse().str.split("").list.eval(pl.element().cast(pl.Int8, strict=False)).list.drop_nulls()
    odd, even = digits.list.gather_every(2, 0), digits.list.gather_every(2, 1)
    doubled = even.list.eval((pl.element() * 2) // 10 + (pl.element() * 2) % 10)
    return (odd.list.sum() + doubled.list.sum()) % 10 == 0


# ------------------------------------------------------------------------------------------------- reading the lists


def _code(cell: pl.Expr, known: CodeList) -> pl.Expr:
    return normalise(cell).replace_strict(dict(known.by_key), default=None, return_dtype=pl.String)


@cache
def _code_list(lists: tuple[str, ...], values: tuple[tuple[str, str], ...]) -> CodeList:
    """What a layout says comes first, then each list in turn; a label that two codes of one list share is nobody's."""
    by_key = dict(zip(keys([word for word, _ in values]), (code for _, code in values), strict=True))
    codes = {code for _, code in values}
    for name in lists:
        words = _words(name)
        codes |= set(words["code"])
        by_key = dict(zip(words["key"], words["code"], strict=True)) | by_key
    return CodeList(frozenset(codes), by_key)


def _words(name: str) -> pl.DataFrame:
    """The codes, labels and aliases of one list as `key`, `code`: one code a key, the one in use when others are not."""
    if name == "countries":
        current = pl.col("valid_to").is_null() & (pl.col("code") != "99000")
        names = countries().unpivot(["label", "official_label"], index=["code", "valid_to"], value_name="name")
        listed = names.select("code", label="name", current=current)
    else:
        frame = load_nomenclature(name).frame
        in_use = pl.col("valid_to").is_null() & pl.col("in_portal").fill_null(value=True)
        listed = frame.select("code", "label", current=in_use)
    words = pl.concat([
        listed.select("code", key=normalise(pl.col("code")), rank=pl.lit(3)),
        listed.select("code", key=normalise(pl.col("label")), rank=pl.when("current").then(2).otherwise(1)),
        *(
            load_aliases(name).join(listed.group_by("code").agg(pl.col("current").any()), on="code").select(
                "code", "key", rank=pl.when("current").then(2).otherwise(1)
            )
            for name in [name] if (rules_root() / "nomenclatures" / "aliases" / f"{name}.csv").exists()
        ),
    ])  # fmt: skip
    best = words.filter(pl.col("rank") == pl.col("rank").max().over("key")).unique(["key", "code"])
    return best.filter(pl.len().over("key") == 1).sort("key")
