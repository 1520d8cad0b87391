"""What every screen is: a workspace, read one act at a time, and parts that never show a traceback.

A screen is declared by one file of `screens/`: its name, its place in the menu, its title and its parts. The notebook
and the menu come from there (`pages.py`). The store's file belongs to one process while it is open:
a screen opens it for one act, keeps the frames it asked for, and closes it, so that a command line or another page can
work in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeVar

from ipywidgets import Widget  # type: ignore[import-untyped]

from rpps_audit.errors import UsageError
from rpps_audit.store import FILE_NAME, Store
from rpps_audit.workbench.faults import tell_fault, workspace_path
from rpps_audit.workbench.panel import sentence
from rpps_audit.workspace import Workspace, open_workspace

_PATIENCE_SECONDS = 5.0
P = ParamSpec("P")
S = TypeVar("S", bound="Screen")

EMPTY = "Rien n’est encore chargé. Ouvrez la page « Accueil » et déposez-y une extraction."


class Screen:
    """A page. Subclasses have parts (methods that return a widget) and the state they show.

    `name` names the page's file, `rank` orders the menu, `menu` and `purpose` are said in it, `title` heads the page,
    and `parts` are shown one under the other.
    """

    name: ClassVar[str]
    rank: ClassVar[int]
    menu: ClassVar[str]
    purpose: ClassVar[str]
    title: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]

    def __init__(self, workspace: Workspace | None = None) -> None:
        if workspace is not None:
            self.workspace = workspace
        self._made: dict[str, Widget] = {}

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace the launcher named."""
        return open_workspace(workspace_path())

    @property
    def has_store(self) -> bool:
        """Something was loaded once."""
        return (self.workspace.path / FILE_NAME).exists()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, for one act. Waits a few seconds for another program to be done with it, then UsageError."""
        with _patiently(self.workspace.store) as store:
            yield store

    def part(self, name: str) -> Widget:
        """A part, made once: a cell that runs again shows the same one, with what was typed and the open session."""
        if name not in self._made:
            self._made[name] = getattr(self, name)()
        return self._made[name]

    def header(self) -> Widget:
        """Where one is, whose register this is, on which day."""
        from rpps_audit.workbench.header import header

        return header(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A part of an older version's page: the page says that it is older, and offers the new one."""
            if name.startswith("_") or "_made" not in self.__dict__:
                raise AttributeError(name)
            first = "header" not in self._made
            return lambda: self.part("header") if first else sentence("")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def section(method: Callable[Concatenate[S, P], Widget]) -> Callable[Concatenate[S, P], Widget]:
    """A part of a page: what fails in it becomes a sentence with a reference."""

    @wraps(method)
    def run(screen: S, /, *arguments: P.args, **named: P.kwargs) -> Widget:
        try:
            return method(screen, *arguments, **named)
        except Exception as error:
            return sentence(tell_fault(error))

    return run


def _patiently(open_it: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return open_it()
        except UsageError as error:
            if "déjà ouvert" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.1)
