"""Exposure: grants of the roles of active situations, united per person, counted by whatever one asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.exposure import peers, queries, timeline
from rpps_audit.exposure.rolesets import RoleSets
from rpps_audit.exposure.tables import ACTIVE, ALL, Tables, make_tables
from rpps_audit.records import ensure_keys
from rpps_audit.reference import AccessMatrix, nomenclature_label_expr
from rpps_audit.store import Store, fetch_frame

_DAYS = ("person_days", "person_days_forgotten")
_DOCUMENTS = ("documents", "person_documents", "person_documents_forgotten")
_GROUP_COLUMNS = (
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
# Of an establishment: who runs it, and one of its lines.
_PLACE = {"operator": "max(operator)", "snapshot_id": "arg_min(snapshot_id, line)", "line": "min(line)"}


@dataclass(frozen=True)
class Exposure:
    """Who can open what on the day `as_of`, by the matrix `access`. Usable while the store it came from is open.

    A situation counts while the portal shows it open; it is *forgotten* when a check says it should have been closed.
    A document type open to somebody through several situations counts once; it counts as forgotten when no situation
    that is still justified opens it. A person-day is one document type open to one person during one day, from the
    start of the situation to `as_of`, both included.

    Frames about groups share these columns: `professionals`, `situations`, `documents` (distinct types),
    `person_documents` (types summed over people), `forgotten_situations`, `person_documents_forgotten`, `person_days`,
    `person_days_forgotten`, `unknown_roles` (situations whose role the matrix does not know: they add nothing to the
    other columns, which does not mean that they open nothing) and `undated` (situations without a start date, left out
    of the days). Documents are null where no role is known, days where no situation with a known role is dated.
    """

    access: AccessMatrix
    as_of: date
    tables: Tables = field(repr=False)

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
        frame = self._by_scope("everybody").drop("everybody")
        return frame if frame.height else frame.clear(1).fill_null(0)

    def by_professional(self) -> pl.DataFrame:
        """One row per person, those most exposed through forgotten situations first.

        Columns: professional_id, situations, roles (joined by '+'), documents, documents_forgotten, person_days,
        person_days_forgotten, forgotten_since, forgotten_days, forgotten_situations, unknown_roles, undated.
        `documents` is null when no role of the person is known to the matrix.
        """
        frame = self.tables.sql(
            f"""WITH spent AS (
                SELECT person, sum((ends - begins) * o.documents)::BIGINT AS person_days,
                       sum((ends - begins) * (o.documents - j.documents))::BIGINT AS person_days_forgotten
                FROM {self._segments("person")} JOIN weights o ON o.mask = opens JOIN weights j ON j.mask = justified
                GROUP BY person)
            SELECT professional_id, p.situations, o.roles,
                   CASE WHEN p.opens > 0 THEN o.documents END AS documents,
                   CASE WHEN p.opens > 0 THEN o.documents - j.documents END AS documents_forgotten,
                   person_days, person_days_forgotten, p.since AS forgotten_since,
                   $as_of::DATE - p.since AS forgotten_days, p.forgotten_situations, p.unknown_roles, p.undated
            FROM {queries.people(ACTIVE)} p JOIN weights o ON o.mask = opens JOIN weights j ON j.mask = justified
            LEFT JOIN spent USING (person)"""
        )
        order = ["person_days_forgotten", "documents", "professional_id"]
        return frame.sort(order, descending=[True, True, False], nulls_last=True)

    def by_establishment(self) -> pl.DataFrame:
        """finess, name, operator, then the columns about groups, for the situations held there.

        `finess` is the structure's technical identifier where the file gives no FINESS number.
        """
        frame = self._by_scope("establishment", **_PLACE).rename({"establishment": "finess"})
        self.tables.give("placed", frame.select("finess", "snapshot_id", "line"))
        shown = frame.join(self._names(), on="finess", how="left", nulls_equal=True)
        return shown.select("finess", "name", pl.col("operator").replace("", None), *_GROUP_COLUMNS)

    def by_operator(self) -> pl.DataFrame:
        """operator (FINESS juridique), establishments, then the columns about groups."""
        places = self.tables.sql(
            f"""SELECT nullif(operator, '') AS operator, count(DISTINCT nullif(establishment, '')) AS establishments
                FROM {ACTIVE} GROUP BY ALL"""
        )
        frame = self._by_scope("operator").join(places, on="operator", how="left", nulls_equal=True)
        return frame.select("operator", "establishments", pl.exclude("operator", "establishments"))

    def by_role(self) -> pl.DataFrame:
        """role, label, then the columns about groups."""
        return _labelled(self._by_scope("role"), "role", "roles")

    def by_profession(self) -> pl.DataFrame:
        """profession, label, then the columns about groups. The role opens documents; the profession tells who."""
        return _labelled(self._by_scope("profession"), "profession", "professions")

    def by_document(self) -> pl.DataFrame:
        """Every document type of the matrix, in its order.

        Columns: document_type, label, type_code, professionals, professionals_forgotten, person_days,
        person_days_forgotten.
        """
        sets = self._sets
        people = self.tables.sql(f"SELECT opens, justified, count(*) AS n FROM {self._groups('person')} GROUP BY ALL")
        days = self.tables.sql(
            f"SELECT opens, justified, sum(ends - begins)::BIGINT AS n FROM {self._segments('person')} GROUP BY ALL"
        )
        counted = _by_document(sets.spread(people), "professionals", "professionals_forgotten")
        spent = _by_document(sets.spread(days), *_DAYS)
        return (
            self.access.document_types.select("label", "type_code", document_type="id")
            .join(counted, on="document_type", how="left", maintain_order="left")
            .join(spent, on="document_type", how="left", maintain_order="left")
            .with_columns(pl.col("professionals", "professionals_forgotten").fill_null(0))
            # Open to somebody since nobody knows when: the days stay unknown.
            .with_columns(pl.when(pl.col("professionals") == 0).then(0).otherwise(pl.col(_DAYS)).name.keep())
            .select("document_type", "label", "type_code", "professionals", "professionals_forgotten", *_DAYS)
        )

    def heatmap(self) -> pl.DataFrame:
        """Every role of the matrix with every document type: role, document_type, label, granted, professionals.

        `professionals` counts the people who hold the role where it opens the document type, and is 0 elsewhere.
        """
        people = self.tables.sql(f"SELECT role, {queries.PERSONS} AS professionals FROM {ACTIVE} GROUP BY role")
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
        lives = queries.segments(ALL, ["person"], self.as_of)
        moves = self.tables.sql(timeline.changes(lives, step))
        return timeline.count(self._sets, moves, step, self.as_of)

    # --- what to do first ---------------------------------------------------------------------------------------------

    def forgotten(self) -> pl.DataFrame:
        """The forgotten situations, those that expose most first (documents_added x days).

        Columns: record_key, professional_id, finess, role, since, days, rule_ids (joined by '+'), documents (opened by
        its role), documents_added (those that no justified situation of the person opens). `days` counts from the day
        after `since`, or from the start of the situation when it is later.
        """
        frame = self.tables.sql(
            f"""WITH told AS (
                SELECT d.snapshot_id, d.line, min(d.record_key) AS record_key,
                       string_agg(DISTINCT u.rule_id, '+' ORDER BY u.rule_id) AS rule_ids
                FROM departures d JOIN rule_runs u USING (run_id, rule_no)
                WHERE list_contains($runs, d.run_id) AND d.since < $as_of::DATE GROUP BY ALL),
            careless AS (SELECT person, bit_or(kept) AS justified FROM {ACTIVE}
                         WHERE person IN (SELECT person FROM {ACTIVE} WHERE since IS NOT NULL) GROUP BY person)
            SELECT t.record_key, professional_id, nullif(s.establishment, '') AS finess,
                   nullif(s.role, '') AS role, s.since,
                   $as_of::DATE + 1 - greatest(s.since + 1, s.start_date) AS days, t.rule_ids,
                   CASE WHEN s.mask > 0 THEN w.documents END AS documents,
                   CASE WHEN s.mask > 0 THEN u.documents - j.documents END AS documents_added
            FROM {ACTIVE} s JOIN told t USING (snapshot_id, line) JOIN careless c USING (person)
            JOIN weights w ON w.mask = s.mask JOIN weights j ON j.mask = c.justified
            JOIN weights u ON u.mask = (s.mask | c.justified)
            WHERE s.since IS NOT NULL"""
        )
        weight = (pl.col("documents_added") * pl.col("days")).alias("weight")
        order = [weight, "days", "record_key"]
        return frame.sort(order, descending=[True, True, False], nulls_last=True)

    def wider_than_peers(self, most: int | None = None) -> pl.DataFrame:
        """Situations whose role opens document types that most colleagues of the same profession cannot open.

        Colleagues are those of the same operator where there are enough of them, else everybody of the profession. A
        relation has no order: a role is wider by what it opens and the others do not, whatever the others open besides.
        Columns: professional_id, record_key, finess, profession, role, usual_role, colleagues (situations compared,
        this one included), documents, usual_documents (types that most open), extra_documents. The widest come first,
        `most` of them when it is given.
        """
        frame = self.tables.sql(
            f"""SELECT professional_id, snapshot_id, line, nullif(establishment, '') AS finess, w.* EXCLUDE (no)
                FROM {self._wider} ORDER BY extra_documents DESC, snapshot_id, line
                {"" if most is None else f"LIMIT {int(most)}"}"""
        )
        return (
            self.tables.with_record_keys(frame)
            .sort(["extra_documents", "snapshot_id", "line"], descending=[True, False, False])
            .select("professional_id", "record_key", "finess", *peers.COLUMNS)
        )

    def wider_roles(self) -> pl.DataFrame:
        """The same, counted: profession, role, usual_role, extra_documents, situations, places (establishments)."""
        return self.tables.sql(
            f"""SELECT profession, role, usual_role, extra_documents, count(*) AS situations,
                       count(DISTINCT establishment) AS places
                FROM {self._wider} GROUP BY ALL
                ORDER BY extra_documents DESC, situations DESC, profession, role, usual_role"""
        )

    def not_evaluable(self) -> pl.DataFrame:
        """What exposure could not judge: reason (French), role, label, situations, professionals."""
        frame = self.tables.sql(
            f"""SELECT CASE WHEN role = '' THEN 'rôle absent : droits inconnus'
                            ELSE 'rôle inconnu du tableau des droits' END AS reason,
                       nullif(role, '') AS role, count(*) AS situations, {queries.PERSONS} AS professionals
                FROM {ACTIVE} WHERE mask = 0 GROUP BY ALL
                UNION ALL
                SELECT 'date de début absente : durée inconnue', nullif(role, ''), count(*), {queries.PERSONS}
                FROM {ACTIVE} WHERE start_date IS NULL GROUP BY ALL
                ORDER BY reason, role"""
        )
        return _labelled(frame, "role", "roles").select("reason", pl.exclude("reason"))

    # --- inside -------------------------------------------------------------------------------------------------------

    @cached_property
    def _sets(self) -> RoleSets:
        return RoleSets(self.access)

    @cached_property
    def _wider(self) -> str:
        """The active situations (s) with what makes their role wider (w), as SQL."""
        wide = peers.wider(self.access, self.tables.sql(peers.COUNTS.format(active=ACTIVE))).with_row_index("no")
        self.tables.give("wide", wide)
        # Three texts are compared once, not by each question.
        self.tables.make(
            f"""CREATE TEMP TABLE wider_situations AS
                SELECT no, professional_id, snapshot_id, line, establishment
                FROM {ACTIVE} JOIN (SELECT no, operator, profession, role FROM wide)
                USING (operator, profession, role)"""
        )
        return "wider_situations s JOIN (SELECT * EXCLUDE (operator) FROM wide) w USING (no)"

    def _groups(self, *keys: str) -> str:
        return queries.groups(ACTIVE, keys, queries.OPENS)

    def _segments(self, *keys: str) -> str:
        return queries.segments(ACTIVE, keys, self.as_of)

    def _by_scope(self, scope: str, **more: str) -> pl.DataFrame:
        """The columns about groups for each value of a scope, what is unknown being null; `more`: name, aggregate."""
        keys = [scope, "person"]
        people = self.tables.sql(
            f"""SELECT {scope}, opens, justified, count(*) AS professionals
                FROM {self._groups(*keys)} GROUP BY ALL"""
        )
        spans = self.tables.sql(
            f"""SELECT {scope}, opens, justified, sum(ends - begins)::BIGINT AS days
                FROM {self._segments(*keys)} GROUP BY ALL"""
        )
        beside = "".join(f", {aggregate} AS {name}" for name, aggregate in more.items())
        counts = self.tables.sql(f"SELECT {scope}, {queries.COUNTS}{beside} FROM {ACTIVE} GROUP BY ALL")
        frame = _group_columns(self._sets, scope, people, spans, counts, list(more))
        return frame.with_columns(pl.col(scope).replace("", None))

    def _names(self) -> pl.DataFrame:
        """What the establishments of `placed` [finess, snapshot_id, line] are called [finess, name]: as FINESS says,
        else as the extract does on that line."""
        return self.tables.sql(
            """WITH official AS (
                SELECT finess, any_value(name) AS name FROM establishments WHERE finess IS NOT NULL AND snapshot_id IN
                    (SELECT unnest(sources) FROM runs WHERE list_contains($runs, run_id)) GROUP BY finess
            )
            SELECT p.finess, coalesce(o.name, r.structure_name) AS name
            FROM placed p JOIN registrations r USING (snapshot_id, line) LEFT JOIN official o ON o.finess = p.finess
            WHERE p.finess IS NOT NULL"""
        )


def compute_exposure(store: Store, run_ids: Sequence[int], access: AccessMatrix, as_of: date) -> Exposure:
    """Exposure of the people registered in the files judged by `run_ids` (check runs of one kind of registration).

    The checks told which situations are forgotten, and since when. Raises UsageError for an unknown run.
    """
    ensure_keys(store)
    known = set(fetch_frame(store.sql("SELECT run_id FROM runs"))["run_id"])
    unknown = sorted(set(run_ids) - known)
    if unknown:
        raise UsageError(f"L'évaluation n° {unknown[0]} n'existe pas dans ce magasin.")
    return Exposure(access, as_of, make_tables(store, run_ids, RoleSets(access), as_of))


def _group_columns(
    sets: RoleSets, scope: str, people: pl.DataFrame, spans: pl.DataFrame, counts: pl.DataFrame, more: list[str]
) -> pl.DataFrame:
    """Weigh role sets by people and by days, and add them up by scope."""
    weighed = sets.weigh(people).group_by(scope)
    counted = weighed.agg(
        pl.col("professionals").sum(),
        pl.col("opens").bitwise_or(),
        (pl.col("professionals") * pl.col("documents")).sum().alias("person_documents"),
        (pl.col("professionals") * pl.col("documents_forgotten")).sum().alias("person_documents_forgotten"),
    )
    spent = (
        sets.weigh(spans)
        .group_by(scope)
        .agg(
            (pl.col("days") * pl.col("documents")).sum().alias("person_days"),
            (pl.col("days") * pl.col("documents_forgotten")).sum().alias("person_days_forgotten"),
        )
    )
    unknown = pl.col("unknown_roles") == pl.col("situations")
    return (
        sets.weigh(counted.with_columns(justified="opens"))
        .join(counts, on=scope)
        .join(spent, on=scope, how="left")
        .with_columns(pl.when(unknown).then(None).otherwise(pl.col(_DOCUMENTS)).name.keep())
        .select(scope, *more, *_GROUP_COLUMNS)
        .sort(["person_days_forgotten", "person_documents", scope], descending=[True, True, False], nulls_last=True)
    )


def _by_document(spread: pl.DataFrame, name: str, name_forgotten: str) -> pl.DataFrame:
    return spread.group_by("document_type").agg(
        pl.col("n").sum().alias(name), pl.col("n").filter("forgotten").sum().alias(name_forgotten)
    )


def _labelled(frame: pl.DataFrame, column: str, nomenclature: str) -> pl.DataFrame:
    label = nomenclature_label_expr(nomenclature, pl.col(column)).alias("label")
    return frame.select(column, label, pl.exclude(column))
