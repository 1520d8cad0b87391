"""Reading beside the kernel's loop: on a large extract it takes seconds, and the page answers meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Beside(Generic[T]):
    """At each `ask()`, `read()` runs in a thread, then `done(answer)`. What was asked meanwhile is read again: only an
    answer to the last asking is given. `read` must not raise."""

    def __init__(self, read: Callable[[], T], done: Callable[[T], None]) -> None:
        self._read, self._done = read, done
        self._lock = threading.Lock()
        self._asked = 0
        self.busy = False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Begin, or begin again."""
        with self._lock:
            self._asked += 1
            if self.busy:
                return
            self.busy = True
        # No daemon: it ends by itself, and a kernel that stops under a query would be aborted.
        self._thread = threading.Thread(target=self._run, name="rpps-audit-lecture")
        self._thread.start()

    def wait(self) -> None:
        """Until the answer was given (tests)."""
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            asked = self._asked
            answer = self._read()
            with self._lock:
                if asked == self._asked:
                    self.busy = False
                    break
        self._done(answer)
