"""The basket: every correction decided and not yet signed. It is the store's: a restart of the kernel loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.corrections import FRENCH_STATES, approve, held, present_state, undo
from rpps_audit.reports.french import counted, number
from rpps_audit.workbench.acts import CLOSED, Acts, shown_values, with_names
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.panel import heading
from rpps_audit.workbench.table import Column, Table

_COLUMNS = [
    Column("who", "Nom", second="structure_name"), Column("field", "Donnée"),
    Column("shown_old", "Avant", missing="vide"), Column("shown_new", "Après", missing="vide"),
    Column("reason", "Motif", second="evidence"), Column("rule", "Contrôle"),
    Column("said", "État", second="author"), Column("number", "N°"),
]  # fmt: skip
_EMPTY = "Le panier est vide : acceptez une proposition, fermez un départ ou corrigez une fiche."
_NONE = pl.DataFrame(
    schema={column.name: pl.String for column in _COLUMNS}
    | {"own": pl.Boolean, "state": pl.String}
    | dict.fromkeys(("structure_name", "evidence", "author"), pl.String)
)


class Basket:
    """Review, take back, approve; `on_done()` hears of each decision."""

    def __init__(self, acts: Acts, on_done: Callable[[], None]) -> None:
        self.acts, self._on_done = acts, on_done
        self.four_eyes = False
        self.shown_at = datetime.now(UTC)
        self.grid = Grid(
            Table(_NONE, _COLUMNS, key="number"),
            caption="Panier : corrections décidées, pas encore signées",
            empty=CLOSED,
            row=("correction", "corrections"),
            selectable=True,
            on_choose=lambda _keys: self.form.refresh(),
        )
        self.form = Form(self._entries, self._buttons, note=self._note, on_press=self.press)
        self.widget: Widget = VBox([heading("Panier"), self.grid, self.form])

    def reload(self) -> None:
        """Read it again."""
        self.grid.empty = _EMPTY if self.acts.signed_in else CLOSED
        self.grid.replace(self._read() if self.acts.signed_in else _NONE)
        self.shown_at = datetime.now(UTC)
        self.form.refresh()

    def press(self, button: str) -> Answer:
        """Undo, approve or refuse what is chosen."""
        numbers = [int(one) for one in sorted(self.grid.table.selected)]
        reason = self.form.value("reason")
        self.form.clear("reason")
        with self.acts.acting("author" if button == "undo" else "approver") as (desk, who):
            if button == "undo":
                undo(desk, who, numbers, reason=reason)
            else:
                refuse = reason if button == "refuse" else None
                approve(desk, who, numbers, shown_at=self.shown_at, refuse=refuse)
        self.grid.table.selected = frozenset()
        self.reload()
        self._on_done()
        said = {
            "undo": ("annulée", "annulées"),
            "approve": ("approuvée", "approuvées"),
            "refuse": ("refusée", "refusées"),
        }
        one, many = said[button]
        return Answer(f"{counted(len(numbers), f'correction {one}', f'corrections {many}')}.")

    def _note(self) -> str:
        if lacking := self.acts.lacking():
            return lacking
        if self.grid.table.frame.is_empty():
            return ""
        if self.four_eyes and not self.acts.has_role("approver"):
            return "Quatre yeux : une autre personne, avec sa propre carte, doit approuver avant la signature."
        return "" if self.grid.table.selected else "Choisissez des corrections pour les annuler, n’importe lesquelles."

    def _entries(self) -> tuple[Entry, ...]:
        if not self._buttons():
            return ()
        hint = "Obligatoire pour annuler ou refuser."
        return (Entry("reason", "Motif de la décision", hint=hint, needed_by=("undo", "refuse")),)

    def _buttons(self) -> dict[str, str]:
        chosen = self.grid.table.chosen()
        if chosen.is_empty():
            return {}
        size = f"la sélection ({number(chosen.height)})"
        offered = {"undo": f"Annuler {size}"} if self.acts.has_role("author") else {}
        if not self.four_eyes or not self.acts.has_role("approver"):
            return offered
        if chosen.filter(pl.col("own") | (pl.col("state") != "proposed")).is_empty():
            return {"approve": f"Approuver {size}", "refuse": f"Refuser {size}"} | offered
        return offered

    def _own(self) -> tuple[str, str]:
        """The holder's number and card."""
        session = self.acts.panel.session
        return (session.identity.number, session.card) if session else ("", "")

    def _read(self) -> pl.DataFrame:
        with self.acts.acting() as (desk, who):
            self.four_eyes = desk.settings.four_eyes
            state = present_state(desk.store)
            mine = with_names(desk, state, held(desk, who, state))
            titles = {rule.id: rule.title for rule in desk.catalogue}
        return (
            shown_values(mine, "old", "new")
            .with_columns(
                author=pl.when(pl.col("author") == self._own()[0]).then(pl.lit("vous")).otherwise("author"),
                own=(pl.col("author") == self._own()[0]) | (pl.col("card") == self._own()[1]),
                number=pl.col("correction_id").cast(pl.String),
                rule=pl.col("rule_id").replace(titles).fill_null("à la main"),
                said=pl.concat_str(
                    pl.col("state").replace(FRENCH_STATES), "batch_id", separator=" ", ignore_nulls=True
                ),
            )
            # By person, in the order in which they were met.
            .sort(pl.col("correction_id").min().over("who", "record_key"), "correction_id")
        )
