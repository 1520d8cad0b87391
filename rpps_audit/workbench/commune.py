"""The commune of birth, looked for by name as the portal does: several answers, code in brackets, at the birth date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from rpps_audit.reference import SPLIT_CITIES, commune_search
from rpps_audit.reports.french import counted
from rpps_audit.workbench.live import LiveWidget

_SHOWN = 20


class CommuneSearch(LiveWidget):
    """Type a name, a code or today's postcode; take one of the communes that existed on `birth_date`.

    `code` is the commune taken, None before. `on_take(code)` hears it.
    """

    drawn_by = "commune"

    def __init__(self, birth_date: date | None, *, on_take: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self.birth_date = birth_date
        self.text = ""
        self.code: str | None = None
        self._results: list[dict[str, Any]] = []
        self._on_take = on_take

    def at(self, birth_date: date | None) -> None:
        """Look at another day: what was taken may not have existed then, so it is let go."""
        self.birth_date, self.code, self._results = birth_date, None, []
        self.refresh()

    def do_look(self, text: str) -> None:
        """Search while the user types."""
        self.text, self.code = text, None
        day = self.birth_date or date.today()
        self._results = commune_search(text, day, _SHOWN).to_dicts() if len(text.strip()) > 1 else []

    def do_take(self, code: str) -> None:
        """Take one of the communes found; any other code is ignored."""
        found = next((result for result in self._results if result["code"] == code), None)
        if found is None:
            return
        self.text, self.code, self._results = found["shown"], code, []
        if self._on_take:
            self._on_take(code)

    def view(self) -> dict[str, Any]:
        """The text, what it finds, and a sentence about both."""
        day = f"au {self.birth_date:%d/%m/%Y}" if self.birth_date else "aujourd’hui (date de naissance inconnue)"
        return {
            "label": f"Commune de naissance, telle qu’elle existait {day}",
            "text": self.text,
            "chosen": self.code is not None,
            "fault": bool(self._split_city() or self._nothing()),
            "results": [{"code": found["code"], "shown": found["shown"]} for found in self._results],
            "status": self._status(),
        }

    def _status(self) -> str:
        if self._split_city():
            return "Paris, Lyon et Marseille se codent par arrondissement : choisissez l’arrondissement de naissance."
        if self.code:
            return f"Commune choisie : {self.text}."
        if self._nothing():
            return (
                "Aucune commune de ce nom n’existait à cette date. Vérifiez la date de naissance ; "
                "pour une naissance à l’étranger, laissez la commune vide et donnez le pays."
            )
        if not self._results:
            return "Tapez au moins deux lettres du nom."
        more = ", les premières ; précisez le nom" if len(self._results) == _SHOWN else ""
        return f"{counted(len(self._results), 'commune', 'communes')}{more}."

    def _split_city(self) -> bool:
        return self.code in SPLIT_CITIES

    def _nothing(self) -> bool:
        return not self.code and not self._results and len(self.text.strip()) > 1
