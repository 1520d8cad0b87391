"""Lists that a person edits (`rules/lists/`): service mailboxes, names typed to fill a box, disposable domains."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rpps_audit.reference.root import rules_root

_MISTYPED = "email-domains"


@dataclass(frozen=True)
class Lists:
    """Entries by name of list."""

    entries: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The lists there are."""
        return tuple(sorted(self.entries))

    def __getitem__(self, name: str) -> tuple[str, ...]:
        """The entries of a list."""
        return self.entries[name]


def load_lists(workspace: Path | None = None) -> Lists:
    """The lists shipped, and those of a workspace's own `rules/lists/`, which replace them name by name.

    One entry a line, `#` begins a remark. The domains that `corrections/email-domains.toml` mends are one more.
    """
    folders = [rules_root(), *([workspace / "rules"] if workspace else [])]
    found = {path.stem: _read(path) for folder in folders for path in sorted((folder / "lists").glob("*.txt"))}
    for folder in folders:
        path = folder / "corrections" / f"{_MISTYPED}.toml"
        if path.is_file():
            found[_MISTYPED] = tuple(f"@{typed}" for typed in tomllib.loads(path.read_text("utf-8"))["domains"])
    return Lists(found)


def _read(path: Path) -> tuple[str, ...]:
    lines = (line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line)
