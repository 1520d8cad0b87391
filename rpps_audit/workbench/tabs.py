"""Tabs: a page is a desk, not a scroll. What is typed in a tab stays while another one is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.workbench.live import LiveWidget


class Tabs(LiveWidget):
    """`contents()` are the tabs by name: a label, asked anew at each drawing (it may carry a count), and what makes the
    content, called once, when the tab is first looked at. `widget` is the whole."""

    drawn_by = "tabs"

    def __init__(self, label: str, contents: Mapping[str, tuple[Callable[[], str], Callable[[], Widget]]]) -> None:
        super().__init__()
        self.label, self._contents = label, contents
        self._made: dict[str, Widget] = {}
        self.chosen = ""
        self.widget = VBox([self]).add_class("rpps-stack")
        self.show(next(iter(contents)))

    def show(self, name: str) -> None:
        """Look at a tab."""
        self.chosen = name
        if name not in self._made:
            self._made[name] = self._contents[name][1]()
        self.widget.children = (self, self._made[name])
        self.refresh()

    def do_choose(self, name: str) -> None:
        """A tab was chosen."""
        if name in self._contents:
            self.show(name)

    def view(self) -> dict[str, Any]:
        """The row of tabs."""
        tabs = [[name, label()] for name, (label, _) in self._contents.items()]
        return {"label": self.label, "tabs": tabs, "chosen": self.chosen}
