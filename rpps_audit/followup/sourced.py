"""What the sources say of each person in each establishment, one row for each cell, with where it comes from."""

from __future__ import annotations

import polars as pl

from rpps_audit.followup.merge import CELLS
from rpps_audit.ingest.layouts import layout
from rpps_audit.matching import Reconciliation
from rpps_audit.records import REGISTRATION_KINDS, State
from rpps_audit.roster.jobs import kept_jobs
from rpps_audit.roster.resolve import establishments
from rpps_audit.store import Store, fetch_frame

# The kind that is believed first; HR alone knows when people came and left, the register alone what it holds.
_RANK = {"suivi": 0, "annuaire-restreint": 1, "annuaire-public": 2, "rh": 3, "fonction": 4, "finess": 5}
_HR_FIRST = ("start_date", "end_date")
_DAY = "%d/%m/%Y"


def columns() -> list[str]:
    """The columns of a follow-up, in the order of the portal's screens."""
    return [str(column.field) for column in layout("suivi").columns if column.field]


def fresh_cells(store: Store, state: State, found: Reconciliation, workspace_jobs: pl.DataFrame) -> pl.DataFrame:
    """CELLS for every person the reconciliation speaks of, in each establishment it speaks of."""
    records = _records(found)
    told = [
        _registered(store, state, records),
        _roster(store, state, found, records, workspace_jobs),
        _places(store, records),
        _judged(state, found),
    ]
    every = pl.concat(told).filter(pl.col("value").is_not_null(), pl.col("value") != "")
    rank = pl.col("kind").replace_strict(_RANK, return_dtype=pl.Int8)
    hr_first = pl.col("column").is_in(list(_HR_FIRST)) & (pl.col("kind") == "rh")
    best = every.with_columns(rank=pl.when(hr_first).then(-1).otherwise(rank)).sort(
        "rank", "told_on", "value", descending=[False, True, False]
    )
    one = best.unique(["person", "finess", "column"], keep="first", maintain_order=True)
    return one.with_columns(by_hand=pl.lit(value=False)).select(pl.col(name).cast(kind) for name, kind in CELLS.items())


def renamed(found: Reconciliation) -> pl.DataFrame:
    """name_key, professional_id of everybody who was paired."""
    return found.links.select("name_key", "professional_id").drop_nulls().unique("name_key")


def _records(found: Reconciliation) -> pl.DataFrame:
    """person, finess, name_key, professional_id: who is to be followed. The ambiguous have no number until decided."""
    judged = found.outcomes.with_columns(
        professional_id=pl.when(pl.col("outcome") != "ambiguous").then("professional_id"),
        finess=pl.col("finess").fill_null(""),
    )
    return judged.select(
        "finess", "name_key", "professional_id", person=pl.coalesce("professional_id", "name_key")
    ).unique(["person", "finess"], keep="first", maintain_order=True)  # fmt: skip


def _registered(store: Store, state: State, records: pl.DataFrame) -> pl.DataFrame:
    """Civil status and contact go with the person everywhere; the situation only where it is."""
    files = [number for kind in REGISTRATION_KINDS for number in state.files(kind)]
    lines = fetch_frame(store.sql(
        "SELECT r.*, s.kind, s.file_name, s.data_date FROM registrations r JOIN snapshots s USING (snapshot_id) "
        "WHERE list_contains(?::INTEGER[], snapshot_id) AND professional_id IS NOT NULL", [files],
    ))  # fmt: skip
    names = [name for name in columns() if name != "finess"]
    situation = names[names.index("exercise_name") :]
    own = [name for name in names if name not in situation]
    met = records.drop_nulls("professional_id").join(lines, on="professional_id", suffix="_line")
    here = met.filter(pl.col("finess") == pl.coalesce("finess_line", "finess_legal").fill_null(""))
    exercise = ["exercise_name", "exercise_first_name"]
    return pl.concat([_long(met, [*own, *exercise]), _long(here, [one for one in situation if one not in exercise])])


def _roster(
    store: Store, state: State, found: Reconciliation, records: pl.DataFrame, jobs: pl.DataFrame
) -> pl.DataFrame:
    """What HR says, and the profession and role its functions usually have, said to be a proposal."""
    lines = fetch_frame(store.sql(
        'SELECT row_number() OVER (ORDER BY snapshot_id, line) - 1 AS "row", e.* EXCLUDE (snapshot_id, line, finess), '
        "coalesce(e.finess, '') AS hr_finess, s.file_name, s.data_date FROM employments e JOIN snapshots s "
        "USING (snapshot_id) WHERE list_contains(?::INTEGER[], snapshot_id)", [list(state.files("rh"))],
    ))  # fmt: skip
    whose = lines.join(found.links.select("row", "name_key", "professional_id"), on="row").with_columns(
        person=pl.coalesce("professional_id", "name_key")
    )
    met = (
        records.select("person", "finess")
        .join(whose, on="person")
        .filter((pl.col("finess") == pl.col("hr_finess")) | (pl.col("hr_finess") == "") | (pl.col("finess") == ""))
    )
    here = met.sort("end_date", "start_date", nulls_last=True).with_columns(
        kind=pl.lit("rh"), first_names="first_name", exercise_name=pl.coalesce("usage_name", "birth_name"),
        exercise_first_name="first_name", start_date=pl.col("start_date").min().over("person", "finess"),
        end_date=pl.when(pl.col("end_date").is_null().any().over("person", "finess").not_())
        .then(pl.col("end_date").max().over("person", "finess")),
    )  # fmt: skip
    told = [
        "pp_id",
        "birth_name",
        "first_names",
        "birth_date",
        "exercise_name",
        "exercise_first_name",
        "start_date",
        "end_date",
    ]
    proposed = here.join(jobs.select("job", "profession", "role", "decided"), on="job", how="inner").with_columns(
        kind=pl.lit("fonction"),
        file_name=pl.when(pl.col("decided") == "oui").then(pl.lit("fonction, décidé")).otherwise(
            pl.lit("proposé d'après la fonction, à vérifier")),
    )  # fmt: skip
    return pl.concat([_long(here, told), _long(proposed, ["profession", "role"])])


def _places(store: Store, records: pl.DataFrame) -> pl.DataFrame:
    """The establishment itself, its name and its operator as FINESS gives them."""
    known = establishments(store).select("finess", "finess_legal", structure_name="name")
    told = records.filter(pl.col("finess") != "").with_columns(
        kind=pl.lit("finess"), data_date=pl.lit(None, pl.Date), file_name=pl.lit("FINESS"), place="finess"
    )
    named = _long(told.join(known, on="finess"), ["finess_legal", "structure_name"])
    own = _long(told.with_columns(file_name=pl.lit("rapprochement")), ["place"])
    return pl.concat([named, own.with_columns(column=pl.lit("finess"))])


def _judged(state: State, found: Reconciliation) -> pl.DataFrame:
    """What the matching itself says: whether the situation is open there, and the last roster that shows the person."""
    told = state.snapshots.filter(pl.col("kind") == "rh").select(hr_file="file_name", roster_day="data_date")
    kind = pl.col("outcome")
    lines = found.outcomes.filter(kind != "ambiguous").join(told.unique("hr_file"), on="hr_file", how="left")
    working = kind.is_in(["present", "disagrees", "elsewhere", "to_register"])
    cells = lines.select(
        person=pl.coalesce("professional_id", "name_key"), finess=pl.col("finess").fill_null(""), kind=pl.lit("finess"),
        file_name=pl.lit("rapprochement"), data_date=pl.lit(state.as_of),
        is_open=kind.is_in(["present", "disagrees", "left_open"]),
        last_confirmed=pl.when(working).then("roster_day"),
    )  # fmt: skip
    return _long(cells, ["is_open", "last_confirmed"])


def _long(lines: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """person, finess, column, value, source, told_on, kind: a row for each filled cell; days and booleans in French."""
    index = ["person", "finess", "kind", "file_name", "data_date"]
    text = lines.select(*index, *(_text(lines, name) for name in names))
    return text.unpivot(index=index, on=names, variable_name="column", value_name="value").select(
        "person", "finess", "column", "value", source="file_name", told_on="data_date", kind="kind"
    )  # fmt: skip


def _text(lines: pl.DataFrame, name: str) -> pl.Expr:
    kind = lines.schema[name]
    if kind == pl.Date:
        shown = pl.col(name).dt.strftime(_DAY)
        return (pl.coalesce(shown, f"{name}_text") if f"{name}_text" in lines.columns else shown).alias(name)
    if kind == pl.Boolean:
        return pl.when(name).then(pl.lit("oui")).when(pl.col(name).not_()).then(pl.lit("non")).alias(name)
    return pl.col(name).cast(pl.String)


__all__ = ["columns", "fresh_cells", "kept_jobs", "renamed"]
