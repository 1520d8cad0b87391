"""The hash chain: `{seq, at, author, event, data, prev, hash}`, one canonical JSON line each.

`hash` is the SHA-256 of the canonical JSON of the other fields; `prev` is the hash of the line before. A line is on
the disk before `append` returns. A crash can leave at most one unfinished last line: the next `append` sets it aside
in a file of its own and says so in the journal, so nothing is silently lost and nothing half-written is believed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rpps_audit.errors import AuditError, UnreadableInputError
from rpps_audit.journal.canonical import canonical_json, sha256_hex
from rpps_audit.journal.witness import read_head, write_head

FILE_NAME = "journal.jsonl"
_FIRST_PREV = "0" * 64
_FIELDS = {"seq", "at", "author", "event", "data", "prev", "hash"}


KEEP_IT = "Gardez les fichiers tels quels et prévenez le DPO : « rpps-audit journal verify » dit ce qui ne tient pas."


class JournalError(AuditError):
    """The journal is damaged: nothing more is written to it before somebody has looked."""

    exit_code = UnreadableInputError.exit_code


class Anchor(NamedTuple):
    """The head of the chain at one moment, as written in a signed manifest."""

    seq: int
    """Number of the last entry; 0 for an empty journal."""
    hash: str
    """Its hash, 64 hexadecimal digits."""


class Entry(NamedTuple):
    """One event."""

    seq: int
    at: str
    author: str
    event: str
    data: Any
    prev: str
    hash: str


class JournalCheck(NamedTuple):
    """What `Journal.verify` found."""

    entries: int
    """Entries read and found sound, in order, before the first fault if any."""
    head: Anchor
    """The last sound entry."""
    broken_line: int | None
    """Number in the file of the first line that does not hold; None when all hold."""
    reason: str
    """In French, why; empty when the journal is intact."""

    @property
    def intact(self) -> bool:
        """Every link holds, and the anchor, if one was given, is in the chain."""
        return not self.reason


class Journal:
    """The journal in one file, created (mode 0600) by the first `append`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, data: Any, author: str) -> Entry:
        """Add one event and flush it to the disk. Raises JournalError when the end of the journal does not hold."""
        with self._locked() as file:
            last, torn = _read_tail(file, self.path)
            fault, was_finished = self._witness_fault(last), False
            if fault and torn and (kept := read_head(self.path)) and kept.now[0] == last.seq + 1:
                was_finished, fault = True, ""
            if fault:
                # Writing on would hide it: the witness would then name the new line.
                raise JournalError(f"{self.path} : {fault}. Plus rien n'y est écrit. {KEEP_IT}")
            if torn:
                last = self._set_aside(file, last, torn, was_finished)
            return self._write(file, last, event, data, author)

    def _write(self, file: Any, last: Anchor, event: str, data: Any, author: str) -> Entry:
        entry = _entry(last, event, data, author)
        write_head(self.path, (entry.seq, entry.hash), (last.seq, last.hash))
        _put(file, entry)
        write_head(self.path, (entry.seq, entry.hash))
        return entry

    def head(self) -> Anchor:
        """The last entry, to put into a manifest. Raises JournalError when it does not hold or is unfinished."""
        if not self.path.exists():
            return Anchor(0, _FIRST_PREV)
        with self.path.open("rb") as file:
            last, torn = _read_tail(file, self.path)
        if torn:
            raise JournalError(
                f"{self.path} : la dernière ligne est inachevée. La prochaine écriture la mettra de côté."
            )
        return last

    def last_finished(self) -> Anchor:
        """The last finished entry, whatever a crash left after it: what the next line will follow, or come after."""
        if not self.path.exists():
            return Anchor(0, _FIRST_PREV)
        with self.path.open("rb") as file:
            return _read_tail(file, self.path)[0]

    def entries(self) -> Iterator[Entry]:
        """Every entry in order, without checking the chain; an unfinished last line is left out."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                entry, reason = _parse(line)
                if entry is None:
                    raise JournalError(f"{self.path}, ligne {number} : {reason}.")
                yield entry

    def verify(self, anchor: Anchor | None = None) -> JournalCheck:
        """Follow every link, then look for the anchor (the head that a signed manifest names) and the kept head."""
        seen, head, anchored = 0, Anchor(0, _FIRST_PREV), anchor is None or anchor.seq == 0
        for number, line in enumerate(self._lines(), 1):
            entry, reason = _parse(line)
            if entry is not None:
                reason = _link_fault(entry, head) or _cut_fault(entry)
            if entry is None or reason:
                return JournalCheck(seen, head, number, reason)
            seen, head = seen + 1, Anchor(entry.seq, entry.hash)
            if anchor is not None and head.seq == anchor.seq:
                if head.hash != anchor.hash:
                    return JournalCheck(seen, head, number, "ce n'est pas l'entrée que nomme le dernier lot signé")
                anchored = True
        if not anchored and anchor is not None:
            reason = (
                f"journal tronqué : il s'arrête à l'entrée {seen}, le dernier lot signé nomme l'entrée {anchor.seq}"
            )
            return JournalCheck(seen, head, seen + 1, reason)
        if fault := self._witness_fault(head):
            return JournalCheck(seen, head, seen + 1, fault)
        return JournalCheck(seen, head, None, "")

    def _witness_fault(self, head: Anchor) -> str:
        """Why the kept head is not the head found, in French; empty when it is, or when none was ever kept."""
        try:
            kept = read_head(self.path)
        except ValueError:
            return "le témoin de la dernière entrée est abîmé"
        if kept is None or tuple(head) in (kept.now, kept.before):
            return ""
        if head.seq < kept.now[0]:
            return f"journal tronqué : il s'arrête à l'entrée {head.seq}, son témoin nomme l'entrée {kept.now[0]}"
        return "la dernière entrée n'est pas celle que nomme le témoin (réécriture ou ajout hors de l'outil)"

    def _lines(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from file

    @contextmanager
    def _locked(self) -> Iterator[Any]:
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if new:
                _sync_folder(self.path.parent)
            yield file

    def _set_aside(self, file: Any, last: Anchor, torn: bytes, was_finished: bool) -> Anchor:
        """Keep the unfinished line in its own file, cut it off, and record that.

        `verify` never forgives a line that the witness says was finished: no crash cuts it.
        """
        kept = self.path.with_name(f"{self.path.name}.inacheve-{sha256_hex(torn)[:12]}")
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as side:
            side.write(torn)
            side.flush()
            os.fsync(side.fileno())
        _sync_folder(self.path.parent)
        file.truncate(file.seek(0, os.SEEK_END) - len(torn))
        data = {"file": kept.name, "bytes": len(torn), "sha256": sha256_hex(torn), "was_finished": was_finished}
        entry = self._write(file, last, "journal-repaired", data, "rpps-audit")
        return Anchor(entry.seq, entry.hash)


def _entry(last: Anchor, event: str, data: Any, author: str) -> Entry:
    fields = {
        "seq": last.seq + 1,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "author": author,
        "event": event,
        "data": data,
        "prev": last.hash,
    }
    return Entry(**fields, hash=sha256_hex(canonical_json(fields)))


def _put(file: Any, entry: Entry) -> None:
    rest = canonical_json(entry._asdict()) + b"\n"
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _read_tail(file: Any, path: Path) -> tuple[Anchor, bytes]:
    """The last finished entry and the bytes of an unfinished one after it, read from the end of the file."""
    size, block, tail = file.seek(0, os.SEEK_END), 65_536, b""
    while len(tail) < size and tail.count(b"\n") < 2:
        start = max(0, size - len(tail) - block)
        file.seek(start)
        tail = _read_exactly(file, size - len(tail) - start) + tail
    finished, newline, torn = tail.rpartition(b"\n")
    if not newline:
        return Anchor(0, _FIRST_PREV), torn
    entry, reason = _parse(finished.rpartition(b"\n")[2] + b"\n")
    if entry is None:
        raise JournalError(f"{path} : la dernière ligne ne tient pas ({reason}). Lancez « rpps-audit journal verify ».")
    return Anchor(entry.seq, entry.hash), torn


def _read_exactly(file: Any, count: int) -> bytes:
    parts: list[bytes] = []
    while count and (part := file.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _parse(line: bytes) -> tuple[Entry | None, str]:
    """One line as an entry whose own hash holds, or None and why not, in French."""
    if not line.endswith(b"\n"):
        return None, "ligne inachevée (écriture interrompue)"
    try:
        fields = json.loads(line)
        unchanged = canonical_json(fields) + b"\n" == line
    except (ValueError, TypeError, RecursionError):
        return None, "ce n'est pas une ligne JSON du journal"
    if not isinstance(fields, dict) or set(fields) != _FIELDS:
        return None, "ce n'est pas une entrée de journal"
    content = {name: value for name, value in fields.items() if name != "hash"}
    if not unchanged or sha256_hex(canonical_json(content)) != fields["hash"]:
        return None, "l'entrée a été modifiée"
    return Entry(**fields), ""


def _link_fault(entry: Entry, head: Anchor) -> str:
    if entry.prev != head.hash or entry.seq != head.seq + 1:
        return "l'entrée ne suit pas la précédente (ajout, retrait ou déplacement)"
    return ""


def _cut_fault(entry: Entry) -> str:
    if entry.event == "journal-repaired" and isinstance(entry.data, dict) and entry.data.get("was_finished"):
        return f"une ligne achevée a été coupée hors de l'outil (ce qu'il en restait : {entry.data.get('file')})"
    return ""


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
