"""The rule catalogue, the pandera schemas built from it, and the findings they give."""

from rpps_audit.checks.catalogue import CATEGORIES, SEVERITIES, Catalogue, load_catalogue, parse_rule
from rpps_audit.checks.examples import run_examples
from rpps_audit.checks.findings import (
    OPEN_STATES,
    PRESENT_STATES,
    STATES,
    findings,
    open_findings,
    state_runs,
    tolerate,
)
from rpps_audit.checks.rule import Rule
from rpps_audit.checks.run import Run, check_kind, check_state
from rpps_audit.checks.schemas import broken_rows, build_schema

__all__ = [
    "CATEGORIES",
    "OPEN_STATES",
    "PRESENT_STATES",
    "SEVERITIES",
    "STATES",
    "Catalogue",
    "Rule",
    "Run",
    "broken_rows",
    "build_schema",
    "check_kind",
    "check_state",
    "findings",
    "load_catalogue",
    "open_findings",
    "parse_rule",
    "run_examples",
    "state_runs",
    "tolerate",
]
