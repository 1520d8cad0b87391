"""Acts without a card that a reader of the journal must find: audits, tolerances, settings, deletions, exports."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rpps_audit.journal.canonical import canonical_json, sha256_hex
from rpps_audit.journal.chain import FILE_NAME, Entry, Journal

SETTINGS_CHANGED = "settings-changed"
# What changes how a workspace judges, sends, trusts or reads; managers.toml has its own entries.
_SETTINGS_FILES = ("rpps-audit.toml", "rh.toml", "rules/**/*", "layouts/**/*", "correspondances/**/*")


def account() -> str:
    """Who acts, where no card says it: the account of this machine."""
    try:
        return f"compte:{getpass.getuser()}"
    except (KeyError, OSError):
        return "compte:inconnu"


def note(workspace: Path, event: str, data: Mapping[str, Any], author: str = "") -> Entry:
    """Add one act to the workspace's journal; `data` has ids, keys, counts and hashes, never a value."""
    return Journal(workspace / FILE_NAME).append(event, dict(data), author or account())


def note_settings(workspace: Path, safety: Mapping[str, Any]) -> Entry | None:
    """Journal the settings when they differ from the last that the journal knows; `safety` is written in clear.

    Whoever edits a file is not known: the account that first used the change is written.
    """
    files = {
        str(path.relative_to(workspace)): sha256_hex(path.read_bytes())
        for pattern in _SETTINGS_FILES
        for path in sorted(workspace.glob(pattern))
        if path.is_file()
    }
    now = {"files": files, "safety": dict(safety)}
    last = None
    for entry in Journal(workspace / FILE_NAME).entries():
        if entry.event == SETTINGS_CHANGED:
            last = entry.data
    if last is None and not files:
        return None
    if last is not None and canonical_json({name: last[name] for name in now}) == canonical_json(now):
        return None
    before: Mapping[str, str] = {} if last is None else last["files"]
    changed = sorted(name for name in {*files, *before} if files.get(name) != before.get(name))
    return note(workspace, SETTINGS_CHANGED, {**now, "changed": changed})
