"""Accueil: drop a file, answer what it does not say, see what came in, know where to go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit import ingest
from rpps_audit.errors import AuditError, UsageError
from rpps_audit.reports.french import listed
from rpps_audit.workbench.answering import read_day
from rpps_audit.workbench.arriving import Arrival, answered, look
from rpps_audit.workbench.drop import DropZone
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.panel import Panel
from rpps_audit.workbench.reading import rejects, retire, snapshots, standing_files
from rpps_audit.workbench.screen import Screen, section
from rpps_audit.workbench.task import Task, Tell
from rpps_audit.workspace import Workspace

if TYPE_CHECKING:
    from rpps_audit.audit import Audit

PASSAGE = "depot"
_REPLACES = {"yes": "oui, c’est sa suite", "no": "non : ne pas le charger"}


class Home(Screen):
    """The first page.

    `waiting` are the files that wait for the work under way, `asking` those that wait for answers.
    """

    name, rank = "accueil", 0
    menu, purpose = "Accueil", "Déposer des fichiers, voir ce qui est chargé."
    title = "Atelier RPPS+ : accueil"
    parts = ("state", "files", "next")

    def __init__(self, workspace: Workspace | None = None) -> None:
        super().__init__(workspace)
        self.task = Task()
        self.last: list[str] = []
        self.waiting: list[Path] = []
        self.asking: list[Arrival] = []
        # What a dropped file was said to replace.
        self.replaced: dict[Path, int] = {}
        self.questions = Form(self._entries, self._buttons, note=self._note, on_press=self._press)
        self._panels: list[Panel] = []

    @section
    def state(self) -> Widget:
        """What the workspace holds."""
        return self._panel("state", self._state)

    @section
    def files(self) -> Widget:
        """Where files are dropped, what is asked about them, and the bar of the audit that follows."""
        zone = DropZone(self.workspace.path / PASSAGE, self.receive)
        return VBox([zone, self.questions, self.task, self._panel("loaded", self._last_loaded)]).add_class("rpps-stack")

    @section
    def next(self) -> Widget:
        """The other pages and the report."""
        return self._panel("next", self._next)

    # -- files come in -----------------------------------------------------------------------------------------

    def receive(self, paths: list[Path]) -> None:
        """Look at what was dropped, ask what must be asked, and load the rest; while an audit runs, they wait."""
        if self.task.running:
            self.waiting += paths
            self._refresh()
            return
        arrivals, refused = [], []
        for path in paths:
            try:
                arrivals.append(self._look(path))
            except AuditError as error:
                refused.append(str(error))
                path.unlink(missing_ok=True)
        self.asking += [one for one in arrivals if one.asks]
        self.questions.answer = Answer("Refusé :", refused) if refused else Answer("")
        self.questions.refresh()
        if ready := [one.path for one in arrivals if not one.asks]:
            self.audit(ready)

    def audit(self, paths: list[Path]) -> None:
        """Load and check in the background; what was dropped is removed, the store keeps the original."""
        before = {one["snapshot_id"] for one in snapshots(self)}
        self.task.start(
            lambda tell: self._audit(paths, tell), self._audited, stays=lambda: self._stays(before), after=self._after
        )

    def _look(self, path: Path) -> Arrival:
        if not self.has_store:
            return look(None, path, date.today())
        with self.store() as store:
            return look(store, path, date.today())

    def check(self) -> None:
        """Judge again what is loaded, in the background, and write the report."""
        self.task.start(self._check, lambda _none: "Terminé : ce qui est chargé est contrôlé.", after=self._after)

    def _check(self, tell: Tell) -> None:
        from rpps_audit.audit import check, write_report

        with self.store() as store:
            if standing_files(store):
                check(store, self.workspace.catalogue(), progress=lambda what, share: tell(what, 0.9 * share))
                write_report(store, self.workspace)

    def _audit(self, paths: list[Path], tell: Tell) -> Audit:
        from rpps_audit.audit import audit

        try:
            for path in paths:
                if (number := self.replaced.pop(path, None)) is not None:
                    with self.store() as store:
                        ingest.load(store, [path], replaces=number)
            return audit(self.workspace, paths, progress=tell)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    def _audited(self, result: Audit) -> str:
        self.last = [line for loaded in result.loaded for line in (loaded.sentence(), *loaded.notes)]
        return "Terminé : les fichiers sont chargés et contrôlés."

    def _stays(self, before: set[int]) -> str:
        """What a stopped audit has written: loading is whole or nothing, checks come after it."""
        fresh = [one for one in snapshots(self) if one["snapshot_id"] not in before]
        if not fresh:
            return (
                "Rien n’a été chargé ; les fichiers déposés sont effacés d’ici, déposez-les à nouveau pour reprendre."
            )
        named = listed([f"n° {one['snapshot_id']} ({one['file_name']})" for one in fresh])
        return f"Chargé et gardé, mais pas encore contrôlé : {named}. « Contrôler » reprend là où cela s’est arrêté."

    def _after(self) -> None:
        self._refresh()
        if self.waiting:
            paths, self.waiting = self.waiting, []
            self.receive(paths)

    # -- what is asked -----------------------------------------------------------------------------------------

    def _entries(self) -> Sequence[Entry]:
        entries = []
        for place, one in enumerate(self.asking):
            if one.asks_day:
                hint = "JJ/MM/AAAA : le jour où l’extraction a été faite."
                entries.append(Entry(f"day {place}", f"{one.path.name} : données du", hint=hint, needed_by=("load",)))
            if one.like:
                label = f"{one.path.name} : remplace l’extraction n° {one.like[0]} ({one.like[1]}) ?"
                hint = "Les mêmes établissements y figurent, sous un autre nom de fichier."
                entries.append(Entry(f"like {place}", label, _REPLACES, hint=hint, needed_by=("load",)))
        return entries

    def _buttons(self) -> dict[str, str]:
        return {"load": "Charger et contrôler", "drop": "Renoncer à ces fichiers"} if self.asking else {}

    def _note(self) -> str:
        return "Avant de charger, une réponse est nécessaire :" if self.asking else ""

    def _press(self, button: str) -> Answer:
        arrivals = self.asking
        if button == "load":
            days = [self._day(place, one) for place, one in enumerate(arrivals)]
            replaces = [self.questions.value(f"like {place}") == "yes" for place in range(len(arrivals))]
            both = list(zip(arrivals, days, replaces, strict=True))
            # The same establishments twice would count the same people twice.
            left = [one for one, _, yes in both if one.like and not yes]
            ready = [answered(one, day) for one, day, yes in both if yes or not one.like]
            self.replaced |= {answered(one, day): one.like[0] for one, day, yes in both if yes and one.like}
        self.asking = []
        self.questions.clear(*self.questions.values)
        if button == "drop":
            for one in arrivals:
                one.path.unlink(missing_ok=True)
            return Answer("Rien n’est chargé ; ces fichiers sont effacés d’ici.")
        for one in left:
            one.path.unlink(missing_ok=True)
        if self.task.running:
            self.waiting += ready
        elif ready:
            self.audit(ready)
        return Answer("Non chargé, comme demandé :", [one.path.name for one in left]) if left else Answer("")

    def _day(self, place: int, arrival: Arrival) -> date:
        day = arrival.day if arrival.day is not None else read_day(self.questions.value(f"day {place}"))
        if day > date.today():
            raise UsageError(
                f"{arrival.path.name} : cette date est à venir. Donnez le jour où l’extraction a été faite."
            )
        return day

    # -- what is shown -----------------------------------------------------------------------------------------

    def act(self, what: str) -> None:
        """A button of the page: « template », « rejects N », « forget N », « check »."""
        verb, _, number = what.partition(" ")
        if verb == "template":
            target = self.workspace.path / PASSAGE / "modele-suivi.xlsx"
            target.parent.mkdir(exist_ok=True, mode=0o700)
            ingest.write_template(target)
            self._panels[0].give(target.name, "application/octet-stream", target.read_bytes())
            target.unlink()
        elif verb == "rejects":
            frame = rejects(self, int(number))
            content = frame.rename({"line": "Ligne", "reason": "Motif", "raw": "Contenu"}).write_csv(separator=";")
            self._panels[0].give(f"rejets-{number}.csv", "text/csv", ("\ufeff" + content).encode())
        elif verb == "check":
            self.check()
        elif verb == "forget":
            retire(self, int(number))
            self._refresh()
            self.check()

    def _refresh(self) -> None:
        for panel in (*self._panels, *([self._made["header"]] if "header" in self._made else [])):
            panel.refresh()

    def _panel(self, template: str, values: Any) -> Panel:
        panel = Panel(template, values, on_open=self.act, folder=self.workspace.reports)
        self._panels.append(panel)
        return panel

    def _last_loaded(self) -> dict[str, Any]:
        return {"lines": self.last, "waiting": [path.name for path in self.waiting]}

    def _state(self) -> dict[str, Any]:
        return {"snapshots": snapshots(self)}

    def _next(self) -> dict[str, Any]:
        from rpps_audit.workbench.pages import declared

        others = [one for one in declared() if one.name != self.name]
        ready = bool(snapshots(self))
        return {"ready": ready, "pages": others, "report": (self.workspace.reports / "rapport.html").exists()}
