"""Suggestions for the findings of the day: one rule at a time, seen before they are accepted."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.corrections import only_inside, present_state, propose, run_to_correct, suggest
from rpps_audit.errors import UsageError
from rpps_audit.reports.french import number
from rpps_audit.workbench.acts import CLOSED, SEARCHING, WHY, Acts, shown_values, told, with_names
from rpps_audit.workbench.beside import Beside
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.panel import heading
from rpps_audit.workbench.table import Column, Table

SURE = 0.8
_CHOOSE = "Choisissez un contrôle ci-dessus : ses propositions s’affichent ici avant toute décision."
_EMPTY = "Aucune proposition pour vos établissements."
_COLUMNS = [
    Column("who", "Nom", second="structure_name"), Column("field", "Donnée"),
    Column("shown_old", "Actuel", missing="vide"), Column("shown_new", "Proposé", second="source"),
    Column("certainty", "Confiance (%)", numeric=True), Column("several", "À choisir"),
    Column("record_key", "Enregistrement"),
]  # fmt: skip
_NONE = pl.DataFrame(
    schema={column.name: pl.Int64 if column.numeric else pl.String for column in _COLUMNS}
    | dict.fromkeys(("id", "rule_id", "rule", "source", "structure_name", "table", "column"), pl.String)
)


class Suggested:
    """The suggestions of `rule`; `on_done()` hears that something was put in the basket, `on_found()` of them."""

    def __init__(self, acts: Acts, on_done: Callable[[], None], on_found: Callable[[], None] = lambda: None) -> None:
        self.acts, self._on_done, self._on_found = acts, on_done, on_found
        self.rule = ""
        self.every = _NONE
        self.search = Beside(acts.reading(self._read, _NONE), self._found)
        self.chooser = Form(self._rules, note=self._note, on_type=self._choose)
        self.grid = Grid(
            Table(_NONE, _COLUMNS, key="id"),
            caption="Propositions pour ce contrôle",
            empty=CLOSED,
            row=("proposition", "propositions"),
            selectable=True,
            on_choose=lambda _keys: self.form.refresh(),
        )
        self.form = Form(lambda: WHY if self._buttons() else (), self._buttons, on_press=self.accept)
        self.widget: Widget = VBox([heading("Propositions"), self.chooser, self.grid, self.form])

    def reload(self) -> None:
        """Look for them again: the session or the basket has changed. Meanwhile the last ones stay, if they may."""
        self.search.ask()
        if not self.acts.author:
            self.every = _NONE
        self._redraw()

    def shown(self) -> pl.DataFrame:
        """The suggestions of the rule chosen."""
        return self.every.filter(pl.col("rule_id") == self.rule)

    def sure(self) -> pl.DataFrame:
        """Those that can be accepted together: a single value, and sure."""
        return self.shown().filter((pl.col("several") == "") & (pl.col("certainty") >= 100 * SURE))

    def one_by_one(self) -> pl.DataFrame:
        """The sure ones that are alone for their finding: rule_id, record_key, id."""
        sure = self.every.filter((pl.col("several") == "") & (pl.col("certainty") >= 100 * SURE))
        return sure.filter(pl.len().over("rule_id", "record_key") == 1).select("rule_id", "record_key", "id")

    def accept_one(self, proposal: str, reason: str = "", evidence: str = "") -> Answer:
        """Put one in the basket; without a reason, its source is one. Raises UsageError for one that is gone."""
        chosen = self.every.filter(pl.col("id") == proposal)
        if chosen.is_empty():
            raise UsageError("Cette proposition n’est plus à prendre : le champ a été décidé entre-temps.")
        rule, source = chosen.select("rule", "source").row(0)
        return self._propose(chosen, reason or f"{rule} : proposition acceptée ({source})", evidence)

    def accept(self, button: str) -> Answer:
        """Put the selection, or every sure one of the rule, in the basket. Raises UsageError for two values at once."""
        chosen = self.sure() if button == "all" else self.grid.table.chosen()
        fields = ["table", "record_key", "column"]
        if chosen.select(fields).is_duplicated().any():
            raise UsageError("Deux valeurs sont choisies pour le même champ d’une fiche : n’en gardez qu’une.")
        answer = self._propose(chosen, self.form.value("reason"), self.form.value("evidence"))
        # What was written for this rule is never signed with the next.
        self.form.clear("reason", "evidence")
        return answer

    def _propose(self, chosen: pl.DataFrame, reason: str, evidence: str) -> Answer:
        with self.acts.acting("author") as (desk, who):
            done = propose(desk, who, present_state(desk.store), chosen, reason=reason, evidence=evidence)
        if self.search.busy:
            self.search.ask()
        # What was accepted is no longer to be suggested, by whichever rule.
        self.every = self.every.join(done.accepted, ["table", "record_key", "column"], "anti", maintain_order="left")
        self.grid.table.selected = frozenset()
        self._redraw()
        self._on_done()
        return told(done)

    def _choose(self, _name: str) -> None:
        self.rule = self.chooser.value("rule")
        self.form.clear("reason", "evidence")
        self.grid.table.selected = frozenset()
        self._redraw()

    def _found(self, answer: tuple[pl.DataFrame, str]) -> None:
        self.every, self.chooser.message = answer
        self._redraw()
        self._on_found()

    def _redraw(self) -> None:
        if self.rule not in self.every["rule_id"]:
            self.rule = self.chooser.values["rule"] = ""
        found = _EMPTY if self.every.is_empty() else _CHOOSE
        self.grid.empty = CLOSED if not self.acts.author else SEARCHING if self.search.busy else found
        self.grid.replace(self.shown())
        self.chooser.refresh()
        self.form.refresh()

    def _note(self) -> str:
        if lacking := self.acts.lacking("author"):
            return lacking
        if self.search.busy:
            return "Recherche des propositions en cours ; elles s’affichent ici dans quelques secondes."
        if self.every.is_empty():
            return "Ouvrez la fiche d’un constat pour le corriger à la main."
        return (
            "Aucune proposition ne s’applique d’elle-même : relisez, puis acceptez. Sûre veut dire : "
            f"une seule valeur possible, et une confiance d’au moins {100 * SURE:.0f}\u00a0%."
        )

    def _rules(self) -> list[Entry]:
        counts = self.every.group_by("rule_id").agg(pl.col("rule").first(), pl.len()).sort("len", descending=True)
        offered = {rule: f"{title} ({number(count)})" for rule, title, count in counts.rows()}
        return [Entry("rule", "Contrôle", offered, heard=True)] if offered else []

    def _buttons(self) -> dict[str, str]:
        chosen, sure = len(self.grid.table.selected), self.sure().height
        offered = {"chosen": f"Accepter la sélection ({number(chosen)})"} if chosen else {}
        return offered | (
            {"all": f"Accepter toutes les propositions sûres du contrôle ({number(sure)})"} if sure else {}
        )

    def _read(self) -> pl.DataFrame:
        with self.acts.acting("author") as (desk, who):
            state = present_state(desk.store)
            run_id = run_to_correct(desk.store, state)
            if run_id is None:
                return _NONE
            # Ends of situations are decided with their reason, among those who left.
            said = suggest(desk, run_id).filter(pl.col("column") != "end_date")
            mine = with_names(desk, state, only_inside(desk.store, who, state, said))
            titles = {rule.id: rule.title for rule in desk.catalogue}
        return shown_values(mine).with_columns(
            id=pl.concat_str("rule_id", "table", "record_key", "column", "new", separator="\n"),
            rule=pl.col("rule_id").replace(titles),
            certainty=(100 * pl.col("confidence")).round().cast(pl.Int64),
            several=pl.when(pl.col("choices") > 1)
            .then(pl.format("{} valeurs possibles", "choices"))
            .otherwise(pl.lit("")),
        )
