"""Verifying a package anywhere: no store, no workspace, only the file and the roots one trusts."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rpps_audit.batches.carried import Carried
from rpps_audit.batches.manifest import SIGNATURE, VALUES, Package, exact, listed, read_bounded, take_apart
from rpps_audit.batches.package import LIST, rendered
from rpps_audit.errors import UnreadableInputError

if TYPE_CHECKING:
    from rpps_audit.card import Trust

# A computer's clock may be a little ahead.
_AHEAD = timedelta(hours=1)
_LARGEST_LIST, _PARTS = 128 << 20, 30


class Verification(NamedTuple):
    """What a package proves. `faults` are in French; none means that every byte is as the manifest says."""

    batch_id: str
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    """In French, what was not compared, and under which date the signature was judged."""
    signed: bool
    """There is a signature; whether it holds is in `signer` and `faults`."""
    signer: str
    """Who signed, once the signature was checked against trusted roots; empty otherwise."""
    claimed_at: datetime | None
    """When, as the signer's own computer says: declared, not proven."""
    revocation: str
    journal: tuple[int, str] | None
    """Head of the journal when it was signed: number and hash."""
    persons: int
    changes: int
    prepared_at: datetime
    """As declared by who prepared it."""
    replaces: tuple[str, ...]
    """Earlier batches that hold an older value of one of its fields."""

    @property
    def intact(self) -> bool:
        """Nothing was changed since the manifest was written."""
        return not self.faults

    @property
    def proven(self) -> bool:
        """Intact, and signed by a card that chains to a trusted root."""
        return self.intact and bool(self.signer)


def verify(path: Path, trust: Trust | None = None, *, at: datetime | None = None) -> Verification:
    """Check a package. Without `trust` the signature is not checked, and `proven` is false.

    The card must hold `at` that time; by default now, else at the time that the signature declares, which is said in
    `notes`: a card expires long before what it signed is looked at. Raises UnreadableInputError for what is no package.
    """
    content = read_bounded(path)
    package = take_apart(content, path)
    try:
        manifest = package.told()
    except ValueError as error:
        raise UnreadableInputError(f"{path} : manifeste illisible, {error}. Rien n'est prouvé.") from error
    faults = [] if exact(content, package) else [_INEXACT]
    faults += _file_faults(manifest, package.files)
    # What is said again is compared once it is known to be what was signed.
    notes, wrong = ([], []) if faults else _content_faults(manifest, package.files)
    faults += wrong
    signer, claimed, revocation = "", None, "not checked"
    if package.signature is None and {"signer", "journal"} & set(manifest):
        faults.append(f"{SIGNATURE} : absente, alors que le manifeste nomme un signataire")
    if package.signature is not None and trust is not None:
        signer, claimed, revocation, said, wrong = _signature(package, manifest, trust, at)
        notes, faults = notes + said, faults + wrong
    head, counts = manifest.get("journal"), manifest["counts"]
    return Verification(
        manifest["batch"], tuple(faults), tuple(notes), package.signature is not None, signer, claimed, revocation,
        (head["seq"], head["hash"]) if head else None, counts["persons"], counts["changes"],
        _moment(manifest["prepared_at"]), tuple(manifest["replaces"]),
    )  # fmt: skip


_INEXACT = (
    "l'archive n'est pas exactement celle de ses fichiers : octets avant, après ou entre eux, nom en double, date, "
    "commentaire"
)


def _file_faults(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> list[str]:
    """The files are those of the inventory."""
    named = {entry["path"]: entry for entry in manifest["files"]}
    there = {entry["path"]: entry for entry in listed(files)}
    faults = [f"{name} : absent du lot" for name in sorted(set(named) - set(there))]
    faults += [f"{name} : ajouté au lot, le manifeste ne le connaît pas" for name in sorted(set(there) - set(named))]
    faults += [f"{name} : contenu modifié" for name in sorted(set(named) & set(there)) if named[name] != there[name]]
    return faults + ([] if len(named) == len(manifest["files"]) else ["le manifeste nomme deux fois un fichier"])


def _content_faults(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """What is not compared, and what does not say the signed corrections: hashes, counts, lists, sheets, read-me."""
    try:
        carried = Carried.read(files.get(VALUES, b""))
        expected = rendered(carried, manifest, frozenset(files))
    except ValueError as error:
        return [], [f"{VALUES} : {error}"]
    faults = []
    if carried.signed() != manifest["changes"]:
        faults.append(f"{VALUES} : ses valeurs ne sont pas celles des empreintes du manifeste")
    counts = {"persons": carried.persons, "changes": len(carried), "corrections": len(carried.corrections)}
    if counts != manifest["counts"]:
        faults.append("le manifeste ne compte pas les changements qu'il porte")
    if carried.unlike_shown():
        faults.append(f"{VALUES} : une valeur y est montrée comme une autre")
    faults += [
        f"{name} : ne dit pas ce que disent les corrections signées"
        for name, wanted in sorted(expected.items())
        if not _same(name, files.get(name), wanted)
    ]
    aside = sorted(set(files) - set(expected))
    notes = [f"{name} : tenu par son empreinte signée ; son texte n'est pas comparé aux corrections" for name in aside]
    return notes, faults


def _same(name: str, held: bytes | None, wanted: bytes) -> bool:
    if held is None or name != LIST:
        return held == wanted
    return _cells(held) == _cells(wanted)


def _cells(workbook: bytes) -> dict[str, bytes]:
    """What a workbook of ours says, compression apart: the parts of its archive, none larger than they may be."""
    try:
        with zipfile.ZipFile(io.BytesIO(workbook)) as opened:
            entries = opened.infolist()
            # A part that inflates to more than any list would be a bomb.
            if sum(entry.file_size for entry in entries) > _LARGEST_LIST or len(entries) > _PARTS:
                return {}
            return {entry.filename: opened.read(entry) for entry in entries}
    except (OSError, ValueError, LookupError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return {}


def _signature(
    package: Package, manifest: Mapping[str, Any], trust: Trust, at: datetime | None
) -> tuple[str, datetime | None, str, list[str], list[str]]:
    """Who signed, when it is declared, revocation, notes and faults."""
    from rpps_audit.card import verify_signature

    assert package.signature is not None
    check, notes = verify_signature(package.manifest, package.signature, trust, at), []
    claimed = check.claimed_at
    if not check.valid and at is None and claimed is not None:
        then = verify_signature(package.manifest, package.signature, trust, claimed)
        if then.valid:
            notes = [
                f"aujourd'hui : {check.reason.rstrip('.')} ; elle était valable à l'heure que la signature déclare, "
                f"{claimed:%d/%m/%Y %H:%M} UTC (heure de l'ordinateur du signataire, non prouvée)"
            ]
            check = then
    elif at is not None and check.valid:
        notes = [f"signature jugée au {at:%d/%m/%Y}, comme demandé"]
    faults = []
    if not check.valid:
        faults.append(f"signature : {check.reason}")
    elif claimed is not None and claimed > datetime.now(UTC) + _AHEAD:
        faults.append(f"signature : elle se déclare faite dans l'avenir ({claimed:%d/%m/%Y})")
    elif check.signer is None or check.signer.subject != manifest.get("signer", {}).get("subject"):
        faults.append("signature : le signataire n'est pas celui que nomme le manifeste")
    signer = "" if faults or check.signer is None else f"{check.signer.name} ({check.signer.number})"
    return signer, claimed, check.revocation, notes, faults


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
