"""What every screen is: a workspace, read one act at a time, and sections that never show a traceback.

The store's file belongs to one process while it is open. A screen therefore opens it for one act, keeps the frames it
asked for, and closes it: a command line or another notebook can work in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from ipywidgets import Widget  # type: ignore[import-untyped]

from rpps_audit.errors import UsageError
from rpps_audit.store import FILE_NAME, Store
from rpps_audit.workbench.faults import tell_fault, workspace_path
from rpps_audit.workbench.panel import sentence
from rpps_audit.workspace import Workspace, open_workspace

_PATIENCE_SECONDS = 5.0
P = ParamSpec("P")
S = TypeVar("S", bound="Screen")

EMPTY = "Rien n’est encore chargé. Ouvrez la page « accueil » et déposez-y une extraction."


class Screen:
    """A page. Subclasses have sections (methods that return a widget) and the state they show."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        if workspace is not None:
            self.workspace = workspace

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
