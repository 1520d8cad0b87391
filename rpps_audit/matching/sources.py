"""The two sides of the matching, read from a state of the register."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from rpps_audit.matching.decisions import kept_decisions
from rpps_audit.matching.outcomes import Reconciliation, bring_together
from rpps_audit.privacy import open_pseudonyms
from rpps_audit.records import REGISTRATION_KINDS, State, state_at
from rpps_audit.reference import AccessMatrix
from rpps_audit.roster import with_jobs
from rpps_audit.store import Store, fetch_frame

_ROSTER = """
    SELECT row_number() OVER (ORDER BY snapshot_id, line) - 1 AS "row", s.file_name AS hr_file, e.line AS hr_line,
           e.pp_id, e.birth_name, e.usage_name, e.first_name, e.birth_date, e.finess, e.start_date, e.end_date, e.job,
           s.data_date AS told_on
    FROM employments e JOIN snapshots s USING (snapshot_id)
    WHERE list_contains(?::INTEGER[], snapshot_id) ORDER BY "row" """
_REGISTERED = """
    SELECT row_number() OVER (ORDER BY snapshot_id, line) - 1 AS "row", s.kind, s.file_name, r.line, r.professional_id,
           r.birth_name, r.first_names, r.exercise_name, r.exercise_first_name, r.birth_date,
           coalesce(r.finess, r.finess_legal) AS finess, r.role, r.profession, r.national_profession, r.start_date,
           r.end_date, r.is_open, s.data_date AS told_on
    FROM registrations r JOIN snapshots s USING (snapshot_id)
    WHERE list_contains(?::INTEGER[], snapshot_id) ORDER BY "row" """


def roster_frame(store: Store, state: State, workspace: Path) -> pl.DataFrame:
    """The lines of the rosters of a state, with the profession and role a person decided for their function."""
    return with_jobs(fetch_frame(store.sql(_ROSTER, [list(state.files("rh"))])), workspace)


def registered_frame(store: Store, state: State) -> pl.DataFrame:
    """The lines of the follow-up and of the directory of a state."""
    files = [number for kind in REGISTRATION_KINDS for number in state.files(kind)]
    return fetch_frame(store.sql(_REGISTERED, [files]))


def reconcile(
    store: Store, workspace: Path, *, state: State | None = None, access: AccessMatrix | None = None
) -> Reconciliation:
    """Bring the files of a state together (the last one when none is given), with the decisions the workspace keeps."""
    judged = state or state_at(store)
    return bring_together(
        roster_frame(store, judged, workspace),
        registered_frame(store, judged),
        as_of=judged.as_of,
        pseudonyms=open_pseudonyms(workspace),
        decisions=kept_decisions(workspace),
        grants=access.grants if access else None,
    )


def side_by_side(store: Store, workspace: Path, found: Reconciliation, state: State | None = None) -> pl.DataFrame:
    """The ambiguous pairs with both sides' values, for a person who decides: name_key, professional_id, level, reason,
    hr_file, hr_line, then each value of the roster and, under `registered_`, of the register."""
    judged = state or state_at(store)
    ours = roster_frame(store, judged, workspace).select(
        hr_row="row", hr_file="hr_file", hr_line="hr_line", birth_name="birth_name", usage_name="usage_name",
        first_name="first_name", birth_date="birth_date", finess="finess", job="job",
    )  # fmt: skip
    theirs = registered_frame(store, judged).select(
        registered_row="row",
        registered_name=pl.coalesce("birth_name", "exercise_name"),
        registered_first_name=pl.coalesce("first_names", "exercise_first_name"),
        registered_birth_date="birth_date",
        registered_finess="finess",
        registered_profession="profession",
    )
    return found.candidates.join(ours, on="hr_row", how="left", maintain_order="left").join(
        theirs, on="registered_row", how="left", maintain_order="left"
    ).drop("hr_row", "registered_row")  # fmt: skip
