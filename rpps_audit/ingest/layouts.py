"""The layouts: what each kind of export looks like, read from `rules/layouts/*.toml` (French comments in each)."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from rpps_audit.errors import UsageError
from rpps_audit.ingest.headings import Meaning, header_key, heading_words, meanings
from rpps_audit.reference import rules_root

__all__ = ["RH_MAPPING", "Column", "Layout", "header_key", "layout", "layouts"]

RH_MAPPING = "rh.toml"


@dataclass(frozen=True)
class Column:
    """One column of a file. `field` is the store's column it fills, None when it is not kept.

    `parts` are the fields a joined name is split into. `mapped` are the user's own headings for it, which come first.
    """

    header: str
    aliases: tuple[str, ...] = ()
    field: str | None = None
    type: str = "text"
    optional: bool = False
    separator: str = ""
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    labels: str | None = None
    note: str = ""
    parts: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()
    meaning: Meaning | None = None

    @property
    def required(self) -> bool:
        """Whether a file without this column is not of this layout."""
        return self.field is not None and not self.optional

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The header and its aliases, as compared with a file's."""
        return tuple(" ".join(heading_words(name)) for name in (*self.mapped, self.header, *self.aliases))

    def rank(self, heading: str) -> int | None:
        """How well a heading names this column, 0 the best; None when it does not.

        The user's own mapping first; then, where the column has a meaning, its order; else the order of the aliases.
        """
        words = heading_words(heading)
        key = " ".join(words)
        own = len(self.mapped)
        if self.meaning and (found := self.meaning.rank(frozenset(words))) is not None:
            return self.keys.index(key) if key in self.keys[:own] else own + found
        if key in self.keys:
            place = self.keys.index(key)
            return place if not self.meaning or place < own else own + len(self.meaning.phrases) + place
        return None


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
    known_sections: tuple[str, ...] = ()
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


# ---------------------------------------------------------------------------------------------- reading the files


@cache
def _shipped() -> tuple[Layout, ...]:
    raw = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(_folder().glob("*.toml"))}
    return tuple(_layout(entry, raw) for entry in raw.values())


def _folder() -> Path:
    return rules_root() / "layouts"


def _layout(entry: Mapping[str, Any], raw: Mapping[str, Mapping[str, Any]]) -> Layout:
    own = tuple(_column(column, entry["id"]) for column in entry["columns"]["list"])
    facts: dict[str, Any] = {key: entry[key] for key in ("id", "kind", "table", "title", "source", "version")}
    if "based_on" in entry:
        base = _layout(raw[entry["based_on"]], raw)
        return replace(base, columns=base.columns + own, **facts)
    form: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry["format"].items()
    }
    return Layout(**facts, columns=own, derived=entry.get("derived", {}), **form)


def _column(entry: Mapping[str, Any], layout_id: str) -> Column:
    parts = tuple(entry.get("parts", ()))
    meaning = meanings(layout_id).get("full_name" if parts else entry.get("field", ""))
    return Column(**{**entry, "aliases": tuple(entry.get("aliases", ())), "parts": parts, "meaning": meaning})


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
        ours[header] = replace(ours[header], mapped=(*ours[header].mapped, theirs))
    mapped = set(mapping.values())
    return replace(
        roster, columns=tuple(replace(column, optional=column.header not in mapped) for column in ours.values())
    )
