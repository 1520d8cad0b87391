"""What the report is made of, counted in the store; no wording here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from rpps_audit.checks import OPEN_STATES, PRESENT_STATES, Catalogue, open_findings, state_runs
from rpps_audit.checks.kinds import looks_at_everybody
from rpps_audit.exposure import Exposure
from rpps_audit.records import ROW_ID, State, open_state
from rpps_audit.reports.keys import Keys
from rpps_audit.store import Store, fetch_frame

# Enough records to begin with, for each rule; the rest is in the list of findings.
EXAMPLES = 5
_RULE = ["rule_id", "table", "severity", "category"]
_PLACE = ["rule_id", "severity", "finess"]


@dataclass(frozen=True)
class Findings:
    """The findings of the latest runs, counted.

    `by_rule`: rule_id, table, severity, category, kind, state, findings. `by_place`: rule_id, severity, finess, new,
    persisting, reopened, tolerated, open (the first three), in no order. `records`: distinct records per rule in an
    open state. `examples`: a few of them with file and line.
    All but `by_rule` tell each rule from its home (`Facts.homes`).
    """

    by_rule: pl.DataFrame
    by_place: pl.DataFrame
    records: pl.DataFrame
    examples: pl.DataFrame


@dataclass(frozen=True)
class Facts:
    """Everything the sections read: the store, the state judged, the rules, the exposure of the people registered."""

    store: Store
    state: State
    catalogue: Catalogue
    exposure: Exposure
    keys: Keys

    @cached_property
    def runs(self) -> pl.DataFrame:
        """The runs of the state, one per kind of registration: the columns of `state_runs`."""
        return state_runs(self.store, self.state)

    @cached_property
    def snapshots(self) -> pl.DataFrame:
        """Every snapshot, `current` when it is of the state judged; the files of registrations first.

        rows_read = rows_kept + rows_rejected + rows_outside (of establishments outside the perimeter, never kept).
        """
        current = self.state.snapshots["snapshot_id"].to_list()
        return fetch_frame(
            self.store.sql(
                """SELECT snapshots.*, list_contains(?, snapshot_id) AS current, coalesce(rows, 0) AS rows_outside
               FROM snapshots LEFT JOIN outside_perimeter USING (snapshot_id)
               ORDER BY kind IN ('suivi', 'annuaire-restreint', 'annuaire-public', 'cat18') DESC,
                                       kind DESC, data_date DESC, snapshot_id DESC""",
                [current],
            )
        )

    @cached_property
    def rejects(self) -> pl.DataFrame:
        """Rejected lines by file and reason [snapshot_id, file_name, reason, rejects, first_line]."""
        return fetch_frame(
            self.store.sql(
                """SELECT snapshot_id, file_name, reason, count(*) AS rejects, min(line) AS first_line
               FROM rejects JOIN snapshots USING (snapshot_id) GROUP BY ALL ORDER BY rejects DESC, first_line"""
            )
        )

    @cached_property
    def rules(self) -> pl.DataFrame:
        """What each run said of each rule: the columns of rule_runs, and kind, primary."""
        return fetch_frame(
            self.store.sql(
                "SELECT * FROM rule_runs WHERE list_contains(?, run_id) ORDER BY rule_id",
                [self.runs["run_id"].to_list()],
            )
        ).join(self.runs.select("run_id", "kind", "primary"), on="run_id")

    @cached_property
    def gaps(self) -> pl.DataFrame:
        """The files on which a rule evaluated on others could not be [run_id, rule_no, files], their names joined."""
        return fetch_frame(
            self.store.sql(
                """SELECT run_id, rule_no, string_agg(file_name, ', ' ORDER BY file_name) AS files
               FROM rule_gaps JOIN snapshots USING (snapshot_id) WHERE list_contains(?, run_id) GROUP BY ALL""",
                [self.runs["run_id"].to_list()],
            )
        )

    @cached_property
    def losses(self) -> pl.DataFrame:
        """The columns of the state's files that lost or converted cells, or that a spreadsheet damaged.

        Columns: file_name, layout, column, filled, read, unreadable, converted, causes (list of {cause, cells, damage},
        the most frequent first), first_line (of the first cell that is lost or damaged, null when not known).
        """
        return fetch_frame(self.store.sql(_LOSSES, [self.state.snapshots["snapshot_id"].to_list()]))

    @cached_property
    def records(self) -> pl.DataFrame:
        """How many records each run looks at [run_id, professional, situation]."""
        kept = self.state.snapshots.group_by("kind").agg(situation=pl.col("rows_kept").sum())
        # A rule that speaks of everybody has counted them: counting millions of people again is dear.
        everybody = [rule.id for rule in self.catalogue if looks_at_everybody(rule)]
        counted = (
            self.rules.filter(
                (pl.col("table") == "professional")
                & (pl.col("status") == "evaluated")
                & pl.col("reason").is_null()
                & pl.col("rule_id").is_in(everybody)
            )
            .group_by("run_id")
            .agg(professional=pl.col("evaluated").max())
        )
        frame = self.runs.select("run_id", "kind").join(kept, on="kind").join(counted, on="run_id", how="left")
        missing = frame.filter(pl.col("professional").is_null())["kind"].to_list()
        return frame.join(self._people(missing), on="kind", how="left").select(
            "run_id", pl.coalesce("professional", "people").alias("professional"), "situation"
        )

    def _people(self, kinds: list[str]) -> pl.DataFrame:
        counted = []
        for kind in kinds:
            with open_state(self.store, self.state, kind) as reader:
                counted.append((kind, *(reader.execute("SELECT count(*) FROM professional").fetchone() or (0,))))
        return pl.DataFrame(counted, schema={"kind": pl.String, "people": pl.Int64}, orient="row")

    @cached_property
    def faulty(self) -> pl.DataFrame:
        """Distinct records with a fault, by run, family and table [run_id, category, table, severity, records].

        `severity` is error, or any (error or warning). A category of null counts a record once over all families.
        """
        return fetch_frame(
            self.store.sql(
                """WITH broken AS (
                   SELECT run_id, u.category, u."table", f.record_key, max(u.severity = 'error') AS grave
                   FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no)
                   WHERE list_contains(?, run_id) AND u.severity <> 'information' GROUP BY ALL)
               SELECT run_id, category, "table", count(*) AS any, count(*) FILTER (grave) AS error
               FROM broken GROUP BY ALL
               UNION ALL
               SELECT run_id, NULL, "table", count(*), count(*) FILTER (grave)
               FROM (SELECT run_id, "table", record_key, max(grave) AS grave FROM broken GROUP BY ALL) GROUP BY ALL""",
                [self.runs["run_id"].to_list()],
            )
        ).unpivot(
            ["any", "error"], index=["run_id", "category", "table"], variable_name="severity", value_name="records"
        )

    @cached_property
    def homes(self) -> pl.DataFrame:
        """The extract each rule is told from [rule_id, kind]: of those that could evaluate it, the one that tells most.

        The same people are in every extract; telling them once is enough.
        """
        ranks = self.runs.select("kind").unique(maintain_order=True).with_row_index("rank")
        done = self.rules.filter(pl.col("status") == "evaluated").join(ranks, on="kind")
        return done.sort("rank").group_by("rule_id", maintain_order=True).agg(pl.col("kind").first())

    @cached_property
    def findings(self) -> Findings:
        """The findings of the state, counted in the store: the long list never leaves it."""
        runs = self.runs.select("run_id", "kind").rows()
        parts = [_NOTHING, *(_counted(self.store, self.homes, *run) for run in runs)]
        by_place = pl.concat([part.by_place for part in parts]).group_by(_PLACE).agg(pl.col(PRESENT_STATES).sum())
        return Findings(
            pl.concat([part.by_rule for part in parts]),
            by_place.with_columns(open=pl.sum_horizontal(OPEN_STATES)),
            pl.concat([part.records for part in parts]).group_by("rule_id").agg(pl.col("records").sum()),
            pl.concat([part.examples for part in parts]).group_by("rule_id", maintain_order=True).head(EXAMPLES),
        )

    @cached_property
    def places(self) -> pl.DataFrame:
        """The establishments where somebody is active: the columns of `Exposure.by_establishment`."""
        return self.exposure.by_establishment()

    @cached_property
    def totals(self) -> dict[str, Any]:
        """The columns about groups, for everybody: `Exposure.totals`."""
        return self.exposure.totals().row(0, named=True)

    @cached_property
    def forgotten(self) -> pl.DataFrame:
        """The forgotten situations: the columns of `Exposure.forgotten`."""
        return self.exposure.forgotten()

    def lines(self, record_keys: pl.Series) -> pl.DataFrame:
        """Where a few forgotten situations are [record_key, file_name, line], in the files that tell most."""
        return fetch_frame(
            self.store.sql(
                """SELECT record_key, any_value(file_name) AS file_name, min(line) AS line
               FROM departures JOIN snapshots USING (snapshot_id)
               WHERE list_contains(?, run_id) AND list_contains(?, record_key)
               GROUP BY record_key, snapshot_id
               QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY snapshot_id) = 1""",
                [self.runs.filter("primary")["run_id"].to_list(), record_keys.to_list()],
            )
        )

    def rule_title(self, rule_id: str) -> str:
        """The title of a rule; its id when the catalogue no longer has it."""
        return self._titles.get(rule_id, rule_id)

    def title_expr(self) -> pl.Expr:
        """The titles of a column rule_id."""
        return pl.col("rule_id").replace(self._titles)

    def place_labels(self, finess: pl.Series) -> pl.Series:
        """Each establishment as the reader knows it."""
        names = self._names.filter(pl.col("finess").is_in(finess.implode()))
        shown = pl.DataFrame({"finess": finess}).join(names, on="finess", how="left", maintain_order="left")
        return self.keys.places(shown["finess"], shown["name"])

    @cached_property
    def _names(self) -> pl.DataFrame:
        return self.places.select("finess", "name").drop_nulls().unique("finess")

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {rule.id: rule.title for rule in self.catalogue}


_LOSSES = """
    WITH why AS (
        SELECT snapshot_id, "column",
               list({cause: cause, cells: cells, damage: damage} ORDER BY cells DESC, cause) AS causes,
               min(first_line) FILTER (damage) AS damaged_from, bool_or(damage) AS damaged
        FROM cell_causes GROUP BY ALL
    ), lost AS (SELECT snapshot_id, "column", min(line) AS lost_from FROM unreadable GROUP BY ALL)
    SELECT file_name, layout, "column", filled, read, unreadable, converted, causes,
           least(lost_from, damaged_from) AS first_line
    FROM cell_counts JOIN snapshots USING (snapshot_id) LEFT JOIN why USING (snapshot_id, "column")
    LEFT JOIN lost USING (snapshot_id, "column")
    WHERE list_contains(?, snapshot_id) AND (unreadable > 0 OR converted > 0 OR damaged)
    ORDER BY unreadable > 0 DESC, file_name, unreadable DESC, converted DESC, "column" """
_TEXT = [*_RULE, "kind", "state"]
_NOTHING = Findings(
    pl.DataFrame(schema=dict.fromkeys(_TEXT, pl.String) | {"findings": pl.Int64}),
    pl.DataFrame(
        schema=dict.fromkeys(_PLACE, pl.String) | dict.fromkeys(PRESENT_STATES, pl.Int64),
    ),
    pl.DataFrame(schema={"rule_id": pl.String, "records": pl.Int64}),
    pl.DataFrame(
        schema=dict.fromkeys((*_RULE, "record_key", "column", "state", "kind", "finess", "file_name"), pl.String)
        | {"line": pl.Int32}
    ),
)


def _counted(store: Store, homes: pl.DataFrame, run_id: int, kind: str) -> Findings:
    """The findings of one run."""
    parameters = {"kind": kind, "run_id": run_id}
    with open_findings(store, run_id) as reader:
        reader.register("homes", homes.filter(kind=kind).select("rule_id").to_arrow())
        return Findings(
            *(
                fetch_frame(
                    reader.execute(query, {name: parameters[name] for name in parameters if f"${name}" in query})
                )
                for query in (_BY_RULE, _BY_PLACE, _RECORDS, _EXAMPLES)
            )
        )


_TOLD = "told AS (SELECT * FROM found WHERE line IS NOT NULL AND rule_id IN (SELECT rule_id FROM homes))"
_PLACES = """places AS (SELECT snapshot_id, line, coalesce(finess, structure_id, '?') AS finess FROM registrations
                       WHERE snapshot_id IN (SELECT unnest(snapshots) FROM runs WHERE run_id = $run_id))"""
_OPEN = f"state IN {OPEN_STATES}"
_BY_RULE = f"""
    SELECT {", ".join(f'"{name}"' for name in _RULE)}, $kind::VARCHAR AS kind, state, count(*) AS findings
    FROM found GROUP BY ALL ORDER BY ALL"""
_BY_STATE = ", ".join(f"count(*) FILTER (state = '{state}') AS {state}" for state in PRESENT_STATES)
# Rules by their number while they are grouped: millions of groups then hold no long text.
_BY_PLACE = f"""
    WITH {_TOLD}, {_PLACES}, rules AS (SELECT rule_no, rule_id, severity FROM rule_runs WHERE run_id = $run_id),
    counted AS (SELECT rule_no, finess, {_BY_STATE}
                FROM told JOIN rules USING (rule_id) JOIN places USING (snapshot_id, line) GROUP BY ALL)
    SELECT rule_id, severity, finess, {", ".join(PRESENT_STATES)} FROM counted JOIN rules USING (rule_no)"""
# A run has a record once under a rule.
_RECORDS = f"WITH {_TOLD} SELECT rule_id, count(*) AS records FROM told WHERE {_OPEN} GROUP BY rule_id"
_EXAMPLES = f"""
    WITH {_TOLD}, {_PLACES},
    first AS (SELECT rule_id, unnest(min({ROW_ID.format(p="")}, {EXAMPLES})) AS row_id
              FROM told WHERE {_OPEN} GROUP BY rule_id)
    SELECT {", ".join(f't."{name}"' for name in (*_RULE, "record_key", "column", "state"))}, $kind::VARCHAR AS kind,
           finess, file_name, t.line
    FROM told t JOIN first f ON f.rule_id = t.rule_id AND f.row_id = {ROW_ID.format(p="t.")}
    JOIN places USING (snapshot_id, line) JOIN snapshots USING (snapshot_id)
    WHERE {_OPEN} ORDER BY snapshot_id, line, record_key"""
