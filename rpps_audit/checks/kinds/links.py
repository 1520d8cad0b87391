"""Numbers that a file declares to be one person's: the column « Autres identifiants » (`number,type,flag;…`)."""

from __future__ import annotations

import duckdb

# Beside each number of a person, the one kept: the registry's, if any.
_LINKED = """
    CREATE OR REPLACE TEMP TABLE linked AS
    WITH told AS (SELECT DISTINCT professional_id, other_ids FROM lines
                  WHERE other_ids IS NOT NULL AND professional_id IS NOT NULL),
    numbers AS (SELECT professional_id, trim(split_part(other, ',', 1)) AS number
                FROM told, unnest(string_split(other_ids, ';')) u(other)
                UNION SELECT professional_id, professional_id FROM told)
    SELECT professional_id, coalesce(min(number) FILTER (starts_with(number, '8')), min(number)) AS person
    FROM numbers GROUP BY professional_id"""


def link_numbers(reader: duckdb.DuckDBPyConnection) -> None:
    """The table `linked` [professional_id, person]."""
    reader.execute(_LINKED)
