"""Literal people, situations and grants for the tests of exposure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.exposure import Exposure, compute_exposure
from rpps_audit.records import RecordKey
from rpps_audit.reference import AccessMatrix
from rpps_audit.store import Store

TODAY = date(2026, 11, 1)
HERE, THERE = "690000015", "690000023"
TABLES = ("registrations", "snapshots", "runs", "rule_runs", "departures", "establishments")


def matrix(version: str = "essai", **grants: str) -> AccessMatrix:
    """Grants written as letters: `matrix(GENR08="abc", GENR09="c")`; each letter is a document type."""
    letters = sorted(set("".join(grants.values())))
    return AccessMatrix(
        version=version,
        title="",
        source="",
        status="indicatif",
        valid_from=date(2022, 2, 25),
        caveat="Indicatif.",
        document_types=pl.DataFrame(
            {
                "id": letters,
                "label": [f"Document {letter}" for letter in letters],
                "type_code": [f"code-{letter}" for letter in letters],
            },
            schema={"id": pl.String, "label": pl.String, "type_code": pl.String},
        ),
        grants=pl.DataFrame(
            [(role, letter) for role, opened in grants.items() for letter in opened],
            schema={"role": pl.String, "document_type": pl.String},
            orient="row",
        ),
    )


# Neither of the two first opens all that the other opens.
GRANTS = matrix(GENR08="abcd", GENR09="d", GENR11="cde")


def held(
    professional: str | None = "P1", role: str | None = "GENR08", finess: str | None = HERE, **other: Any
) -> dict[str, Any]:
    """A situation open since the 1st of October 2026 (32 days, both ends included)."""
    return {
        "professional_id": professional,
        "finess": finess,
        "finess_legal": "690000999",
        "role": role,
        "profession": "326",
        "start_date": date(2026, 10, 1),
        "is_open": True,
        **other,
    }


def register(store: Store, situations: Sequence[Mapping[str, Any]], *, sources: Sequence[int] = ()) -> int:
    """Load a suivi and its check run. `since` in a situation makes it forgotten, by the rules in `rules` (or one)."""
    snapshot_id = store.next_id("snapshots", "snapshot_id")
    run_id = store.next_id("runs", "run_id")
    n = len(situations)
    store.sql(
        "INSERT INTO snapshots VALUES (?, ?, 'suivi', 'literal', ?, '', ?, now(), 'utf-8', 0, ?, ?, 0, [])",
        [snapshot_id, f"hash-{snapshot_id}", f"series-{snapshot_id}", TODAY, n, n],
    )
    store.sql(
        "INSERT INTO runs VALUES (?, 'suivi', ?, ?, ?, '', now(), now())", [run_id, TODAY, [snapshot_id], list(sources)]
    )
    for number, rule in enumerate(("fin-passee", "parti-selon-rh")):
        store.sql(
            "INSERT INTO rule_runs VALUES (?, ?, ?, '', 'situation', 'end_date', 'error', 'timeliness', 'evaluated', "
            "NULL, 0, 0)",
            [run_id, number, rule],
        )
    for line, situation in enumerate(situations, start=2):
        row = {name: value for name, value in situation.items() if name not in ("since", "rules")}
        names, marks = ", ".join(["snapshot_id", "line", *row]), ", ".join("?" * (len(row) + 2))
        store.sql(f"INSERT INTO registrations ({names}) VALUES ({marks})", [snapshot_id, line, *row.values()])
        if situation.get("since"):
            for rule_no in range(situation.get("rules", 1)):
                store.sql(
                    "INSERT INTO departures VALUES (?, ?, ?, ?, ?, ?)",
                    [run_id, rule_no, key(situation), snapshot_id, line, situation["since"]],
                )
    return run_id


def key(situation: Mapping[str, Any]) -> str:
    """The record key of a situation held once in a place."""
    return str(RecordKey(situation["professional_id"], situation["finess"], situation["start_date"]))


def exposed(
    store: Store, *situations: Mapping[str, Any], access: AccessMatrix = GRANTS, as_of: date = TODAY
) -> Exposure:
    """Exposure of these situations only."""
    return compute_exposure(store, [register(store, situations)], access, as_of)


def forget(store: Store) -> None:
    """Empty the store for the next example."""
    for table in TABLES:
        store.sql(f"DELETE FROM {table}")
