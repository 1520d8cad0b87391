"""DPO: who could open what, where, since when; what forgetting keeps open; history; what could not be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from ipywidgets import Button, Dropdown, VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.checks import findings, state_runs
from rpps_audit.exposure import Exposure
from rpps_audit.journal import note
from rpps_audit.outputs import csv_bytes, write_private
from rpps_audit.privacy import hidden, open_pseudonyms
from rpps_audit.records import state_at
from rpps_audit.reports.french import number
from rpps_audit.reports.labels import STATES
from rpps_audit.reports.model import Bars
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workbench.frames import frame_grid
from rpps_audit.workbench.panel import Panel, sentence
from rpps_audit.workbench.screen import EMPTY, Screen, section
from rpps_audit.workspace import Workspace

_MONTHS = 12
_PLAIN = {"description_width": "initial"}
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
    """What the store said: totals, frames by view, and how findings moved. All keys, no value."""

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


class Dpo(Screen):
    """The DPO's page. `by` is the view of exposure chosen."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.by = "establishment"
        self.said = ""

    @cached_property
    def evidence(self) -> Evidence | None:
        """Read once, None on an empty workspace."""
        if not self.has_store:
            return None
        with self.store() as store:
            return _read(store, self.workspace)

    # -- sections ----------------------------------------------------------------------------------------------

    @section
    def exposure(self) -> Widget:
        """Totals, then exposure by what one chooses."""
        evidence = self.evidence
        if evidence is None:
            return sentence(EMPTY)
        place = VBox([self.view_grid()])
        chooser = Dropdown(
            options=[(label, name) for name, (label, _) in VIEWS.items()],
            value=self.by,
            description="Voir",
            style=_PLAIN,
        )

        def chosen(change: Any) -> None:
            self.by = change["new"]
            place.children = [self.view_grid()]

        chooser.observe(chosen, "value")
        return VBox([Panel("totals", lambda: {"evidence": evidence}), chooser, place])

    @section
    def forgotten(self) -> Widget:
        """What forgotten situations keep open."""
        evidence = self.evidence
        if evidence is None:
            return sentence(EMPTY)
        return frame_grid(
            evidence.forgotten.with_columns(exposed=pl.col("documents_added") * pl.col("days")),
            "Ce que les situations oubliées gardent ouvert",
            empty="Aucune situation oubliée.",
            row=("situation", "situations"),
        )

    @section
    def history(self) -> Widget:
        """How exposure and findings moved from one export to the next."""
        evidence = self.evidence
        if evidence is None:
            return sentence(EMPTY)
        return Panel("history", lambda: {"evidence": evidence, "states": STATES, "figure": self.figure()})

    @section
    def not_evaluable(self) -> Widget:
        """What could not be judged, and what is missing."""
        evidence = self.evidence
        if evidence is None:
            return sentence(EMPTY)
        rules = frame_grid(
            evidence.rules_not_evaluable,
            "Contrôles non évaluables, et ce qui leur manque",
            empty="Tous les contrôles ont pu être évalués.",
            row=("contrôle", "contrôles"),
        )
        situations = frame_grid(
            evidence.not_evaluable,
            "Situations dont l’exposition n’est pas connue",
            empty="L’exposition de toutes les situations est connue.",
            row=("motif", "motifs"),
        )
        return VBox([rules, situations])

    @section
    def exports(self) -> Widget:
        """A button that writes every table of the page as CSV."""
        if self.evidence is None:
            return sentence(EMPTY)
        result = Panel("exported", lambda: {"said": self.said, "files": self.exported()})
        button = Button(description="Exporter les tableaux (CSV)", layout={"width": "260px"})

        def export(_button: Any) -> None:
            result.act(self.export)

        button.on_click(export)
        return VBox([button, result])

    # -- state -------------------------------------------------------------------------------------------------

    def view_grid(self) -> Widget:
        """The grid of the view chosen."""
        assert self.evidence is not None
        return frame_grid(
            self.evidence.views[self.by],
            f"Exposition {VIEWS[self.by][0]}",
            empty="Personne n’est enregistré à cette date.",
        )

    def months(self) -> pl.DataFrame:
        """The time axis, all documents together: day, then person_documents and forgotten, open that day."""
        assert self.evidence is not None
        return (
            self.evidence.timeline.group_by("day")
            .agg(person_documents=pl.col("professionals").sum(), forgotten=pl.col("professionals_forgotten").sum())
            .sort("day")
        )

    def figure(self) -> Bars | None:
        """The last months as bars, None when nothing is dated."""
        last = self.months().tail(_MONTHS)
        if last.is_empty():
            return None
        justified = (last["person_documents"] - last["forgotten"]).to_list()
        counts = zip(last["person_documents"], last["forgotten"], strict=True)
        return Bars(
            name="chronologie",
            title="Accès ouverts, mois par mois",
            description="Chaque barre est le premier jour d’un mois ; la partie hachurée est ouverte par oubli.",
            unit="accès",
            bars=tuple(last["day"].dt.strftime("%d/%m/%Y")),
            series=(("justifié", tuple(justified)), ("par oubli", tuple(last["forgotten"].to_list()))),
            said=tuple(f"{number(every)}, dont {number(forgotten)} par oubli" for every, forgotten in counts),
        )

    def export(self) -> None:
        """Write the tables under the workspace's reports: pseudonyms, never numbers nor values."""
        assert self.evidence is not None
        folder = self.workspace.reports / "dpo"
        tables = {f"exposition-{name}": frame for name, frame in self.evidence.views.items()}
        tables |= {
            "situations-oubliees": self.evidence.forgotten,
            "chronologie": self.evidence.timeline,
            "constats-par-etat": self.evidence.states,
            "non-evaluable": self.evidence.rules_not_evaluable,
        }
        pseudonyms = open_pseudonyms(self.workspace.path)
        for name, frame in tables.items():
            stamped = frame.with_columns(tableau_des_droits=pl.lit(f"indicatif, {self.evidence.version}"))
            write_private(folder / f"{name}.csv", csv_bytes(hidden(stamped, pseudonyms), french=True))
        note(self.workspace.path, "export-written", {"table": "dpo", "files": sorted(tables), "numbers": False})
        self.said = f"{len(tables)} tableaux écrits dans {folder.relative_to(self.workspace.path)}."

    def exported(self) -> list[Path]:
        """What was written, relative to the workspace."""
        return sorted(path.relative_to(self.workspace.path) for path in (self.workspace.reports / "dpo").glob("*.csv"))


def _read(store: Store, workspace: Workspace) -> Evidence | None:
    from rpps_audit.workspace import exposure_of

    state = state_at(store)
    runs = state_runs(store, state).filter("primary")
    if runs.is_empty():
        return None
    exposure = exposure_of(store, workspace, state)
    titles = pl.DataFrame([(rule.id, rule.title) for rule in workspace.catalogue()], ["rule_id", "rule"], orient="row")
    moved = pl.concat(
        [findings(store, run_id).group_by("rule_id", "state").len("findings") for run_id in runs["run_id"]]
    )
    lacking = fetch_frame(store.sql(_LACKING, [runs["run_id"].to_list()]))
    return Evidence(
        as_of=exposure.as_of,
        version=exposure.version,
        caveat=exposure.caveat,
        totals=exposure.totals().row(0, named=True),
        views={name: read(exposure) for name, (_, read) in VIEWS.items()},
        forgotten=exposure.forgotten(),
        timeline=exposure.timeline(),
        states=moved,
        not_evaluable=exposure.not_evaluable(),
        rules_not_evaluable=lacking.join(titles, on="rule_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("rule", "rule_id"))
        .select("rule", "reason"),
    )


_LACKING = """
    SELECT DISTINCT rule_id, reason FROM rule_runs
    WHERE status = 'not_evaluable' AND list_contains(?, run_id) ORDER BY rule_id"""
