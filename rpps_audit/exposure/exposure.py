"""Exposure: grants of the roles of active situations, united per person, counted by whatever one asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from rpps_audit.checks.views import prepare_views
from rpps_audit.errors import UsageError
from rpps_audit.exposure import peers, queries, timeline
from rpps_audit.exposure.rolesets import RoleSets
from rpps_audit.reference import AccessMatrix, nomenclature_label_expr
from rpps_audit.store import Store

_ACTIVE, _PEOPLE, _SCOPED, _HISTORY, _LIVES = "active_situations", "people", "scoped", "past_situations", "lives"
_SUMS = ("situations", "forgotten_situations", "unknown_roles", "undated")
_DAYS = ("person_days", "person_days_forgotten")
_SHOWN_PERSON = "CASE WHEN starts_with(person, 'ligne:') THEN split_part(person, '/', 1) ELSE person END"


@dataclass(frozen=True)
class Exposure:
    """Who can open what on the day `as_of`, by the matrix `access`. Usable while the store it came from is open.

    A situation counts while the portal shows it open; it is *forgotten* when a check says it should have been closed.
    A document type open to somebody through several situations counts once; it counts as forgotten when no situation
    that is still justified opens it. A person-day is one document type open to one person during one day, from the
    start of the situation to `as_of`, both included.

    Frames about groups share these columns: `professionals`, `situations`, `documents` (distinct types),
    `person_documents` (types summed over people), `forgotten_situations`, `person_documents_forgotten`, `person_days`
    (null when no situation has a start date), `person_days_forgotten`, `unknown_roles` (situations whose role the
    matrix does not know: they add nothing to the other columns, and nobody may read that as "opens nothing") and
    `undated` (situations without a start date, left out of the days).
    """

    access: AccessMatrix
    as_of: date
    run_ids: tuple[int, ...]
    _connection: duckdb.DuckDBPyConnection

    @property
    def version(self) -> str:
        """The version of the matrix; goes into every output."""
        return self.access.version

    @property
    def caveat(self) -> str:
        """What the matrix is worth, in French; goes with `version` into every output."""
        return self.access.caveat

    # --- by whom and by what ------------------------------------------------------------------------------------------

    def totals(self) -> pl.DataFrame:
        """One row: the columns about groups, for everybody."""
        return self._by_group(_PEOPLE, "''").drop("scope")

    def by_professional(self) -> pl.DataFrame:
        """One row per person, those most exposed through forgotten situations first.

        Columns: professional_id, situations, roles (joined by '+'), documents, documents_forgotten, person_days,
        person_days_forgotten, forgotten_since, forgotten_days, forgotten_situations, unknown_roles, undated.
        `documents` is null when no role of the person is known to the matrix.
        """
        sets = self._rolesets
        spans = queries.segments(_PEOPLE, _ACTIVE, ["person"])
        held = self._sql(f"SELECT DISTINCT opens, justified FROM {_PEOPLE}")
        passed = self._sql(f"SELECT DISTINCT opens, justified FROM ({spans})")
        self._connection.register("held_weights", sets.weights(held).to_arrow())
        self._connection.register("passed_weights", sets.weights(passed).to_arrow())
        frame = self._sql(
            f"""WITH spent AS (
                SELECT person, sum((ends - begins) * documents)::BIGINT AS person_days,
                       sum((ends - begins) * documents_forgotten)::BIGINT AS person_days_forgotten
                FROM ({spans}) JOIN passed_weights USING (opens, justified) GROUP BY person)
            SELECT {_SHOWN_PERSON} AS professional_id, p.situations, w.roles,
                   CASE WHEN p.opens > 0 THEN w.documents END AS documents,
                   CASE WHEN p.opens > 0 THEN w.documents_forgotten END AS documents_forgotten,
                   person_days, person_days_forgotten, p.since AS forgotten_since,
                   CAST(? AS DATE) - p.since AS forgotten_days, p.forgotten_situations, p.unknown_roles, p.undated
            FROM {_PEOPLE} p JOIN held_weights w USING (opens, justified) LEFT JOIN spent USING (person)""",
            [self.as_of],
        )
        order = ["person_days_forgotten", "documents", "professional_id"]
        return frame.sort(order, descending=[True, True, False], nulls_last=True)

    def by_establishment(self) -> pl.DataFrame:
        """finess, name, operator, then the columns about groups, for the situations held there.

        `finess` is the structure's technical identifier where the file gives no FINESS number.
        """
        frame = self._by_scope("establishment").rename({"establishment": "finess"})
        shown = frame.join(self._places(), on="finess", how="left", nulls_equal=True)
        return shown.select("finess", "name", "operator", pl.exclude("finess", "name", "operator"))

    def by_operator(self) -> pl.DataFrame:
        """operator (FINESS juridique), establishments, then the columns about groups."""
        places = self._sql(
            f"""SELECT nullif(operator, '') AS operator, count(DISTINCT nullif(establishment, '')) AS establishments
                FROM {_ACTIVE} GROUP BY ALL"""
        )
        frame = self._by_scope("operator").join(places, on="operator", how="left", nulls_equal=True)
        return frame.select("operator", "establishments", pl.exclude("operator", "establishments"))

    def by_role(self) -> pl.DataFrame:
        """role, label, then the columns about groups. `documents` is null for a role the matrix does not know."""
        return self._by_scope("role").with_columns(
            pl.when(pl.col("unknown_roles") < pl.col("situations")).then(pl.col("documents")).alias("documents")
        ).pipe(_labelled, "role", "roles")

    def by_profession(self) -> pl.DataFrame:
        """profession, label, then the columns about groups. The role opens documents; the profession tells who."""
        return _labelled(self._by_scope("profession"), "profession", "professions")

    def by_document(self) -> pl.DataFrame:
        """Every document type of the matrix, in its order.

        Columns: document_type, label, type_code, professionals, professionals_forgotten, person_days,
        person_days_forgotten.
        """
        sets = self._rolesets
        people = self._sql(f"SELECT opens, justified, count(*) AS n FROM {_PEOPLE} GROUP BY ALL")
        days = self._sql(
            f"""SELECT opens, justified, sum(ends - begins)::BIGINT AS n
                FROM ({queries.segments(_PEOPLE, _ACTIVE, ["person"])}) GROUP BY ALL"""
        )
        counted = _by_document(sets.spread(people), "professionals", "professionals_forgotten")
        spent = _by_document(sets.spread(days), *_DAYS)
        return (
            self.access.document_types.select("label", "type_code", document_type="id")
            .join(counted, on="document_type", how="left", maintain_order="left")
            .join(spent, on="document_type", how="left", maintain_order="left")
            .select("document_type", "label", "type_code", pl.exclude("document_type", "label", "type_code").fill_null(0))
            .with_columns(_unless_undated(pl.col(name), self._all_undated()) for name in _DAYS)
        )

    def heatmap(self) -> pl.DataFrame:
        """Every role of the matrix with every document type: role, document_type, label, granted, professionals.

        `professionals` counts the people who hold the role where it opens the document type, and is 0 elsewhere.
        """
        people = self._sql(f"SELECT role, count(DISTINCT person) AS professionals FROM {_ACTIVE} GROUP BY role")
        documents = self.access.document_types.select("label", document_type="id")
        granted = self.access.grants.with_columns(granted=True)
        return (
            pl.DataFrame({"role": self.access.roles}, schema={"role": pl.String})
            .join(documents, how="cross", maintain_order="left_right")
            .join(granted, on=["role", "document_type"], how="left", maintain_order="left")
            .join(people, on="role", how="left", maintain_order="left")
            .with_columns(pl.col("granted").fill_null(value=False))
            .with_columns(professionals=pl.when("granted").then(pl.col("professionals").fill_null(0)).otherwise(0))
            .select("role", "document_type", "label", "granted", "professionals")
        )

    # --- through time -------------------------------------------------------------------------------------------------

    def timeline(self, step: str = "month") -> pl.DataFrame:
        """How many people each document type was open to, on the first day of each `step` and on `as_of`.

        Columns: day, document_type, professionals, professionals_forgotten. `step` is day, week, month, quarter or
        year. Situations closed since count while they lasted, where the file says when; what is forgotten is known only
        for those still open. Raises UsageError for another step.
        """
        if step not in timeline.STEPS:
            raise UsageError(f"Pas de temps inconnu : « {step} ». Possibles : {', '.join(timeline.STEPS)}.")
        self._connection.execute(queries.situations(_HISTORY, self.as_of, history=True), {"runs": list(self.run_ids)})
        self._connection.execute(queries.groups(_LIVES, _HISTORY, ["person"]))
        changes = self._sql(timeline.changes(queries.segments(_LIVES, _HISTORY, ["person"]), step), [self.as_of])
        self._connection.execute(f"DROP TABLE {_LIVES}; DROP TABLE {_HISTORY}")
        return timeline.count(self._rolesets, changes, step, self.as_of)

    # --- what to do first ---------------------------------------------------------------------------------------------

    def forgotten(self) -> pl.DataFrame:
        """The forgotten situations, those that expose most first (documents_added x days).

        Columns: record_key, professional_id, finess, role, since, days, rule_ids (joined by '+'), documents (opened by
        its role), documents_added (those that no justified situation of the person opens). `days` counts from the day
        after `since`, or from the start of the situation when it is later.
        """
        frame = self._sql(
            f"""WITH told AS (
                SELECT r.snapshot_id, d.line, min(d.record_key) AS record_key,
                       string_agg(DISTINCT u.rule_id, '+' ORDER BY u.rule_id) AS rule_ids
                FROM departures d JOIN runs r USING (run_id) JOIN rule_runs u USING (run_id, rule_no)
                WHERE list_contains($runs, d.run_id) AND d.since < $as_of GROUP BY ALL)
            SELECT t.record_key, {_SHOWN_PERSON} AS professional_id, nullif(s.establishment, '') AS finess,
                   nullif(s.role, '') AS role, s.since,
                   CAST($as_of AS DATE) + 1 - greatest(s.since + 1, s.start_date) AS days, t.rule_ids,
                   s.mask AS opens, p.justified
            FROM {_ACTIVE} s JOIN told t USING (snapshot_id, line) JOIN {_PEOPLE} p USING (person)
            WHERE s.since IS NOT NULL""",
            {"runs": list(self.run_ids), "as_of": self.as_of},
        )
        weighed = self._rolesets.weigh(frame).with_columns(
            pl.when(pl.col("opens") > 0).then(pl.col(name)) for name in ("documents", "documents_forgotten")
        )
        return (
            weighed.rename({"documents_forgotten": "documents_added"})
            .with_columns(exposed=pl.col("documents_added") * pl.col("days"))
            .sort(["exposed", "days", "record_key"], descending=[True, True, False], nulls_last=True)
            .drop("opens", "justified", "roles", "exposed")
        )

    def wider_than_peers(self) -> pl.DataFrame:
        """Situations whose role opens document types that most colleagues of the same profession cannot open.

        Colleagues are those of the same operator where there are enough of them, else everybody of the profession. A
        relation has no order: a role is wider by what it opens and the others do not, whatever the others open besides.
        Columns: professional_id, record_key, finess, profession, role, usual_role, colleagues (situations compared, this
        one included), documents, usual_documents (types that most open), extra_documents.
        """
        wide = peers.wider(self.access, self._sql(peers.COUNTS.format(active=_ACTIVE)))
        self._connection.register("wide", wide.to_arrow())
        frame = self._sql(
            f"""SELECT {_SHOWN_PERSON} AS professional_id, snapshot_id, line, nullif(establishment, '') AS finess,
                       w.* EXCLUDE (operator) FROM {_ACTIVE} JOIN wide w USING (operator, profession, role)"""
        )
        return (
            self._with_keys(frame)
            .select("professional_id", "record_key", "finess", *peers.COLUMNS)
            .sort(["extra_documents", "record_key"], descending=[True, False])
        )

    def not_evaluable(self) -> pl.DataFrame:
        """What exposure could not judge: reason (French), role, label, situations, professionals."""
        frame = self._sql(
            f"""SELECT reason, nullif(role, '') AS role, count(*) AS situations, count(DISTINCT person) AS professionals
                FROM (SELECT role, person, unnest([
                    CASE WHEN role = '' THEN 'rôle absent : droits inconnus'
                         WHEN mask = 0 THEN 'rôle inconnu du tableau des droits' END,
                    CASE WHEN start_date IS NULL THEN 'date de début absente : durée inconnue' END]) AS reason
                    FROM {_ACTIVE} WHERE mask = 0 OR start_date IS NULL)
                WHERE reason IS NOT NULL GROUP BY ALL ORDER BY reason, role"""
        )
        return _labelled(frame, "role", "roles").select("reason", pl.exclude("reason"))

    # --- inside -------------------------------------------------------------------------------------------------------

    @property
    def _rolesets(self) -> RoleSets:
        return RoleSets(self.access)

    def _sql(self, query: str, parameters: object = None) -> pl.DataFrame:
        return self._connection.execute(query, parameters).pl()

    def _by_scope(self, scope: str) -> pl.DataFrame:
        """The columns about groups for each value of a scope; what is unknown is null."""
        self._connection.execute(queries.groups(_SCOPED, _ACTIVE, [scope, "person"]))
        frame = self._by_group(_SCOPED, scope)
        self._connection.execute(f"DROP TABLE {_SCOPED}")
        return frame.rename({"scope": scope})

    def _by_group(self, grouped: str, scope: str) -> pl.DataFrame:
        keys = ["person"] if grouped == _PEOPLE else [scope, "person"]
        sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in _SUMS)
        people = self._sql(
            f"""SELECT nullif({scope}, '') AS scope, opens, justified, count(*) AS professionals, {sums}
                FROM {grouped} GROUP BY ALL"""
        )
        spans = self._sql(
            f"""SELECT nullif({scope}, '') AS scope, opens, justified, sum(ends - begins)::BIGINT AS days
                FROM ({queries.segments(grouped, _ACTIVE, keys)}) GROUP BY ALL"""
        )
        return _group_columns(self._rolesets, people, spans)

    def _all_undated(self) -> pl.Expr:
        row = self._connection.execute(f"SELECT coalesce(sum(undated) = sum(situations), false) FROM {_PEOPLE}").fetchone()
        return pl.lit(bool(row and row[0]))

    def _places(self) -> pl.DataFrame:
        return self._sql(
            f"""WITH named AS (
                SELECT coalesce(finess, structure_id, '') AS establishment, any_value(structure_name) AS name
                FROM registrations WHERE snapshot_id IN (SELECT DISTINCT snapshot_id FROM {_ACTIVE}) GROUP BY ALL
            ), official AS (
                SELECT finess, any_value(name) AS name FROM establishments WHERE finess IS NOT NULL AND snapshot_id IN
                    (SELECT unnest(sources) FROM runs WHERE list_contains($runs, run_id)) GROUP BY finess
            ), run_by AS (
                SELECT establishment, nullif(max(operator), '') AS operator FROM {_ACTIVE} GROUP BY establishment
            )
            SELECT nullif(establishment, '') AS finess,
                   CASE WHEN establishment <> '' THEN coalesce(o.name, n.name) END AS name, operator
            FROM run_by LEFT JOIN named n USING (establishment) LEFT JOIN official o ON o.finess = establishment""",
            {"runs": list(self.run_ids)},
        )

    def _with_keys(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the record key of each [snapshot_id, line], as the checks give it."""
        parts = []
        for snapshot_id in frame["snapshot_id"].unique().sort():
            prepare_views(self._connection, snapshot_id, self.as_of, {})
            lines = frame.filter(pl.col("snapshot_id") == snapshot_id)
            self._connection.register("wanted", lines.select("line").to_arrow())
            keys = self._sql("SELECT line, record_key FROM situation JOIN wanted USING (line)")
            parts.append(lines.join(keys, on="line"))
        return pl.concat(parts) if parts else frame.with_columns(record_key=pl.lit(None, pl.String))


def compute_exposure(store: Store, run_ids: Sequence[int], access: AccessMatrix, as_of: date) -> Exposure:
    """Exposure of the people registered in the snapshots of `run_ids` (check runs, one per series).

    The checks told which situations are forgotten, and since when. Raises UsageError for an unknown run.
    """
    known = set(store.sql("SELECT run_id FROM runs").pl()["run_id"])
    unknown = sorted(set(run_ids) - known)
    if unknown:
        raise UsageError(f"L'évaluation n° {unknown[0]} n'existe pas dans ce magasin.")
    # Temporary tables belong to the connection that made them: each exposure has its own.
    connection = store.connection.cursor()
    connection.register("role_bits", RoleSets(access).frame.to_arrow())
    connection.execute(queries.situations(_ACTIVE, as_of, history=False), {"runs": list(run_ids)})
    connection.execute(queries.groups(_PEOPLE, _ACTIVE, ["person"]))
    return Exposure(access, as_of, tuple(run_ids), connection)


def _group_columns(sets: RoleSets, people: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Weigh role sets by people and by days, and add them up by scope."""
    counted = (
        sets.weigh(people)
        .group_by("scope")
        .agg(
            pl.col("professionals", "situations").sum(),
            pl.col("opens").bitwise_or(),
            (pl.col("professionals") * pl.col("documents")).sum().alias("person_documents"),
            pl.col("forgotten_situations").sum(),
            (pl.col("professionals") * pl.col("documents_forgotten")).sum().alias("person_documents_forgotten"),
            pl.col("unknown_roles", "undated").sum(),
        )
    )
    spent = (
        sets.weigh(spans)
        .group_by("scope")
        .agg(
            (pl.col("days") * pl.col("documents")).sum().alias("person_days"),
            (pl.col("days") * pl.col("documents_forgotten")).sum().alias("person_days_forgotten"),
        )
    )
    distinct = sets.weigh(counted.select("scope", "opens", justified="opens")).select("scope", "documents")
    undated = pl.col("undated") == pl.col("situations")
    return (
        counted.join(distinct, on="scope", nulls_equal=True)
        .join(spent, on="scope", how="left", nulls_equal=True)
        .with_columns(_unless_undated(pl.col(name).fill_null(0), undated) for name in _DAYS)
        .select(
            "scope",
            "professionals",
            "situations",
            "documents",
            "person_documents",
            "forgotten_situations",
            "person_documents_forgotten",
            *_DAYS,
            "unknown_roles",
            "undated",
        )
        .sort(["person_days_forgotten", "person_documents", "scope"], descending=[True, True, False], nulls_last=True)
    )


def _unless_undated(days: pl.Expr, undated: pl.Expr) -> pl.Expr:
    """Days that nobody knows are null, not zero; those known since a departure stay."""
    return pl.when(undated & (days == 0)).then(None).otherwise(days).name.keep()


def _by_document(spread: pl.DataFrame, name: str, name_forgotten: str) -> pl.DataFrame:
    return spread.group_by("document_type").agg(
        pl.col("n").sum().alias(name), pl.col("n").filter("forgotten").sum().alias(name_forgotten)
    )


def _labelled(frame: pl.DataFrame, column: str, nomenclature: str) -> pl.DataFrame:
    label = nomenclature_label_expr(nomenclature, pl.col(column)).alias("label")
    return frame.select(column, label, pl.exclude(column))
