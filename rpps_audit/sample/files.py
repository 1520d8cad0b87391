"""The files of a sample: their names, the day they describe, and how typed lines become their text.

Columns and their order come from the layouts of `rules/layouts/`; what a layout does not keep (labels, addresses) is
filled too, so that the files look like the registry's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO, Literal

import polars as pl

from rpps_audit import reference
from rpps_audit.ingest.layouts import Column, Layout, layout
from rpps_audit.sample.population import FIRST_DAY, LAST_DAY, World


@dataclass(frozen=True)
class File:
    """One file. `kind` is the word of `--kinds`, `source` the edition of the lines it is made of."""

    kind: str
    name: str
    layout: str
    source: str
    day: date = LAST_DAY
    encoding: str = "utf-8"
    lines: int | None = None

    @property
    def registers(self) -> bool:
        """Whether it is judged by the rules, and so has lines in the truth."""
        return self.source == self.kind


_STAMP = "202611010530"
FILES = (
    File("suivi-precedent", "suivi-rpps-2026-09-01.csv", "suivi", "suivi-precedent", FIRST_DAY),
    File("suivi", "suivi-rpps-2026-11-01.csv", "suivi", "suivi"),
    File(
        "annuaire-restreint",
        f"Extraction_Pro_Sante_Connect_Personne_activite_{_STAMP}.txt",
        "annuaire-restreint-51",
        "annuaire-restreint",
    ),
    File("annuaire-public", f"PS_LibreAcces_Personne_activite_{_STAMP}.txt", "annuaire-public-56", "annuaire-public"),
    File("savoir-faire", f"PS_LibreAcces_SavoirFaire_{_STAMP}.txt", "savoir-faire", "annuaire-public"),
    File("diplomes", f"PS_LibreAcces_Dipl_AutExerc_{_STAMP}.txt", "dipl-autexerc", "annuaire-public"),
    File("cartes", f"Porteurs_CPS_CPF_{_STAMP}.txt", "porteurs-cps-cpf", "cartes", encoding="iso-8859-1"),
    File("mssante", f"Extraction_Correspondance_MSSante_{_STAMP}.txt", "mssante", "mssante"),
    File("rh", "personnel-rh-2026-11-01.csv", "rh", "rh"),
)
_FEW = 60
VARIANTS = (
    File(
        "variantes",
        "variantes/annuaire-restreint-49-colonnes.txt",
        "annuaire-restreint-49",
        "annuaire-restreint",
        lines=_FEW,
    ),
    File(
        "variantes",
        "variantes/annuaire-restreint-50-colonnes.txt",
        "annuaire-restreint-50",
        "annuaire-restreint",
        encoding="iso-8859-1",
        lines=_FEW,
    ),
    File("variantes", "variantes/annuaire-public-52-colonnes.txt", "annuaire-public-52", "annuaire-public", lines=_FEW),
    File(
        "variantes",
        "variantes/ExtractionMonoTable_CAT18_ToutePopulation_201809010530.csv",
        "cat18",
        "annuaire-public",
        lines=_FEW,
    ),
)
PLACES_FILE = "finess-structures-2026-11-01.json"


class Writer:
    """One open file: its header, then the text of each batch, appended. The file appears under its name when closed."""

    def __init__(self, file: File, folder: Path) -> None:
        self.file, self.layout, self.rows = file, layout(file.layout), 0
        self._path = folder / file.name
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._partial = self._path.with_name(f".{self._path.name}.partiel")
        self._handle: BinaryIO = self._partial.open("wb")
        self._write(_header(self.layout))

    def append(self, lines: pl.DataFrame, world: World) -> None:
        """Write typed lines as text, until the file has the lines it asks for."""
        records = _RECORDS.get(self.file.kind)
        chosen = records(lines) if records else lines
        if self.file.lines is not None:
            chosen = chosen.head(self.file.lines - self.rows)
        self.rows += chosen.height
        self._write(_text(chosen, self.layout, world))

    def close(self) -> None:
        """Give the finished file its name."""
        self._handle.close()
        self._partial.replace(self._path)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._handle.close()
        self._partial.unlink(missing_ok=True)

    def _write(self, frame: pl.DataFrame) -> None:
        quotes: Literal["necessary", "always", "never"] = "necessary" if self.layout.quote else "never"
        if self.layout.id == "cat18":
            quotes = "always"
        mark = self.layout.delimiter
        if self.file.encoding == "utf-8":
            frame.write_csv(self._handle, include_header=False, separator=mark, quote_style=quotes)
        else:
            text = frame.write_csv(include_header=False, separator=mark, quote_style=quotes)
            self._handle.write(text.replace("Œ", "OE").replace("œ", "oe").encode(self.file.encoding))


def _header(form: Layout) -> pl.DataFrame:
    names = [column.header for column in _written(form)] + [""] * form.trailing_delimiter
    return pl.DataFrame([names], schema=[str(n) for n in range(len(names))], orient="row")


def _text(lines: pl.DataFrame, form: Layout, world: World) -> pl.DataFrame:
    """One text column for each column of the layout, in its order."""
    frame = pl.concat([lines, world.places[_ADDRESS][lines["place"]]], how="horizontal")
    registry = form.delimiter == "|" or form.id == "cat18"
    cells = [_cell(column, registry, form.kind).alias(str(n)) for n, column in enumerate(_written(form))]
    if form.trailing_delimiter:
        cells.append(pl.lit("").alias("trailing"))
    return frame.select(cells)


def _written(form: Layout) -> list[Column]:
    """The columns that stand in a file: a joined name stands in place of its parts, which these files have."""
    return [column for column in form.columns if not column.parts]


def _cell(column: Column, registry: bool, kind: str) -> pl.Expr:
    """The text of one column: by its field, else by its header, else empty."""
    field = _RENAMED.get((kind, column.field or ""), column.field)
    if registry and column.field in _REGISTRY:
        return _REGISTRY[column.field]
    if column.type == "date":
        shown = pl.col(str(field)).dt.strftime("%d/%m/%Y")
        return pl.coalesce(f"{field}_text", shown) if field in _WITH_TEXT else shown
    if column.type == "yes_no":
        return pl.when(pl.col(str(field))).then(pl.lit("oui")).when(pl.col(str(field)).not_()).then(pl.lit("non"))
    if field is not None:
        return pl.col(field)
    return _BY_HEADER.get(column.header.replace(" (coord. structure)", "").replace(" (structure)", ""), pl.lit(""))


def _label(nomenclature: str, column: str) -> pl.Expr:
    frame = reference.load_nomenclature(nomenclature).frame
    return pl.col(column).replace_strict(frame["code"], frame["label"], default="")


_ADDRESS = ["department", "commune", "commune_label", "postcode"]
_WITH_TEXT = ("birth_date", "start_date", "end_date")
_PADDED = pl.col("first_names").str.replace_all(", ", "'", literal=True)
_GAPS = 2 - pl.col("first_names").str.count_matches(", ", literal=True).cast(pl.Int64)

# How the registry writes what the follow-up file writes otherwise: capitals, first names joined by ', France as 99000.
_REGISTRY = {
    "other_ids": pl.lit(""),
    "birth_name": pl.col("birth_name").str.to_uppercase(),
    "first_names": pl.concat_str(_PADDED, pl.lit("''").str.head(pl.max_horizontal(_GAPS, 0))).str.to_uppercase(),
    "birth_place": pl.col("birth_place").str.to_uppercase(),
    "birth_country": pl.col("birth_country").replace("99100", "99000"),
    "exercise_name": pl.col("exercise_name").str.to_uppercase(),
    "exercise_first_name": pl.col("exercise_first_name").str.to_uppercase(),
}
_RENAMED = {
    ("rh", "first_name"): "exercise_first_name",
    ("rh", "finess"): "true_finess",
    ("rh", "start_date"): "true_start",
    ("rh", "end_date"): "roster_end",
}
_BY_HEADER = {
    "Type d'identifiant PP": pl.col("id_type"),
    "Type Identifiant PP": pl.col("id_type"),
    "Identifiant PP": pl.col("pp_id"),
    "Code civilité d'exercice": pl.lit(""),
    "Libellé civilité": pl.col("civility").replace_strict({"M": "Monsieur", "MME": "Madame"}, default=""),
    "Nom d'exercice": pl.col("exercise_name").str.to_uppercase(),
    "Prénom d'exercice": pl.col("exercise_first_name").str.to_uppercase(),
    "Code profession": pl.lit("99"),
    "Code Profession": pl.lit("99"),
    "Libellé profession": pl.lit("Acteur caractérisé par un rôle"),
    "Code catégorie professionnelle": pl.lit("C"),
    "Libellé catégorie professionnelle": pl.lit("Civil"),
    "Code mode exercice": pl.lit("S"),
    "Libellé mode exercice": pl.lit("Salarié"),
    "Numéro SIREN site": pl.col("siret").str.head(9),
    "Téléphone": pl.col("structure_phone"),
    "Adresse e-mail": pl.col("structure_email"),
    "Autorité d'enregistrement": pl.col("authority"),
    "Bureau cedex": pl.concat_str("postcode", pl.lit(" "), pl.col("commune_label").str.to_uppercase()),
    "Code postal": pl.col("postcode"),
    "Code commune": pl.col("commune"),
    "Libellé commune": pl.col("commune_label"),
    "Code pays": pl.lit("99000"),
    "Libellé pays": pl.lit("France"),
    "Code département": pl.col("department"),
    "Code Département": pl.col("department"),
    "Libellé rôle": _label("professions", "profession"),
    "Libellé genre activité": _label("roles", "role"),
    "Date de mise à jour": pl.lit("20261031"),
    "Raison Sociale structure BAL": pl.col("structure_name"),
    "Code postal structure BAL": pl.col("postcode"),
    "Département structure BAL": pl.col("department"),
    "Pays structure BAL": pl.lit("France"),
}


def _people(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.filter(rank=0, copy=0)


def _strangers(people: pl.DataFrame, known: str, every: int) -> pl.DataFrame:
    """One person in `every` of those that orders register, nobody of the follow-up; and, of these, the planted ones."""
    number = pl.when(known).then("pp_id").otherwise("spare_rpps")
    chosen = people.filter((pl.col("person") % every == 7) | pl.col(known))
    return chosen.with_columns(pp_id=number, professional_id="8" + number)


def _skills(lines: pl.DataFrame) -> pl.DataFrame:
    return _strangers(_people(lines), "skilled", 20).with_columns(skill=pl.lit("CAPA00"))


def _diplomas(lines: pl.DataFrame) -> pl.DataFrame:
    return _strangers(_people(lines), "graduate", 10).with_columns(diploma=pl.lit("DE00"))


def _cards(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        _people(lines)
        .filter(pl.col("card_until").is_not_null())
        .with_columns(
            valid_from=pl.lit(date(2025, 6, 1)),
            valid_to="card_until",
            opposed_on="card_opposed",
        )
    )


def _mailboxes(lines: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("email").str.split("@").list.first()
    return (
        _people(lines)
        .filter("mailbox")
        .with_columns(mailbox_type=pl.lit("PER"), address=pl.concat_str(local, pl.lit("@sources.mssante.example")))
    )


def _roster(lines: pl.DataFrame) -> pl.DataFrame:
    known = pl.when("roster_number").then("pp_id")
    left = pl.coalesce("roster_end", pl.when(pl.col("is_open").not_()).then("end_date"))
    return lines.filter(copy=0).with_columns(pp_id=known, roster_end=left)


_RECORDS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "savoir-faire": _skills,
    "diplomes": _diplomas,
    "cartes": _cards,
    "mssante": _mailboxes,
    "rh": _roster,
}
