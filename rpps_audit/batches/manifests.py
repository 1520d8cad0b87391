"""The signed manifests of a workspace, witnesses of its journal: each names the head of the time it was signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rpps_audit.batches.manifest import LARGEST, MANIFEST, SIGNATURE
from rpps_audit.journal import Anchor, Entry, sha256_hex

if TYPE_CHECKING:
    from rpps_audit.card import SignatureCheck, Trust

OUTBOX, LOTS = "outbox", "lots"


class SignedFile(NamedTuple):
    """A manifest found, and its signature (empty when it is not there)."""

    path: Path
    content: bytes
    signature: bytes


def manifests(folder: Path) -> list[SignedFile]:
    """Those of the outbox, and those inside the signed lots that are still there."""
    return [*_in_outbox(folder / OUTBOX), *_in_lots(folder / LOTS)]


def anchor_of(content: bytes) -> Anchor | None:
    """The head that a manifest names; None for what is no signed manifest."""
    try:
        head = json.loads(content)["journal"]
        return Anchor(int(head["seq"]), str(head["hash"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def manifest_faults(found: list[SignedFile], entries: list[Entry], trust: Trust | None) -> Iterator[str]:
    """In French, what these manifests, each with its signature, and the journal say differently.

    Without `trust` the signatures are not checked. A manifest without one proves nothing: it must not be given.
    """
    hashes = {entry.seq: entry.hash for entry in entries}
    last = max(hashes, default=0)
    signed_later = {
        str(entry.data[name]): entry.seq
        for entry in entries
        if isinstance(entry.data, dict)
        for event, name in (("manifest-signed", "sha256"), ("batch-signed", "manifest"))
        if entry.event == event and name in entry.data
    }
    for one in found:
        head = anchor_of(one.content)
        if head is None:
            yield f"{one.path} : ce n'est pas un manifeste signé lisible."
            continue
        if trust is not None and (reason := _signature_fault(one, trust)):
            yield f"{one.path} : {reason}."
        elif head.seq and hashes.get(head.seq) is None:
            yield f"{one.path} nomme l'entrée {head.seq}, le journal s'arrête à l'entrée {last} : journal tronqué."
        elif head.seq and hashes[head.seq] != head.hash:
            yield f"{one.path} nomme une autre entrée {head.seq} que celle du journal : journal réécrit."
        elif signed_later.get(sha256_hex(one.content), 0) <= head.seq:
            yield f"{one.path} : le journal n'a plus l'entrée de sa signature."
    held = {sha256_hex(one.content) for one in found}
    for entry in entries:
        if entry.event == "batch-signed" and isinstance(entry.data, dict) and entry.data.get("manifest") not in held:
            yield f"Entrée {entry.seq} : le manifeste signé du lot {entry.data.get('batch')} n'est plus dans {OUTBOX}/."


def _signature_fault(one: SignedFile, trust: Trust) -> str:
    check = _checked(one, trust)
    return "" if check.valid else f"signature refusée ({check.reason.rstrip('.')})"


def _checked(one: SignedFile, trust: Trust) -> SignatureCheck:
    """Today, or, for a card that has expired since, at the time that the signature declares."""
    from rpps_audit.card import verify_signature

    check = verify_signature(one.content, one.signature, trust)
    if check.valid or check.claimed_at is None:
        return check
    return verify_signature(one.content, one.signature, trust, check.claimed_at)


def _in_outbox(outbox: Path) -> Iterator[SignedFile]:
    for path in sorted(outbox.rglob("*manifest*.json")) if outbox.is_dir() else []:
        beside = path.with_name(f"{path.name}.p7s")
        if path.is_file():
            yield SignedFile(path, path.read_bytes(), beside.read_bytes() if beside.is_file() else b"")


def _in_lots(lots: Path) -> Iterator[SignedFile]:
    """A lot that is damaged is none of the journal's business: `batch verify` says so."""
    import zipfile

    for path in sorted(lots.glob("lot-*.zip")) if lots.is_dir() else []:
        try:
            with zipfile.ZipFile(path) as opened:
                if SIGNATURE not in opened.namelist():
                    continue
                largest = max(opened.getinfo(name).file_size for name in (MANIFEST, SIGNATURE))
                if largest <= LARGEST:
                    yield SignedFile(path, opened.read(MANIFEST), opened.read(SIGNATURE))
        except (OSError, KeyError, ValueError, NotImplementedError, zipfile.BadZipFile):
            continue
