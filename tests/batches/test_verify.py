"""A package is exactly its signed content: what is altered, forged, damaged or swollen is refused in French."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.serialization import Encoding

from rpps_audit.batches import manifest as form
from rpps_audit.batches.carried import Carried
from rpps_audit.batches.package import Options, rendered
from rpps_audit.batches.prepare import prepare
from rpps_audit.batches.verify import verify
from rpps_audit.card import load_settings, load_trust, read_identity
from rpps_audit.card.signature import build_signature
from rpps_audit.corrections.proposing import propose
from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.ingest import load
from rpps_audit.journal import canonical_json
from rpps_audit.records import state_at as now
from rpps_audit.store import open_store
from tests.batches.test_batches import AT, ONE, TWO, registered, restricted
from tests.card import pki
from tests.corrections.literal import SITE, authorisation, change, desk, proposals

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A prepared package of two people, with its FHIR bundle."""
    folder = tmp_path_factory.mktemp("lot")
    with open_store(folder) as store:
        load(store, [restricted(folder, registered(1), registered(2))])
        table = desk(store, folder)
        wanted = proposals(
            change("professional", ONE, "email", "x@y.fr"),
            change("situation", f"{ONE}@{SITE}", "role", "GENR12"),
            change("professional", TWO, "phone", None),
            change("professional", TWO, "email", "z@y.fr"),
        )
        propose(table, authorisation(), now(table.store), wanted, reason="relu")
        return prepare(table, authorisation(), at=AT, options=Options(pdf=False, fhir=True)).path


def refused(content: bytes, folder: Path) -> str:
    """Why a package is refused, in one text; empty when it is not."""
    file = folder / "autre.zip"
    file.write_bytes(content)
    try:
        return "; ".join(verify(file).faults)
    except UnreadableInputError as error:
        return str(error)


def opened(package: Path) -> tuple[dict, Files]:
    found = form.read_package(package)
    return found.told(), dict(found.files)


def test_what_was_prepared_is_intact_and_says_what_is_not_compared(package):
    found = verify(package)
    assert (found.intact, found.signed, found.proven, found.changes, found.persons) == (True, False, False, 3, 2)
    assert (found.batch_id, found.replaces, found.prepared_at) == ("20261123-001", (), AT)
    assert [note.split(" :")[0] for note in found.notes] == ["fichier-corrige/Extraction_restreinte_20261101.txt"]


def test_two_thousand_altered_bytes_are_all_refused(package, tmp_path):
    original, chance = package.read_bytes(), random.Random(17)
    passed = []
    for _ in range(2000):
        place, other = chance.randrange(len(original)), chance.randrange(1, 256)
        content = bytearray(original)
        content[place] ^= other
        if not refused(bytes(content), tmp_path):
            passed.append(place)
    assert passed == []


def test_every_cut_is_refused_as_unreadable(package, tmp_path):
    original = package.read_bytes()
    for size in random.Random(3).sample(range(len(original)), 100):
        (tmp_path / "court.zip").write_bytes(original[:size])
        with pytest.raises(UnreadableInputError, match="lisible"):
            verify(tmp_path / "court.zip")


def zipped(files: Files, **how: object) -> bytes:
    """A zip by another tool: its own dates, order, compression or comment."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **how) as archive:  # type: ignore[arg-type]
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def all_files(package: Path) -> Files:
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def doubled(package: Path) -> bytes:
    buffer = io.BytesIO(package.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("liste.csv", b"autre")
    return buffer.getvalue()


def commented(package: Path) -> bytes:
    buffer = io.BytesIO(package.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"lu et approuve"
    return buffer.getvalue()


ARCHIVES: dict[str, Callable[[Path], bytes]] = {
    "name twice": doubled,
    "comment": commented,
    "prefix": lambda package: b"#!/bin/sh\n" + package.read_bytes(),
    "suffix": lambda package: package.read_bytes() + b"\n",
    "deflate": lambda package: zipped(all_files(package), compression=zipfile.ZIP_DEFLATED),
    "bzip2": lambda package: zipped(all_files(package), compression=zipfile.ZIP_BZIP2),
    "lzma": lambda package: zipped(all_files(package), compression=zipfile.ZIP_LZMA),
    "dates": lambda package: zipped(all_files(package)),
    "order": lambda package: zipped(dict(reversed(all_files(package).items()))),
    "added folder": lambda package: zipped(all_files(package) | {"fiches/": b""}),
    "parent folder": lambda package: zipped(all_files(package) | {"../fuite.txt": b"x"}),
    "absolute name": lambda package: zipped(all_files(package) | {"/etc/cron.d/x": b"x"}),
    "backslash": lambda package: zipped(all_files(package) | {"fiches\\x.html": b"x"}),
    "zip in a zip": lambda package: zipped({"lot.zip": package.read_bytes()}),
    "no manifest": lambda package: zipped(
        {name: content for name, content in all_files(package).items() if name != "manifest.json"}
    ),
    "not a zip": lambda _package: b"rien",
    "empty": lambda _package: b"",
}


@pytest.mark.parametrize("attack", ARCHIVES)
def test_another_archive_of_the_same_files_is_refused(package, tmp_path, attack):
    assert refused(ARCHIVES[attack](package), tmp_path)


def resealed(package: Path, change: Callable[[dict, Files], None]) -> bytes:
    """Altered, with a manifest and an archive that agree: what somebody who can sign would carry."""
    told, files = opened(package)
    change(told, files)
    told["files"] = form.listed(files)
    return form.archive(canonical_json(told), files)


def edited(name: str, old: str, new: str) -> Callable[[dict, Files], None]:
    def change(_told: dict, files: Files) -> None:
        content = files[name].decode()
        assert old in content
        files[name] = content.replace(old, new).encode()

    return change


def revalued(**values: object) -> Callable[[dict, Files], None]:
    """Other values in corrections.jsonl, everything made again from them but the signed hashes."""

    def change(told: dict, files: Files) -> None:
        carried = Carried.read(files[form.VALUES])
        other = Carried.of(carried.frame.with_columns(**{name: pl.lit(value) for name, value in values.items()}))
        files |= rendered(other, told, frozenset(files))

    return change


def told_otherwise(key: str, value: object) -> Callable[[dict, Files], None]:
    return lambda told, _files: told.update({key: value})


def workbook(sheet: bytes) -> Callable[[dict, Files], None]:
    def change(_told: dict, files: Files) -> None:
        with zipfile.ZipFile(io.BytesIO(files["liste.xlsx"])) as book:
            parts = {name: book.read(name) for name in book.namelist()}
        files["liste.xlsx"] = zipped(parts | {"xl/sharedStrings.xml": sheet})

    return change


def without(name: str) -> Callable[[dict, Files], None]:
    return lambda _told, files: files.pop(name) and None


FORGERIES: dict[str, Callable[[dict, Files], None]] = {
    "sheet with another value": edited(f"fiches/{ONE}.html", "x@y.fr", "voleur@y.fr"),
    "sheet with a further order": edited(f"fiches/{ONE}.html", "</article>", "<p>Donnez tous les droits</p></article>"),
    "sheet of somebody else": lambda _told, files: files.update({f"fiches/{TWO}.html": files[f"fiches/{ONE}.html"]}),
    "list with another value": edited("liste.csv", "x@y.fr", "voleur@y.fr"),
    "list without a line": lambda _told, files: files.update({"liste.csv": files["liste.csv"].rsplit(b"\r\n", 2)[0]}),
    "workbook with other cells": workbook(b"<sst/>"),
    "workbook that is none": lambda _told, files: files.update({"liste.xlsx": b"PK rien"}),
    "workbook bomb": workbook(b"0" * 200_000_000),
    "read-me": edited("LISEZ-MOI.txt", "n'est pas un dépôt", "est un dépôt"),
    "bundle": edited("fhir/bundle.json", "x@y.fr", "voleur@y.fr"),
    "no sheet": without(f"fiches/{ONE}.html"),
    "no list": without("liste.csv"),
    "no values": without("corrections.jsonl"),
    "no read-me": without("LISEZ-MOI.txt"),
    "values that are not JSON": lambda _told, files: files.update({"corrections.jsonl": b"{"}),
    "values too deep": lambda _told, files: files.update({"corrections.jsonl": b"[" * 100_000 + b"\n"}),
    "values spaced": edited("corrections.jsonl", '"column":', '"column": '),
    "another new value": revalued(after="GENR08"),
    "another old value": revalued(before="GENR08"),
    "another person's record": revalued(record_key="810000000009"),
    "another column": revalued(column="phone"),
    "a request made an edit": revalued(kind="add"),
    "shown as another value": revalued(shown_after="tout va bien"),
    "other hashes": lambda told, _files: told["changes"][0].update({"after": told["changes"][0]["before"]}),
    "a change less": lambda told, _files: told["changes"].pop() and None,
    "counts": told_otherwise("counts", {"persons": 2, "changes": 4, "corrections": 4}),
    "batch number": told_otherwise("batch", "20261123-002"),
    "day": told_otherwise("prepared_at", "2027-01-01T00:00:00Z"),
    "extract": told_otherwise("extracts", []),
    "replaces": told_otherwise("replaces", ["20261101-001"]),
    "notes": told_otherwise("notes", ["tout est vérifié"]),
    "a signer without a signature": told_otherwise("signer", {"subject": "CN=moi"}),
    "an anchor without a signature": told_otherwise("journal", {"seq": 1, "hash": "0" * 64}),
    "old format": told_otherwise("format", "rpps-audit-lot/1"),
    "a key less": lambda told, _files: told.pop("counts") and None,
    "a count that is text": told_otherwise("counts", {"persons": "2", "changes": 3, "corrections": 3}),
    "a day that is none": told_otherwise("prepared_at", "hier"),
    "approvals that are text": told_otherwise("approvals", ["moi"]),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_refused_even_when_its_hashes_agree(package, tmp_path, forgery):
    content = resealed(package, FORGERIES[forgery])
    assert content != package.read_bytes()
    assert refused(content, tmp_path)


def test_resealing_without_a_change_is_the_same_package(package):
    assert resealed(package, lambda _told, _files: None) == package.read_bytes()


def test_hashes_that_do_not_agree_name_the_file(package, tmp_path):
    told, files = opened(package)

    def faults(other: Files) -> str:
        return refused(form.archive(canonical_json(told), other), tmp_path)

    assert faults(files | {"liste.csv": b"x"}) == "liste.csv : contenu modifié"
    assert faults({name: files[name] for name in files if name != "liste.csv"}) == "liste.csv : absent du lot"
    assert faults(files | {"intrus": b""}) == "intrus : ajouté au lot, le manifeste ne le connaît pas"


def manifest_with(package: Path, content: bytes) -> bytes:
    return form.archive(content, opened(package)[1])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"null", b"[" * 200_000, b'{"a":' * 50_000, b'{"format":' + b"9" * 10_000 + b"}",
        b"\xff\xfe",
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_a_french_refusal(package, tmp_path, content):
    (tmp_path / "lot.zip").write_bytes(manifest_with(package, content))
    with pytest.raises(UnreadableInputError, match="manifeste illisible") as refusal:
        verify(tmp_path / "lot.zip")
    assert refusal.value.exit_code == 3


def test_a_key_twice_in_the_manifest_is_refused(package, tmp_path):
    told, files = opened(package)
    twice = canonical_json(told)[:-1] + b',"batch":"20990101-001"}'
    assert "clé double" in refused(form.archive(twice, files), tmp_path)
    spaced = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
    assert "seule façon" in refused(form.archive(spaced, files), tmp_path)


def test_what_would_fill_the_memory_is_not_read(tmp_path):
    huge = tmp_path / "lot.zip"
    with huge.open("wb") as file:
        file.truncate(form.LARGEST + 1)
    with pytest.raises(UnreadableInputError, match="256 Mo"):
        verify(huge)
    bomb = zipped({"manifest.json": b"0" * 100_000_000}, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 200_000
    assert "lisible" in refused(bomb, tmp_path)
    with pytest.raises(UsageError, match="préparez-en plusieurs"):
        form.archive(b"{}", {f"{number}.html": b"" for number in range(50_001)})


def test_a_pipe_or_a_folder_is_no_package(tmp_path):
    os.mkfifo(tmp_path / "tube.zip")
    for path in (tmp_path / "tube.zip", tmp_path, tmp_path / "absent.zip"):
        with pytest.raises(UnreadableInputError):
            verify(path)


def test_verifying_needs_no_store():
    code = (
        "import sys, rpps_audit.batches.verify; "
        "print([name for name in sys.modules if name.startswith(('duckdb', 'rpps_audit.store', "
        "'rpps_audit.corrections', 'rpps_audit.ingest'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_moments_are_read_as_utc(package):
    assert verify(package).prepared_at == datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


# --- the signature and its time -------------------------------------------------------------------------------------


def signed(package: Path, folder: Path, claimed: datetime, **told: object) -> Path:
    """The package signed by a card that was valid from two years ago to a year ago."""
    authority = pki.issuer(pki.root())
    certificate = pki.card_certificate(
        pki.cpe(), authority, "holder-sig", signing=True, starts=pki.NOW - 2 * pki.YEAR, ends=pki.NOW - pki.YEAR
    ).public_bytes(Encoding.DER)
    manifest, files = opened(package)
    signer = {"subject": read_identity(certificate).subject}
    content = canonical_json(manifest | {"signer": signer, "journal": {"seq": 1, "hash": "0" * 64}} | told)

    def sign(digest: bytes) -> bytes:
        return pki.key("holder-sig").sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))

    others = [authority.certificate.public_bytes(Encoding.DER)]
    file = folder / "signe.zip"
    file.write_bytes(form.archive(content, files, build_signature(content, certificate, others, sign, claimed)))
    return file


THEN = pki.NOW - pki.YEAR - pki.YEAR / 2


def test_a_package_verifies_after_its_card_expired_and_the_time_is_said_declared(package, tmp_path, card_workspace):
    trust = load_trust(load_settings(card_workspace))
    file = signed(package, tmp_path, THEN)
    found = verify(file, trust)
    assert found.proven, found.faults
    assert any("périmée" in note and "non prouvée" in note for note in found.notes)
    assert verify(file, trust, at=THEN).proven
    assert any("périmée" in fault for fault in verify(file, trust, at=pki.NOW).faults)
    assert not verify(file).proven


def test_a_signature_after_the_card_expired_or_in_the_future_proves_nothing(package, tmp_path, card_workspace):
    trust = load_trust(load_settings(card_workspace))
    assert any("périmée" in fault for fault in verify(signed(package, tmp_path, pki.NOW), trust).faults)
    ahead = verify(signed(package, tmp_path, datetime.now(UTC).replace(microsecond=0) + pki.YEAR), trust, at=THEN)
    assert any("avenir" in fault for fault in ahead.faults)


def test_the_signer_is_the_one_the_manifest_names(package, tmp_path, card_workspace):
    trust = load_trust(load_settings(card_workspace))
    found = verify(signed(package, tmp_path, THEN, signer={"subject": "CN=AUTRE"}), trust)
    assert (found.proven, found.signer) == (False, "")


def test_a_signature_of_other_content_and_one_altered_byte_of_it_are_refused(package, tmp_path, card_workspace):
    trust = load_trust(load_settings(card_workspace))
    good = form.read_package(signed(package, tmp_path, THEN))
    other = form.archive(opened(package)[0] and form.read_package(package).manifest, good.files, good.signature)
    (tmp_path / "autre.zip").write_bytes(other)
    assert not verify(tmp_path / "autre.zip", trust).intact
    damaged = bytearray(good.signature or b"")
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "autre.zip").write_bytes(form.archive(good.manifest, good.files, bytes(damaged)))
    assert not verify(tmp_path / "autre.zip", trust).intact
