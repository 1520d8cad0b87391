"""Closing the situations of those who left: a preview, a date and a reason per row, one decision."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.corrections import Proposed, close_situations, only_inside, present_state, run_to_correct, suggest
from rpps_audit.errors import UsageError
from rpps_audit.records import ROW_ID
from rpps_audit.reports.french import number
from rpps_audit.store import fetch_frame
from rpps_audit.workbench.acts import CLOSED, SEARCHING, WHY, Acts, told, with_names
from rpps_audit.workbench.beside import Beside
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.frames import labels
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.panel import heading
from rpps_audit.workbench.table import Column, Table
from rpps_audit.workbench.validation import RecordRules

RULES = ("parti-selon-rh", "etablissement-ferme")
_EMPTY = "Aucun départ à fermer. Les départs viennent du fichier du personnel : chargez le plus récent."
_NONE = pl.DataFrame(
    schema={
        "record_key": pl.String, "who": pl.String, "structure_name": pl.String, "start_date": pl.Date,
        "end_date": pl.Date, "end_reason": pl.String, "source": pl.String, "rule_id": pl.String,
        "confidence": pl.Float64, "previous_id": pl.Int32,
    }
)  # fmt: skip


class Leaving:
    """The situations that the HR roster or FINESS say are over; `on_done()` hears that some were closed."""

    def __init__(self, acts: Acts, on_done: Callable[[], None]) -> None:
        self.acts, self._on_done = acts, on_done
        columns = [
            Column("who", "Nom", second="structure_name"),
            Column("start_date", "Prise de fonction"), Column("end_date", "Date de fin", editable=True),
            Column("end_reason", "Motif de fin", editable=True, choices=labels("end-reasons"), missing="à choisir"),
            Column("source", "D’où vient la date"), Column("record_key", "Enregistrement"),
        ]  # fmt: skip
        self.grid = Grid(
            Table(_NONE, columns),
            caption="Situations de personnes parties",
            empty=CLOSED,
            row=("situation", "situations"),
            selectable=True,
            on_choose=lambda _keys: self.form.refresh(),
            on_edit=lambda _table: self.form.refresh(),
        )
        self.search = Beside(acts.reading(self._read, _NONE), self._found)
        self.form = Form(self._entries, self._buttons, note=self._note, on_press=self.close)
        self.widget: Widget = VBox([heading("Fermer les situations des personnes parties"), self.grid, self.form])

    def reload(self) -> None:
        """Read them again: the session or the basket has changed."""
        self.search.ask()
        self.grid.empty = SEARCHING if self.acts.author else CLOSED
        if not self.acts.author:
            self.grid.replace(_NONE)
        self.form.refresh()

    def close(self, _button: str = "close") -> Answer:
        """Put the end of the chosen situations in the basket. Raises UsageError for a row that is not complete."""
        table, common = self.grid.table, self.form.value("end_reason") or None
        ends = table.chosen().with_columns(pl.col("end_reason").fill_null(pl.lit(common, pl.String)))
        if any(table.faults_of(key, "end_date") for key in ends["record_key"]) or ends["end_date"].has_nulls():
            raise UsageError("Une date de fin choisie est vide ou à revoir : corrigez-la dans le tableau.")
        if ends["end_reason"].has_nulls():
            raise UsageError("Donnez un motif de fin, ligne par ligne dans le tableau ou ici pour toute la sélection.")
        decided = ["record_key", "end_date", "end_reason", "previous_id", "rule_id", "source", "confidence"]
        try:
            done = self._close(ends.select(decided))
        except Exception:
            # What was closed for an earlier reason is written: show it.
            self._on_done()
            self.reload()
            raise
        if self.search.busy:
            self.search.ask()
        table.selected = frozenset()
        self.grid.replace(table.frame.join(done.accepted, "record_key", "anti", maintain_order="left"))
        self.form.clear("end_reason", "reason", "evidence")
        self._on_done()
        return told(done)

    def _close(self, ends: pl.DataFrame) -> Proposed:
        """One decision for each reason."""
        done: list[Proposed] = []
        with self.acts.acting("author") as (desk, who):
            state = present_state(desk.store)
            for (end_reason,), group in ends.group_by("end_reason", maintain_order=True):
                done.append(
                    close_situations(
                        desk, who, state, group.drop("end_reason"), end_reason=str(end_reason),
                        reason=self.form.value("reason"), evidence=self.form.value("evidence"),
                    )
                )  # fmt: skip
        return Proposed(pl.concat([one.accepted for one in done]), pl.concat([one.refused for one in done]))

    def _found(self, answer: tuple[pl.DataFrame, str]) -> None:
        frame, self.form.message = answer
        self.grid.empty = _EMPTY if self.acts.author else CLOSED
        self.grid.replace(frame)
        self.form.refresh()

    def _note(self) -> str:
        if lacking := self.acts.lacking("author"):
            return lacking
        if self.search.busy:
            return "Recherche des départs en cours ; ils s’affichent ici dans quelques secondes."
        if self.grid.table.frame.is_empty() or self.grid.table.selected:
            return ""
        return "Choisissez les situations à fermer ; la date et le motif se modifient dans le tableau."

    def _entries(self) -> tuple[Entry, ...]:
        if not self.grid.table.selected:
            return ()
        hint = "Pour les lignes choisies qui n’en ont pas."
        return (Entry("end_reason", "Motif de fin de la sélection", labels("end-reasons"), hint=hint), *WHY)

    def _buttons(self) -> dict[str, str]:
        chosen = len(self.grid.table.selected)
        return {"close": f"Fermer les situations choisies ({number(chosen)})"} if chosen else {}

    def _read(self) -> pl.DataFrame:
        with self.acts.acting("author") as (desk, who):
            state = present_state(desk.store)
            run_id = run_to_correct(desk.store, state)
            if run_id is None:
                return _NONE
            said = pl.concat([suggest(desk, run_id, rule) for rule in RULES]).filter(pl.col("column") == "end_date")
            mine = only_inside(desk.store, who, state, said).sort("confidence", descending=True)
            mine = mine.unique("record_key", keep="first", maintain_order=True)
            named = with_names(desk, state, mine)
            row_id = ROW_ID.format(p="")
            sql = f"SELECT {row_id} AS row_id, * FROM registrations WHERE list_contains(?, {row_id})"
            lines = fetch_frame(desk.store.sql(sql, [mine["row_id"].to_list()]))
            rules = desk.catalogue
        held = lines.drop("line", "end_date", "end_reason", "structure_name").with_columns(is_open=pl.lit(False))
        frame = named.join(held, "row_id", "left", maintain_order="left").with_columns(
            end_date=pl.col("new").str.to_date("%Y-%m-%d", strict=False), end_reason=pl.lit(None, pl.String)
        )
        self.grid.table.validate = RecordRules(rules, frame.columns, state.as_of)
        return frame
