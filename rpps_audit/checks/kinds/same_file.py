"""Kinds that compare the lines of one person with each other."""

from __future__ import annotations

from rpps_audit.checks.kinds.folds import all_folded
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE
from rpps_audit.records.keys import AMBIGUOUS, UNNUMBERED

# Nobody at work on the day, nor about to begin.
DEPARTED = """
        SELECT row_id, person_key FROM people
        WHERE NOT working AND person_key NOT IN
            (SELECT person_key FROM situation
             WHERE start_date > $as_of AND coalesce(is_open, end_date IS NULL OR end_date >= $as_of))"""


def _several_identities(rule: Rule) -> str:
    return f"""
        WITH valued AS (SELECT professional_id, row_id, hash({all_folded(rule.columns, "name")}) AS h FROM professional
                        WHERE professional_id IN
                            (SELECT person_key FROM crowded_lines GROUP BY person_key
                             HAVING min(person_content) <> max(person_content)))
        SELECT min(row_id) AS row_id FROM valued GROUP BY professional_id HAVING min(h) <> max(h)"""


def _numbered(rule: Rule) -> str:
    return f"""
        SELECT row_id FROM people
        WHERE NOT starts_with(person_key, '{UNNUMBERED}') AND NOT starts_with(person_key, '{AMBIGUOUS}')"""


def _repeated_line(rule: Rule) -> str:
    """Every line but the first is reported."""
    values = ", ".join(rule.columns)
    return f"""
        WITH valued AS (SELECT row_id, hash(person_key, {values}) AS h FROM situation
                        WHERE row_id IN (FROM twin_lines)),
        repeated AS (SELECT h, min(row_id) AS first FROM valued GROUP BY h HAVING count(*) > 1)
        SELECT row_id FROM valued JOIN repeated USING (h) WHERE row_id > first"""


def _every_line(rule: Rule) -> str:
    return "SELECT row_id FROM lines"


def _overlapping_twin(rule: Rule) -> str:
    """The later begun of the two is reported."""
    return """
        WITH dated AS (
            SELECT record_key, row_id, person_key, finess, coalesce(start_date, DATE '1900-01-01') AS first_day,
                   CASE WHEN is_open THEN DATE '9999-12-31' ELSE coalesce(end_date, DATE '9999-12-31') END AS last_day,
                   hash(role, profession, start_date, end_date) AS content
            FROM situation WHERE finess IS NOT NULL AND row_id IN (FROM twin_lines)
        )
        SELECT min(b.row_id) AS row_id FROM dated a JOIN dated b USING (person_key, finess)
        WHERE a.content <> b.content AND (a.first_day, a.row_id) < (b.first_day, b.row_id) AND b.first_day <= a.last_day
        GROUP BY b.record_key"""


def _placed(rule: Rule) -> str:
    return "SELECT row_id FROM lines WHERE finess IS NOT NULL"


def _everybody(rule: Rule) -> str:
    return "SELECT row_id FROM people"


def _none_open(rule: Rule) -> str:
    return f"SELECT row_id FROM ({DEPARTED})"


def _request_beside_another(rule: Rule) -> str:
    """Slide: one request at a time."""
    return """
        WITH waiting AS (SELECT person_key FROM situation WHERE pending_request_date IS NOT NULL
                         GROUP BY person_key HAVING count(*) > 1)
        SELECT row_id FROM situation WHERE pending_request_date IS NOT NULL AND person_key IN (FROM waiting)"""


def _waiting(rule: Rule) -> str:
    return "SELECT row_id FROM lines WHERE pending_request_date IS NOT NULL"


KINDS = (
    Kind(
        "several_identities",
        "un même numéro porte des valeurs différentes d'une ligne à l'autre",
        many=True,
        tables=("professional",),
        query=_several_identities,
        population=_numbered,
        always=("professional_id",),
    ),
    Kind(
        "repeated_line",
        "la même situation figure sur plusieurs lignes",
        many=True,
        tables=("situation",),
        query=_repeated_line,
        population=_every_line,
    ),
    Kind(
        "overlapping_twin",
        "deux situations d'une personne se recouvrent dans un établissement",
        tables=("situation",),
        query=_overlapping_twin,
        population=_placed,
        always=("finess",),
    ),
    Kind(
        "none_open",
        "la personne n'a aucune situation active ni à venir",
        tables=("professional",),
        query=_none_open,
        population=_everybody,
    ),
    Kind(
        "request_beside_another",
        "deux demandes de la même personne attendent ensemble",
        accepts=DATE,
        tables=("situation",),
        query=_request_beside_another,
        population=_waiting,
        always=("pending_request_date",),
    ),
)
