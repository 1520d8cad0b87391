"""Kinds that learn from another file that a person or an establishment is gone."""

from __future__ import annotations

from rpps_audit.checks.kinds.folds import folded
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.same_file import DEPARTED
from rpps_audit.checks.rule import Rule

# By RPPS number, else by name, first name and birth date, in the same establishment.
_ROSTER_MATCH = f"""identity AS (
            SELECT row_id, finess, pp_id, hash({folded("birth_name", "name")},
                   {folded("split_part(first_names, ',', 1)", "name")}, birth_date) AS who
            FROM situation WHERE active
        ), roster AS (
            SELECT finess, pp_id, end_date, hash({folded("birth_name", "name")},
                   {folded("split_part(first_name, ',', 1)", "name")}, birth_date) AS who,
                   birth_name IS NOT NULL AND first_name IS NOT NULL AND birth_date IS NOT NULL AS complete FROM rh
        ), matched AS (
            SELECT i.row_id, r.end_date FROM identity i JOIN roster r ON i.finess = r.finess AND i.pp_id = r.pp_id
            UNION ALL
            SELECT i.row_id, r.end_date FROM identity i JOIN roster r ON i.finess = r.finess AND i.who = r.who
            WHERE r.pp_id IS NULL AND r.complete
        )"""
_BY_IDENTITY = (frozenset({"pp_id"}), frozenset({"birth_name", "first_name", "birth_date"}))
_VALID_CARD = (
    "(SELECT professional_id FROM cartes WHERE (valid_to IS NULL OR valid_to >= $as_of) AND opposed_on IS NULL)"
)
_OWN_MAILBOX = "(SELECT professional_id FROM mssante WHERE mailbox_type = 'PER')"


def _closed_establishment(rule: Rule) -> str:
    return """
        SELECT s.row_id, min(f.closed_on) AS since FROM situation s JOIN finess f USING (finess)
        WHERE s.active AND f.closed_on < $as_of AND coalesce(s.national_profession, '99') = '99' GROUP BY s.row_id"""


def _in_known_establishment(rule: Rule) -> str:
    return "SELECT row_id FROM situation WHERE active AND finess IN (SELECT finess FROM finess)"


def _left_according_to_roster(rule: Rule) -> str:
    """No contract going on there."""
    return f"""
        WITH {_ROSTER_MATCH}, ended AS (
            SELECT row_id, max(end_date) AS since, bool_or(end_date IS NULL OR end_date >= $as_of) AS goes_on
            FROM matched GROUP BY row_id
        )
        SELECT s.row_id, e.since FROM situation s JOIN ended e USING (row_id)
        WHERE s.active AND s.end_date IS NULL AND NOT e.goes_on"""


def _known_to_roster(rule: Rule) -> str:
    return f"""
        WITH {_ROSTER_MATCH}
        SELECT row_id FROM situation WHERE active AND end_date IS NULL AND row_id IN (SELECT row_id FROM matched)"""


def _absent_from_roster(rule: Rule) -> str:
    return f"""
        WITH {_ROSTER_MATCH}
        SELECT row_id FROM situation
        WHERE active AND finess IN (SELECT finess FROM rh) AND row_id NOT IN (SELECT row_id FROM matched)"""


def _where_roster_reaches(rule: Rule) -> str:
    return "SELECT row_id FROM situation WHERE active AND finess IN (SELECT finess FROM rh)"


def _card_of_departed(rule: Rule) -> str:
    return f"SELECT row_id FROM ({DEPARTED}) WHERE person_key IN {_VALID_CARD}"


def _card_holders(rule: Rule) -> str:
    return f"SELECT row_id FROM people WHERE person_key IN {_VALID_CARD}"


def _mailbox_of_departed(rule: Rule) -> str:
    return f"SELECT row_id FROM ({DEPARTED}) WHERE person_key IN {_OWN_MAILBOX}"


def _mailbox_holders(rule: Rule) -> str:
    return f"SELECT row_id FROM people WHERE person_key IN {_OWN_MAILBOX}"


KINDS = (
    Kind(
        "closed_establishment",
        "la situation est active dans un établissement fermé",
        tables=("situation",),
        query=_closed_establishment,
        population=_in_known_establishment,
        gives_since=True,
        sources=("finess",),
        source_columns=("finess", "closed_on"),
        always=("finess",),
        points_only=True,
    ),
    Kind(
        "left_according_to_roster",
        "la personne est partie selon les ressources humaines",
        tables=("situation",),
        query=_left_according_to_roster,
        population=_known_to_roster,
        gives_since=True,
        sources=("rh",),
        source_columns=("finess", "end_date"),
        tells_people_by=_BY_IDENTITY,
        always=("finess",),
        # A file without end dates lacks the very date that the roster gives.
        points_only=True,
    ),
    Kind(
        "absent_from_roster",
        "la personne n'est pas dans la liste de l'établissement",
        tables=("situation",),
        query=_absent_from_roster,
        population=_where_roster_reaches,
        sources=("rh",),
        source_columns=("finess",),
        tells_people_by=_BY_IDENTITY,
        always=("finess",),
    ),
    Kind(
        "card_of_departed",
        "une carte reste valide sans situation",
        tables=("professional",),
        query=_card_of_departed,
        population=_card_holders,
        sources=("cartes",),
        always=("professional_id",),
    ),
    Kind(
        "mailbox_of_departed",
        "une boîte MSSanté nominative reste publiée sans situation",
        tables=("professional",),
        query=_mailbox_of_departed,
        population=_mailbox_holders,
        sources=("mssante",),
        always=("professional_id",),
    ),
)
