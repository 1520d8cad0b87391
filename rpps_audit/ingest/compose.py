"""One field out of several columns: the first filled one, or a part of a joined name."""

from __future__ import annotations

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.ingest.fitting import JOINED, Recognition
from rpps_audit.ingest.headings import heading_words
from rpps_audit.ingest.layouts import Column

# A lower-case letter anywhere says that a word is a first name; particles belong to the name that follows them.
_NAME_WORD = r"(?:[^\s\p{Ll}]+)"
_NAME_FIRST = rf"^({_NAME_WORD}(?:\s+{_NAME_WORD})*)\s+(\S*\p{{Ll}}.*)$"
_NAME_LAST = rf"^(\S*\p{{Ll}}.*?)\s+({_NAME_WORD}(?:\s+{_NAME_WORD})*)$"
_PARTICLE = r"(?i)^((?:(?:de|du|des|d|le|la|les|van|von|el|al|ben|da|dos|di|saint|sainte)[ '’])*\S+)\s+(.+)$"
_PARTICLE_LAST = r"(?i)^(\S.*?)\s+((?:(?:de|du|des|d|le|la|les|van|von|el|al|ben|da|dos|di|saint|sainte)[ '’])*\S+)$"
_PARTS = (f"{JOINED}_name", f"{JOINED}_first")
_COMMA = r"^([^,]+?)\s*,\s*(.+)$"


class Composer:
    """What makes the fields of a file out of its columns; counts how joined names were split."""

    def __init__(self, recognition: Recognition) -> None:
        layout = recognition.layout
        assert layout is not None
        fields = layout.fields()
        own = recognition.own_fields()
        self.columns: list[Column] = [fields[name] for name in own]
        self._heading = recognition.header[recognition.joined].strip() if recognition.joined is not None else ""
        self._name_last = heading_words(self._heading)[:1] == ("prenom",)
        self._split: list[tuple[int, int, int]] = []
        kept = [column.field for column in recognition.kept().values()]
        self._sources: dict[str, list[str]] = {}
        for rank, (field, _) in enumerate(recognition.also, 2):
            self._sources.setdefault(field, [field] if field in kept else []).append(f"{field}__{rank}")
        if self._heading:
            parts = next(column.parts for column in layout.columns if column.parts)
            for field, part in zip(parts, _PARTS, strict=True):
                self._sources.setdefault(field, [field] if field in kept else []).append(part)

    def table(self, table: pa.Table) -> pa.Table:
        """The table with one column per field (empty cells are empty strings), other columns as they are."""
        if not self._sources:
            return table
        frame = pl.DataFrame(table)
        if self._heading:
            frame, counts = _split(frame, name_last=self._name_last)
            self._split.append(counts)
        told = frame.with_columns(
            pl.coalesce(pl.col(name).replace("", None) for name in names).fill_null("").alias(field)
            for field, names in self._sources.items()
        )
        kept = told.drop(name for name in told.columns if "__" in name)
        composed = kept.to_arrow(compat_level=pl.CompatLevel.oldest())
        types = [pa.string() if pa.types.is_large_string(one.type) else one.type for one in composed.schema]
        return composed.cast(pa.schema(zip(composed.column_names, types, strict=True)))

    def remarks(self) -> list[str]:
        """How the joined names were split, once all are read."""
        if not self._split:
            return []
        sure, guessed, lone = (sum(counts) for counts in zip(*self._split, strict=True))
        word = "dernier" if self._name_last else "premier"
        guess = f", {guessed} au {word} mot faute de capitales (à vérifier)" if guessed else ""
        alone = f", {lone} d'un seul mot, prises pour le nom" if lone else ""
        return [
            f"« {self._heading} » réunit le nom et le prénom : {sure} cellules coupées entre les capitales (le nom) et "
            f"le reste{guess}{alone}."
        ]


def _split(frame: pl.DataFrame, *, name_last: bool = False) -> tuple[pl.DataFrame, tuple[int, int, int]]:
    """Adds the name and the first name of each joined cell: by a comma, by the capitals, else by the first word.

    Gives how many were split surely, by the word, not at all. `name_last` is for a heading that says « Prénom Nom »:
    the last word is then the name.
    """
    cell = pl.col(JOINED).str.strip_chars().str.replace_all(r"\s+", " ")
    forms = (_COMMA, _NAME_FIRST, _NAME_LAST, _PARTICLE_LAST if name_last else _PARTICLE)
    comma, first, last, guess = (cell.str.extract_groups(form) for form in forms)
    guessed = ("2", "1") if name_last else ("1", "2")
    sure = pl.any_horizontal(one.struct["1"].is_not_null() for one in (comma, first, last))
    split = frame.with_columns(
        pl.coalesce(comma.struct["1"], first.struct["1"], last.struct["2"], guess.struct[guessed[0]], cell).alias(
            _PARTS[0]
        ),
        pl.coalesce(comma.struct["2"], first.struct["2"], last.struct["1"], guess.struct[guessed[1]]).alias(_PARTS[1]),
        sure.alias(f"{JOINED}_sure"),
    )
    filled = split.filter(pl.col(JOINED) != "")
    certain, lone = int(filled[f"{JOINED}_sure"].sum()), filled[_PARTS[1]].null_count()
    return split, (certain, filled.height - certain - lone, lone)
