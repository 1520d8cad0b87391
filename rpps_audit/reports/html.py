"""The report as one self-contained HTML page: no script, nothing outside; readable by ear, by keyboard, on paper."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from rpps_audit.outputs import write_private
from rpps_audit.reports import figures, french
from rpps_audit.reports.model import Bars, Cell, Column, Grid, Report

ABSENT = "–"


def write_html(report: Report, path: Path) -> None:
    """Write the page whole or not at all, mode 0600. Raises UsageError when the place cannot be written."""
    write_private(path, render_html(report).encode("utf-8"))


def render_html(report: Report) -> str:
    """The page; the same report gives the same text."""
    style = Markup((files("rpps_audit.reports") / "templates" / "report.css").read_text("utf-8"))
    page = _template().render(report=report, style=style)
    return "\n".join(line for line in page.splitlines() if line.strip()) + "\n"


def shown(cell: Cell, column: Column) -> str:
    """A cell as text."""
    if cell is None:
        return ABSENT
    if isinstance(cell, date):
        return french.day(cell)
    if column.kind == "share":
        return french.share(float(cell))
    if column.kind == "days":
        return french.days(int(cell))
    if column.kind == "count":
        return french.number(float(cell))
    return str(cell)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"fr": _typeset, "cell": shown, "number": french.number, "day": french.day, "draw": _drawn}
    environment.tests |= {
        "figure": lambda block: isinstance(block, Bars | Grid),
        "steps": lambda block: hasattr(block, "steps"),
    }
    source = (files("rpps_audit.reports") / "templates" / "report.html.j2").read_text("utf-8")
    return environment.from_string(source)


def _typeset(text: str) -> Markup:
    """French spaces first, then escaping: the escapes hold semicolons that are not punctuation."""
    return escape(french.typeset(text))


def _drawn(block: Bars | Grid) -> Markup:
    return Markup(figures.draw(block))
