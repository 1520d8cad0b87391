"""The batch as a list to read or sort: CSV and XLSX, without a cell that a spreadsheet would run."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from rpps_audit.batches.carried import Carried
from rpps_audit.outputs import csv_bytes, xlsx_bytes

COLUMNS = {
    "professional_id": "Identification nationale",
    "person": "Personne",
    "finess": "FINESS géographique",
    "structure_name": "Établissement",
    "screen": "Écran du portail",
    "label": "Champ",
    "shown_before": "Valeur actuelle",
    "shown_after": "Nouvelle valeur",
    "action": "À faire",
    "reason": "Motif",
    "evidence": "Justificatif",
    "source": "Source",
    "authors": "Auteur",
    "numbers": "Corrections",
}


def as_csv(carried: Carried) -> bytes:
    """CSV with semicolons, UTF-8 with its mark. A cell that would be a formula begins with « ' »."""
    return csv_bytes(_titled(carried), french=True)


def as_xlsx(carried: Carried, made: datetime) -> bytes:
    """A workbook whose cells are all text: nothing in it is a formula, a link or a number."""
    return xlsx_bytes(_titled(carried), "Corrections", made=made)


def _titled(carried: Carried) -> pl.DataFrame:
    return carried.worded().select(pl.col(name).cast(pl.String).alias(title) for name, title in COLUMNS.items())
