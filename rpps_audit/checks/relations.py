"""The set kinds: rules that compare records with each other or with another file, as one SQL query each.

Every query reads what `records` prepares (`professional`, `situation`, `people`, and one view per other kind of file:
`rh`, `finess`, `annuaire_public`, `annuaire_restreint`, `suivi`, `cartes`, `mssante`) and returns `record_key, row_id`
and, for forgotten situations, `since`. Large groupings compare 64-bit hashes of the folded values, not the strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature

import duckdb
import polars as pl

from rpps_audit.checks.rule import Rule
from rpps_audit.errors import UsageError
from rpps_audit.store import fetch_frame

SetKind = Callable[..., str]
SET_KINDS: dict[str, SetKind] = {}

_FOLDS = {
    "exact": "{c}",
    "lower": "lower({c})",
    # The national number, whatever the prefix and the punctuation.
    "digits": "right(translate({c}, ' .-()/+', ''), 9)",
    # Case, accents, hyphens, apostrophes and spaces set aside; dates and codes pass through unchanged.
    "name": "translate(strip_accents(upper(CAST({c} AS VARCHAR))), ' -''’.,', '')",
}


@dataclass(frozen=True)
class Query:
    """A set rule ready to run: `sql` gives record_key, row_id[, since]; `has_since` tells whether `since` is there."""

    sql: str
    has_since: bool


def set_kind(*sources: str, since: bool = False) -> Callable[[SetKind], SetKind]:
    """Register a query under its own name; `sources` are the kinds of file it always needs besides the snapshot."""

    def register(function: SetKind) -> SetKind:
        SET_KINDS[function.__name__] = function
        function.sources = sources  # type: ignore[attr-defined]
        function.since = since  # type: ignore[attr-defined]
        return function

    return register


def query(rule: Rule) -> Query:
    """The rule's query. `$as_of` is its one parameter. Raises UsageError for a bad parameter of the rule."""
    function = SET_KINDS[rule.kind]
    declared = list(signature(function).parameters.values())[1:]
    names = {parameter.name for parameter in declared}
    unknown = set(rule.parameters) - names
    missing = {p.name for p in declared if p.default is Parameter.empty} - set(rule.parameters)
    if unknown or missing:
        fault = f"seuil inconnu « {min(unknown)} »" if unknown else f"il manque le seuil « {min(missing)} »"
        raise UsageError(f"Contrôle {rule.id} ({rule.kind}) : {fault}. Attendu : {', '.join(names) or 'aucun'}.")
    return Query(function(rule, **rule.parameters), bool(function.since))  # type: ignore[attr-defined]


def needed_sources(rule: Rule) -> frozenset[str]:
    """The other kinds of file without which the rule is not evaluable."""
    fixed = SET_KINDS[rule.kind].sources  # type: ignore[attr-defined]
    chosen = {rule.parameters["source"]} if "source" in rule.parameters else set()
    return frozenset(fixed) | chosen


def needed_columns(rule: Rule) -> frozenset[str]:
    """The typed columns the snapshot must carry.

    A rule about a departure told by another file points at the missing end date, which the snapshot need not carry.
    """
    pointed_only = SET_KINDS[rule.kind].since  # type: ignore[attr-defined]
    if pointed_only:
        return frozenset()
    guarded = {"national_profession"} if "national_profession" in rule.parameters else set()
    read = (*rule.parameters.get("on", ()), *rule.parameters.get("exact_columns", ()))
    return frozenset(rule.columns).union(read, guarded)


def view_name(kind: str) -> str:
    """The view holding the latest files of a kind."""
    return kind.replace("-", "_")


# --- records of the same file -----------------------------------------------------------------------------------------


@set_kind()
def shared_value(rule: Rule, fold: str = "exact", exact_columns: tuple[str, ...] = ()) -> str:
    """Two different professionals carry the same folded value in all the columns, and the same `exact_columns`.

    Reads the hashes that `make_marks` made in one pass for all such rules.
    """
    _mark(rule, fold, exact_columns)  # refuses an unknown comparison now rather than in the pass over the records
    shared = f"""
        WITH shared AS (SELECT "{rule.id}" AS h FROM marks WHERE "{rule.id}" IS NOT NULL
                        GROUP BY h HAVING min(person) <> max(person))
        SELECT record_key, row_id, person, "{rule.id}" AS h FROM marks JOIN professional USING (row_id)
        WHERE "{rule.id}" IN (SELECT h FROM shared)"""
    if not exact_columns:
        return f"SELECT record_key, row_id FROM ({shared})"
    # The marks were of the exact columns and the initials: folding names is dear, and few share all of these.
    return f"""
        WITH near AS ({shared}), folded AS (
            SELECT n.record_key, n.row_id, n.person, hash(n.h, {_folded(rule.columns, fold)}) AS h
            FROM near n JOIN professional USING (row_id)
            WHERE {" AND ".join(f"{name} IS NOT NULL" for name in rule.columns)}
        ), shared AS (SELECT h FROM folded GROUP BY h HAVING min(person) <> max(person))
        SELECT record_key, row_id FROM folded WHERE h IN (SELECT h FROM shared)"""


def make_marks(reader: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """The table `marks` for every `shared_value` rule, in one pass over the professionals: row_id, person, and a hash
    per rule or null. Only the rows that share one of their hashes with another are kept."""
    shared = [rule for rule in rules if rule.kind == "shared_value"]
    made = ", ".join(
        ["row_id", "hash(professional_id) AS person", *(_mark(rule, **rule.parameters) for rule in shared)]
    )
    # With room to answer ahead of the reader every core hashes; with the usual megabyte, one.
    reader.execute("SET streaming_buffer_size = '64MB'")
    every = fetch_frame(reader.execute(f"SELECT {made} FROM professional WHERE professional_id IS NOT NULL"))
    reader.execute("RESET streaming_buffer_size")
    twice = [pl.col(rule.id).is_in(_repeated(every[rule.id]).implode()) for rule in shared]
    reader.register("marks_made", every.filter(pl.any_horizontal(pl.lit(value=False), *twice)).to_arrow())
    # A table of its own: pushing a filter on 64-bit hashes down to Arrow fails.
    reader.execute("CREATE OR REPLACE TEMP TABLE marks AS SELECT * FROM marks_made")
    reader.unregister("marks_made")


def _repeated(hashes: pl.Series) -> pl.Series:
    """The values met more than once. Sorting numbers costs a fifth of grouping them."""
    ordered = hashes.drop_nulls().sort()
    return ordered.filter(ordered == ordered.shift()).unique()


def mark_sql(rule: Rule) -> str:
    """SQL: the hash under the rule's id by which `shared_value` knows who may share a value; null without one."""
    return _mark(rule, **rule.parameters)


def _mark(rule: Rule, fold: str = "exact", exact_columns: tuple[str, ...] = ()) -> str:
    present = " AND ".join(f"{name} IS NOT NULL" for name in (*exact_columns, *rule.columns))
    content = _folded(rule.columns, fold)
    if exact_columns:
        # Punctuation is not set aside here: translating costs as much as all the rest.
        content = ", ".join([*exact_columns, *(f"strip_accents(upper(left({name}, 1)))" for name in rule.columns)])
    return f'CASE WHEN {present} THEN hash({content}) END AS "{rule.id}"'


def _folded(columns: Sequence[str], fold: str) -> str:
    return ", ".join(_fold(fold, name) for name in columns)


@set_kind()
def several_identities(rule: Rule) -> str:
    """One number, several civil identities: the columns differ between lines of the same professional."""
    return f"""
        WITH valued AS (SELECT record_key, row_id, hash({_folded(rule.columns, "name")}) AS h FROM professional
                        WHERE professional_id IN
                            (SELECT person_key FROM crowded_lines GROUP BY person_key
                             HAVING min(person_content) <> max(person_content)))
        SELECT record_key, min(row_id) AS row_id FROM valued
        GROUP BY record_key HAVING min(h) <> max(h)"""


@set_kind()
def repeated_line(rule: Rule) -> str:
    """The same situation stands on several lines; every line but the first is reported."""
    values = ", ".join(rule.columns)
    return f"""
        WITH valued AS (SELECT record_key, row_id, hash(person_key, {values}) AS h FROM situation
                        WHERE row_id IN (FROM twin_lines)),
        repeated AS (SELECT h, min(row_id) AS first_row FROM valued GROUP BY h HAVING count(*) > 1)
        SELECT record_key, row_id FROM valued JOIN repeated USING (h) WHERE row_id > first_row"""


@set_kind()
def overlapping_twin(rule: Rule) -> str:
    """Two different situations of one professional in one establishment overlap; the later begun one is reported."""
    return """
        WITH dated AS (
            SELECT record_key, row_id, person_key, finess, coalesce(start_date, DATE '1900-01-01') AS first_day,
                   CASE WHEN is_open THEN DATE '9999-12-31' ELSE coalesce(end_date, DATE '9999-12-31') END AS last_day,
                   hash(role, profession, start_date, end_date) AS content
            FROM situation WHERE finess IS NOT NULL AND row_id IN (FROM twin_lines)
        )
        SELECT b.record_key, min(b.row_id) AS row_id FROM dated a JOIN dated b USING (person_key, finess)
        WHERE a.content <> b.content AND (a.first_day, a.row_id) < (b.first_day, b.row_id) AND b.first_day <= a.last_day
        GROUP BY b.record_key"""


@set_kind()
def none_open(rule: Rule) -> str:
    """No situation of the professional is active on the day of the data, and none is to begin."""
    return """
        SELECT person_key AS record_key, row_id FROM people
        WHERE NOT working AND person_key NOT IN
            (SELECT person_key FROM situation
             WHERE start_date > $as_of AND coalesce(is_open, end_date IS NULL OR end_date >= $as_of))"""


@set_kind()
def request_beside_another(rule: Rule) -> str:
    """A situation is requested while another request of the same professional waits (slide: one at a time)."""
    return """
        WITH waiting AS (SELECT person_key FROM situation WHERE pending_request_date IS NOT NULL
                         GROUP BY person_key HAVING count(*) > 1)
        SELECT record_key, row_id FROM situation
        WHERE pending_request_date IS NOT NULL AND person_key IN (FROM waiting)"""


# --- against another file ---------------------------------------------------------------------------------------------


@set_kind()
def exists_in(rule: Rule, source: str, source_column: str) -> str:
    """The value is not to be found in the other file."""
    return f"""
        SELECT record_key, row_id FROM {rule.table}
        WHERE {rule.column} IS NOT NULL AND {rule.column} NOT IN
            (SELECT {source_column} FROM {view_name(source)} WHERE {source_column} IS NOT NULL)"""


@set_kind()
def disagrees_with(rule: Rule, source: str, on: list[str], source_column: str, fold: str = "exact") -> str:
    """The other file knows the record (same `on`) and gives only other values for the column."""
    keys, mine = ", ".join(on), _fold(fold, rule.column)
    joined = " AND ".join(f"m.{name} = o.{name}" for name in on)
    return f"""
        WITH other AS (SELECT {keys}, list(DISTINCT {_fold(fold, source_column)}) AS told FROM {view_name(source)}
                       WHERE {source_column} IS NOT NULL GROUP BY {keys})
        SELECT m.record_key, m.row_id FROM {rule.table} m JOIN other o ON {joined}
        WHERE m.{rule.column} IS NOT NULL AND NOT list_contains(o.told, {mine.replace(rule.column, "m." + rule.column)})
        {"AND m.active" if rule.table == "situation" else ""}"""


@set_kind()
def missing_from(
    rule: Rule,
    source: str,
    on: list[str],
    min_days: int = 0,
    shared_column: str = "",
    national_profession: str = "",
) -> str:
    """An active record begun at least `min_days` ago that the other file does not hold.

    `shared_column`: only records whose value of it the other file knows. `national_profession`: only records of that
    "Code profession" (99: professionnels à rôle, JDV_J122), for a file that also lists those the orders register.
    """
    joined = " AND ".join(f"m.{name} = o.{name}" for name in on)
    shared = f"AND m.{shared_column} IN (SELECT {shared_column} FROM {view_name(source)})" if shared_column else ""
    of_role = f"AND m.national_profession = '{national_profession}'" if national_profession else ""
    present = " AND ".join(f"m.{name} IS NOT NULL" for name in on)
    return f"""
        SELECT m.record_key, m.row_id FROM situation m
        WHERE m.active AND {present} {shared} {of_role}
          AND coalesce(m.start_date, DATE '1900-01-01') <= $as_of - INTERVAL {int(min_days)} DAY
          AND NOT EXISTS (SELECT 1 FROM {view_name(source)} o WHERE {joined})"""


@set_kind("finess", since=True)
def closed_establishment(rule: Rule) -> str:
    """Active in an establishment that FINESS says closed."""
    return """
        SELECT s.record_key, s.row_id, min(f.closed_on) AS since FROM situation s JOIN finess f USING (finess)
        WHERE s.active AND f.closed_on < $as_of GROUP BY ALL"""


@set_kind("rh", since=True)
def left_according_to_roster(rule: Rule) -> str:
    """Active without an end date, while the HR roster knows the person (same RPPS number, or same name, first name and
    birth date) and says they left this establishment, with no contract going on there."""
    return f"""
        WITH {_ROSTER_MATCH}, ended AS (
            SELECT row_id, max(end_date) AS since, bool_or(end_date IS NULL OR end_date >= $as_of) AS goes_on
            FROM matched GROUP BY row_id
        )
        SELECT s.record_key, s.row_id, e.since FROM situation s JOIN ended e USING (row_id)
        WHERE s.active AND s.end_date IS NULL AND NOT e.goes_on"""


@set_kind("rh")
def absent_from_roster(rule: Rule) -> str:
    """Active in an establishment that the HR roster covers, without anybody there matching the person."""
    return f"""
        WITH {_ROSTER_MATCH}
        SELECT record_key, row_id FROM situation
        WHERE active AND finess IN (SELECT finess FROM rh) AND row_id NOT IN (SELECT row_id FROM matched)"""


@set_kind("cartes")
def card_of_departed(rule: Rule) -> str:
    """A card still valid on the day of the data for somebody without any active situation."""
    return f"""
        SELECT record_key, row_id FROM ({none_open(rule)})
        WHERE record_key IN (SELECT professional_id FROM cartes
                             WHERE (valid_to IS NULL OR valid_to >= $as_of) AND opposed_on IS NULL)"""


@set_kind("mssante")
def mailbox_of_departed(rule: Rule) -> str:
    """A personal MSSanté mailbox of somebody without any active situation."""
    return f"""
        SELECT record_key, row_id FROM ({none_open(rule)})
        WHERE record_key IN (SELECT professional_id FROM mssante WHERE mailbox_type = 'PER')"""


@set_kind("annuaire-public")
def published_contact(rule: Rule, source_column: str, fold: str = "lower") -> str:
    """The private contact data of a professional stand in the public extract (slide: they are not published)."""
    mine, theirs = _fold(fold, "p." + rule.column), _fold(fold, "o." + source_column)
    return f"""
        SELECT DISTINCT p.record_key, p.row_id FROM professional p JOIN annuaire_public o USING (professional_id)
        WHERE {mine} = {theirs} AND {mine} <> ''"""


_ROSTER_MATCH = f"""identity AS (
            SELECT row_id, finess, pp_id, birth_date, hash({_FOLDS["name"].format(c="birth_name")},
                   {_FOLDS["name"].format(c="split_part(first_names, ',', 1)")}, birth_date) AS who
            FROM situation WHERE active
        ), roster AS (
            SELECT finess, pp_id, end_date, hash({_FOLDS["name"].format(c="birth_name")},
                   {_FOLDS["name"].format(c="split_part(first_name, ',', 1)")}, birth_date) AS who,
                   birth_name IS NOT NULL AND first_name IS NOT NULL AND birth_date IS NOT NULL AS complete FROM rh
        ), matched AS (
            SELECT i.row_id, r.end_date FROM identity i JOIN roster r ON i.finess = r.finess AND i.pp_id = r.pp_id
            UNION ALL
            SELECT i.row_id, r.end_date FROM identity i JOIN roster r ON i.finess = r.finess AND i.who = r.who
            WHERE r.pp_id IS NULL AND r.complete
        )"""


def _fold(fold: str, column: str) -> str:
    if fold not in _FOLDS:
        raise UsageError(f"Comparaison inconnue « {fold} ». Possibles : {', '.join(_FOLDS)}.")
    return _FOLDS[fold].format(c=column)
