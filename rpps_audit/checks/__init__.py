"""The rule catalogue, the pandera schemas built from it, and the findings they give."""

from rpps_audit.checks.catalogue import CATEGORIES, SEVERITIES, Catalogue, load_catalogue, parse_rule
from rpps_audit.checks.examples import run_examples
from rpps_audit.checks.findings import (
    OPEN_STATES,
    REGISTRATION_KINDS,
    STATES,
    findings,
    latest_runs,
    open_findings,
    primary_runs,
    tolerate,
)
from rpps_audit.checks.rule import Rule
from rpps_audit.checks.run import Run, run_checks
from rpps_audit.checks.schemas import broken_rows, build_schema

__all__ = [
    "CATEGORIES",
    "OPEN_STATES",
    "REGISTRATION_KINDS",
    "SEVERITIES",
    "STATES",
    "Catalogue",
    "Rule",
    "Run",
    "broken_rows",
    "build_schema",
    "findings",
    "latest_runs",
    "load_catalogue",
    "open_findings",
    "parse_rule",
    "primary_runs",
    "run_checks",
    "run_examples",
    "tolerate",
]
