"""Who is registered under which codes: the figures a nomenclature is changed by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from rpps_audit.records import active_sql
from rpps_audit.reference import Nomenclature, load_nomenclature
from rpps_audit.store import Store, fetch_frame

# The portal's catch-all profession (TRE_R85): « Autre professionnel ».
CATCH_ALL = "312"
_CODES = {"profession": "professions", "role": "roles"}


def registered(store: Store, run_ids: Sequence[int], *by: str) -> pl.DataFrame:
    """Active situations of the files judged by the runs, on the day of each, counted by columns of the registrations.

    `by` are among finess, finess_legal, role, profession, structure_name. Columns: those, then situations,
    professionals, establishments, operators; the largest groups first.
    """
    keys = ", ".join(by) or "''"
    frame = fetch_frame(
        store.sql(
            f"""SELECT {keys}, count(*) AS situations,
                   count(DISTINCT coalesce(professional_id, person)) AS professionals,
                   count(DISTINCT coalesce(finess, structure_id)) AS establishments,
                   count(DISTINCT finess_legal) AS operators
            FROM registrations JOIN (SELECT unnest(snapshots) AS snapshot_id, as_of FROM runs
                                     WHERE list_contains(?, run_id)) r USING (snapshot_id)
            LEFT JOIN person_lines USING (snapshot_id, line) WHERE {active_sql("r.as_of")}
            GROUP BY ALL""",
            [list(run_ids)],
        )
    )
    if not by:
        frame = frame.drop("''")
    return frame.sort("professionals", *by, descending=[True, *(False for _ in by)], nulls_last=True)


def withdrawn(store: Store, run_ids: Sequence[int]) -> pl.DataFrame:
    """What is still registered under codes no longer in use, or that the portal no longer offers, and who must move it.

    Columns: column (profession or role), code, label, reason (French), successor, successor_label, finess,
    finess_legal, structure_name, situations, professionals. It is the establishment's manager who moves a situation; a
    code without a known successor has a null one.
    """
    found_day = store.one("SELECT max(as_of) FROM runs WHERE list_contains(?, run_id)", [list(run_ids)])
    day: date = (found_day and found_day[0]) or date.today()
    found = []
    for column, name in _CODES.items():
        held = registered(store, run_ids, column, "finess", "finess_legal", "structure_name")
        found.append(_withdrawn(held, column, load_nomenclature(name), day))
    return pl.concat(found).sort("column", "code", "professionals", descending=[False, False, True])


def _withdrawn(held: pl.DataFrame, column: str, nomenclature: Nomenclature, day: date) -> pl.DataFrame:
    labels = nomenclature.frame.select(successor="code", successor_label="label")
    ended = pl.col("valid_to") <= day
    reason = (
        pl.when(ended)
        .then(pl.format("retiré de la nomenclature le {}", pl.col("valid_to").dt.strftime("%d/%m/%Y")))
        .when(~pl.col("in_portal"))
        .then(pl.lit("n’est plus proposé par le portail"))
    )
    return (
        held.rename({column: "code"})
        .join(nomenclature.frame, on="code")
        .with_columns(reason=reason, column=pl.lit(column))
        .filter(pl.col("reason").is_not_null())
        .join(labels, on="successor", how="left")
        .select(
            "column",
            "code",
            "label",
            "reason",
            "successor",
            "successor_label",
            "finess",
            "finess_legal",
            "structure_name",
            "situations",
            "professionals",
        )
    )
