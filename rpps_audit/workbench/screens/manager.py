"""Gestionnaire: the list of what is to be done, the sheet beside it, the answers; then what is decided, and the lots.

Without an open card session the screen shows no name; with one, the names of the manager's own establishments. Both are
decided at each drawing, so that taking the card out masks the names at once.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property
from typing import Any

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.checks import Catalogue
from rpps_audit.reports.french import number
from rpps_audit.reports.labels import SEVERITIES
from rpps_audit.reports.steps import advice
from rpps_audit.workbench.acts import Acts
from rpps_audit.workbench.answering import Answering
from rpps_audit.workbench.basket import Basket
from rpps_audit.workbench.card import CardPanel
from rpps_audit.workbench.due import Due, read_due
from rpps_audit.workbench.editing import Editing
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.form import Answer
from rpps_audit.workbench.leaving import Leaving
from rpps_audit.workbench.lots import Lots
from rpps_audit.workbench.panel import Panel, sentence
from rpps_audit.workbench.screen import EMPTY, Screen, section
from rpps_audit.workbench.sheet import read_sheet
from rpps_audit.workbench.suggested import Suggested
from rpps_audit.workbench.tabs import Tabs
from rpps_audit.workbench.todo import Todo
from rpps_audit.workspace import Workspace


class Manager(Screen):
    """The manager's page. `finding` names the row of the list whose sheet is shown, `key` its record."""

    name, rank = "gestionnaire", 1
    menu, purpose = "Gestionnaire", "Ce qui est à corriger aujourd’hui, et les lots à saisir dans le portail."
    title = "Gestionnaire RPPS+ : ce qui est à faire aujourd’hui"
    parts = ("card", "desk")

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.key = self.finding = ""
        self._answer = Answer("")
        self._desk: Tabs | None = None

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
        return Suggested(self.acts, self._decided, self._proposed)

    @cached_property
    def leaving(self) -> Leaving:
        """Situations of those who left."""
        return Leaving(self.acts, self._decided)

    @cached_property
    def editing(self) -> Editing:
        """One field of the record opened."""
        return Editing(self.acts, self._edited)

    @cached_property
    def answering(self) -> Answering:
        """The end of a situation, or a presence that was seen."""
        return Answering(self.acts, self._answered, self.suggested.accept_one)

    @cached_property
    def basket(self) -> Basket:
        """What was decided."""
        return Basket(self.acts, self._undone)

    @cached_property
    def lots(self) -> Lots:
        """The batches."""
        return Lots(self.acts, lambda: self._reload("basket", "lots"))

    @cached_property
    def todo(self) -> Todo:
        """The list."""
        return Todo(
            self._due,
            self.panel.perimeter,
            self.suggested.one_by_one,
            on_follow=self.open_finding,
            on_act=self.act,
            on_scope=self._rescoped,
        )

    @cached_property
    def sheet_panel(self) -> Panel:
        """The sheet beside the list."""
        return Panel("sheet", self.sheet_values, on_open=self._pressed)

    @cached_property
    def _figures_panel(self) -> Panel:
        return Panel("due", self._figures)

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

    # -- parts -------------------------------------------------------------------------------------------------

    @section
    def card(self) -> Widget:
        """The card panel."""
        return self.panel

    @section
    def desk(self) -> Widget:
        """Everything else, in tabs."""
        if self.due_today is None:
            return sentence(EMPTY)
        self._desk = Tabs(
            "Bureau du gestionnaire",
            {
                "todo": (self._todo_label, self._todo_tab),
                "many": (lambda: "En nombre", lambda: VBox([self.suggested.widget, self.leaving.widget])),
                "basket": (
                    lambda: f"Panier ({number(self.basket.grid.table.frame.height)})",
                    lambda: self.basket.widget,
                ),
                "lots": (lambda: "Lots", lambda: self.lots.widget),
            },
        )
        self._reload("suggested", "leaving", "basket", "lots")
        return self._desk.widget

    def _todo_label(self) -> str:
        return f"À traiter ({number(self.todo.grid.table.frame.height)})"

    def _todo_tab(self) -> Widget:
        beside = self.todo.beside([self.answering.widget, self.sheet_panel, self.editing.widget])
        return VBox([self._figures_panel, beside]).add_class("rpps-stack")

    # -- state -------------------------------------------------------------------------------------------------

    def open_finding(self, finding: str) -> None:
        """Show the sheet of a finding's record."""
        self.finding = finding
        self.open_record(finding.split("\n")[1])

    def open_record(self, key: str) -> None:
        """Show a record's sheet."""
        if key != self.key:
            self._answer = Answer("")
            self.answering.leave()
        self.key = key
        self.sheet_panel.refresh()
        self.editing.open(key)

    def act(self, name: str, finding: str) -> None:
        """A button of the list."""
        row = self.todo.row(finding)
        if row is None:
            return
        self.open_finding(finding)
        if name == "accept":
            self._accept(finding)
        else:
            self.answering.ask(name, row)

    def session_changed(self) -> None:
        """A session was opened or has closed: names appear or go, and so does what can be done."""
        try:
            if self.due_today is None:
                return
            # What shows names first: they must go at once.
            self.todo.redraw()
            self.sheet_panel.refresh()
            self._figures_panel.refresh()
            self.answering.form.refresh()
            self.editing.open(self.key)
            self._reload("suggested", "leaving", "basket", "lots")
        except Exception as error:
            self.panel.message = tell_fault(error)

    def sheet_values(self) -> dict[str, Any]:
        """What the sheet shows; values only inside the perimeter of the card in the reader."""
        if not self.key or not self.due_today:
            return {"sheet": None}
        with self.store() as store:
            sheet = read_sheet(store, self.workspace, self.due_today.snapshots, self.key, self.panel.perimeter())
        mine = self.due_today.findings.filter(pl.col("record_key").is_in([self.key, sheet.professional]))
        found = (
            mine.select("rule_id", "title", "severity", "state", "field", "record_key")
            .unique(maintain_order=True)
            .to_dicts()
        )
        every = self.suggested.every
        for finding in found:
            finding["advice"] = advice(self._rules[finding["rule_id"]].page)
            same = (pl.col("rule_id") == finding["rule_id"]) & (pl.col("record_key") == finding["record_key"])
            finding["proposals"] = every.filter(same).to_dicts() if sheet.visible else []
        return {
            "sheet": sheet, "findings": found, "rule": self.finding.split("\n")[0], "severities": SEVERITIES,
            "said": self._answer.said, "refused": self._answer.refused,
        }  # fmt: skip

    def _pressed(self, what: str) -> None:
        verb, _, rest = what.partition(" ")
        if verb == "accept":
            self._take(rest)

    def _accept(self, finding: str) -> None:
        rule, key = finding.split("\n")[:2]
        sure = self.suggested.one_by_one().filter((pl.col("rule_id") == rule) & (pl.col("record_key") == key))
        if sure.height:
            self._take(sure["id"][0])

    def _take(self, proposal: str) -> None:
        """Accept one proposal; its finding leaves the list."""
        rule, _, key = proposal.split("\n")[:3]
        self._answer = self.suggested.accept_one(proposal)
        if not self._answer.refused:
            self.todo.handle([key], [rule])
            self.todo.grid.take_focus()
        elif (row := self.todo.row(self.finding)) is not None:
            # Most often it lacks a document to cite: it is asked for here.
            chosen = self.suggested.every.filter(pl.col("id") == proposal)
            self.answering.ask("accept", row | {"proposal": proposal, "shown_new": chosen["shown_new"][0]})
        self._labels()
        self.sheet_panel.refresh()
        self.editing.reload()

    def _answered(self, key: str, rules: list[str] | None) -> None:
        self.todo.handle([key], rules)
        self.todo.grid.take_focus()
        self._decided()

    def _edited(self) -> None:
        rule = self.finding.split("\n")[0]
        if self.finding and self.finding.split("\n")[1] == self.key:
            self.todo.handle([self.key], [rule])
        self._decided()

    def _proposed(self) -> None:
        """The proposals have come: the list offers them, and the sheet shows them."""
        self.todo.redraw()
        self.sheet_panel.refresh()

    def _decided(self) -> None:
        self._reload("basket", "lots")
        self._labels()

    def _undone(self) -> None:
        self.todo.handled.clear()
        self.todo.redraw()
        self._reload("suggested", "leaving", "editing", "lots")
        self._labels()

    def _labels(self) -> None:
        if self._desk is not None:
            self._desk.refresh()

    def _reload(self, *names: str) -> None:
        # One opening of the store for all of them.
        with self.acts.desk() if self.acts.signed_in else nullcontext():
            for name in names:
                getattr(self, name).reload()
        self._labels()

    def _rescoped(self) -> None:
        self._figures_panel.refresh()
        self._labels()

    def _due(self) -> Due:
        assert self.due_today is not None
        return self.due_today

    def _figures(self) -> dict[str, Any]:
        due = self._due()
        findings, forgotten = self.todo.scope(due.findings), self.todo.scope(due.forgotten)
        counts = dict(findings.group_by("severity").len().iter_rows())
        return {
            "as_of": due.as_of,
            "mine": findings.height < due.findings.height,
            "forgotten": forgotten.height,
            "findings": findings.height,
            "exposed": int((forgotten["documents_added"] * forgotten["days"]).sum()),
            "errors": counts.get("error", 0),
            "warnings": counts.get("warning", 0),
            "not_evaluable": due.not_evaluable,
            "version": self.workspace.access_matrix().version,
        }
