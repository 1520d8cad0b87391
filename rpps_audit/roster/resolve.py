"""A roster's own words become names, a FINESS and dates: for ten rows shown, and for the rows a store has loaded."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.perimeter import Perimeter
from rpps_audit.reference import communes_at
from rpps_audit.roster.contents import as_month
from rpps_audit.roster.full_names import split_full_name
from rpps_audit.roster.jobs import keep_jobs, propose_jobs
from rpps_audit.roster.places import DOUBTFUL, keep_places, kept_places, propose_places
from rpps_audit.store import Store, fetch_frame

_ENDLESS = 2090
_READ = "line, birth_name, first_name, usage_name, full_name, place, month, finess, start_date, end_date, job"
# What an employment says in its own words, and the columns it becomes.
_MADE = ("birth_name", "first_name", "finess", "start_date", "end_date")


def resolved(rows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """The rows with birth_name, first_name, finess, start_date and end_date made from what the file says.

    rows: birth_name, first_name, full_name, place, month, finess, start_date, end_date. places: see `propose_places`,
    those in doubt are not used. A row about a month is a contract of that month; the last month of the file is still
    running. 31/12/2999 is no end.
    """
    first_day = as_month(pl.col("month"))
    last_month = first_day == first_day.max()
    month_end = pl.when(~last_month).then(first_day.dt.month_end())
    endless = pl.col("end_date").dt.year() >= _ENDLESS
    named = rows.with_columns(pl.struct(split_full_name(pl.col("full_name"))).alias("_split"))
    found = named.join(
        places.filter(pl.col("decided") != DOUBTFUL).select("place", _finess="finess").drop_nulls(),
        on="place",
        how="left",
        maintain_order="left",
    )
    return found.with_columns(
        birth_name=pl.coalesce("birth_name", pl.col("_split").struct.field("birth_name")),
        first_name=pl.coalesce("first_name", pl.col("_split").struct.field("first_name")),
        finess=pl.coalesce("finess", "_finess"),
        start_date=pl.coalesce("start_date", first_day),
        end_date=pl.when(~endless.fill_null(value=False)).then(pl.coalesce("end_date", month_end)),
    ).drop("_split", "_finess")


def establishments(store: Store, perimeter: Perimeter | None = None) -> pl.DataFrame:
    """The establishments a label can be: finess, finess_legal, name, siret, commune_label, category_label, closed_on;
    those of FINESS, then the directory's. Of the perimeter only, when there is one.
    """
    found = fetch_frame(store.sql("""
        SELECT * EXCLUDE (rank) FROM (
            SELECT finess, finess_legal, name, siret, commune, category_label, closed_on, 1 AS rank FROM establishments
            UNION ALL SELECT finess, finess_legal, structure_name, siret, NULL, NULL, NULL, 2 FROM registrations
        ) WHERE finess IS NOT NULL AND name IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY finess ORDER BY rank, name) = 1 ORDER BY finess
    """))  # fmt: skip
    labels = communes_at(date.today()).select(commune="code", commune_label="label").unique("commune")
    named = found.join(labels, on="commune", how="left", maintain_order="left").drop("commune")
    return named.filter(perimeter.expression()) if perimeter else named


def labels(known: pl.DataFrame) -> pl.Series:
    """Everything an HR file may call one of these establishments exactly: FINESS, SIRET, name."""
    return pl.concat([known[name].alias("label") for name in ("finess", "siret", "name")]).drop_nulls()


def resolve_roster(store: Store, snapshot_id: int, workspace: Path | None) -> list[str]:
    """Resolve the rows of one loaded roster where they are; gives what the user should know, in French.

    Labels are looked for among the establishments of the workspace's perimeter; those of establishments and functions
    are kept in the workspace, with what is proposed for each.
    """
    from rpps_audit.workspace import open_workspace

    rows = fetch_frame(store.sql(f"SELECT {_READ} FROM employments WHERE snapshot_id = ?", [snapshot_id]))
    if workspace is None:
        places = propose_places(rows["place"], establishments(store))
    else:
        known = establishments(store, open_workspace(workspace).perimeter)
        if rows["job"].null_count() < rows.height:
            keep_jobs(workspace, propose_jobs(rows["job"]))
        before = kept_places(workspace)
        fresh = rows.join(before.filter(pl.col("decided") != DOUBTFUL), on="place", how="anti")["place"]
        places = keep_places(workspace, propose_places(fresh, known)) if fresh.count() else before
    made = resolved(rows, places).select("line", *_MADE)
    store.connection.register("resolved_rows", made.to_arrow())
    try:
        store.sql(
            f"UPDATE employments e SET {', '.join(f'{name} = r.{name}' for name in _MADE)} "
            f"FROM resolved_rows r WHERE e.snapshot_id = {snapshot_id} AND e.line = r.line"
        )
    finally:
        store.connection.unregister("resolved_rows")
    return _notes(rows.join(made.select("line", found="finess"), on="line"))


def _notes(rows: pl.DataFrame) -> list[str]:
    lost = rows.filter(pl.col("place").is_not_null(), pl.col("found").is_null())
    if lost.is_empty():
        return []
    labels = lost["place"].n_unique()
    return [
        f"{labels} établissements du fichier sans FINESS connu ({lost.height} lignes) : complétez "
        "etablissements-rh.csv dans l'espace de travail, puis rechargez."
    ]
