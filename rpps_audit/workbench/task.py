"""Long work with a bar and a way out. It runs beside the kernel's loop, so that « Interrompre » is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rpps_audit.errors import AuditError
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.live import LiveWidget

Tell = Callable[[str, float], None]
_STEP = 0.01


class InterruptedByUserError(AuditError):
    """The user has stopped the work; what it had begun is undone by its transaction."""


class Task(LiveWidget):
    """At most one work at a time: `start(work, done)` runs `work(tell)` in a thread, then `done(result)`."""

    drawn_by = "task"

    def __init__(self) -> None:
        super().__init__()
        self.running, self.can_stop = False, True
        self.said, self.share = "", 0.0
        self._stop = False
        self._begun = 0.0
        self._thread: threading.Thread | None = None

    def start(
        self,
        work: Callable[[Tell], Any],
        done: Callable[[Any], str],
        *,
        can_stop: bool = True,
        stays: Callable[[], str] = lambda: "",
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin; `done` receives what `work` returned and answers the sentence to leave on the screen.

        `can_stop`: false for what has no step at which to stop. `stays()` says what an interrupted or failed work had
        already written ("" for nothing); `after()` is called when it is over, however it ended.
        """
        if self.running:
            return
        self.can_stop = can_stop
        self.running, self._stop, self.share, self.message, self.said = True, False, 0.0, "", "Début…"
        self.refresh()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(work, done, stays, after), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until the work is over (tests)."""
        if self._thread:
            self._thread.join()

    def do_cancel(self) -> None:
        """Stop at the next step; what the step had begun is undone by its transaction."""
        self._stop = True

    def view(self) -> dict[str, Any]:
        """The bar."""
        seconds = round(time.monotonic() - self._begun) if self.running else 0
        return {
            "running": self.running, "can_stop": self.can_stop, "share": self.share, "said": self.said,
            "seconds": seconds,
        }  # fmt: skip

    def _run(
        self,
        work: Callable[[Tell], Any],
        done: Callable[[Any], str],
        stays: Callable[[], str],
        after: Callable[[], None],
    ) -> None:
        try:
            self.said = done(work(self._tell))
        except InterruptedByUserError:
            self.said = f"Interrompu à votre demande. {_told(stays) or 'Rien n’a été écrit.'}"
        except Exception as error:
            self.said, self.message = _told(stays), tell_fault(error)
        self.running = False
        self.refresh()
        after()

    def _tell(self, what: str, share: float) -> None:
        if self._stop:
            raise InterruptedByUserError("Interrompu à votre demande.")
        if share - self.share >= _STEP or not self.said.startswith(what):
            self.share = share
            self.said = f"{what} : {100 * share:.0f} %"
            self.refresh()


def _told(stays: Callable[[], str]) -> str:
    """What stays, as far as it can be known."""
    try:
        return stays()
    except AuditError:
        return "Ce qui était déjà écrit reste écrit."
