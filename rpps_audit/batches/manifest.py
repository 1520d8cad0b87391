"""How a package is written and read: the manifest, its signature, and the archive around them. Nothing else is needed.

A package is a zip whose bytes depend on its files alone: their names in order, no date, no compression, no comment. So
a package is exactly its signed content when the archive built again from its files is the same, byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.journal import canonical_json, sha256_hex

FORMAT = "rpps-audit-lot/2"
MANIFEST, SIGNATURE, VALUES = "manifest.json", "manifest.json.p7s", "corrections.jsonl"
NOTICE = "N'est pas un dépôt au portail RPPS+ : les changements s'y saisissent personne par personne."
# Beyond this nothing is written, and nothing is read: 10 000 people make about 100 MB.
LARGEST = 256 << 20
_MANY_FILES = 50_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NAME = re.compile(r"(?!/)(?!.*(^|/)\.\.?(/|$))[^\\\x00-\x1f\x7f]{1,255}")
# What a damaged zip or JSON raises, each library in its own way.
_DAMAGE = (
    OSError, ValueError, TypeError, LookupError, EOFError, RuntimeError, ArithmeticError, struct.error,
    zipfile.BadZipFile,
)  # fmt: skip
# What every manifest says: the types of its keys, and of the keys of what it lists.
_SHAPE: dict[str, Any] = {
    "format": str, "notice": str, "batch": str, "replaces": [str], "prepared_at": str, "prepared_by": str,
    "four_eyes": bool, "organisation": str, "rules": str, "establishments": [str], "operators": dict, "notes": [str],
    "approvals": [{"approver": str, "corrections": int}],
    "counts": {"persons": int, "changes": int, "corrections": int},
    "extracts": [{"kind": str, "layout": str, "file_name": str, "encoding": str, "data_date": str, "sha256": str}],
    "changes": [{"ids": [int], "table": str, "record_key": str, "column": str, "kind": str, "before": str,
                 "after": str}],
    "files": [{"path": str, "bytes": int, "sha256": str}],
}  # fmt: skip
_SIGNED: dict[str, Any] = {"signer": {"subject": str}, "journal": {"seq": int, "hash": str}}


class Package(NamedTuple):
    """A package taken apart. `signature` is None as long as it is not signed; `files` are all the others."""

    manifest: bytes
    signature: bytes | None
    files: Mapping[str, bytes]

    def told(self) -> dict[str, Any]:
        """The manifest as a value. Raises ValueError when it is not one of this format, written in the one way."""
        return read_manifest(self.manifest)


def package_name(batch_id: str) -> str:
    """The file of a batch."""
    return f"lot-{batch_id}.zip"


def commitment(nonce: str, value: str | None) -> str:
    """What stands for a value where values do not go: its salted SHA-256, an empty field told from an empty text."""
    said = "0" if value is None else f"1{value}"
    return hashlib.sha256(f"{nonce}{said}".encode()).hexdigest()


def listed(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The inventory of a manifest: path, bytes and sha256 of each file."""
    return [{"path": name, "bytes": len(files[name]), "sha256": sha256_hex(files[name])} for name in sorted(files)]


def archive(manifest: bytes, files: Mapping[str, bytes], signature: bytes | None = None) -> bytes:
    """The package. Raises UsageError when it is larger than what a reader takes."""
    held = {**files, MANIFEST: manifest} | ({} if signature is None else {SIGNATURE: signature})
    if sum(map(len, held.values())) > LARGEST or len(held) > _MANY_FILES:
        raise UsageError(
            f"Le lot dépasse {LARGEST >> 20} Mo ou {_MANY_FILES} fichiers : préparez-en plusieurs, par établissement."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name in sorted(held):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            opened.writestr(entry, held[name])
    return buffer.getvalue()


def read_package(path: Path) -> Package:
    """A package from a file, never larger than LARGEST. Raises UnreadableInputError, in French, for what is none.

    What is read may still be altered: `exact` and the manifest's own hashes tell.
    """
    return take_apart(read_bounded(path), path)


def read_bounded(path: Path) -> bytes:
    """The bytes of a package's file. Raises UnreadableInputError when there is none, or it is too large."""
    try:
        # A pipe or a device could give bytes for ever.
        if not path.is_file():
            raise UnreadableInputError(f"{path} : ce n'est pas un fichier. Donnez le fichier du lot (lot-….zip).")
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UnreadableInputError(f"{path} : lecture impossible. Vérifiez le fichier et ses droits.") from error
    if len(content) > LARGEST:
        raise UnreadableInputError(f"{path} : plus de {LARGEST >> 20} Mo. Aucun lot n'est si grand : rien n'a été lu.")
    return content


def take_apart(content: bytes, path: Path) -> Package:
    """The files of a package. Raises UnreadableInputError for what is no zip, or holds what no package does."""
    try:
        files = _members(content)
        manifest = files.pop(MANIFEST)
    except _DAMAGE as error:
        raise UnreadableInputError(
            f"{path} : ce n'est pas un lot de corrections lisible (fichier tronqué, abîmé, ou d'un autre outil). "
            "Demandez-le de nouveau à qui l'a envoyé."
        ) from error
    return Package(manifest, files.pop(SIGNATURE, None), files)


def read_manifest(content: bytes) -> dict[str, Any]:
    """A manifest as a value. Raises ValueError naming in French what is not as it must be."""
    try:
        told: dict[str, Any] = json.loads(content)
        unchanged = canonical_json(told) == content
    except _DAMAGE as error:
        raise ValueError("ce n'est pas du JSON lisible") from error
    form = told.get("format") if isinstance(told, dict) else None
    if form != FORMAT:
        raise ValueError(f"format « {str(form)[:40]} » inconnu de cette version, qui lit « {FORMAT} »")
    wrong = _misfit(told, _SHAPE | ({key: _SIGNED[key] for key in _SIGNED if key in told}), "")
    if wrong:
        raise ValueError(f"« {wrong} » manque ou n'est pas de la forme attendue")
    try:
        for moment in (told["prepared_at"], *(one["data_date"] for one in told["extracts"])):
            datetime.fromisoformat(moment)
    except ValueError as error:
        raise ValueError("une date n'y est pas lisible") from error
    if not unchanged:
        raise ValueError("il n'est pas écrit de la seule façon admise (ordre, espaces, clé double)")
    return told


def exact(content: bytes, package: Package) -> bool:
    """The file is the archive of these files and nothing more: no prefix, suffix, comment, double name or date."""
    return archive(package.manifest, package.files, package.signature) == content


def _members(content: bytes) -> dict[str, bytes]:
    """Every file of the archive, once its directory says that nothing is compressed, doubled or larger than it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        entries = opened.infolist()
        names = [entry.filename for entry in entries]
        if len(entries) > _MANY_FILES or len(set(names)) != len(names):
            raise ValueError("too many files, or a name twice")
        if any(entry.compress_type != zipfile.ZIP_STORED or not _NAME.fullmatch(entry.filename) for entry in entries):
            raise ValueError("compressed, or a name that no package has")
        if sum(entry.file_size for entry in entries) > len(content):
            raise ValueError("files larger than the archive")
        return {entry.filename: opened.read(entry) for entry in entries}


def _misfit(value: Any, shape: Any, where: str) -> str:
    """The first key whose value is missing or of another type; empty when all fit."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return where
        return next((bad for key, one in shape.items() if (bad := _misfit(value.get(key), one, key))), "")
    if isinstance(shape, list):
        if not isinstance(value, list):
            return where
        return next((bad for entry in value if (bad := _misfit(entry, shape[0], where))), "")
    return "" if type(value) is shape else where
