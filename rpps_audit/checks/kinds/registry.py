"""Every kind of rule, by name. A new kind is one entry of `KINDS` in one file here, listed below."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rpps_audit.checks.kinds import (
    agreement,
    codes,
    damaged,
    dates,
    departures,
    form,
    other_file,
    presence,
    published,
    same_file,
    shared,
    unreadable,
)
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.rule import Rule
from rpps_audit.errors import UsageError

_FILES = (
    presence,
    form,
    codes,
    dates,
    agreement,
    shared,
    same_file,
    other_file,
    departures,
    published,
    unreadable,
    damaged,
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for file in _FILES for kind in file.KINDS})


def kind_of(rule: Rule) -> Kind:
    """The rule's kind. Raises UsageError for an unknown one."""
    if rule.kind not in KINDS:
        raise UsageError(f"Contrôle {rule.id} : le genre de calcul « {rule.kind} » n'existe pas.")
    return KINDS[rule.kind]
