"""Facets: what a list can be reduced to, each with how many rows it would keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rpps_audit.workbench.live import LiveWidget


@dataclass(frozen=True)
class Facet:
    """One group; `values` are (value, label, count), the chosen one among them."""

    name: str
    label: str
    chosen: str
    values: Sequence[tuple[str, str, int]]


class Facets(LiveWidget):
    """`facets()` is asked anew at each drawing; `on_choose(facet, value)` hears a choice."""

    drawn_by = "facets"

    def __init__(self, facets: Callable[[], Sequence[Facet]], on_choose: Callable[[str, str], None]) -> None:
        super().__init__()
        self._facets, self._on_choose = facets, on_choose

    def do_choose(self, facet: str, value: str) -> None:
        """A value was chosen; one that is not offered does nothing."""
        if any(one.name == facet and value in [known for known, _, _ in one.values] for one in self._facets()):
            self._on_choose(facet, value)

    def view(self) -> dict[str, Any]:
        """The groups."""
        return {"facets": [asdict(one) for one in self._facets()]}
