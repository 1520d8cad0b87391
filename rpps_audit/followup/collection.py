"""Collecting what is lacking: a sheet per person for the face-to-face, a workbook per establishment, two templates.

The workbook is made to be sent: names and empty cells, nothing that is already known, no formula nor link.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit.errors import UsageError
from rpps_audit.followup.completeness import lacking, mandatory
from rpps_audit.followup.files import KEYS, headings
from rpps_audit.followup.kept import kept_cells, wide
from rpps_audit.outputs import write_private
from rpps_audit.store import Store

FOLDER = "recueil"
TEMPLATES = ("note-information.md", "faq-directions.md")
_OUTCOMES = ("to_register", "elsewhere", "disagrees")


@dataclass(frozen=True)
class Collected:
    """`folder`: where the files are; `people`: how many sheets; `establishments`: how many folders; `pdf`: whether the
    sheets were also written as PDF."""

    folder: Path
    people: int
    establishments: int
    pdf: bool


def collect(
    store: Store, workspace: Path, outcomes: pl.DataFrame, *, everybody: bool = False, pdf: bool = False
) -> Collected:
    """Write, for each establishment, the sheets and the workbook of the people to register or to complete.

    outcomes: those of a reconciliation. `everybody` adds the people registered whose mandatory data are not all known.
    `pdf` writes the sheets as PDF too (one to two seconds for an establishment); UsageError where WeasyPrint is not
    installed. The templates are put in the workspace once, to be edited there.
    """
    folder = workspace / FOLDER
    cells = kept_cells(store)
    table, sources = wide(cells), wide(cells, "source")
    gaps = lacking(table)
    wanted = _wanted(outcomes, gaps, everybody=everybody)
    chosen = table.join(wanted, on=["person", "place"], how="semi", maintain_order="left")
    printer = _printer() if pdf else None
    for (place,), people in chosen.group_by("place", maintain_order=True):
        named = str(place) or "sans-etablissement"
        html = _sheets(people, sources.join(people, on=["person", "place"], how="semi"), named)
        write_private(folder / named / "fiches.html", html.encode())
        if printer is not None:
            write_private(folder / named / "fiches.pdf", printer(html))
        write_private(folder / named / "a-completer.xlsx", _workbook(people, gaps))
    for name in TEMPLATES:
        if not (workspace / "modeles" / name).exists():
            write_private(workspace / "modeles" / name, _template(name).encode())
    return Collected(folder, chosen.height, chosen["place"].n_unique(), pdf)


def _wanted(outcomes: pl.DataFrame, gaps: pl.DataFrame, *, everybody: bool) -> pl.DataFrame:
    kinds = [*_OUTCOMES, "present"] if everybody else list(_OUTCOMES)
    asked = outcomes.filter(pl.col("outcome").is_in(kinds)).select(
        person=pl.coalesce("professional_id", "name_key"), place=pl.col("finess").fill_null("")
    )
    return asked.join(gaps, on=["person", "place"], how="semi").unique()


def _sheets(people: pl.DataFrame, sources: pl.DataFrame, place: str) -> str:
    """One page for each person: what is known and from where, what to ask, in the portal's order."""
    told = {(row["person"], row["place"]): row for row in sources.to_dicts()}
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        _template("sheets.html.j2")
    )
    return page.render(
        place=place, people=[_person(row, told[row["person"], row["place"]]) for row in people.to_dicts()]
    )


def _person(row: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    fields = [
        {"group": one["group"], "ask": one["ask"], "value": row[one["name"]] or "", "source": source[one["name"]] or ""}
        for one in mandatory()
    ]
    return {
        "place": row["place"],
        "place_name": row["structure_name"],
        "situation": "à mettre à jour" if row["pp_id"] else "à enregistrer",
        "groups": [(group, list(found)) for group, found in groupby(fields, key=lambda one: one["group"])],
    }


def _workbook(people: pl.DataFrame, gaps: pl.DataFrame) -> bytes:
    """Names, then the mandatory columns: to fill where something is lacking, grey where it is known and not shown."""
    asked = [one["name"] for one in mandatory() if one["name"] not in {"birth_name", "first_names", "finess"}]
    labels = headings()
    wanted = set(gaps.select("person", "place", "column").rows())
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        title = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        text, known = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bg_color": "#DDDDDD"})
        sheet = book.add_worksheet("Suivi")
        sheet.write_row(
            0, 0, [*KEYS, labels["birth_name"], labels["first_names"], *(labels[one] for one in asked)], title
        )
        for place, name in enumerate(("person", "place", "birth_name", "first_names")):
            sheet.write_column(1, place, [cell or "" for cell in people[name]], text)
        for at, name in enumerate(asked, start=4):
            rows = people.select("person", "place").rows()
            for line, (person, where) in enumerate(rows, start=1):
                sheet.write_blank(line, at, None, text if (person, where, name) in wanted else known)
        sheet.set_column(0, 1, 12, text, {"hidden": True})
        sheet.set_column(2, 3 + len(asked), 20)
        sheet.freeze_panes(1, 4)
        note = book.add_worksheet("Explications")
        note.set_column(0, 0, 90, book.add_format({"text_wrap": True, "valign": "top"}))
        note.write_column(0, 0, [
            "Remplissez les cellules blanches ; les grises sont déjà connues et ne sont pas montrées ici.",
            "Une cellule laissée vide ne change rien. Ne modifiez pas les colonnes cachées.",
            "Rendez ce fichier au gestionnaire RPPS+ par une messagerie sécurisée, puis effacez-le.",
        ])  # fmt: skip
    return buffer.getvalue()


def _template(name: str) -> str:
    return (files("rpps_audit.followup") / "templates" / name).read_text("utf-8")


def _printer() -> Callable[[str], bytes]:
    """HTML → PDF/UA."""
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:
        raise UsageError(
            'Le PDF demande WeasyPrint : pip install "rpps-audit[pdf]". Les fiches HTML suffisent.'
        ) from error
    return lambda html: bytes(HTML(string=html).write_pdf(pdf_variant="pdf/ua-1"))
