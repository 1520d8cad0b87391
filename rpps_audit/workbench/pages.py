"""From the declared screens: the list of pages, the notebook of each, and the page that a notebook opens.

python -m rpps_audit.workbench notebooks     writes the notebooks of a checkout anew
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from rpps_audit.workbench import screens
from rpps_audit.workbench.screen import Screen

_OPENING = """# {title}

La page s’affiche d’elle-même en quelques secondes. Si rien ne vient, rechargez-la (touche F5).
"""
_open: dict[str, Screen] = {}


@cache
def declared() -> tuple[type[Screen], ...]:
    """Every screen of `screens/`, in the order of the menu."""
    modules = [import_module(f"{screens.__name__}.{found.name}") for found in iter_modules(screens.__path__)]
    classes = {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Screen) and one.__module__ == module.__name__
    }
    return tuple(sorted(classes, key=lambda one: one.rank))


def page(name: str) -> Screen:
    """The page of that name; in a kernel there is one, so that running its cells again keeps what it holds."""
    if name not in _open:
        _open[name] = next(one for one in declared() if one.name == name)()
    return _open[name]


def notebook(screen: type[Screen]) -> str:
    """The notebook of a screen: one cell for its heading, one for each part, code folded away."""
    first = f'from rpps_audit.workbench import page\n\npage = page("{screen.name}")\npage.part("header")'
    cells = [_cell(screen.name, "markdown", 0, _OPENING.format(title=screen.title).strip())]
    cells.append(_cell(screen.name, "code", 1, first))
    cells += [
        _cell(screen.name, "code", number, f'page.part("{part}")') for number, part in enumerate(screen.parts, start=2)
    ]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "title": screen.title,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def write_notebooks(folder: Path) -> None:
    """Write the notebook of every screen into `folder`."""
    for screen in declared():
        (folder / f"{screen.name}.ipynb").write_text(notebook(screen), "utf-8")


def _cell(name: str, kind: str, number: int, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": f"{name}-{number}",
        "metadata": {"deletable": False, "editable": False},
        "source": source.splitlines(keepends=True),
    }
    if kind == "code":
        cell["metadata"]["jupyter"] = {"source_hidden": True}
        cell |= {"execution_count": None, "outputs": []}
    return cell
