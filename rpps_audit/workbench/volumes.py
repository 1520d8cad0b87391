"""What the reviewer's desk reads: who is registered under which codes, and what a hypothesis would change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from rpps_audit.checks import state_runs
from rpps_audit.exposure import what_if
from rpps_audit.nomenclature import CATCH_ALL, Dossier, Request, build_dossier, registered, withdrawn
from rpps_audit.records import state_at
from rpps_audit.reference import AccessMatrix, nomenclature_label_expr
from rpps_audit.store import Store
from rpps_audit.workspace import Workspace, exposure_of

VIEWS = {
    "profession": ("par profession", ("profession",)),
    "role": ("par rôle", ("role",)),
    "establishment": ("par établissement", ("finess", "structure_name", "finess_legal")),
}


@dataclass(frozen=True)
class Volumes:
    """What the store said: frames by view, what stands under withdrawn codes, and the totals."""

    as_of: date
    run_ids: tuple[int, ...]
    professionals: int
    catch_all: int
    views: Mapping[str, pl.DataFrame]
    withdrawn: pl.DataFrame


@dataclass(frozen=True)
class Hypothesis:
    """One what-if: people of a role or profession move to another role (None: they leave), or one grant changes."""

    said: str = ""
    roles: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    professions: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    grant: tuple[str, str] | None = None


def read_volumes(store: Store) -> Volumes | None:
    """The figures of the day; None before the first evaluation."""
    runs = state_runs(store, state_at(store)).filter("primary")
    if runs.is_empty():
        return None
    run_ids = tuple(runs["run_id"])
    views = {name: _labelled(name, registered(store, run_ids, *by)) for name, (_, by) in VIEWS.items()}
    catch_all = views["profession"].filter(pl.col("profession") == CATCH_ALL)["professionals"].sum()
    return Volumes(
        as_of=max(runs["as_of"]),
        run_ids=run_ids,
        professionals=int(registered(store, run_ids)["professionals"].sum()),
        catch_all=int(catch_all),
        views=views,
        withdrawn=withdrawn(store, run_ids),
    )


def dossier_of(store: Store, run_ids: Sequence[int], as_of: date, request: Request) -> Dossier:
    """The request with its figures."""
    return build_dossier(store, run_ids, as_of, request)


def suppose(store: Store, workspace: Workspace, hypothesis: Hypothesis) -> dict[str, pl.DataFrame]:
    """What a hypothesis changes, both ways: totals, then by document, establishment and profession."""
    exposure = exposure_of(store, workspace, state_at(store))
    access = toggled(exposure.access, *hypothesis.grant) if hypothesis.grant else None
    difference = what_if(exposure, access=access, roles=hypothesis.roles, professions=hypothesis.professions)
    return {
        "totals": difference.totals(),
        "document": difference.by_document().rename(
            {"gained": "professionals_gaining", "lost": "professionals_losing"}
        ),
        "establishment": difference.by_establishment(),
        "profession": difference.by_profession(),
    }


def toggled(matrix: AccessMatrix, role: str, document: str) -> AccessMatrix:
    """The matrix with one grant added, or removed if it was there."""
    one = pl.DataFrame({"role": [role], "document_type": [document]})
    without = matrix.grants.join(one, on=["role", "document_type"], how="anti")
    grants = without if without.height < matrix.grants.height else pl.concat([matrix.grants, one])
    return dataclasses.replace(matrix, version=f"{matrix.version} (hypothèse)", grants=grants)


def _labelled(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A view with the label of its codes beside them; establishments carry their own name."""
    if name not in ("profession", "role"):
        return frame.drop("establishments", "operators")
    label = nomenclature_label_expr(f"{name}s", pl.col(name)).alias("label")
    return frame.select(label, name, pl.exclude(name))
