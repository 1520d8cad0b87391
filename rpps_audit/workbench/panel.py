"""A piece of page: a template of `templates/`, filled with values that are always escaped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rpps_audit.reports.figures import draw
from rpps_audit.reports.french import counted, number
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.live import LiveWidget, module


class Panel(LiveWidget):
    """Shows `template` with `values()`, asked for anew each time; `on_open(key)` hears the buttons of the template."""

    _esm = module("panel")

    def __init__(
        self, template: str, values: Callable[[], dict[str, Any]], *, on_open: Callable[[str], None] | None = None
    ) -> None:
        super().__init__()
        self._template, self._values, self._on_open = template, values, on_open

    def view(self) -> dict[str, Any]:
        """The page's HTML."""
        return {"html": _environment().get_template(f"{self._template}.html").render(self._values())}

    def act(self, work: Callable[[], None]) -> None:
        """Do what a button beside the panel asks, then show the result, or one sentence about what failed."""
        self.message = ""
        try:
            work()
        except Exception as error:
            self.message = tell_fault(error)
        self.refresh()

    def do_open(self, key: str) -> None:
        """A button of the template was pressed."""
        if self._on_open:
            self._on_open(key)


def sentence(text: str) -> Panel:
    """One paragraph: an empty state, or what went wrong."""
    return Panel("sentence", lambda: {"text": text})


def heading(text: str) -> Panel:
    """The title of a part of a page."""
    return Panel("heading", lambda: {"text": text})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rpps_audit.workbench"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(number=number, day=lambda day: f"{day:%d/%m/%Y}" if day else "")
    environment.globals.update(counted=counted, draw=lambda figure: Markup(draw(figure)))
    return environment
