"""The manager's acts on corrections: the store is opened for one act, with the authorisation of the card in the reader.

Nothing is decided here: the corrections room checks, writes and refuses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import polars as pl

from rpps_audit.card import Authorisation, Perimeter, Role
from rpps_audit.corrections import Desk, Proposed, fields, open_desk, shown_expr
from rpps_audit.corrections.values import corrected_kind
from rpps_audit.records import State, person_of, place_of
from rpps_audit.reports.french import counted
from rpps_audit.store import fetch_frame
from rpps_audit.workbench.card import CardPanel
from rpps_audit.workbench.faults import tell_fault
from rpps_audit.workbench.form import Answer, Entry
from rpps_audit.workbench.screen import EMPTY, Screen

T = TypeVar("T")
# In an empty table.
CLOSED = "Sans session ouverte, rien ne s’affiche ici."
SEARCHING = "Recherche en cours…"
_TOLD = 10
NO_SESSION = "Ouvrez d’abord votre session avec votre carte, en haut de la page."
_NOT_AUTHOR = "Votre carte n’a pas le rôle « auteur » (managers.toml) : vous pouvez approuver, non corriger."
WHY = (
    Entry(
        "reason",
        "Motif de la correction",
        hint="Pourquoi, en une phrase : obligatoire.",
        needed_by=("add", "chosen", "all", "close"),
    ),
    Entry("evidence", "Justificatif", hint="Pièce vue, face à face, et quand. Obligatoire pour une demande."),
)


class Acts:
    """Opens the desk of a screen's workspace; `panel` says who acts."""

    def __init__(self, screen: Screen, panel: CardPanel) -> None:
        self._screen, self.panel = screen, panel
        self._open = threading.local()

    @property
    def has_store(self) -> bool:
        """Something was loaded once."""
        return self._screen.has_store

    @property
    def signed_in(self) -> bool:
        """A session is open on a store that exists."""
        return self._screen.has_store and self.panel.session is not None

    @property
    def author(self) -> bool:
        """A session is open, and its holder may correct."""
        return self.signed_in and self.has_role("author")

    def has_role(self, role: Role) -> bool:
        """The holder of the card may act in this role somewhere."""
        session = self.panel.session
        return session is not None and session.perimeter(role) != Perimeter()

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The desk, without any authorisation: for what carries keys only. Inside another, it is the same one."""
        if (already := getattr(self._open, "desk", None)) is not None:
            yield already
            return
        with self._screen.store() as store:
            self._open.desk = open_desk(self._screen.workspace, store)
            try:
                yield self._open.desk
            finally:
                self._open.desk = None

    @contextmanager
    def acting(self, role: Role | None = None) -> Iterator[tuple[Desk, Authorisation]]:
        """The desk and the right to act now; without a role, as author if possible, else as approver.

        Raises NotAuthorisedError (SessionClosedError when the card is gone or the time is up).
        """
        authorisation = self.panel.require(role or ("author" if self.has_role("author") else "approver"))
        with self.desk() as desk:
            yield desk, authorisation

    def reading(self, read: Callable[[], T], nothing: T) -> Callable[[], tuple[T, str]]:
        """What an author may see, and a sentence where it cannot be read; `nothing` to anybody else."""

        def run() -> tuple[T, str]:
            try:
                answer = read() if self.author else nothing
            except Exception as error:
                # A session that closed meanwhile is said by the card panel.
                return nothing, tell_fault(error) if self.author else ""
            return (answer if self.author else nothing), ""

        return run

    def lacking(self, role: Role | None = None) -> str:
        """Why nothing can be done now (in this role), and what to do; empty when something can."""
        if not self._screen.has_store:
            return EMPTY
        if not self.signed_in:
            return NO_SESSION
        return "" if role is None or self.has_role(role) else _NOT_AUTHOR


def shown_values(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Rows [table, column, ...] with each of these columns as the portal shows it (`shown_<name>`), and `field`."""
    if frame.is_empty():
        return frame.with_columns(pl.lit("").alias("field"), *[pl.col(name).alias(f"shown_{name}") for name in columns])
    known = {(one.table, one.column): one for one in fields()}
    parts = [
        group.with_columns(
            *[shown_expr(pl.col(name), known[str(table), str(column)]).alias(f"shown_{name}") for name in columns],
            field=pl.lit(known[str(table), str(column)].label),
        )
        for (table, column), group in frame.group_by("table", "column", maintain_order=True)
    ]
    return pl.concat(parts)


def with_names(desk: Desk, state: State, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows [record_key, ...] with `who` and `structure_name` (of the situation, else of the first one)."""
    people = fetch_frame(desk.store.sql(_PEOPLE, [list(state.files(corrected_kind(state)))]))
    person, place = person_of(pl.col("record_key")), place_of(pl.col("record_key"))
    here = people.unique(["person", "place"], keep="first", maintain_order=True)
    first = people.unique("person", keep="first", maintain_order=True).select("person", "who", first="structure_name")
    return (
        frame.with_columns(person=person, place=place)
        .join(here.drop("who"), ["person", "place"], "left", maintain_order="left")
        .join(first, "person", "left", maintain_order="left")
        .with_columns(structure_name=pl.coalesce("structure_name", "first"))
        .drop("person", "place", "first")
    )


def told(done: Proposed) -> Answer:
    """What became of proposals, refusals with the title of the rule that says no."""
    labels = {(one.table, one.column): one.label for one in fields()}
    said = counted(done.accepted.height, "correction mise au panier", "corrections mises au panier")
    if done.refused.height:
        said += f", {counted(done.refused.height, 'refusée', 'refusées')} :"
    rows = done.refused.select("table", "column", "record_key", "reason").rows()
    why = [f"{labels[table, column]}, {key} : {reason}." for table, column, key, reason in rows[:_TOLD]]
    if len(rows) > _TOLD:
        why.append(f"Et {counted(len(rows) - _TOLD, 'autre refus', 'autres refus')}.")
    return Answer(said + ("" if done.refused.height else "."), why)


_PEOPLE = """
    SELECT coalesce(professional_id, person) AS person, finess AS place,
           coalesce(structure_name, finess) AS structure_name, concat_ws(' ', birth_name, first_names) AS who
    FROM registrations LEFT JOIN person_lines USING (snapshot_id, line) WHERE list_contains(?, snapshot_id)
    ORDER BY snapshot_id, line"""
