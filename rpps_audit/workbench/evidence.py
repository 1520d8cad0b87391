"""What the DPO's desk reads: exposure by whatever one asks, who could read a document and through which situation.

People are pseudonyms from here on, the same as in the report: no number of the register goes to the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.checks import findings, state_runs
from rpps_audit.exposure import Exposure
from rpps_audit.privacy import open_pseudonyms
from rpps_audit.records import state_at
from rpps_audit.reports.keys import Keys
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workspace import Workspace, exposure_of

VIEWS: Mapping[str, tuple[str, Callable[[Exposure], pl.DataFrame]]] = {
    "establishment": ("par établissement", Exposure.by_establishment),
    "operator": ("par organisme gestionnaire", Exposure.by_operator),
    "document": ("par type de document", Exposure.by_document),
    "role": ("par rôle", Exposure.by_role),
    "profession": ("par profession", Exposure.by_profession),
    "professional": ("par professionnel", Exposure.by_professional),
}


@dataclass(frozen=True)
class Evidence:
    """What the store said: totals, frames by view, and how findings moved. Pseudonyms, no value.

    `documents`: code to label; `places`: FINESS number to name; `granted`: document to the roles it is open to.
    """

    as_of: date
    version: str
    caveat: str
    totals: dict[str, Any]
    views: Mapping[str, pl.DataFrame]
    forgotten: pl.DataFrame
    timeline: pl.DataFrame
    states: pl.DataFrame
    not_evaluable: pl.DataFrame
    rules_not_evaluable: pl.DataFrame
    documents: dict[str, str]
    places: dict[str, str]
    granted: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Choice:
    """Which rows: "" keeps all. `day`: on which day."""

    day: date
    document: str = ""
    finess: str = ""
    role: str = ""


def read_evidence(store: Store, workspace: Workspace) -> Evidence | None:
    """Everything the desk shows at first; None before the first evaluation."""
    state = state_at(store)
    runs = state_runs(store, state).filter("primary")
    if runs.is_empty():
        return None
    exposure, keys = exposure_of(store, workspace, state), _keys(workspace)
    titles = {rule.id: rule.title for rule in workspace.catalogue()}
    moved = pl.concat(
        [findings(store, run_id).group_by("rule_id", "state").len("findings") for run_id in runs["run_id"]]
    )
    lacking = fetch_frame(store.sql(_LACKING, [runs["run_id"].to_list()]))
    views = {name: read(exposure) for name, (_, read) in VIEWS.items()}
    views["professional"] = _named(views["professional"], keys)
    places = views["establishment"].filter(pl.col("finess").is_not_null())
    types = exposure.access.document_types
    granted = exposure.access.grants.group_by("document_type").agg(pl.col("role").sort())
    return Evidence(
        as_of=exposure.as_of,
        version=exposure.version,
        caveat=exposure.caveat,
        totals=exposure.totals().row(0, named=True),
        views=views,
        forgotten=_forgotten(exposure.forgotten(), keys, places, titles),
        timeline=exposure.timeline(),
        states=moved.with_columns(rule=pl.col("rule_id").replace(titles)).drop("rule_id"),
        not_evaluable=exposure.not_evaluable(),
        rules_not_evaluable=lacking.select(pl.col("rule_id").replace(titles).alias("rule"), "reason"),
        documents=dict(zip(types["id"], types["label"], strict=True)),
        places=dict(zip(places["finess"], keys.places(places["finess"], places["name"]), strict=True)),
        granted={document: tuple(roles) for document, roles in granted.rows()},
    )


def readers(store: Store, workspace: Workspace, choice: Choice) -> pl.DataFrame:
    """Who could read, one row per situation: person, place, role, profession, start_date, how (« justifiée », or
    « oubliée depuis le … »), the oldest first. Empty for a document that no role opens."""
    exposure, keys = exposure_of(store, workspace, state_at(store)), _keys(workspace)
    frame = exposure.tables.sql(_READERS, day=choice.day)
    grants = exposure.access.grants
    if choice.document:
        grants = grants.filter(pl.col("document_type") == choice.document)
    frame = frame.filter(pl.col("role").is_in(grants["role"].unique().to_list()))
    kept = [pl.col(name) == value for name, value in (("finess", choice.finess), ("role", choice.role)) if value]
    names = exposure.by_establishment().select("finess", "name")
    frame = frame.filter(*kept).join(names, "finess", "left", maintain_order="left")
    how = pl.format("oubliée depuis le {}", pl.col("since").dt.strftime("%d/%m/%Y"))
    return frame.with_columns(
        person=keys.people(frame["professional_id"]),
        place=keys.places(frame["finess"], frame["name"]),
        how=pl.when(pl.col("since") < choice.day).then(how).otherwise(pl.lit("justifiée")),
    ).select("person", "place", "role", "profession", "start_date", "how")


def _keys(workspace: Workspace) -> Keys:
    return Keys(open_pseudonyms(workspace.path), hidden=True)


def _named(frame: pl.DataFrame, keys: Keys) -> pl.DataFrame:
    return frame.select(keys.people(frame["professional_id"]).alias("person"), pl.exclude("professional_id"))


def _forgotten(frame: pl.DataFrame, keys: Keys, places: pl.DataFrame, titles: Mapping[str, str]) -> pl.DataFrame:
    named = _named(frame, keys).join(places.select("finess", "name"), "finess", "left", maintain_order="left")
    return named.select(
        "person",
        keys.places(named["finess"], named["name"]).alias("place"),
        "role",
        "since",
        "days",
        pl.col("rule_ids").str.split("+").list.eval(pl.element().replace(titles)).list.join(" ; "),
        "documents",
        "documents_added",
        (pl.col("documents_added") * pl.col("days")).alias("exposed"),
        "finess",
    )


_READERS = """
    SELECT professional_id, nullif(establishment, '') AS finess, nullif(role, '') AS role,
           nullif(profession, '') AS profession, start_date, since
    FROM held_situations
    WHERE mask > 0 AND (start_date IS NULL OR start_date <= $day) AND closes > $day
    ORDER BY start_date NULLS LAST, professional_id"""
_LACKING = """
    SELECT DISTINCT rule_id, reason FROM rule_runs
    WHERE status = 'not_evaluable' AND list_contains(?, run_id) ORDER BY rule_id"""
