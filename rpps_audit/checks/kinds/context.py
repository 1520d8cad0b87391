"""What a rule is judged against besides its own record: a day, the access matrix and the nomenclatures in force."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from rpps_audit.reference import (
    AccessMatrix,
    Lists,
    Nomenclature,
    Nomenclatures,
    load_access,
    load_lists,
    load_nomenclatures,
)


@dataclass(frozen=True)
class References:
    """The access matrix, the nomenclatures and the lists in force in a workspace; by default, those shipped."""

    access: AccessMatrix = field(default_factory=load_access)
    nomenclatures: Nomenclatures = field(default_factory=load_nomenclatures)
    lists: Lists = field(default_factory=load_lists)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the matrix, a nomenclature or a list does, whatever its version says of itself."""
        told = [self.access.version, self.access.grants.write_csv()]
        for one in self.nomenclatures.every:
            told += [one.name, one.version, str(one.in_force_from), str(one.complete), one.frame.write_csv()]
        told += [f"{name} {entry}" for name in self.lists.names for entry in self.lists[name]]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Context:
    """The day of the judgement, and the references in force."""

    as_of: date
    references: References = field(default_factory=References)

    @property
    def access(self) -> AccessMatrix:
        """The grants in force."""
        return self.references.access

    def nomenclature(self, name: str) -> Nomenclature:
        """The version in force on the day."""
        return self.references.nomenclatures.at(name, self.as_of)
