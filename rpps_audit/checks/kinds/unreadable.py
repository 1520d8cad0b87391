"""The kind that looks for cells which say something that could not be read."""

from __future__ import annotations

from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.rule import Rule


def _unreadable(rule: Rule) -> str:
    """A line that repeats a person is theirs all the same: the finding stands on the person's first line."""
    lost = f"""SELECT s.record_key, s.person_key, s.row_id FROM situation s JOIN unreadable u USING (snapshot_id, line)
               WHERE u."column" = '{rule.column}'"""
    if rule.table == "situation":
        return f"SELECT row_id FROM ({lost})"
    return f"""SELECT min(p.row_id) AS row_id FROM ({lost}) l JOIN professional p ON p.record_key = l.person_key
               GROUP BY p.record_key"""


def _filled(rule: Rule) -> str:
    return f"SELECT row_id FROM {rule.table} WHERE {rule.column} IS NOT NULL UNION {_unreadable(rule)}"


KINDS = (
    Kind(
        "unreadable",
        "la cellule dit quelque chose qui ne se lit pas",
        query=_unreadable,
        population=_filled,
        # What cannot be read is what it looks for: it is evaluable whatever their share.
        points_only=True,
    ),
)
