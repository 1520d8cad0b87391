"""Codes, yes or no and identifiers as people and spreadsheets write them. Only cells that are not plain come here.

A label, a code badly typed, a feminine or an acronym becomes the code when one reading alone is possible; an identifier
gets back what a spreadsheet took, when its length (and its check digit) confirm it. The lists are in rules/cells.toml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
from stdnum import luhn

from rpps_audit.ingest.layouts import Column
from rpps_audit.ingest.understood import Said, keys, understood
from rpps_audit.reference import countries, load_aliases, load_nomenclature, normalise, rules_root

_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_DECIMAL = re.compile(r"^(\d+)[.,]0+$")
_FORMULA = re.compile(r'^="?(.*?)"?$')
_FRENCH_ABROAD = re.compile(r"33[1-9]\d{8}")
_CODE_AND_LABEL = re.compile(r"^(\S+?)\s*(?:[-–—:(]\s*|\s)(.+?)\)?$")
_GAPS = re.compile(r"\s")


@dataclass(frozen=True)
class CodeList:
    """A closed list: its `codes`, and what is understood for one of them (`by_key`: normalised words → code)."""

    codes: frozenset[str]
    by_key: Mapping[str, str]


def code_list(column: Column) -> CodeList | None:
    """The closed list of a column, None when any text is welcome."""
    lists = tuple(understood("lists").get(column.field or "", [column.labels] if column.labels else []))
    return _code_list(lists, tuple(column.values.items())) if lists or column.values else None


def read_codes(words: list[str], known: CodeList) -> Said:
    """Different cells that are no code: the code they mean, else the cell itself."""
    bare = [_DECIMAL.sub(r"\1", word) for word in words]
    pairs = [found.groups() if (found := _CODE_AND_LABEL.match(word)) else ("", "") for word in words]
    # All compared forms of all cells at once: what costs is asking, not how much is asked.
    forms = [*bare, *(_GAPS.sub("", word) for word in bare), *(code for code, _ in pairs), *(rest for _, rest in pairs)]
    codes = [known.by_key.get(key) for key in keys(forms)]
    count = len(words)
    whole, closed, first, rest = (codes[place * count : (place + 1) * count] for place in range(4))
    both = (code if code == again else None for code, again in zip(first, rest, strict=True))
    codes = [one or other or last for one, other, last in zip(whole, closed, both, strict=True)]
    values = [code or word for code, word in zip(codes, words, strict=True)]
    return Said(values, [None] * count, ["label" if code else None for code in codes], [code is None for code in codes])


def read_yes_no(words: list[str]) -> Said:
    """Different cells: true, false, or lost."""
    known = understood("yes_no")
    answers = {key: True for name in ("yes", "yes_words") for key in keys(known[name])}
    answers |= {key: False for name in ("no", "no_words") for key in keys(known[name])}
    said, expected = keys(words), {*keys(known["yes"]), *keys(known["no"])}
    values = [answers.get(key) for key in said]
    causes = ["word" if key in answers and key not in expected else None for key in said]
    return Said(values, [None] * len(words), causes, [value is None for value in values])


def read_identifiers(words: list[str], field: str) -> Said:
    """Different cells of another length than theirs: the identifier they mean, else the cell itself.

    What has not the form of its column is `lost`, and stays as it is for the rules to judge; but where a spreadsheet
    took the digits the value is None.
    """
    known = understood("identifiers")[field]
    told = [_identifier(word, known) for word in words]
    values, causes = [value for value, _ in told], [cause for _, cause in told]
    lost = [value is None or not re.fullmatch(known["form"], value) for value in values]
    return Said(values, [None] * len(words), causes, lost)


def _identifier(cell: str, known: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The identifier a cell means, and why it was changed; None when its digits are lost."""
    if _SCIENTIFIC.fullmatch(cell):
        return None, "scientific"
    length, free = known["length"], known.get("free", False)
    unwrapped = _FORMULA.sub(r"\1", cell)
    whole = _DECIMAL.sub(r"\1", unwrapped)
    bare = whole if free else _GAPS.sub("", whole)
    if bare.isascii() and bare.isdigit():
        if len(bare) == length - 1 and known.get("zeros") and not bare.startswith("0"):
            padded = f"0{bare}"
            if not known.get("key") or luhn.is_valid(padded):
                return padded, "leading_zero"
        if len(bare) == length + 1 and bare.startswith(known.get("prefix", "-")):
            return bare[1:], "prefix"
        if free and _FRENCH_ABROAD.fullmatch(bare):
            return f"+{bare}", "plus_sign"
    if len(bare) == length or (free and whole != unwrapped):
        return bare, "formula" if unwrapped != cell else "decimal" if whole != unwrapped else _spaced(bare, whole)
    return (unwrapped, "formula") if unwrapped != cell else (cell, None)


def _spaced(bare: str, whole: str) -> str | None:
    return "spaces" if bare != whole else None


# ------------------------------------------------------------------------------------------------- reading the lists


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
    """The codes, labels and aliases of one list as `key`, `code`: one code a key, that in use when others are not."""
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
