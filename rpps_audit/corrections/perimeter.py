"""Where the holder of an authorisation may correct: checked here, by what writes, not by a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from rpps_audit.corrections.changes import FIELD
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.values import OPERATORS, field_values, workplaces
from rpps_audit.errors import NotAuthorisedError
from rpps_audit.records import State, person_of, place_of
from rpps_audit.store import Store, fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation

_ROLES = {"author": "auteur", "approver": "approbateur"}


def demand_role(authorisation: Authorisation, role: str) -> None:
    """The session is open, the card present, and the authorisation was asked for this role. NotAuthorisedError else."""
    authorisation.check()
    if authorisation.role != role:
        raise NotAuthorisedError(f"Cet acte demande le rôle « {_ROLES[role]} » (managers.toml).")


def inside(store: Store, authorisation: Authorisation, state: State, records: pl.DataFrame) -> pl.Series:
    """Boolean, per record [table, record_key, line, finess, finess_legal] (and `new_finess`, where it is to move);
    `line` is null for a record that is not in the register.

    A situation: its establishment. A person (or a situation without an establishment): one of theirs. A move: both
    ends. A situation that is to be added: the person, and the establishment that its key names, whatever field is set.
    """
    covered = authorisation.perimeter.expression
    person = person_of(pl.col("record_key"))
    places = workplaces(store, state, records.select(person).to_series())
    theirs = places.filter(covered("finess", "finess_legal"))["person"].unique()
    above = fetch_frame(store.sql(f"SELECT finess AS new_finess, finess_legal AS new_legal FROM ({OPERATORS})"))
    seen = records if "new_finess" in records.columns else records.with_columns(new_finess=pl.lit(None, pl.String))
    is_added = (pl.col("table") == "situation") & pl.col("line").is_null()
    added_to = pl.when(is_added).then(place_of(pl.col("record_key")))
    seen = seen.with_columns(new_finess=pl.coalesce("new_finess", added_to))
    known = seen.join(above, "new_finess", "left", maintain_order="left")
    own = pl.when((pl.col("table") == "situation") & pl.col("finess").is_not_null())
    here = own.then(covered("finess", "finess_legal")).otherwise(person.is_in(theirs.implode()))
    there = pl.col("new_finess").is_null() | covered("new_finess", "new_legal")
    return known.select((here.fill_null(False) & there).alias("inside")).to_series()


def held(desk: Desk, authorisation: Authorisation, state: State) -> pl.DataFrame:
    """The corrections that wait (proposed, approved, in a batch not yet signed) on records inside the perimeter: what
    its holder may see with its values, on the screen as on the command line.

    Columns: correction_id, table, record_key, column, old, new, rule_id, reason, evidence, author, card, state,
    batch_id.
    """
    waiting = fetch_frame(
        desk.store.sql(
            """SELECT correction_id, "table", record_key, "column", old, new, rule_id, reason, evidence, author, card,
                      state, batch_id
               FROM correction_states WHERE state IN ('proposed', 'approved', 'batched') ORDER BY correction_id"""
        )
    )
    return only_inside(desk.store, authorisation, state, waiting)


def only_inside(store: Store, authorisation: Authorisation, state: State, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows [table, record_key, column, ...] of records inside the perimeter, in their order.

    A record counts where the state has it, and also where a pending correction moves it.
    """
    if rows.is_empty():
        return rows
    now = field_values(store, state, rows).with_columns(new_finess=pl.when(pl.col("column") == "finess").then("value"))
    mine = now.filter(inside(store, authorisation, state, now))
    return rows.join(mine, FIELD, "semi", maintain_order="left")


def demand_inside(store: Store, authorisation: Authorisation, state: State, records: pl.DataFrame) -> None:
    """Raises NotAuthorisedError naming the establishments outside the perimeter."""
    refused = records.filter(~inside(store, authorisation, state, records))
    if refused.is_empty():
        return
    places = workplaces(store, state, refused.select(person_of(pl.col("record_key"))).to_series())["finess"]
    named = [places, refused["finess"], refused.select(place_of(pl.col("record_key"))).to_series()]
    named.append(refused.get_column("new_finess", default=places.clear()))
    authorisation.check(pl.concat([one.alias("finess") for one in named]).drop_nulls().unique().to_list())
    # Every place named is covered, but not this one: a record without an establishment.
    raise NotAuthorisedError("Hors de votre périmètre (managers.toml) : fiche sans établissement connu.")
