"""Verifying a package anywhere: no store, no workspace, only the file and the roots one trusts."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rpps_audit.batches.package import FORMAT, VALUES, committed, unpacked
from rpps_audit.errors import UnreadableInputError
from rpps_audit.journal import sha256_hex

if TYPE_CHECKING:
    from rpps_audit.card import Trust

_VALUES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "ids": pl.List(pl.Int64), "table": pl.String, "record_key": pl.String, "column": pl.String, "kind": pl.String,
    "before": pl.String, "after": pl.String, "nonce": pl.String,
}  # fmt: skip


class Verification(NamedTuple):
    """What a package proves. `faults` are in French; none means that every byte is as the manifest says."""

    batch_id: str
    faults: tuple[str, ...]
    signed: bool
    """There is a signature; whether it holds is in `signer` and `faults`."""
    signer: str
    """Who signed, once the signature was checked against trusted roots; empty otherwise."""
    claimed_at: datetime | None
    revocation: str
    journal: tuple[int, str] | None
    """Head of the journal when it was signed: number and hash."""
    persons: int
    changes: int

    @property
    def intact(self) -> bool:
        """Nothing was changed since the manifest was written."""
        return not self.faults

    @property
    def proven(self) -> bool:
        """Intact, and signed by a card that chains to a trusted root."""
        return self.intact and bool(self.signer)


def verify(path: Path, trust: Trust | None = None) -> Verification:
    """Check a package. Without `trust` the signature is not checked, and `proven` is false.

    Raises UnreadableInputError for what is no package.
    """
    try:
        content, signature, files = unpacked(path)
        manifest: dict[str, Any] = json.loads(content)
        known = manifest["format"] == FORMAT
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise UnreadableInputError(f"{path} : ce n'est pas un lot de corrections lisible.") from error
    if not known:
        raise UnreadableInputError(f"{path} : lot d'un format inconnu de cette version.")
    faults = [*_file_faults(manifest, files), *_value_faults(manifest, files)]
    signer, claimed, revocation = "", None, "not checked"
    if signature is not None and trust is not None:
        from rpps_audit.card import verify_signature

        check = verify_signature(content, signature, trust)
        claimed, revocation = check.claimed_at, check.revocation
        if not check.valid:
            faults.append(f"signature : {check.reason}")
        elif check.signer is not None and check.signer.subject != manifest.get("signer", {}).get("subject"):
            faults.append("signature : le signataire n'est pas celui que nomme le manifeste")
        elif check.signer is not None:
            signer = f"{check.signer.name} ({check.signer.number})"
    head = manifest.get("journal")
    return Verification(
        manifest["batch"], tuple(faults), signature is not None, signer, claimed, revocation,
        (head["seq"], head["hash"]) if head else None, manifest["counts"]["persons"], manifest["counts"]["changes"],
    )  # fmt: skip


def _file_faults(manifest: dict[str, Any], files: dict[str, bytes]) -> list[str]:
    listed = {entry["path"]: entry for entry in manifest["files"]}
    faults = [f"{name} : absent du lot" for name in sorted(set(listed) - set(files))]
    faults += [f"{name} : ajouté au lot, le manifeste ne le connaît pas" for name in sorted(set(files) - set(listed))]
    faults += [
        f"{name} : contenu modifié"
        for name, entry in sorted(listed.items())
        if name in files and (len(files[name]), sha256_hex(files[name])) != (entry["bytes"], entry["sha256"])
    ]
    return faults


def _value_faults(manifest: dict[str, Any], files: dict[str, bytes]) -> list[str]:
    """The values given are those whose hashes were signed."""
    if VALUES not in files:
        return []
    try:
        values = pl.read_ndjson(files[VALUES], schema=_VALUES_SCHEMA)
    except pl.exceptions.PolarsError:
        return [f"{VALUES} : illisible"]
    columns = ["ids", "table", "record_key", "column", "kind", "before", "after"]
    found = committed(values).select(columns).to_dicts()
    signed = [{name: change[name] for name in columns} for change in manifest["changes"]]
    return [] if found == signed else [f"{VALUES} : ses valeurs ne sont pas celles des empreintes du manifeste"]
