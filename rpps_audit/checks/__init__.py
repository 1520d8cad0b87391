"""The rule catalogue, the pandera schemas built from it, and the findings they give.

What runs the checks (pandera) is imported when it is used: reading rules or findings does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rpps_audit.checks.catalogue import CATEGORIES, SEVERITIES, Catalogue, load_catalogue, parse_rule
from rpps_audit.checks.findings import (
    OPEN_STATES,
    PRESENT_STATES,
    STATES,
    findings,
    open_findings,
    state_runs,
    tolerate,
    worst,
)
from rpps_audit.checks.rule import Rule

if TYPE_CHECKING:
    from rpps_audit.checks.examples import run_examples
    from rpps_audit.checks.run import Run, check_kind, check_state
    from rpps_audit.checks.schemas import broken_rows, build_schema

_LATE = {
    "run_examples": "examples",
    "Run": "run",
    "check_kind": "run",
    "check_state": "run",
    "broken_rows": "schemas",
    "build_schema": "schemas",
}

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
    "worst",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
