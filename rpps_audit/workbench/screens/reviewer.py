"""ANS reviewer: volumes, withdrawn codes, what-if both ways, and the request's file beside the figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from ipywidgets import (  # type: ignore[import-untyped]
    Button,
    Dropdown,
    HBox,
    SelectMultiple,
    Text,
    Textarea,
    VBox,
    Widget,
)

from rpps_audit.errors import UsageError
from rpps_audit.exposure import Difference, what_if
from rpps_audit.nomenclature import (
    CATCH_ALL,
    KINDS,
    Dossier,
    Request,
    build_dossier,
    read_request,
    registered,
    save_request,
    withdrawn,
)
from rpps_audit.reference import AccessMatrix, nomenclature_label_expr
from rpps_audit.store import Store
from rpps_audit.workbench.frames import frame_grid, labels
from rpps_audit.workbench.panel import Panel, heading, sentence
from rpps_audit.workbench.screen import EMPTY, Screen, section
from rpps_audit.workspace import Workspace

_PLAIN = {"description_width": "initial"}
DRAFTS = "demandes"
CLOSE = "fermer"
VIEWS = {
    "profession": ("par profession", ("profession",)),
    "role": ("par rôle", ("role",)),
    "establishment": ("par établissement", ("finess", "structure_name", "finess_legal")),
}
_MOVES = {"role": "Les professionnels du rôle", "profession": "Les professionnels de la profession"}
_FIELDS = {
    "label": ("Libellé souhaité", Text),
    "code": ("Code concerné", Text),
    "definition": ("Définition métier", Textarea),
    "synonyms": ("Synonymes, séparés par des points-virgules", Text),
    "requester": ("Système demandeur", Text),
    "wanted_for": ("Date souhaitée (MM/AAAA)", Text),
    "context": ("Contexte", Textarea),
    "legal_basis": ("Cadre juridique", Textarea),
    "people": ("Nombre de professionnels concernés", Text),
    "uses": ("Usages identifiés", Textarea),
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


class Reviewer(Screen):
    """The reviewer's page. `by` is the view of volumes; `request` and `hypothesis` what is being examined."""

    name, rank = "ans", 3
    menu, purpose = "Demandes de nomenclature", "Instruire une demande d’évolution, et en écrire le dossier."
    title = "Instruction des demandes de nomenclature"
    parts = ("figures", "to_move", "what_if", "file")

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.by = "profession"
        self.hypothesis = Hypothesis()
        self.answer: dict[str, pl.DataFrame] = {}
        self.request = Request("")
        self.dossier: Dossier | None = None
        self.said = ""

    @cached_property
    def volumes(self) -> Volumes | None:
        """Read once, None on an empty workspace."""
        if not self.has_store:
            return None
        with self.store() as store:
            return _read(store)

    # -- sections ----------------------------------------------------------------------------------------------

    @section
    def figures(self) -> Widget:
        """Volumes by what one chooses."""
        volumes = self.volumes
        if volumes is None:
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
        return VBox([Panel("volumes", lambda: {"volumes": volumes, "catch_all": CATCH_ALL}), chooser, place])

    @section
    def to_move(self) -> Widget:
        """What is registered under withdrawn codes, and who must move it."""
        volumes = self.volumes
        if volumes is None:
            return sentence(EMPTY)
        return frame_grid(
            volumes.withdrawn,
            "Sous un code retiré ou qui n’est plus proposé : à déplacer par le gestionnaire de l’établissement",
            empty="Personne n’est enregistré sous un code retiré.",
        )

    @section
    def what_if(self) -> Widget:
        """A hypothesis and its difference, both ways."""
        if self.volumes is None:
            return sentence(EMPTY)
        place = VBox([])
        said = Panel("hypothesis", lambda: {"hypothesis": self.hypothesis, "answer": self.answer})

        def run(hypothesis: Hypothesis) -> None:
            said.act(lambda: self.suppose(hypothesis))
            place.children = self.answer_grids()

        forms = (self._move_form(run), self._grant_form(run))
        return VBox([heading("Et si on changeait un rôle, une profession ou un droit ?"), *forms, said, place])

    @section
    def file(self) -> Widget:
        """The request's form, saved at each change, and its dossier."""
        if self.volumes is None:
            return sentence(EMPTY)
        result = Panel("dossier", lambda: {"dossier": self.dossier, "said": self.said, "files": self.dossiers()})
        return VBox([heading("Dossier d’une demande d’évolution"), self._request_form(result), result])

    # -- state -------------------------------------------------------------------------------------------------

    def view_grid(self) -> Widget:
        """The grid of the view chosen."""
        assert self.volumes is not None
        return frame_grid(
            self.volumes.views[self.by],
            f"Professionnels enregistrés {VIEWS[self.by][0]}",
            empty="Personne n’est enregistré à cette date.",
        )

    def suppose(self, hypothesis: Hypothesis) -> None:
        """Compute the difference a hypothesis makes. Nothing is written anywhere."""
        from rpps_audit.workspace import exposure_of

        self.hypothesis, self.answer = hypothesis, {}
        with self.store() as store:
            exposure = exposure_of(store, self.workspace)
            access = toggled(exposure.access, *hypothesis.grant) if hypothesis.grant else None
            difference: Difference = what_if(
                exposure, access=access, roles=hypothesis.roles, professions=hypothesis.professions
            )
            self.answer = {
                "totals": difference.totals(),
                "document": difference.by_document().rename(
                    {"gained": "professionals_gaining", "lost": "professionals_losing"}
                ),
                "establishment": difference.by_establishment(),
                "profession": difference.by_profession(),
            }

    def answer_grids(self) -> list[Widget]:
        """The difference by document, profession and establishment."""
        captions = {"document": "Par document", "profession": "Par profession", "establishment": "Par établissement"}
        return [
            frame_grid(self.answer[name], caption, empty="Rien ne change.")
            for name, caption in captions.items()
            if name in self.answer
        ]

    def change_request(self, **fields: Any) -> None:
        """Write fields of the request and save the draft as soon as it has a label: a restart loses nothing."""
        self.request = dataclasses.replace(self.request, **fields)
        if self.request.label.strip():
            save_request(self.request, self.workspace.path / DRAFTS)

    def open_request(self, path: Path) -> None:
        """Take up a saved request."""
        self.request, self.dossier = read_request(path), None

    def drafts(self) -> list[Path]:
        """The saved requests, by name."""
        return sorted((self.workspace.path / DRAFTS).glob("*.json"))

    def examine(self) -> None:
        """Put the figures beside the request."""
        assert self.volumes is not None
        with self.store() as store:
            self.dossier = build_dossier(store, self.volumes.run_ids, self.volumes.as_of, self.request)
        self.said = ""

    def export(self) -> None:
        """Write the dossier. Raises UsageError for a request without a label."""
        self.examine()
        assert self.dossier is not None
        path = self.dossier.write(self.workspace.reports)
        self.said = f"Dossier écrit : {path.relative_to(self.workspace.path)}."

    def dossiers(self) -> list[Path]:
        """What was written, relative to the workspace."""
        return sorted(path.relative_to(self.workspace.path) for path in self.workspace.reports.glob("dossier-*.zip"))

    # -- forms -------------------------------------------------------------------------------------------------

    def _move_form(self, run: Callable[[Hypothesis], None]) -> Widget:
        known = labels("roles")
        granted = [(f"{known[role]} ({role})", role) for role in self.workspace.access_matrix().roles]
        kind = Dropdown(options=[(label, name) for name, label in _MOVES.items()], layout={"width": "280px"})
        held = Dropdown(options=self._held("role"), layout={"width": "380px"})
        to = Dropdown(options=[*granted, ("(leur situation est fermée)", CLOSE)], description="passent à")
        go = Button(description="Calculer", button_style="primary")

        def swap(change: Any) -> None:
            held.options = self._held(change["new"])

        def click(_button: Any) -> None:
            target = None if to.value == CLOSE else to.value
            name = labels(f"{kind.value}s").get(held.value, held.value)
            said = f"{_MOVES[kind.value]} « {name} » passent à : {to.label}."
            move = {held.value: target}
            run(Hypothesis(said, roles=move) if kind.value == "role" else Hypothesis(said, professions=move))

        kind.observe(swap, "value")
        go.on_click(click)
        return HBox([kind, held, to, go], layout={"flex_flow": "row wrap"})

    def _grant_form(self, run: Callable[[Hypothesis], None]) -> Widget:
        matrix, known = self.workspace.access_matrix(), labels("roles")
        role = Dropdown(options=[(f"{known[one]} ({one})", one) for one in matrix.roles], description="Rôle")
        document = Dropdown(
            options=list(zip(matrix.document_types["label"], matrix.document_types["id"], strict=True)),
            description="Document",
            layout={"width": "480px"},
        )
        go = Button(description="Inverser ce droit", button_style="primary")

        def click(_button: Any) -> None:
            has = document.value in matrix.documents_of([role.value])
            verb = "n’ouvre plus" if has else "ouvre aussi"
            said = f"Le rôle {role.label} {verb} : {document.label}."
            run(Hypothesis(said, grant=(role.value, document.value)))

        go.on_click(click)
        return HBox([role, document, go], layout={"flex_flow": "row wrap"})

    def _request_form(self, result: Panel) -> Widget:
        wide = {"layout": {"width": "760px"}, "style": {"description_width": "310px"}}
        kind = Dropdown(options=KINDS, value=self.request.kind, description="Nature", **wide)
        boxes = {name: make(description=label, **wide) for name, (label, make) in _FIELDS.items()}
        codes = SelectMultiple(
            options=self._held("profession"), description="Enregistrés aujourd’hui sous", rows=6, **wide
        )
        saved = Dropdown(options=self._saved(), value="", description="Reprendre une demande", **wide)

        def changed(_change: Any) -> None:
            result.act(lambda: self.change_request(**_typed(boxes, kind, codes)))

        def resumed(change: Any) -> None:
            if change["new"]:
                result.act(lambda: self.open_request(Path(change["new"])))
                _fill(boxes, kind, codes, self.request, changed)

        for box in (kind, codes, *boxes.values()):
            box.observe(changed, "value")
        saved.observe(resumed, "value")
        examine = Button(description="Mettre les chiffres en regard", button_style="primary", layout={"width": "260px"})
        export = Button(description="Exporter le dossier (ZIP)", layout={"width": "220px"})
        examine.on_click(lambda _button: result.act(self.examine))
        export.on_click(lambda _button: result.act(self.export))
        return VBox([saved, kind, *boxes.values(), codes, HBox([examine, export])])

    def _held(self, column: str) -> list[tuple[str, str]]:
        assert self.volumes is not None
        frame = self.volumes.views[column].filter(pl.col(column).is_not_null())
        label = pl.format("{} ({}) : {}", pl.col("label").fill_null("code inconnu"), column, "professionals")
        return [(text, code) for text, code in frame.select(label, pl.col(column).alias("code")).rows()]

    def _saved(self) -> list[tuple[str, str]]:
        return [("(nouvelle)", ""), *((path.stem, str(path)) for path in self.drafts())]


def toggled(matrix: AccessMatrix, role: str, document: str) -> AccessMatrix:
    """The matrix with one grant added, or removed if it was there."""
    one = pl.DataFrame({"role": [role], "document_type": [document]})
    without = matrix.grants.join(one, on=["role", "document_type"], how="anti")
    grants = without if without.height < matrix.grants.height else pl.concat([matrix.grants, one])
    return dataclasses.replace(matrix, version=f"{matrix.version} (hypothèse)", grants=grants)


def _typed(boxes: Mapping[str, Any], kind: Any, codes: Any) -> dict[str, Any]:
    """The form's fields as a request's. Raises UsageError for a number that is none."""
    fields: dict[str, Any] = {name: box.value for name, box in boxes.items()}
    people = fields["people"].replace("\u202f", "").replace(" ", "")
    if people and not people.isdigit():
        raise UsageError("Le nombre de professionnels concernés s’écrit en chiffres.")
    fields["people"] = int(people) if people else None
    fields["synonyms"] = tuple(word.strip() for word in fields["synonyms"].split(";") if word.strip())
    return fields | {"kind": kind.value, "current_codes": tuple(codes.value)}


def _fill(boxes: Mapping[str, Any], kind: Any, codes: Any, request: Request, changed: Callable[[Any], None]) -> None:
    """Show a saved request in the form, without saving it again at each field."""
    every = (kind, codes, *boxes.values())
    for box in every:
        box.unobserve(changed, "value")
    for name, box in boxes.items():
        value = getattr(request, name)
        box.value = "; ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    kind.value = request.kind
    codes.value = [code for code in request.current_codes if code in dict(codes.options).values()]
    for box in every:
        box.observe(changed, "value")


def _read(store: Store) -> Volumes | None:
    from rpps_audit.checks import state_runs
    from rpps_audit.records import state_at

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


def _labelled(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A view with the label of its codes beside them; establishments carry their own name."""
    if name not in ("profession", "role"):
        return frame.drop("establishments", "operators")
    label = nomenclature_label_expr(f"{name}s", pl.col(name)).alias("label")
    return frame.select(name, label, pl.exclude(name))
