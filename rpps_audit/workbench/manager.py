"""Gestionnaire: what is due today, where and why, and one record with everything known about it.

Without an open card session the screen shows keys; with one, the names of the manager's own establishments. Both are
decided at each drawing, so that taking the card out masks the names at once.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property
from typing import Any

import polars as pl
from ipywidgets import Dropdown, HBox, VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.checks import Catalogue
from rpps_audit.reports.steps import advice
from rpps_audit.workbench.acts import Acts
from rpps_audit.workbench.basket import Basket
from rpps_audit.workbench.card import CardPanel
from rpps_audit.workbench.due import Due, read_due
from rpps_audit.workbench.editing import Editing
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.frames import frame_grid
from rpps_audit.workbench.leaving import Leaving
from rpps_audit.workbench.lots import Lots
from rpps_audit.workbench.panel import Panel, sentence
from rpps_audit.workbench.screen import EMPTY, Screen, section
from rpps_audit.workbench.sheet import Sheet, read_sheet
from rpps_audit.workbench.suggested import Suggested
from rpps_audit.workspace import Workspace

_Part = Suggested | Leaving | Editing | Basket | Lots


class Manager(Screen):
    """The manager's page. `rule` and `finess` are the facets chosen ("" = all), `key` the record opened."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.rule = self.finess = self.key = ""
        self._grids: list[tuple[Any, Any]] = []
        self._sheets: list[Panel] = []
        self._shown: dict[str, _Part] = {}

    @cached_property
    def panel(self) -> CardPanel:
        """The card."""
        return CardPanel(self.workspace.path, on_change=self.session_changed)

    @cached_property
    def acts(self) -> Acts:
        """The way to the corrections."""
        return Acts(self, self.panel)

    @cached_property
    def suggested(self) -> Suggested:
        """Suggestions for the findings."""
        return Suggested(self.acts, self._decided)

    @cached_property
    def leaving(self) -> Leaving:
        """Situations of those who left."""
        return Leaving(self.acts, self._decided)

    @cached_property
    def editing(self) -> Editing:
        """One field of the record opened."""
        return Editing(self.acts, self._decided)

    @cached_property
    def basket(self) -> Basket:
        """What was decided."""
        return Basket(self.acts, self._undone)

    @cached_property
    def lots(self) -> Lots:
        """The batches."""
        return Lots(self.acts, lambda: self._reload("basket", "lots"))

    @cached_property
    def due_today(self) -> Due | None:
        """Read once, None on an empty workspace."""
        if not self.has_store:
            return None
        with self.store() as store:
            return read_due(store, self.workspace)

    @cached_property
    def _rules(self) -> Catalogue:
        return self.workspace.catalogue()

    # -- sections ----------------------------------------------------------------------------------------------

    @section
    def card(self) -> Widget:
        """The card panel."""
        return self.panel

    @section
    def due(self) -> Widget:
        """Situations that should be closed, the most exposing first."""
        due = self.due_today
        if due is None:
            return sentence(EMPTY)
        grid = frame_grid(
            self.shown_forgotten(),
            "Situations à fermer, celles qui ouvrent le plus de documents depuis le plus longtemps d’abord",
            empty="Aucune situation oubliée : toutes les situations ouvertes sont justifiées par les fichiers chargés.",
            row=("situation", "situations"),
            key="record_key",
            on_open=self.open_record,
        )
        self._grids.append((grid, self.shown_forgotten))
        return VBox([Panel("due", self._figures), grid])

    @section
    def findings(self) -> Widget:
        """Every open finding, with facets by rule and by establishment."""
        due = self.due_today
        if due is None:
            return sentence(EMPTY)
        grid = frame_grid(
            self.shown_findings(),
            "Constats ouverts",
            empty="Aucun constat ouvert.",
            row=("constat", "constats"),
            key="finding",
            on_open=self.open_finding,
        )
        self._grids.append((grid, self.shown_findings))
        return VBox([HBox([self._facet("rule", "Contrôle"), self._facet("finess", "Établissement")]), grid])

    @section
    def sheet(self) -> Widget:
        """The record opened."""
        panel = Panel("sheet", self.sheet_values, on_open=self.open_record)
        self._sheets.append(panel)
        self._shown["editing"] = self.editing
        self.editing.open(self.key)
        return VBox([panel, self.editing.widget])

    @section
    def corrections(self) -> Widget:
        """From suggestions to signed batches."""
        parts: dict[str, _Part] = {
            "suggested": self.suggested,
            "leaving": self.leaving,
            "basket": self.basket,
            "lots": self.lots,
        }
        self._shown |= parts
        self._reload(*parts)
        return VBox([part.widget for part in parts.values()])

    # -- state -------------------------------------------------------------------------------------------------

    def choose(self, facet: str, value: str) -> None:
        """Keep one rule or one establishment ("" = all)."""
        setattr(self, facet, value)
        self.redraw()

    def open_record(self, key: str) -> None:
        """Show a record's sheet."""
        self.key = key
        for panel in self._sheets:
            panel.refresh()
        self.editing.open(key)

    def open_finding(self, finding: str) -> None:
        """Show the sheet of a finding's record (`finding` is rule + key, as in the grid)."""
        self.open_record(finding.split("\n")[1])

    def session_changed(self) -> None:
        """A session was opened or has closed: names appear or go, and so does what can be done."""
        try:
            self.redraw()
            self._reload(*self._shown)
        except Exception as error:
            self.panel.message = tell_fault(error)

    def redraw(self) -> None:
        """Draw everything again: the session or a facet has changed."""
        for grid, frame in self._grids:
            grid.replace(frame())
        for panel in self._sheets:
            panel.refresh()

    def facets(self, facet: str) -> pl.DataFrame:
        """What a facet offers, with how many findings each [value, label, findings]."""
        due = self.due_today
        assert due is not None
        label = "title" if facet == "rule" else "structure_name"
        column = "rule_id" if facet == "rule" else "finess"
        return (
            due.findings.filter(pl.col(column).is_not_null())
            .group_by(column)
            .agg(pl.col(label).first(), pl.len().alias("findings"))
            .select(value=column, label=pl.coalesce(label, column), findings="findings")
            .sort("findings", "value", descending=[True, False])
        )

    def shown_forgotten(self) -> pl.DataFrame:
        """The grid of forgotten situations."""
        assert self.due_today is not None
        frame = self.due_today.forgotten.with_columns(self._who(), exposed=pl.col("documents_added") * pl.col("days"))
        return frame.select(
            *("record_key", "who", "structure_name", "role", "since", "days", "documents_added", "exposed"),
            rule_ids=self._titles(pl.col("rule_ids").str.split("+")),
        )

    def shown_findings(self) -> pl.DataFrame:
        """The grid of findings, facets applied."""
        assert self.due_today is not None
        kept = [pl.col(name) == value for name, value in (("rule_id", self.rule), ("finess", self.finess)) if value]
        frame = self.due_today.findings.filter(*kept).with_columns(self._who())
        return frame.select(
            *("record_key", "who", pl.col("title").alias("rule"), "severity", "state", "field", "structure_name"),
            finding=pl.concat_str("rule_id", "record_key", "line", "snapshot_id", separator="\n", ignore_nulls=True),
        )

    def sheet_values(self) -> dict[str, Any]:
        """What the sheet shows; values only inside the perimeter of the card in the reader."""
        if not self.key or not self.due_today:
            return {"sheet": None}
        with self.store() as store:
            sheet: Sheet = read_sheet(store, self.workspace, self.due_today.snapshots, self.key, self.panel.perimeter())
        mine = self.due_today.findings.filter(pl.col("record_key").is_in([self.key, sheet.professional]))
        found = mine.select("rule_id", "title", "severity", "state", "field", "record_key").unique().to_dicts()
        for finding in found:
            finding["advice"] = advice(self._rules[finding["rule_id"]].page)
        return {"sheet": sheet, "findings": found}

    def _reload(self, *names: str) -> None:
        # One opening of the store for all of them.
        with self.acts.desk() if self.acts.signed_in else nullcontext():
            for name in names:
                if name in self._shown:
                    self._shown[name].reload()

    def _decided(self) -> None:
        self._reload("basket", "lots")

    def _undone(self) -> None:
        self._reload("suggested", "leaving", "editing", "lots")

    def _figures(self) -> dict[str, Any]:
        due = self.due_today
        assert due is not None
        counts = dict(due.findings.group_by("severity").len().iter_rows())
        return {
            "as_of": due.as_of,
            "forgotten": due.forgotten.height,
            "exposed": int((due.forgotten["documents_added"] * due.forgotten["days"]).sum()),
            "errors": counts.get("error", 0),
            "warnings": counts.get("warning", 0),
            "not_evaluable": due.not_evaluable,
            "version": self.workspace.access_matrix().version,
        }

    def _titles(self, rule_ids: pl.Expr) -> pl.Expr:
        """Lists of rule ids as the rules' titles."""
        titles = {rule.id: rule.title for rule in self._rules}
        return rule_ids.list.eval(pl.element().replace(titles)).list.join(" ; ")

    def _who(self) -> pl.Expr:
        perimeter = self.panel.perimeter()
        name = pl.concat_str("birth_name", pl.lit(" "), "first_names", ignore_nulls=True)
        return pl.when(perimeter.expression("finess", "finess_legal")).then(name).alias("who")

    def _facet(self, facet: str, label: str) -> Dropdown:
        offered = self.facets(facet).select(pl.format("{} ({})", "label", "findings"), "value").rows()
        box = Dropdown(
            options=[("tout", ""), *offered],
            value="",
            description=label,
            layout={"width": "48%"},
            style={"description_width": "initial"},
        )
        box.observe(lambda change: self.choose(facet, change["new"]), "value")
        return box
