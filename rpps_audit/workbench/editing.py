"""Correcting one field of the record that is open: judged by the rules beside the field before it is added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
from ipywidgets import VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.corrections import (
    FRENCH_STATES,
    certified_states,
    corrected_columns,
    field_values,
    fields,
    only_inside,
    present_state,
    propose,
)
from rpps_audit.corrections.values import corrected_kind
from rpps_audit.records import KEYED_ROWS, RecordKey
from rpps_audit.store import fetch_frame
from rpps_audit.workbench.acts import WHY, Acts, shown_values, told
from rpps_audit.workbench.commune import CommuneSearch
from rpps_audit.workbench.form import Answer, Entry, Form
from rpps_audit.workbench.frames import labels
from rpps_audit.workbench.panel import heading
from rpps_audit.workbench.validation import RecordRules

_MANAGED = ("gestionnaire", "etat-civil")
_YES_NO = {"true": "oui", "false": "non"}


class Editing:
    """The fields of the record `key` that the manager may correct; `id` is the one being corrected."""

    def __init__(self, acts: Acts, on_done: Callable[[], None]) -> None:
        self.acts, self._on_done = acts, on_done
        self.key = self.id = ""
        self.fields: dict[str, dict[str, Any]] = {}
        self._records: dict[tuple[int, int], pl.DataFrame] = {}
        self._rules: RecordRules | None = None
        self.chooser = Form(self._offered, note=self._note, on_type=self._typed)
        self.commune = CommuneSearch(None, on_take=lambda code: self.form.ask("type", name="new", text=code))
        self.form = Form(self._entries, self._buttons, on_press=self.add)
        self._box = VBox([self.chooser, self.form])
        self.widget: Widget = VBox([heading("Corriger cette fiche"), self._box])

    def open(self, key: str) -> None:
        """Correct another record."""
        self.key, self.form.answer = key, Answer("")
        self.form.clear("new", "reason", "evidence")
        self.reload()

    def reload(self) -> None:
        """Read the record again: the session or the basket has changed."""
        self.fields, self._records = {}, {}
        if self.key and self.acts.author:
            self._read()
        self._choose(self.id if self.id in self.fields else "")

    def fault(self) -> str:
        """What is wrong with the value typed, the titles of the rules it breaks; empty when nothing is."""
        one, new = self.fields.get(self.id), self.form.value("new").strip()
        if one is None or not new:
            return ""
        value = self.new_value()
        if value is None:
            return "Ce n’est pas une date réelle de la forme JJ/MM/AAAA."
        record = self._records.get((one["snapshot_id"], one["line"]))
        if record is None or self._rules is None:
            return ""
        return " ".join(self._rules(_written(record, one["column"], value)).get(one["column"], ()))

    def new_value(self) -> str | None:
        """What is typed as corrections hold it (dates in ISO form); None for a text that is no date."""
        text = self.form.value("new").strip()
        if self.fields[self.id]["type"] != "date" or not text:
            return text
        try:
            day, month, year = text.split("/")
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            return None

    def add(self, _button: str = "add") -> Answer:
        """Put the correction in the basket, unless the rules say no."""
        if fault := self.fault():
            return Answer("Rien n’est ajouté :", [fault])
        one = self.fields[self.id]
        change = pl.DataFrame(
            [
                {name: one[name] for name in ("table", "record_key", "column", "previous_id")}
                | {"new": self.new_value() or None}
            ],
            schema_overrides={"previous_id": pl.Int32, "new": pl.String},
        )
        with self.acts.acting("author") as (desk, who):
            reason, evidence = self.form.value("reason"), self.form.value("evidence")
            done = propose(desk, who, present_state(desk.store), change, reason=reason, evidence=evidence)
        if done.accepted.height:
            self.form.clear("new", "reason", "evidence")
            self.id = ""
            self._on_done()
            self.reload()
        return told(done)

    def _typed(self, _name: str) -> None:
        self._choose(self.chooser.value("field"))

    def _choose(self, field: str) -> None:
        changed = field != self.id
        self.id = self.chooser.values["field"] = field
        if changed:
            self.form.clear("new")
            self.form.answer = Answer("") if field else self.form.answer
        one = self.fields.get(field)
        search = one is not None and one["column"] == "birth_commune"
        if one is not None and search:
            self.commune.at(self._records[one["snapshot_id"], one["line"]]["birth_date"].item())
        self._box.children = (self.chooser, self.commune, self.form) if search else (self.chooser, self.form)
        self.chooser.refresh()
        self.form.refresh()

    def _note(self) -> str:
        if lacking := self.acts.lacking("author"):
            return lacking
        if not self.key:
            return "Choisissez une ligne de la liste : sa fiche se corrige ici."
        if not self.fields:
            return "Cette fiche n’est pas dans l’extraction à corriger, ou est hors de vos établissements."
        one = self.fields.get(self.id)
        if one is None:
            return "Choisissez la donnée à corriger. Ne sont proposées que celles que le gestionnaire peut modifier."
        said = f"Valeur actuelle : {one['shown_value'] or 'vide'}."
        if one["previous_id"] is not None:
            state = FRENCH_STATES[one["previous_state"]]
            said += f" C’est celle de la correction n° {one['previous_id']} de {one['previous_author']} ({state})."
        if one["certified"]:
            said += " L’état civil est certifié : ce sera une demande, avec justificatif."
        return said

    def _offered(self) -> list[Entry]:
        offered = {key: one["where"] + one["label"] for key, one in self.fields.items()}
        return [Entry("field", "Donnée à corriger", offered, heard=True)] if offered else []

    def _entries(self) -> list[Entry]:
        one = self.fields.get(self.id)
        if one is None:
            return []
        hints = {"date": "JJ/MM/AAAA. Vide pour effacer.", "code": "Un code, sans espace. Vide pour effacer."}
        searched = one["column"] == "birth_commune"
        hint = "Son code : prenez la commune dans la recherche ci-dessus." if searched else hints.get(one["type"], "")
        new = Entry("new", "Nouvelle valeur", _choices(one), heard=True, hint=hint, fault=self.fault())
        return [new, *WHY]

    def _buttons(self) -> dict[str, str]:
        return {"add": "Ajouter au panier"} if self.id else {}

    def _read(self) -> None:
        known = {(one.table, one.column): one for one in fields() if one.who in _MANAGED}
        person = RecordKey.parse(self.key).person
        with self.acts.acting("author") as (desk, who):
            state = present_state(desk.store)
            lines = fetch_frame(desk.store.sql(_LINES, [list(state.files(corrected_kind(state))), person]))
            keys = [("professional", person), *(("situation", key) for key in lines["situation_key"].unique().sort())]
            wanted = [(table, key, one.column) for table, key in keys for one in known.values() if one.table == table]
            frame = pl.DataFrame(wanted, ["table", "record_key", "column"], orient="row")
            values = field_values(desk.store, state, frame).filter(
                pl.col("line").is_not_null() & pl.col("column").is_in(list(corrected_columns(state)))
            )
            mine = only_inside(desk.store, who, state, values)
            self._rules = RecordRules(desk.catalogue, lines.columns, state.as_of)
        names = dict(lines.select("finess", pl.coalesce("structure_name", "finess")).drop_nulls().rows())
        for row in shown_values(mine, "value").to_dicts():
            one, place = known[row["table"], row["column"]], RecordKey.parse(row["record_key"]).place or ""
            certified = one.who == "etat-civil" and row["certified_state"] in certified_states()
            more = {"label": one.label, "type": one.type, "nomenclature": one.nomenclature, "certified": certified}
            where = {"where": f"{names.get(place, place)} : " if place else ""}
            self.fields[f"{row['record_key']} {row['column']}"] = row | more | where
        for snapshot_id, line in mine.select("snapshot_id", "line").unique().rows():
            here = (pl.col("snapshot_id") == snapshot_id) & (pl.col("line") == line)
            record = lines.filter(here)
            for row in mine.filter(here & pl.col("previous_id").is_not_null()).to_dicts():
                record = _written(record, row["column"], row["value"])
            self._records[snapshot_id, line] = record


def _choices(one: dict[str, Any]) -> dict[str, str] | None:
    if one["type"] == "yes_no":
        return _YES_NO
    if one["nomenclature"] and one["nomenclature"] not in ("communes", "countries"):
        return {code: f"{label} ({code})" for code, label in labels(one["nomenclature"]).items()}
    return None


def _written(record: pl.DataFrame, column: str, value: str | None) -> pl.DataFrame:
    """The record with one field as it will be."""
    kind, text = record.schema[column], pl.lit(value or None, pl.String)
    if kind == pl.Date:
        record = record.with_columns(text.str.to_date("%Y-%m-%d", strict=False).alias(column))
        return record.with_columns(
            pl.lit(None, pl.String).alias(f"{column}_text") if f"{column}_text" in record.columns else []
        )
    if kind == pl.Boolean:
        return record.with_columns((text == "true").alias(column))
    return record.with_columns(text.cast(kind).alias(column))


_LINES = f"""
    SELECT g.*, k.person_key AS record_key, k.record_key AS situation_key
    FROM registrations g JOIN ({KEYED_ROWS}) k USING (snapshot_id, line)
    WHERE list_contains(?, snapshot_id) AND k.person_key = ? ORDER BY snapshot_id, line"""
