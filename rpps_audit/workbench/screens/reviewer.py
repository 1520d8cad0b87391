"""ANS reviewer: the conclusion of a request first, then its file, volumes, withdrawn codes, and what-if both ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.errors import UsageError
from rpps_audit.nomenclature import CATCH_ALL, KINDS, Conclusion, Dossier, Request, conclude
from rpps_audit.reports.french import number
from rpps_audit.workbench.drafts import Draft
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.frames import frame_grid, labels
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.panel import Panel, sentence
from rpps_audit.workbench.screen import EMPTY, Screen, section
from rpps_audit.workbench.tabs import Tabs
from rpps_audit.workbench.volumes import VIEWS, Hypothesis, Volumes, dossier_of, read_volumes, suppose
from rpps_audit.workspace import Workspace

CLOSE = "fermer"
_MOVES = {"role": "Les professionnels du rôle", "profession": "Les professionnels de la profession"}
_FIELDS = {
    "label": ("Libellé souhaité", False, ""),
    "code": ("Code concerné", False, "Pour une modification, une obsolescence ou une réactivation."),
    "requester": ("Système demandeur", False, ""),
    "wanted_for": ("Date souhaitée", False, "MM/AAAA."),
    "people": ("Nombre de professionnels concernés", False, "En chiffres."),
    "synonyms": ("Synonymes", False, "Séparés par des points-virgules."),
    "definition": ("Définition métier", True, "Compréhensible par tous, une phrase au moins."),
    "uses": ("Usages identifiés", True, "Ce que ces professionnels font, et pour quoi ils doivent être nommés."),
    "context": ("Contexte", True, ""),
    "legal_basis": ("Cadre juridique", True, ""),
}


class Reviewer(Screen):
    """The reviewer's page. `by` is the view of volumes; `draft` and `hypothesis` what is being examined."""

    name, rank = "ans", 3
    menu, purpose = "Demandes de nomenclature", "Instruire une demande d’évolution, et en écrire le dossier."
    title = "Instruction des demandes de nomenclature"
    parts = ("conclusion", "desk")

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.by = "profession"
        self.hypothesis = Hypothesis()
        self.answer: dict[str, pl.DataFrame] = {}
        self.dossier: Dossier | None = None
        self.said = ""

    @cached_property
    def volumes(self) -> Volumes | None:
        """Read once, None on an empty workspace."""
        if not self.has_store:
            return None
        with self.store() as store:
            return read_volumes(store)

    @cached_property
    def draft(self) -> Draft:
        """The request being examined."""
        return Draft(self.workspace.path)

    @property
    def request(self) -> Request:
        """The request being examined."""
        return self.draft.request

    # -- parts -------------------------------------------------------------------------------------------------

    @section
    def conclusion(self) -> Widget:
        """What the request comes to, and the criteria."""
        return sentence(EMPTY) if self.volumes is None else self._concluded

    @section
    def desk(self) -> Widget:
        """The request, the figures and the hypotheses, in tabs."""
        if self.volumes is None:
            return sentence("")
        return Tabs(
            "Bureau de l’instructeur",
            {
                "request": (lambda: "La demande", self._request),
                "figures": (lambda: "Chiffres", self._figures),
                "move": (lambda: "Codes retirés", self._to_move),
                "what_if": (lambda: "Et si…", self._what_if),
            },
        ).widget

    @cached_property
    def _concluded(self) -> Panel:
        return Panel(
            "dossier",
            lambda: {
                "dossier": self.dossier, "conclusion": self.concluded(), "said": self.said, "files": self.dossiers(),
            },
            folder=self.workspace.reports, on_open=self._retract,
        )  # fmt: skip

    # -- the request -------------------------------------------------------------------------------------------

    @cached_property
    def form(self) -> Form:
        """The fields of the request; a button keeps them, one file for one request."""
        form = Form(self._entries, self._buttons, note=self._note, on_press=self._press)
        form.listen(self._typed)
        form.values["kind"] = KINDS[0]
        return form

    @cached_property
    def codes(self) -> Panel:
        """The professions under which these people stand today."""
        known = labels("professions")
        return Panel(
            "codes",
            lambda: {"codes": [(code, known.get(code, "code inconnu")) for code in self.request.current_codes]},
            on_open=self._uncite,
        )

    def _request(self) -> Widget:
        return VBox([self.form, self.codes]).add_class("rpps-stack")

    def _note(self) -> str:
        where = f" Enregistrée : {self.draft.file.name}." if self.draft.file else ""
        return f"Rien n’est envoyé ; la demande est gardée dans votre espace de travail.{where}"

    def _entries(self) -> Sequence[Entry]:
        saved = {str(path): path.stem for path in self.draft.every()}
        resumed = [Entry("saved", "Reprendre une demande", saved, heard=True)] if saved else []
        texts = [Entry(name, label, long=long, hint=hint) for name, (label, long, hint) in _FIELDS.items()]
        kind = Entry("kind", "Nature", {one: one for one in KINDS}, heard=True)
        cite = Entry(
            "cite", "Enregistrés aujourd’hui sous (ajouter une profession)", self._held("profession"), searched=True,
            heard=True, hint="Tapez une partie du libellé ou le code.",
        )  # fmt: skip
        return [*resumed, kind, *texts, cite]

    def _buttons(self) -> dict[str, str]:
        return {"examine": "Enregistrer et conclure", "export": "Écrire le dossier (ZIP)", "new": "Nouvelle demande"}

    def _typed(self, name: str) -> None:
        if name == "saved" and self.form.value("saved"):
            self.open_request(Path(self.form.value("saved")))
        elif name == "cite" and self.form.value("cite") in self._held("profession"):
            self.change_request(
                current_codes=tuple(dict.fromkeys((*self.request.current_codes, self.form.value("cite"))))
            )
            self.form.clear("cite")
            self.codes.refresh()

    def _press(self, button: str) -> Answer:
        if button == "new":
            self.draft.new()
            self.dossier, self.said = None, ""
            self._show()
            return Answer("")
        self.change_request(**self._written())
        if button == "export":
            self.export()
        else:
            self.examine()
        self._concluded.refresh()
        self._concluded.take_focus()
        return Answer("Enregistrée. La conclusion est en haut de la page." if self.draft.file else "")

    def _uncite(self, code: str) -> None:
        self.change_request(current_codes=tuple(one for one in self.request.current_codes if one != code))
        self.codes.refresh()

    def _written(self) -> dict[str, Any]:
        """The form's fields as a request's. Raises UsageError for a number that is none."""
        fields: dict[str, Any] = {name: self.form.value(name) for name in _FIELDS}
        people = fields["people"].replace("\u202f", "").replace(" ", "")
        if people and not people.isdigit():
            raise UsageError("Le nombre de professionnels concernés s’écrit en chiffres.")
        fields["people"] = int(people) if people else None
        fields["synonyms"] = tuple(word.strip() for word in fields["synonyms"].split(";") if word.strip())
        return fields | {"kind": self.form.value("kind") or KINDS[0]}

    def _show(self) -> None:
        """Show the request in the form."""
        self.form.clear(*_FIELDS, "saved", "cite")
        for name in _FIELDS:
            value = getattr(self.request, name)
            text = "; ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
            self.form.values[name] = text
        self.form.values["kind"] = self.request.kind
        self.form.refresh()
        self.codes.refresh()
        self._concluded.refresh()

    def change_request(self, **fields: Any) -> None:
        """Change the request and keep it: one file for one request, whatever its label becomes."""
        self.draft.save(dataclasses.replace(self.request, **fields))

    def open_request(self, path: Path) -> None:
        """Take up a saved request."""
        self.draft.open(path)
        self.examine()
        self._show()

    def drafts(self) -> list[Path]:
        """The saved requests, by name."""
        return self.draft.every()

    def examine(self) -> None:
        """Put the figures beside the request."""
        assert self.volumes is not None
        with self.store() as store:
            self.dossier = dossier_of(store, self.volumes.run_ids, self.volumes.as_of, self.request)
        self.said = ""

    def concluded(self) -> Conclusion | None:
        """The conclusion of the request examined."""
        return None if self.dossier is None else conclude(self.dossier)

    def export(self) -> None:
        """Write the dossier. Raises UsageError for a request without a label."""
        self.examine()
        assert self.dossier is not None
        path = self.dossier.write(self.workspace.reports)
        self.said = f"Dossier écrit : {path.relative_to(self.workspace.path)}."

    def dossiers(self) -> list[Path]:
        """What was written, relative to the reports."""
        return sorted(path.relative_to(self.workspace.reports) for path in self.workspace.reports.glob("dossier-*.zip"))

    # -- figures -----------------------------------------------------------------------------------------------

    def _figures(self) -> Widget:
        place = VBox([self.view_grid()]).add_class("rpps-stack")
        chooser = Form(lambda: [Entry("by", "Voir", {name: label for name, (label, _) in VIEWS.items()}, heard=True)])
        chooser.values["by"] = self.by

        def chosen(_name: str) -> None:
            self.by = chooser.value("by") or self.by
            place.children = [self.view_grid()]

        chooser.listen(chosen)
        panel = Panel("volumes", lambda: {"volumes": self.volumes, "catch_all": CATCH_ALL})
        return VBox([panel, chooser, place]).add_class("rpps-stack")

    def view_grid(self) -> Grid:
        """The grid of the view chosen."""
        assert self.volumes is not None
        caption = f"Professionnels enregistrés {VIEWS[self.by][0]}"
        return frame_grid(
            self.volumes.views[self.by], caption, empty="Personne n’est enregistré à cette date.", search=True
        )

    def _to_move(self) -> Widget:
        assert self.volumes is not None
        return frame_grid(
            self.volumes.withdrawn.select(
                "label", "code", "reason", "successor_label", "successor", "structure_name", "finess", "professionals"
            ),
            "Sous un code retiré ou qui n’est plus proposé : à déplacer par le gestionnaire de l’établissement",
            empty="Personne n’est enregistré sous un code retiré.", search=True,
        )  # fmt: skip

    # -- what if -----------------------------------------------------------------------------------------------

    def _what_if(self) -> Widget:
        place = VBox([]).add_class("rpps-stack")
        said = Panel(
            "hypothesis",
            lambda: {"hypothesis": self.hypothesis, "answer": self.answer},
            on_open=lambda _what: self.keep(),
        )

        def run(hypothesis: Hypothesis) -> Answer:
            self.suppose(hypothesis)
            said.refresh()
            place.children = self.answer_grids()
            return Answer("Calculé : voir ci-dessous.")

        return VBox([self._move_form(run), self._grant_form(run), said, place]).add_class("rpps-stack")

    def suppose(self, hypothesis: Hypothesis) -> None:
        """Compute the difference a hypothesis makes. Nothing is written anywhere."""
        self.hypothesis, self.answer = hypothesis, {}
        with self.store() as store:
            self.answer = suppose(store, self.workspace, hypothesis)

    def keep(self) -> None:
        """Put the hypothesis and its answer in the request's file."""
        totals = self.answer["totals"].row(0, named=True)
        said = (
            f"{self.hypothesis.said} {number(totals['professionals_gaining'])} professionnels gagnent "
            f"{number(totals['gained'])} accès, {number(totals['professionals_losing'])} en perdent "
            f"{number(totals['lost'])}."
        )
        self.change_request(hypotheses=tuple(dict.fromkeys((*self.request.hypotheses, said))))
        self.examine()
        self._concluded.refresh()

    def _retract(self, hypothesis: str) -> None:
        self.change_request(hypotheses=tuple(one for one in self.request.hypotheses if one != hypothesis))
        self.examine()

    def answer_grids(self) -> list[Widget]:
        """The difference by document, profession and establishment."""
        captions = {"document": "Par document", "profession": "Par profession", "establishment": "Par établissement"}
        return [
            frame_grid(self.answer[name], caption, empty="Rien ne change.", search=True)
            for name, caption in captions.items()
            if name in self.answer
        ]

    def _move_form(self, run: Any) -> Form:
        known = labels("roles")
        targets = {role: f"{known[role]} ({role})" for role in self.workspace.access_matrix().roles}
        targets[CLOSE] = "leur situation est fermée"

        def entries() -> list[Entry]:
            kind = form.value("kind") or "role"
            return [
                Entry("kind", "Si", _MOVES, heard=True),
                Entry("held", "Lesquels", self._held(kind), searched=True, heard=True, needed_by=("run",)),
                Entry("to", "passent à", targets, needed_by=("run",)),
            ]

        def press(_button: str) -> Answer:
            kind, held, to = form.value("kind") or "role", form.value("held"), form.value("to")
            if held not in self._held(kind):
                return Answer("Choisissez dans la liste qui est concerné.")
            name = labels(f"{kind}s").get(held, held)
            move = {held: None if to == CLOSE else to}
            said = f"{_MOVES[kind]} « {name} » passent à : {targets[to]}."
            answer: Answer = run(Hypothesis(said, roles=move) if kind == "role" else Hypothesis(said, professions=move))
            return answer

        form = Form(entries, lambda: {"run": "Calculer"}, on_press=press)
        form.values["kind"] = "role"
        return form

    def _grant_form(self, run: Any) -> Form:
        matrix, known = self.workspace.access_matrix(), labels("roles")
        roles = {role: f"{known[role]} ({role})" for role in matrix.roles}
        documents = dict(zip(matrix.document_types["id"], matrix.document_types["label"], strict=True))

        def has() -> bool:
            return form.value("document") in matrix.documents_of([form.value("role")])

        def ready() -> bool:
            return form.value("role") in roles and form.value("document") in documents

        def press(_button: str) -> Answer:
            role, document = form.value("role"), form.value("document")
            verb = "n’ouvre plus" if has() else "ouvre aussi"
            said = f"Le rôle {roles[role]} {verb} : {documents[document]}."
            answer: Answer = run(Hypothesis(said, grant=(role, document)))
            return answer

        form = Form(
            lambda: [
                Entry("role", "Ou si le rôle", roles, heard=True),
                Entry("document", "pour ce document", documents, searched=True, heard=True),
            ],
            lambda: {"run": "Retirer ce droit" if has() else "Ajouter ce droit"} if ready() else {},
            on_press=press,
        )
        return form

    def _held(self, column: str) -> dict[str, str]:
        assert self.volumes is not None
        frame = self.volumes.views[column].filter(pl.col(column).is_not_null())
        label = pl.format("{} ({}) : {}", pl.col("label").fill_null("code inconnu"), column, "professionals")
        return dict(frame.select(pl.col(column).alias("code"), label).rows())
