"""The kind that tells a column damaged by a spreadsheet: one finding for each file, however many cells were hit."""

from __future__ import annotations

from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.rule import Rule


def _damaged(rule: Rule) -> str:
    """The finding stands on the first damaged line; on the next one that was kept when that line was rejected."""
    first = f"""SELECT snapshot_id, min(coalesce(first_line, 0)) AS first_line FROM damaged_columns
                WHERE "column" = '{rule.column}' GROUP BY snapshot_id"""
    lines = f"""SELECT min(s.row_id) AS row_id FROM situation s JOIN ({first}) d USING (snapshot_id)
                WHERE s.line >= d.first_line GROUP BY snapshot_id"""
    if rule.table == "situation":
        return lines
    return f"""SELECT min(p.row_id) AS row_id FROM ({lines}) l JOIN situation s USING (row_id)
               JOIN professional p ON p.record_key = s.person_key GROUP BY p.record_key"""


def _filled(rule: Rule) -> str:
    return f"SELECT row_id FROM {rule.table} WHERE {rule.column} IS NOT NULL UNION {_damaged(rule)}"


KINDS = (
    Kind(
        "damaged_column",
        "un tableur a abîmé la colonne : zéros de tête, dates ou chiffres perdus, rétablis ou non",
        query=_damaged,
        population=_filled,
        # What a spreadsheet took is what it looks for: it is evaluable whatever the share of cells that are lost.
        points_only=True,
    ),
)
