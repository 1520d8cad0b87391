"""A small workspace in which everything was decided: proposals, approvals, a refusal, an undoing, two batches, one of
them signed by a software key; and what an attacker does to it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from rpps_audit.batches.package import Options
from rpps_audit.batches.prepare import prepare
from rpps_audit.card.signature import build_signature
from rpps_audit.corrections import approve, propose, undo
from rpps_audit.corrections.desk import Desk
from rpps_audit.ingest import load
from rpps_audit.journal import Journal, canonical_json, sha256_hex
from rpps_audit.records import state_at
from rpps_audit.store import Store, open_store
from tests.batches.test_batches import registered, restricted
from tests.card import pki
from tests.card.fixtures import make_workspace
from tests.corrections.literal import authorisation, change, desk, proposals

Attack = Callable[[Path], None]
NO_PDF = Options(pdf=False)


def boss(**other: Any):
    """The approver: another person."""
    return authorisation("300/CPE2", "2138450002", "approver", name="Dominique Chef-Test", **other)


def four_eyes(store: Store, folder: Path) -> Desk:
    return desk(store, folder, four_eyes=True)


def decided(folder: Path) -> Path:
    """Build it at `folder`; what it returns is only to be copied."""
    make_workspace(folder)
    with open_store(folder) as store:
        file = restricted(folder, *(registered(number) for number in (1, 2, 3, 4)))
        load(store, [file])
        file.unlink()
        table = four_eyes(store, folder)
        mails = [change("professional", f"81000000000{n}", "email", f"neuf{n}@exemple.fr") for n in (1, 2, 3, 4)]
        propose(table, authorisation(), state_at(table.store), proposals(*mails), reason="relu")
        from datetime import UTC, datetime

        now = datetime.now(UTC)
        approve(table, boss(), [1, 2, 3], shown_at=now)
        approve(table, boss(), [4], shown_at=now, refuse="faux")
        first = prepare(table, authorisation(), options=NO_PDF)
        signed_manifest(table, first.batch_id)
        undo(table, authorisation(), [3], reason="erreur")
        prepare(table, authorisation(), options=NO_PDF)
    return folder


def signed_manifest(table: Desk, batch_id: str) -> None:
    """What the outbox holds after a signature, made with the key of the test PKI instead of a card."""
    authority = pki.issuer(pki.root())
    holder = pki.card_certificate(pki.cpe(), authority, "holder-sig", signing=True)

    def sign(digest: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

        return pki.key("holder-sig").sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))

    content = canonical_json({"batch": batch_id, "journal": table.journal.head()._asdict(), "counts": {}})
    others = [authority.certificate.public_bytes(Encoding.DER)]
    signature = build_signature(content, holder.public_bytes(Encoding.DER), others, sign, pki.NOW)
    outbox = table.folder / "outbox"
    outbox.mkdir(exist_ok=True)
    (outbox / f"lot-{batch_id}.manifest.json").write_bytes(content)
    (outbox / f"lot-{batch_id}.manifest.json.p7s").write_bytes(signature)
    table.journal.append("manifest-signed", {"sha256": sha256_hex(content)}, "300/CPE1")


def copied(whole: Path, folder: Path) -> Path:
    return Path(shutil.copytree(whole, folder))


# --- what an attacker who can write files does ---


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_bytes().splitlines()]


def rechain(folder: Path, entries: list[dict[str, Any]], *, witness: bool = False) -> None:
    """Write entries as a chain that follows, whatever they say; and its witness, for a thorough attacker."""
    previous, out = "0" * 64, b""
    for number, entry in enumerate(entries, 1):
        content = {**{k: v for k, v in entry.items() if k != "hash"}, "seq": number, "prev": previous}
        previous = hashlib.sha256(canonical_json(content)).hexdigest()
        out += canonical_json({**content, "hash": previous}) + b"\n"
    (folder / "journal.jsonl").write_bytes(out)
    if witness:
        head = {"now": [len(entries), previous], "before": None}
        (folder / "journal.jsonl.tete").write_text(json.dumps(head))


def journal_of(folder: Path) -> Journal:
    return Journal(folder / "journal.jsonl")
