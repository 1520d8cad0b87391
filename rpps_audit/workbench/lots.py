"""Batches: prepare, sign with the card, send, and what became of the earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.batches.batch import FRENCH_BATCH_STATES, Batch, batches, settle_packages
from rpps_audit.batches.prepare import prepare, ready
from rpps_audit.batches.sign import sign
from rpps_audit.batches.status import batch_page
from rpps_audit.batches.transport import send
from rpps_audit.batches.verify import Verification, verify
from rpps_audit.card import PinRefusedError, SessionClosedError, load_settings, load_trust
from rpps_audit.corrections import present_state
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.reports.french import counted
from rpps_audit.workbench.acts import NO_SESSION, Acts
from rpps_audit.workbench.form import Answer, Form
from rpps_audit.workbench.panel import Panel, heading
from rpps_audit.workbench.task import Task, Tell


class Lots:
    """The batches of the workspace; `opened` is the one whose page is shown, `on_done()` hears of each act."""

    def __init__(self, acts: Acts, on_done: Callable[[], None]) -> None:
        self.acts, self._on_done = acts, on_done
        self.opened = ""
        self.ready, self._four_eyes = 0, False
        self.task = Task()
        self.form = Form(lambda: (), self._buttons, note=self._note, on_press=self.press)
        self.panel = Panel("batches", self.values, on_open=self.act, folder=acts.panel.workspace / "lots")
        self.widget: Widget = VBox([heading("Lots : préparer, signer, envoyer"), self.form, self.task, self.panel])

    def reload(self) -> None:
        """Read again what waits and what was done."""
        self.ready = 0
        if self.acts.author:
            with self.acts.acting("author") as (desk, who):
                self.ready = ready(desk, who, present_state(desk.store)).height
                self._four_eyes = desk.settings.four_eyes
        self.form.refresh()
        self.panel.refresh()

    def press(self, _button: str = "prepare") -> Answer:
        """Prepare a batch of all that is ready."""
        self.task.start(self._prepare, self._prepared)
        return Answer("")

    def act(self, what: str) -> None:
        """A button of the list: « sign LOT », « send LOT », « page LOT »."""
        verb, _, batch_id = what.partition(" ")
        if verb == "page":
            self.opened = "" if self.opened == batch_id else batch_id
        elif verb == "sign":
            # The PIN is asked in the panel's dialog while the kernel goes on hearing the browser.
            self.task.start(lambda tell: self._sign(batch_id, tell), self._signed, can_stop=False)
        elif verb == "send":
            self.task.start(lambda tell: self._send(batch_id, tell), self._sent, can_stop=False)

    def values(self) -> dict[str, Any]:
        """What the list shows: keys and states, no value."""
        if not self.acts.has_store:
            return {"batches": [], "page": "", "opened": "", "mine": False}
        with self.acts.desk() as desk:
            settle_packages(desk)
            rows = batches(desk).to_dicts()
            page = batch_page(desk, self.opened) if self.opened else ""
        for row in rows:
            row["said"] = FRENCH_BATCH_STATES[row["state"]]
        return {"batches": rows, "page": page, "opened": self.opened, "mine": self.acts.author}

    def _note(self) -> str:
        if lacking := self.acts.lacking("author"):
            return lacking
        if self.ready:
            return (
                "Un lot est un dossier de travail : rien n’est déposé dans le portail, les changements s’y saisissent."
            )
        if self._four_eyes:
            return "Rien à mettre dans un lot : une correction doit d’abord être approuvée par une autre carte."
        return "Rien de plus à mettre dans un lot : aucune correction du panier n’attend."

    def _buttons(self) -> dict[str, str]:
        if not self.ready:
            return {}
        return {"prepare": f"Préparer un lot ({counted(self.ready, 'correction', 'corrections')})"}

    def _prepare(self, tell: Tell) -> Batch:
        with self.acts.acting("author") as (desk, who):
            return prepare(desk, who, progress=tell)

    def _prepared(self, done: Batch) -> str:
        self._on_done()
        size = counted(done.changes, "changement", "changements")
        notes = "".join(f" À noter : {note}" for note in done.notes)
        return f"Lot {done.batch_id} préparé : {size}. Signez-le ci-dessous.{notes}"

    def _sign(self, batch_id: str, tell: Tell) -> tuple[Batch, Verification]:
        self.acts.panel.require("author")
        session = self.acts.panel.session
        if session is None:
            raise NotAuthorisedError(NO_SESSION)
        tell("Signature par la carte", 0.0)
        try:
            with self.acts.desk() as desk:
                done = sign(desk, session, self.acts.panel.pin, batch_id)
        except PinRefusedError:
            # Nobody gave up: the card is gone.
            if session.closed:
                raise SessionClosedError(session.closed) from None
            raise
        tell("Vérification du lot", 0.8)
        return done, verify(done.path, load_trust(load_settings(self.acts.panel.workspace)))

    def _signed(self, result: tuple[Batch, Verification]) -> str:
        done, checked = result
        self._on_done()
        if not checked.proven:
            why = "; ".join(checked.faults) or "signature non vérifiée"
            raise UsageError(f"Lot {done.batch_id} signé, mais sa vérification échoue : {why}.")
        return (
            f"Lot {done.batch_id} signé et vérifié : signature de {checked.signer} valable, fichiers intacts "
            f"({done.path.parent.name}/{done.path.name})."
        )

    def _send(self, batch_id: str, tell: Tell) -> tuple[Batch, bool]:
        tell("Envoi", 0.0)
        with self.acts.acting("author") as (desk, who):
            return send(desk, who, batch_id)

    def _sent(self, result: tuple[Batch, bool]) -> str:
        done, left = result
        self._on_done()
        there = "copié dans la boîte d’envoi (outbox)" if left else "déjà dans la boîte d’envoi"
        return f"Lot {done.batch_id} {there}. Ce n’est pas un dépôt au portail."
