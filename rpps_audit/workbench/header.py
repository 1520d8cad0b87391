"""The head of every page: the way back, whose register this is, the day of its state, and the other pages."""

from __future__ import annotations

from typing import Any

from rpps_audit.errors import AuditError
from rpps_audit.workbench.copies import is_older, renew
from rpps_audit.workbench.panel import Panel
from rpps_audit.workbench.reading import standing
from rpps_audit.workbench.screen import Screen


def header(screen: Screen) -> Panel:
    """The head of a page; its button takes the page of this version, the old one kept beside."""

    def values() -> dict[str, Any]:
        from rpps_audit.workbench.pages import declared

        stands, fault = None, ""
        try:
            stands = standing(screen)
            organisation = screen.workspace.organisation
        except AuditError as error:
            organisation, fault = "", str(error)
        return {
            "screen": screen,
            "pages": declared(),
            "organisation": organisation or (stands.operator if stands else ""),
            "standing": stands,
            "fault": fault,
            "older": is_older(screen),
            "taken": taken,
        }

    taken: list[str] = []

    def act(what: str) -> None:
        if what == "take":
            taken.append(renew(screen).name)

    return Panel("header", values, on_open=act)
