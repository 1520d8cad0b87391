"""Pseudonyms of record keys: stable in a workspace, meaningless outside it.

A registry number is short enough to be guessed by trying them all, so a plain hash would hide nothing: the label is an
HMAC with a random key that never leaves the workspace (RGPD article 4(5): the additional information is kept apart).
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from rpps_audit.errors import UsageError, system_said

KEY_FILE = ".rpps-audit-cle"
_KEY_BYTES = 32
# 40 bits: two labels of one report meet once in ten million reports, those of two million people once or twice in all.
_LABEL_CHARACTERS = 8


@dataclass(frozen=True)
class Pseudonyms:
    """Labels such as « P-7K3QAC2E », the same for the same value as long as the key is the same."""

    key: bytes = field(repr=False)

    def label(self, value: str, prefix: str = "P") -> str:
        """The label of one value; `prefix` says what kind of thing it stands for, and keeps kinds apart."""
        digest = hmac.digest(self.key, f"{prefix}\0{value}".encode(), "sha256")
        return f"{prefix}-{base64.b32encode(digest)[:_LABEL_CHARACTERS].decode()}"

    def labels(self, values: pl.Series, prefix: str = "P") -> pl.Series:
        """The label of each value, computed once per distinct value; null stays null."""
        distinct = values.drop_nulls().unique()
        shown = pl.Series([self.label(value, prefix) for value in distinct], dtype=pl.String)
        return values.replace_strict(distinct, shown, default=None, return_dtype=pl.String)


def hidden(frame: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """The same table with labels instead of numbers in `professional_id` and `record_key`.

    A situation's key keeps its place and start, which name nobody: `P-7K3QAC2E@690000015#2024-01-01`. The labels are
    those of the reports of the same workspace.
    """
    labelled: list[pl.Series] = []
    for name in {"professional_id", "record_key"} & set(frame.columns):
        person, at, place = (
            frame.select(part.alias(name)).to_series()
            for part in (
                pl.col(name).str.extract("^([^@]*)"),
                pl.col(name).str.extract("^[^@]*(@)").fill_null(""),
                pl.col(name).str.extract("^[^@]*@(.*)$").fill_null(""),
            )
        )
        labelled.append((pseudonyms.labels(person) + at + place).alias(name))
    return frame.with_columns(labelled)


def open_pseudonyms(workspace: Path) -> Pseudonyms:
    """The workspace's pseudonyms; the key is drawn at first use and kept in KEY_FILE, mode 0600.

    A damaged key is never replaced: new labels would not match those of the reports already handed out. Raises
    UsageError when the key cannot be read or written, is damaged, or is readable by others.
    """
    path = workspace / KEY_FILE
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _draw(path)
        mode, text = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise UsageError(f"La clé des pseudonymes {path} ne peut pas être utilisée : {system_said(error)}.") from error
    if os.name == "posix" and mode & 0o077:
        raise UsageError(
            f"La clé des pseudonymes {path} est lisible par d'autres que vous. "
            f"Rendez-la privée (chmod 600 {path.name}) puis recommencez."
        )
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise UsageError(
            f"La clé des pseudonymes {path} est abîmée : {2 * _KEY_BYTES} caractères hexadécimaux étaient attendus. "
            "Remettez la copie sauvegardée ; ou supprimez le fichier, et les pseudonymes changeront tous."
        )
    return Pseudonyms(key)


def _draw(path: Path) -> None:
    """Write a new key whole or not at all; the first of two writers at once wins."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
