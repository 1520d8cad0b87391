"""What an audit says to people: one report model, several renderings; each imported when it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rpps_audit.reports.build import build_report
    from rpps_audit.reports.figures import prepare_figures
    from rpps_audit.reports.html import render_html, write_html
    from rpps_audit.reports.model import Report
    from rpps_audit.reports.xlsx import write_xlsx

_LATE = {
    "Report": "model",
    "build_report": "build",
    "prepare_figures": "figures",
    "render_html": "html",
    "write_html": "html",
    "write_xlsx": "xlsx",
}

__all__ = ["Report", "build_report", "prepare_figures", "render_html", "write_html", "write_xlsx"]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
