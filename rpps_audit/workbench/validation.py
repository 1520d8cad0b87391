"""The rules of the catalogue, on one record being edited: the same pandera schema, the same verdict as an audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from rpps_audit.checks import Catalogue, broken_rows, build_schema
from rpps_audit.checks.kinds import Context, kind_of
from rpps_audit.workbench.table import Faults


class RecordRules:
    """Judges a record of the columns it was built for. Rules that compare records wait for the next audit.

    Call it with a one-row frame: it answers the titles of the broken rules, by the column they point at.
    """

    def __init__(self, catalogue: Catalogue, columns: Iterable[str], as_of: date) -> None:
        carried = frozenset(columns)
        judged = [
            rule
            for rule in catalogue
            if rule.enabled and kind_of(rule).of_rows and kind_of(rule).reads(rule) <= carried
        ]
        self._rules = {rule.id: rule for rule in judged}
        self._schema = build_schema(judged, Context(as_of, catalogue.references), "record")

    def __call__(self, record: pl.DataFrame) -> Faults:
        """Column to what is wrong with it."""
        faults: dict[str, list[str]] = {}
        for rule_id in broken_rows(self._schema, record):
            rule = self._rules[rule_id]
            faults.setdefault(rule.column, []).append(f"{rule.title.rstrip('.')}.")
        return faults
