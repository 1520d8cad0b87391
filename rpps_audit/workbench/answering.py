"""The two answers to « this person should have left »: the situation ends, or the person is still there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.checks import tolerate
from rpps_audit.corrections import close_situations, only_inside, present_state, propose
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.workbench.acts import Acts, told
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.frames import labels

# A presence that was seen answers the alert for this long; then somebody looks again.
SEEN_DAYS = 180
_WRONG_DATE = "Ce n’est pas une date réelle de la forme JJ/MM/AAAA."


class Answering:
    """The form of one answer for one row of the list (`row`: record_key, rule_id, rule, who, structure_name, since).

    `on_done(record_key, rules)` hears which record was answered; rules is None when the whole record is settled.
    `on_accept(proposal, reason, evidence)` takes a proposal that must cite a document.
    """

    def __init__(
        self,
        acts: Acts,
        on_done: Callable[[str, list[str] | None], None],
        on_accept: Callable[[str, str, str], Answer],
    ) -> None:
        self.acts, self._on_done, self._on_accept = acts, on_done, on_accept
        self.what = ""
        self.row: dict[str, Any] = {}
        self.form = Form(self._entries, self._buttons, note=self._note, on_press=self._press)
        self.widget: Widget = VBox([self.form]).add_class("rpps-stack")

    def ask(self, what: str, row: dict[str, Any]) -> None:
        """Begin an answer: « close », « stay », or « accept » for the row's `proposal`, shown as `shown_new`."""
        self.what, self.row, self.form.answer = what, row, Answer("")
        self.form.clear("day", "end_reason", "reason", "evidence")
        since = row.get("since")
        said = f"{row['rule']}{f' (depuis le {since:%d/%m/%Y})' if since else ''}"
        if what == "close":
            self.form.values |= {"day": f"{since:%d/%m/%Y}" if since else "", "reason": said}
        elif what == "stay":
            self.form.values |= {"day": f"{date.today():%d/%m/%Y}", "reason": "Présence constatée"}
        else:
            self.form.values |= {"reason": f"{row['rule']} : proposition acceptée"}
        self.form.refresh()

    def leave(self) -> None:
        """Another row is looked at: the answer begun is dropped."""
        if self.what:
            self.what, self.row = "", {}
            self.form.clear("day", "end_reason", "reason", "evidence")
            self.form.answer = Answer("")
            self.form.refresh()

    def _entries(self) -> list[Entry]:
        if not self.what or self.acts.lacking("author"):
            return []
        reason = Entry("reason", "Motif de la correction", needed_by=("close", "stay", "accept"))
        if self.what == "accept":
            hint = "Pièce vue, face à face, et quand : l’état civil est certifié, ce sera une demande."
            return [reason, Entry("evidence", "Justificatif", hint=hint, needed_by=("accept",))]
        if self.what == "stay":
            hint = f"JJ/MM/AAAA. L’alerte se tait {SEEN_DAYS} jours à partir de cette date, puis se repose."
            return [Entry("day", "Vu le", hint=hint, needed_by=("stay",)), reason]
        return [
            Entry("day", "Date de fin", hint="JJ/MM/AAAA.", needed_by=("close",)),
            Entry("end_reason", "Motif de fin", labels("end-reasons"), needed_by=("close",)),
            reason,
            Entry("evidence", "Justificatif", hint="Pièce vue, et quand. Facultatif pour une fin."),
        ]

    def _buttons(self) -> dict[str, str]:
        labels_of = {
            "close": "Fermer la situation",
            "stay": "Toujours là : faire taire l’alerte",
            "accept": f"Accepter « {self.row.get('shown_new', '')} »",
        }
        return {self.what: labels_of[self.what]} if self._entries() else {}

    def _note(self) -> str:
        if not self.what:
            return ""
        if lacking := self.acts.lacking("author"):
            return lacking
        who = self.row.get("who") or self.row["record_key"]
        more = " : la date, le motif et la fermeture sont décidés ensemble" if self.what == "close" else ""
        return f"{who}, {self.row['structure_name']}{more}."

    def _press(self, button: str) -> Answer:
        if button == "accept":
            proposal, reason, evidence = self.row["proposal"], self.form.value("reason"), self.form.value("evidence")
            answer = self._on_accept(proposal, reason, evidence)
            if not answer.refused:
                self._answered([self.row["rule_id"]])
            return answer
        day = read_day(self.form.value("day"))
        if day > date.today():
            raise UsageError("Cette date est dans le futur : donnez une date passée, ou celle d’aujourd’hui.")
        return self._close(day) if button == "close" else self._stay(day)

    def _close(self, day: date) -> Answer:
        ends = pl.DataFrame(
            {"record_key": [self.row["record_key"]], "end_date": [day], "rule_id": [self.row["rule_id"]]}
        )
        with self.acts.acting("author") as (desk, who):
            done = close_situations(
                desk, who, present_state(desk.store), ends, end_reason=self.form.value("end_reason"),
                reason=self.form.value("reason"), evidence=self.form.value("evidence"),
            )  # fmt: skip
        if done.accepted.height:
            self._answered(None)
        return told(done)

    def _stay(self, day: date) -> Answer:
        key, reason = self.row["record_key"], f"{self.form.value('reason')} (vu le {day:%d/%m/%Y})"
        expires = day + timedelta(days=SEEN_DAYS)
        if expires <= date.today():
            raise UsageError(
                f"Cette date a plus de {SEEN_DAYS} jours : l’alerte reste. Voyez la personne, puis revenez."
            )
        with self.acts.acting("author") as (desk, who):
            state = present_state(desk.store)
            seen = pl.DataFrame(
                {"table": ["situation"], "record_key": [key], "column": ["last_confirmed"], "new": [day.isoformat()]}
            )
            if only_inside(desk.store, who, state, seen).is_empty():
                raise NotAuthorisedError("Cette situation est hors de vos établissements.")
            rule, column = self.row["rule_id"], self.row["column"]
            tolerate(desk.store, rule, key, column, author=who.author, reason=reason, expires_on=expires)
            done = propose(desk, who, state, seen, reason=reason)
        self._answered([self.row["rule_id"]])
        kept = " La confirmation de présence est au panier." if done.accepted.height else ""
        return Answer(f"Alerte levée jusqu’au {expires:%d/%m/%Y}.{kept}")

    def _answered(self, rules: list[str] | None) -> None:
        key = self.row["record_key"]
        self.what, self.row = "", {}
        self.form.clear("day", "end_reason", "reason", "evidence")
        # What was answered must not be typed in again while the rest of the page is read.
        self.form.refresh()
        self._on_done(key, rules)


def read_day(text: str) -> date:
    """A day typed JJ/MM/AAAA. Raises UsageError for anything else."""
    try:
        day, month, year = text.strip().split("/")
        return date(int(year), int(month), int(day))
    except ValueError:
        raise UsageError(_WRONG_DATE) from None
