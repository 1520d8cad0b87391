"""Pages that the browser tests open beside the notebooks: a large grid, an edited one, a commune search."""

from datetime import date

import polars as pl
from ipywidgets import VBox

from rpps_audit.checks import load_catalogue
from rpps_audit.workbench.commune import CommuneSearch
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.table import Column, Table
from rpps_audit.workbench.validation import RecordRules

ROWS = 50_000


def large() -> Grid:
    """Fifty thousand people who do not exist."""
    frame = pl.DataFrame(
        {
            "record_key": pl.int_range(ROWS, eager=True).cast(pl.String),
            "name": ["Éléonore", "Jean-Luc", "Zoé", "Amélie", "Noël"] * (ROWS // 5),
            "role": ["GENR09", "GENR11"] * (ROWS // 2),
            "days": pl.int_range(ROWS, eager=True),
        }
    )
    roles = {"GENR09": "Administratif", "GENR11": "Soin"}
    columns = [Column("name", "Nom"), Column("role", "Rôle", choices=roles), Column("days", "Jours", numeric=True)]
    return Grid(Table(frame, columns), caption="Cinquante mille lignes", selectable=True)


def edited() -> VBox:
    """Two records to correct, judged by the catalogue, and the commune search."""
    frame = pl.DataFrame(
        {
            "record_key": ["810000000008", "810000000016"],
            "birth_name": ["MARTIN", "DURAND"],
            "birth_date": [date(1980, 1, 1), date(1990, 5, 4)],
            "birth_commune": ["35238", "93066"],
            "birth_country": ["99100", "99100"],
        }
    ).with_columns(birth_date_text=pl.lit(None, pl.String))
    columns = [
        Column("birth_name", "Nom de naissance", editable=True),
        Column("birth_date", "Date de naissance", editable=True),
        Column("birth_commune", "Commune de naissance", editable=True),
    ]
    rules = RecordRules(load_catalogue(), frame.columns, date(2026, 11, 1))
    return VBox([Grid(Table(frame, columns, validate=rules), caption="À corriger"), CommuneSearch(date(1970, 1, 1))])
