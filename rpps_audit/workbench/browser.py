"""The browser's modules, kept as files: `static/*.js` are ES modules that import `dom.js`, and `static/*.css`.

A widget's module travels as one text, so the import of `dom.js` is replaced by its content; nothing else is built.
With RPPS_AUDIT_DEV=1 a file that is saved is sent again to the pages that are open.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from importlib.resources import files
from typing import Any

DEVELOPING = "RPPS_AUDIT_DEV"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./dom\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=function|const)", re.MULTILINE)
_LOOK_SECONDS = 0.5
_shown: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def text(name: str) -> str:
    """A file of `static/`."""
    return (files("rpps_audit.workbench") / "static" / name).read_text("utf-8")


def module(name: str) -> str:
    """The ES module of a widget, with what every module shares."""
    own, imports = _IMPORT.subn("", text(f"{name}.js"))
    return (_EXPORT.sub("", text("dom.js")) if imports else "") + own


def follow(widget: Any, name: str) -> None:
    """While developing, send the module and the style again when their files change."""
    if os.environ.get(DEVELOPING) != "1":
        return
    if not _shown:
        threading.Thread(target=_watch, name="rpps-audit-static", daemon=True).start()
    _shown[widget] = name


def _watch() -> None:
    over = threading.Event()
    while not over.wait(_LOOK_SECONDS):
        style = text("widgets.css")
        for widget, name in list(_shown.items()):
            fresh = module(name)
            if (widget._esm, widget._css) != (fresh, style):
                widget._esm, widget._css = fresh, style
