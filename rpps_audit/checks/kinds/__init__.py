"""The kinds of rule, as values, and what a rule asks of its kind."""

from rpps_audit.checks.kinds.context import Context, References
from rpps_audit.checks.kinds.judge import (
    alike,
    explain,
    faults,
    given_day,
    looked_at,
    looks_at_everybody,
    population,
    prepare,
    query,
    since,
    violation,
)
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.registry import KINDS, kind_of

__all__ = [
    "KINDS",
    "Context",
    "Kind",
    "References",
    "alike",
    "explain",
    "faults",
    "given_day",
    "kind_of",
    "looked_at",
    "looks_at_everybody",
    "population",
    "prepare",
    "query",
    "since",
    "violation",
]
