"""The operator (FINESS juridique) above each establishment: one answer for every room."""

from __future__ import annotations


def operators(files: str) -> str:
    """SQL: what the FINESS files among `files` (an SQL list or query of snapshot ids) say [finess, finess_legal].

    Of several files the last loaded wins: it is the latest delivery of the national directory.
    """
    return f"""SELECT finess, arg_max(finess_legal, snapshot_id) AS finess_legal FROM establishments
               WHERE finess IS NOT NULL AND snapshot_id IN ({files}) GROUP BY finess"""
