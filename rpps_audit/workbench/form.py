"""A few fields and the buttons that act on them. What is typed travels by message, never as a trait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rpps_audit.workbench.live import LiveWidget


@dataclass(frozen=True)
class Entry:
    """One field: a text, or one of `choices` (code to label). `heard`: each change is told at once, not only with a
    button. `needed_by` are the buttons that do nothing while it is empty. `fault` is shown beside it. `long`: several
    lines. `searched`: the choices are many, and found by typing a part of their label. `none`: what no choice is
    called."""

    name: str
    label: str
    choices: Mapping[str, str] | None = None
    heard: bool = False
    hint: str = ""
    needed_by: tuple[str, ...] = ()
    fault: str = ""
    long: bool = False
    searched: bool = False
    none: str = "(choisir)"


class Answer(NamedTuple):
    """What a button has done: a sentence, and what was refused and why, one sentence each."""

    said: str
    refused: Sequence[str] = ()


class Form(LiveWidget):
    """`entries()` and `buttons()` (name to label: only those that can act now) are asked anew at each view.

    `values` is what is typed. `on_press(button)` answers what it did; `on_type(name)` hears the fields that are heard.
    """

    drawn_by = "form"

    def __init__(
        self,
        entries: Callable[[], Sequence[Entry]],
        buttons: Callable[[], Mapping[str, str]] = dict,
        *,
        note: Callable[[], str] = str,
        on_press: Callable[[str], Answer] = lambda _button: Answer(""),
        on_type: Callable[[str], None] = lambda _name: None,
    ) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.answer = Answer("")
        self._missing: frozenset[str] = frozenset()
        # How many times each field was emptied: the browser drops what it still holds when the number moves.
        self._cleared: dict[str, int] = {}
        self._busy = False
        self._entries, self._buttons, self._note = entries, buttons, note
        self._on_press, self._on_type = on_press, on_type

    def value(self, name: str) -> str:
        """What a field holds."""
        return self.values.get(name, "")

    def listen(self, on_type: Callable[[str], None]) -> None:
        """Hear the fields that are heard."""
        self._on_type = on_type

    def do_type(self, name: str, text: str) -> None:
        """A field has changed."""
        self.answer = Answer("")
        self.values[name] = self._read(name, text)
        self._missing -= {name}
        self._on_type(name)

    def do_press(self, button: str, values: Mapping[str, str] | None = None) -> None:
        """A button was pressed; one that is no longer offered does nothing."""
        self.answer = Answer("")
        self.values |= {name: self._read(name, text) for name, text in (values or {}).items()}
        if button not in self._buttons():
            return
        needed = [entry.name for entry in self._entries() if button in entry.needed_by]
        self._missing = frozenset(name for name in needed if not self.value(name).strip())
        if self._missing:
            self.answer = Answer("Rien n’est fait : il manque un champ.")
            return
        self._busy = True
        try:
            self.answer = self._on_press(button)
        finally:
            self._busy = False

    def clear(self, *names: str) -> None:
        """Empty these fields: what was written for one act is never signed with the next."""
        for name in names:
            self.values.pop(name, None)
            self._cleared[name] = self._cleared.get(name, 0) + 1

    def _read(self, name: str, text: str) -> str:
        """A searched field shows labels and holds codes; a text that is no label stays as it is."""
        entry = next((one for one in self._entries() if one.name == name and one.searched and one.choices), None)
        if entry is None or entry.choices is None:
            return text
        return next((code for code, label in entry.choices.items() if text in (code, label)), text)

    def view(self) -> dict[str, Any]:
        """The fields, the buttons, and what the last one did."""
        entries = [
            asdict(entry)
            | {
                "value": self.value(entry.name),
                "cleared": self._cleared.get(entry.name, 0),
                "choices": entry.choices and [list(one) for one in entry.choices.items()],
                "fault": entry.fault or ("À remplir." if entry.name in self._missing else ""),
            }
            for entry in self._entries()
        ]
        return {
            "note": self._note(),
            "entries": entries,
            "busy": self._busy,
            "buttons": [list(one) for one in self._buttons().items()],
            "said": self.answer.said,
            "refused": list(self.answer.refused),
        }
