"""DPO: who could open what, where, since when, through which situation; history; what could not be judged; exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.journal import note
from rpps_audit.reports.french import counted, number
from rpps_audit.reports.labels import STATES
from rpps_audit.reports.model import Bars
from rpps_audit.workbench.answering import read_day
from rpps_audit.workbench.evidence import VIEWS, Choice, Evidence, read_evidence, readers
from rpps_audit.workbench.exporting import export
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.frames import frame_grid, labels
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.panel import Panel, sentence
from rpps_audit.workbench.screen import EMPTY, Screen, section
from rpps_audit.workbench.tabs import Tabs
from rpps_audit.workspace import Workspace

_MONTHS = 12
_PLURALS = {"nouveau": "nouveaux", "non évaluable": "non évaluables"}
# Which field of the question a row of a view answers.
_ASKED_BY = {"establishment": "finess", "document": "document", "role": "role"}


class Dpo(Screen):
    """The DPO's page. `by` is the view of exposure chosen, `choice` the rows looked at."""

    name, rank = "dpo", 2
    menu, purpose = "DPO", "Qui pouvait ouvrir quoi, où, depuis quand."
    title = "DPO : qui pouvait ouvrir quoi, où, depuis quand"
    parts = ("totals", "desk")

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.by = "establishment"
        self.said = ""
        self.people = pl.DataFrame()

    @cached_property
    def evidence(self) -> Evidence | None:
        """Read once, None on an empty workspace."""
        if not self.has_store:
            return None
        with self.store() as store:
            return read_evidence(store, self.workspace)

    # -- parts -------------------------------------------------------------------------------------------------

    @section
    def totals(self) -> Widget:
        """The figures of the day, each a button to its rows."""
        if self.evidence is None:
            return sentence(EMPTY)
        return Panel("totals", lambda: {"evidence": self.evidence}, on_open=self._tabs.show)

    @section
    def desk(self) -> Widget:
        """The questions, in tabs."""
        if self.evidence is None:
            return sentence("")
        return self._tabs.widget

    @cached_property
    def _tabs(self) -> Tabs:
        return Tabs(
            "Bureau du DPO",
            {
                "who": (lambda: "Qui peut lire quoi", self._who),
                "views": (lambda: "Vue d’ensemble", self._views),
                "forgotten": (lambda: "Ouvert par oubli", self._forgotten),
                "history": (lambda: "Dans le temps", self._history),
                "unknown": (lambda: "Non évaluable", self._unknown),
                "exports": (lambda: "Exporter", self._exports),
            },
        )

    # -- who can read what -------------------------------------------------------------------------------------

    @cached_property
    def question(self) -> Form:
        """Document × establishment × role × day."""
        form = Form(self._entries, lambda: {"ask": "Chercher"}, on_press=self._asked, on_type=self._typed)
        form.values["day"] = f"{self._evidence.as_of:%d/%m/%Y}"
        return form

    @cached_property
    def grid(self) -> Grid:
        """The people who could read, one row per situation."""
        with self.store() as store:
            self.people = readers(store, self.workspace, Choice(self._evidence.as_of))
        return frame_grid(
            self.people, "Qui pouvait lire, depuis quand et par quelle situation",
            empty="Personne : aucun rôle des situations ouvertes n’ouvre ce document là et ce jour-là.",
            row=("situation", "situations"), search=True,
        )  # fmt: skip

    def ask(self, choice: Choice) -> None:
        """Look at other rows."""
        with self.store() as store:
            self.people = readers(store, self.workspace, choice)
        self.grid.replace(self.people.with_row_index("row_number").with_columns(pl.col("row_number").cast(pl.String)))

    def _who(self) -> Widget:
        grid = self.grid
        return VBox([self.question, Panel("readers", self._found), grid]).add_class("rpps-stack")

    def _entries(self) -> Sequence[Entry]:
        evidence = self._evidence
        known = {role for roles in evidence.granted.values() for role in roles}
        roles = {role: f"{label} ({role})" for role, label in labels("roles").items() if role in known}
        part, number_too = "Tapez une partie du nom ; vide : tous.", "Nom ou numéro FINESS ; vide : tous."
        return [
            Entry("document", "Type de document", evidence.documents, searched=True, heard=True, hint=part),
            Entry("finess", "Établissement", evidence.places, searched=True, heard=True, hint=number_too),
            Entry("role", "Rôle", roles, heard=True, none="tous"),
            Entry("day", "Le", hint="JJ/MM/AAAA.", heard=True),
        ]  # fmt: skip

    def _typed(self, _name: str) -> None:
        self.question.answer = self._asked()

    def _asked(self, _button: str = "ask") -> Answer:
        values, evidence = self.question.value, self._evidence
        known = {"document": evidence.documents, "finess": evidence.places}
        for name, choices in known.items():
            if values(name) and values(name) not in choices:
                return Answer(f"« {values(name)} » n’est pas dans la liste : choisissez dans ce qui est proposé.")
        day = read_day(values("day"))
        if day > evidence.as_of:
            return Answer(f"Rien n’est connu après le {evidence.as_of:%d/%m/%Y}, jour de l’état.")
        self.ask(Choice(day, values("document"), values("finess"), values("role")))
        return Answer(self._sentence(day))

    def _sentence(self, day: date) -> str:
        people = self.people["person"].n_unique()
        forgotten = self.people.filter(pl.col("how") != "justifiée")["person"].n_unique()
        by_oversight = f", dont {number(forgotten)} par une situation oubliée" if forgotten else ""
        return (
            f"Le {day:%d/%m/%Y} : {counted(people, 'personne pouvait lire', 'personnes pouvaient lire')}{by_oversight}."
        )

    def _found(self) -> dict[str, Any]:
        evidence = self._evidence
        return {"evidence": evidence}

    # -- the other tabs ----------------------------------------------------------------------------------------

    def _views(self) -> Widget:
        place = VBox([self.view_grid()]).add_class("rpps-stack")
        offered = {name: label for name, (label, _) in VIEWS.items()}
        chooser = Form(lambda: [Entry("by", "Voir", offered, heard=True)])
        chooser.values["by"] = self.by

        def chosen(_name: str) -> None:
            self.by = chooser.value("by") or self.by
            place.children = [self.view_grid()]

        chooser.listen(chosen)
        return VBox([chooser, place]).add_class("rpps-stack")

    def view_grid(self) -> Grid:
        """The grid of the view chosen; a row opens the people behind it where they can be asked for."""
        frame, caption = self._evidence.views[self.by], f"Exposition {VIEWS[self.by][0]}"
        empty = "Personne n’est enregistré à cette date."
        field = _ASKED_BY.get(self.by)
        if self.by == "establishment":
            # Who runs it is another view.
            frame = frame.drop("operator")
        under = {"name": "finess", "label": {"document": "type_code"}.get(self.by, self.by)}
        if field is None:
            return frame_grid(frame, caption, empty=empty, search=True, under=under)
        key = {"establishment": "finess", "document": "document_type", "role": "role"}[self.by]
        frame = frame.filter(pl.col(key).is_not_null())
        return frame_grid(
            frame,
            caption,
            empty=empty,
            key=key,
            search=True,
            under=under,
            on_open=lambda value: self.look_at(field, value),
        )

    def look_at(self, field: str, value: str) -> None:
        """Open the rows behind a figure: everybody of this establishment, document or role."""
        self.question.values = {"day": self.question.value("day"), field: value}
        self.question.answer = self._asked()
        self._tabs.show("who")
        self.question.refresh()

    def _forgotten(self) -> Widget:
        return frame_grid(
            self._evidence.forgotten, "Ce que les situations oubliées gardent ouvert",
            empty="Aucune situation oubliée.", row=("situation", "situations"), search=True,
        )  # fmt: skip

    def _history(self) -> Widget:
        return Panel("history", lambda: {"counts": self.counts(), "figure": self.figure()})

    def _unknown(self) -> Widget:
        rules = frame_grid(
            self._evidence.rules_not_evaluable, "Contrôles non évaluables, et ce qui leur manque",
            empty="Tous les contrôles ont pu être évalués.", row=("contrôle", "contrôles"), search=True,
        )  # fmt: skip
        situations = frame_grid(
            self._evidence.not_evaluable, "Situations dont l’exposition n’est pas connue",
            empty="L’exposition de toutes les situations est connue.", row=("motif", "motifs"), search=True,
        )  # fmt: skip
        return VBox([rules, situations]).add_class("rpps-stack")

    def _exports(self) -> Widget:
        return Panel(
            "exported", lambda: {"said": self.said, "files": self.exported()}, folder=self.workspace.path,
            on_open=lambda _what: self.export(),
        )  # fmt: skip

    # -- figures -----------------------------------------------------------------------------------------------

    @property
    def _evidence(self) -> Evidence:
        assert self.evidence is not None
        return self.evidence

    def counts(self) -> list[tuple[str, int]]:
        """How many findings are in each state, in words that agree with the number."""
        found = dict(self._evidence.states.group_by("state").agg(pl.col("findings").sum()).rows())
        return [
            (label if found.get(state, 0) < 2 else _PLURALS.get(label, f"{label}s"), found.get(state, 0))
            for state, label in STATES.items()
        ]

    def months(self) -> pl.DataFrame:
        """The time axis, all documents together: day, then person_documents and forgotten, open that day."""
        return (
            self._evidence.timeline.group_by("day")
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
        """Write the tables under the workspace's reports: pseudonyms, never a number of the register nor a value."""
        evidence, folder = self._evidence, self.workspace.reports / "dpo"
        timeline = evidence.timeline.with_columns(label=pl.col("document_type").replace(evidence.documents))
        tables = {f"exposition-{name}": frame for name, frame in evidence.views.items()}
        tables |= {
            "lecteurs": self.people,
            "situations-oubliees": evidence.forgotten.drop("finess"),
            "chronologie": timeline.drop("document_type"),
            "constats-par-etat": evidence.states,
            "non-evaluable": evidence.rules_not_evaluable,
        }  # fmt: skip
        notes = [
            f"Exposition au {evidence.as_of:%d/%m/%Y}. Indicatif : tableau des droits « {evidence.version} ».",
            evidence.caveat,
        ]
        note(self.workspace.path, "export-written", {"table": "dpo", "files": sorted(tables), "numbers": False})
        written = export(folder, "exposition", {name: frame for name, frame in tables.items() if frame.width}, notes)
        place = folder.relative_to(self.workspace.path)
        self.said = f"{counted(len(written), 'fichier écrit', 'fichiers écrits')} dans {place}."

    def exported(self) -> list[Path]:
        """What was written, relative to the workspace, the workbook and the manifest first."""
        files = [path.relative_to(self.workspace.path) for path in (self.workspace.reports / "dpo").glob("*.*")]
        return sorted(files, key=lambda path: (path.suffix == ".csv", path.name))
