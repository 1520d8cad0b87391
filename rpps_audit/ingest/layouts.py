"""The layouts: what each kind of export looks like, read from `rules/layouts/*.toml` (French comments in each)."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.reference import load_aliases, load_nomenclature, normalise, rules_root

RH_MAPPING = "rh.toml"
_WITH_ALIASES = ("roles", "professions")


@dataclass(frozen=True)
class Column:
    """One column of a file. `field` is the store's column it fills, None when it is not kept."""

    header: str
    aliases: tuple[str, ...] = ()
    field: str | None = None
    type: str = "text"
    optional: bool = False
    separator: str = ""
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    labels: str | None = None
    note: str = ""

    @property
    def required(self) -> bool:
        """Whether a file without this column is not of this layout."""
        return self.field is not None and not self.optional

    @property
    def keys(self) -> tuple[str, ...]:
        """The header and its aliases, as compared with a file's."""
        return tuple(header_key(name) for name in (self.header, *self.aliases))

    def codes(self) -> dict[str, str]:
        """Normalised label → code, for the cells that hold a label where a code is expected."""
        known = dict(self.values)
        if self.labels:
            frame = load_nomenclature(self.labels).frame
            known |= dict(zip(frame["label"], frame["code"], strict=True))
            if self.labels in _WITH_ALIASES:
                aliases = load_aliases(self.labels)
                known |= dict(zip(aliases["alias"], aliases["code"], strict=True))
        keys = pl.Series(list(known), dtype=pl.String).to_frame("label").select(normalise(pl.col("label"))).to_series()
        return dict(zip(keys, known.values(), strict=True))


@dataclass(frozen=True)
class Layout:
    """One layout: where its rows go (`table`, `kind`) and its columns in the order of the file.

    `derived` gives SQL expressions over the other fields. `first_line` stands for the header of a file that has none.
    `mapped`: the workspace's own form of an HR file, which goes before every other.
    """

    id: str
    kind: str
    table: str
    title: str
    source: str
    version: str
    columns: tuple[Column, ...]
    delimiter: str = ""
    quote: str = ""
    trailing_delimiter: bool = False
    encodings: tuple[str, ...] = ("utf-8",)
    spreadsheet: bool = False
    first_line: str = ""
    section: str = ""
    json: str = ""
    archive: tuple[str, ...] = ()
    mapped: bool = False
    derived: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        """Lines of delimited text (or the sheet of a workbook), recognised by their header."""
        return bool(self.delimiter)

    def fields(self) -> dict[str, Column]:
        """The columns that are kept, by field."""
        return {column.field: column for column in self.columns if column.field}


def layouts(workspace: Path | None = None) -> tuple[Layout, ...]:
    """Every layout, by id; `rh.toml` of the workspace applied to the HR roster, and a layout for each of its forms."""
    from rpps_audit.roster.forms import form_layouts

    found = _shipped()
    mapping = workspace / RH_MAPPING if workspace else None
    if workspace is None or mapping is None or not mapping.is_file():
        return found
    roster = next(one for one in found if one.id == "rh")
    forms = form_layouts(workspace, roster)
    return (*forms, *(_with_mapping(one, mapping) if one.id == "rh" else one for one in found))


def layout(layout_id: str, workspace: Path | None = None) -> Layout:
    """One layout by id. Raises UsageError naming the closest id when there is none."""
    known = {one.id: one for one in layouts(workspace)}
    if layout_id not in known:
        close = get_close_matches(layout_id, known, n=1)
        hint = f" Vouliez-vous dire « {close[0]} » ?" if close else f" Formats connus : {', '.join(known)}."
        raise UsageError(f"Format de fichier inconnu : « {layout_id} ».{hint}")
    return known[layout_id]


def header_key(name: str) -> str:
    """A header as compared: without case, accents, punctuation or doubled spaces."""
    plain = unicodedata.normalize("NFD", name.replace("œ", "oe").replace("Œ", "OE"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", " ", plain.lower()).strip()


# ---------------------------------------------------------------------------------------------- reading the files


@cache
def _shipped() -> tuple[Layout, ...]:
    raw = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(_folder().glob("*.toml"))}
    return tuple(_layout(entry, raw) for entry in raw.values())


def _folder() -> Path:
    return rules_root() / "layouts"


def _layout(entry: Mapping[str, Any], raw: Mapping[str, Mapping[str, Any]]) -> Layout:
    own = tuple(_column(column) for column in entry["columns"]["list"])
    facts: dict[str, Any] = {key: entry[key] for key in ("id", "kind", "table", "title", "source", "version")}
    if "based_on" in entry:
        base = _layout(raw[entry["based_on"]], raw)
        return replace(base, columns=base.columns + own, **facts)
    form: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry["format"].items()
    }
    return Layout(**facts, columns=own, derived=entry.get("derived", {}), **form)


def _column(entry: Mapping[str, Any]) -> Column:
    return Column(**{**entry, "aliases": tuple(entry.get("aliases", ()))})


def _with_mapping(roster: Layout, path: Path) -> Layout:
    """The HR layout with the user's own headers as aliases; once mapped, only what is mapped is required."""
    try:
        whole = tomllib.loads(path.read_text("utf-8"))
        mapping = whole["colonnes"] if "forme" not in whole else whole.get("colonnes", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise UsageError(f"{path} : il faut une table [colonnes] « votre intitulé » = « notre intitulé ».") from error
    if not mapping:
        return roster
    ours = {column.header: column for column in roster.columns}
    for theirs, header in mapping.items():
        if header not in ours:
            raise UsageError(f"{path}, « {theirs} » : « {header} » n'existe pas. Possibles : {', '.join(ours)}.")
        ours[header] = replace(ours[header], aliases=(*ours[header].aliases, theirs))
    mapped = set(mapping.values())
    return replace(
        roster, columns=tuple(replace(column, optional=column.header not in mapped) for column in ours.values())
    )
