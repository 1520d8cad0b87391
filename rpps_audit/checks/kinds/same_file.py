"""Kinds that compare the lines of one person with each other."""

from __future__ import annotations

from collections.abc import Sequence

from rpps_audit.checks.kinds.folds import folded
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import COUNT, FOLD, OF_PROFESSION, Parameter, columns
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import DATE
from rpps_audit.records.keys import AMBIGUOUS, UNNUMBERED

# Nobody at work on the day, nor about to begin.
DEPARTED = """
        SELECT row_id, person_key FROM people
        WHERE NOT working AND person_key NOT IN
            (SELECT person_key FROM situation
             WHERE start_date > $as_of AND coalesce(is_open, end_date IS NULL OR end_date >= $as_of))"""


# Lines that say of one person what others do not.
_DIFFERING = """(SELECT person_key FROM crowded_lines GROUP BY person_key
                             HAVING min(person_content) <> max(person_content))"""


def _several_identities(rule: Rule) -> str:
    """An empty cell says nothing; of first names, the first is compared: the others are often left out."""
    compared = [
        folded("split_part(first_names, ',', 1)" if name == "first_names" else name, "name") for name in rule.columns
    ]
    return _several(compared)


def _several_values(rule: Rule, fold: str) -> str:
    return _several([folded(rule.column, fold)])


def _several(compared: list[str]) -> str:
    return f"""
        SELECT min(row_id) AS row_id FROM professional WHERE professional_id IN {_DIFFERING}
        GROUP BY professional_id HAVING {" OR ".join(f"min({value}) <> max({value})" for value in compared)}"""


def _numbered_with(rule: Rule, fold: str) -> str:
    return f"SELECT row_id FROM professional WHERE professional_id IS NOT NULL AND {rule.column} IS NOT NULL"


def _numbered(rule: Rule) -> str:
    return f"""
        SELECT row_id FROM people
        WHERE NOT starts_with(person_key, '{UNNUMBERED}') AND NOT starts_with(person_key, '{AMBIGUOUS}')"""


def _repeated_line(rule: Rule, dates: Sequence[str], of_profession: str) -> str:
    """Every line but the first is reported."""
    values = ", ".join([*rule.columns, *dates])
    of_role = f"AND coalesce(national_profession, '{of_profession}') = '{of_profession}'" if of_profession else ""
    return f"""
        WITH valued AS (SELECT row_id, hash(person_key, {values}) AS h FROM situation
                        WHERE row_id IN (FROM twin_lines) {of_role}),
        repeated AS (SELECT h, min(row_id) AS first FROM valued GROUP BY h HAVING count(*) > 1)
        SELECT row_id FROM valued JOIN repeated USING (h) WHERE row_id > first"""


def _every_line(rule: Rule, dates: Sequence[str], of_profession: str) -> str:
    return "SELECT row_id FROM lines"


def _overlapping_twin(rule: Rule) -> str:
    """The later begun of the two is reported."""
    return """
        WITH dated AS (
            SELECT record_key, row_id, person_key, finess, coalesce(start_date, DATE '1900-01-01') AS first_day,
                   -- Still open past its end, it goes on; an end to come is one.
                   CASE WHEN is_open AND end_date < $as_of THEN DATE '9999-12-31'
                        ELSE coalesce(end_date, DATE '9999-12-31') END AS last_day,
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


def _reason_missing(rule: Rule) -> str:
    """Not due before the end, nor when the next contract follows at once: the same day or the day after."""
    return """
        SELECT row_id FROM situation e
        WHERE e.end_reason IS NULL AND e.end_date < $as_of
          AND NOT EXISTS (SELECT 1 FROM crowded_lines n
                          WHERE n.person_key = e.person_key AND n.finess = e.finess AND n.row_id <> e.row_id
                            AND n.start_date BETWEEN e.end_date AND e.end_date + INTERVAL 1 DAY)"""


def _ended(rule: Rule) -> str:
    return "SELECT row_id FROM situation WHERE end_date < $as_of"


def _active_after_death(rule: Rule) -> str:
    """TRE_R25: DCD."""
    return """
        SELECT s.row_id, d.since FROM situation s JOIN
            (SELECT person_key, min(coalesce(end_date, $as_of)) AS since FROM situation
             WHERE end_reason = 'DCD' GROUP BY 1) d USING (person_key)
        WHERE s.active"""


def _active(rule: Rule) -> str:
    return "SELECT row_id FROM situation WHERE active"


def _many_sites(rule: Rule, max_sites: int) -> str:
    return f"""
        SELECT row_id FROM people WHERE person_key IN
            (SELECT person_key FROM situation WHERE active AND row_id IN (SELECT row_id FROM crowded_lines)
             GROUP BY person_key HAVING count(DISTINCT finess) > {max_sites})"""


def _people(rule: Rule, max_sites: int) -> str:
    return "SELECT row_id FROM people"


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
        "several_values",
        "un même numéro porte plusieurs valeurs de la colonne, cellules vides mises à part",
        (Parameter("fold", FOLD, "comment deux textes se comparent", "exact"),),
        tables=("professional",),
        query=_several_values,
        population=_numbered_with,
        always=("professional_id",),
    ),
    Kind(
        "reason_missing",
        "la situation est finie, sans motif, et aucun contrat ne suit aussitôt",
        tables=("situation",),
        query=_reason_missing,
        population=_ended,
        always=("end_date", "end_reason"),
    ),
    Kind(
        "active_after_death",
        "une situation est active alors qu'une autre a pris fin par décès",
        tables=("situation",),
        query=_active_after_death,
        population=_active,
        gives_since=True,
        always=("end_reason",),
        points_only=True,
    ),
    Kind(
        "many_sites",
        "la personne est active dans trop d'établissements",
        (Parameter("max_sites", COUNT, "le nombre d'établissements admis"),),
        tables=("professional",),
        query=_many_sites,
        population=_people,
        always=("finess",),
    ),
    Kind(
        "repeated_line",
        "la même situation figure sur plusieurs lignes",
        (
            Parameter("dates", columns(DATE), "les dates comparées aussi, si le fichier les porte", (), carried=False),
            Parameter(
                "of_profession",
                OF_PROFESSION,
                "cette profession nationale ou aucune, si le fichier la porte",
                "",
                carried=False,
            ),
        ),
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
