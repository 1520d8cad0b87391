"""Is the same card still in the reader? The answer is yes only while the service confirms it.

Any removal, swap, error, or two seconds without news, and the answer is no for ever (for this watcher).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rpps_audit.card.errors import CardError
from rpps_audit.card.pcsc import TIMEOUT, ReaderState, check, context, scard

_POLL_MILLISECONDS = 500
_LEASE_SECONDS = 2.0

REMOVED = "la carte a été retirée"
SILENT = "le service PC/SC ne répond plus"


class Presence:
    """A thread that waits for the reader's state to change. It starts from the state seen before the card was read,
    so that a card swapped in between is noticed."""

    def __init__(self, seen: ReaderState, on_lost: Callable[[str], None], on_tick: Callable[[], None]) -> None:
        self.lost = ""
        self._seen, self._on_lost, self._on_tick = seen, on_lost, on_tick
        self._lease = time.monotonic() + _LEASE_SECONDS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="rpps-audit-carte", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """The card was there at most two seconds ago and has not moved since it was inserted."""
        if not self.lost and time.monotonic() > self._lease:
            self.lost = SILENT
        return not self.lost

    def stop(self) -> None:
        """End the thread; it lasts at most one turn more. One that is stuck in a silent service is not waited for."""
        self._stop.set()
        if not self.lost and threading.current_thread() is not self._thread:
            self._thread.join(timeout=2 * _LEASE_SECONDS)

    def _watch(self) -> None:
        try:
            with context() as handle:
                self._wait_for_change(handle)
        except CardError:
            self.lost = self.lost or SILENT
        except Exception:
            # Whatever happens here must close the session: an unseen reader is an empty one.
            self.lost = self.lost or SILENT
            raise
        finally:
            if self.lost and not self._stop.is_set():
                self._on_lost(self.lost)

    def _wait_for_change(self, handle: object) -> None:
        functions, raw = scard(), self._seen.raw
        while not self._stop.is_set() and self.alive():
            result, states = functions.SCardGetStatusChange(handle, _POLL_MILLISECONDS, [(self._seen.reader, raw)])
            if result & 0xFFFFFFFF != TIMEOUT:
                check(result, "état du lecteur")
                raw = states[0][1] & ~functions.SCARD_STATE_CHANGED
                if not raw & functions.SCARD_STATE_PRESENT or raw >> 16 != self._seen.raw >> 16:
                    self.lost = REMOVED
                    return
            if self.alive():
                self._lease = time.monotonic() + _LEASE_SECONDS
                self._on_tick()
