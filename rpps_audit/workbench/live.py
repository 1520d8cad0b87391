"""The base of every widget here: what is shown travels by message, never as a trait.

Jupyter may save a widget's traits inside the notebook file. A message is never saved: so no name, birth date or PIN can
end up in an .ipynb, whatever the user's settings. The browser asks (`{"do": ...}`), Python answers with the whole view.
"""

from __future__ import annotations

from typing import Any, ClassVar

import anywidget

from rpps_audit.workbench.browser import follow, module, text
from rpps_audit.workbench.faults import tell_fault


class LiveWidget(anywidget.AnyWidget):
    """A widget with a `view()` and acts, its `do_...` methods, which the browser names without that prefix.

    Tests call `ask` and read `view()`: no browser is needed.
    """

    # The file of `static/` that draws it.
    drawn_by: ClassVar[str]
    _css: ClassVar[str] = text("widgets.css")

    def __init_subclass__(cls, **named: Any) -> None:
        if "drawn_by" in cls.__dict__:
            cls._esm = module(cls.drawn_by)
        super().__init_subclass__(**named)

    def __init__(self) -> None:
        super().__init__()
        follow(self, self.drawn_by)
        self.message = ""
        self.on_msg(lambda _widget, content, buffers: self.ask(**content, buffers=buffers))

    def view(self) -> dict[str, Any]:
        """Everything the browser draws, as plain JSON values."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Send the view to every place where the widget is displayed; a view that cannot be made becomes a sentence."""
        try:
            view = self.view()
        except Exception as error:
            self.message = tell_fault(error)
            self.send({"fault": self.message})
        else:
            self.send({"view": view | {"message": self.message}})

    def ask(self, do: str, buffers: list[Any] | None = None, **details: Any) -> None:
        """Do what the browser asks, then show the result; a failure becomes a sentence, never a traceback."""
        if buffers:
            details["buffers"] = buffers
        self.message = ""
        try:
            getattr(self, f"do_{do}")(**details)
        except Exception as error:
            self.message = tell_fault(error)
        self.refresh()

    def do_show(self) -> None:
        """The browser has just drawn the widget and wants to see its content."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
