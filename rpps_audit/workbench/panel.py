"""A piece of page: a template of `templates/`, filled with values that are always escaped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rpps_audit.errors import UsageError
from rpps_audit.reports.figures import draw
from rpps_audit.reports.french import counted, number
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.live import LiveWidget


class Panel(LiveWidget):
    """Shows `template` with `values()`, asked for anew each time; `on_open(key)` hears the buttons of the template.

    `folder` is where the files its template names lie: their content goes by message, so that a link works wherever the
    page is shown, and nothing outside that folder can be asked for.
    """

    drawn_by = "panel"

    def __init__(
        self,
        template: str,
        values: Callable[[], dict[str, Any]],
        *,
        on_open: Callable[[str], None] | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        self._template, self._values, self._on_open, self._folder = template, values, on_open, folder

    def view(self) -> dict[str, Any]:
        """The page's HTML."""
        return {"html": _environment().get_template(f"{self._template}.html").render(self._values())}

    def take_focus(self) -> None:
        """Bring the reader here: what they asked for is answered in this panel."""
        self.send({"focus": True})

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

    def do_fetch(self, name: str) -> None:
        """Give the browser a file of the folder: a page is seen in a new tab, anything else is saved."""
        path = (self._folder / name).resolve() if self._folder else Path()
        if self._folder is None or not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            raise UsageError(f"Le fichier {Path(name).name} n’est plus à sa place.")
        seen = path.suffix == ".html"
        # A page that comes from files never runs a program of its own here.
        kind = "text/html;charset=utf-8" if seen else guess_type(path.name)[0] or "application/octet-stream"
        self.give(path.name, kind, path.read_bytes(), seen=seen)

    def give(self, name: str, kind: str, content: bytes, *, seen: bool = False) -> None:
        """Send a file to the browser: saved under its name, or seen in a new tab."""
        self.send({"file": {"name": name, "type": kind, "seen": seen}}, buffers=[content])


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
