"""Attacks on the journal of a workspace: each is seen by `journal verify`, even where the chain was made to follow."""

from __future__ import annotations

import json

import pytest

from rpps_audit.cli import main
from tests.trust.decided import copied, decided, lines, rechain

EVENTS = 8  # what `decided` journals, in order
SETTINGS, PROPOSED, APPROVED, REFUSED, PREPARED, SIGNED, UNDONE, AGAIN = range(EVENTS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return decided(tmp_path_factory.mktemp("registre") / "espace")


def verified(folder, capsys):
    code = main(["--workspace", str(folder), "journal", "verify", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_nothing_is_wrong_before(whole, capsys):
    code, said = verified(whole, capsys)
    assert (code, said["intact"], said["faults"], said["notes"], said["entries"]) == (0, True, [], [], EVENTS)


def cut(count):
    return lambda entries: entries[:-count]


def drop(place):
    return lambda entries: [one for number, one in enumerate(entries) if number != place]


def swap(one, other):
    def do(entries):
        entries[one], entries[other] = entries[other], entries[one]
        return entries

    return do


def say(place, **fields):
    def do(entries):
        entries[place] |= fields
        return entries

    return do


def data(place, **fields):
    def do(entries):
        entries[place]["data"] |= fields
        return entries

    return do


def forge(place, event, author="300/CPE2", **fields):
    def do(entries):
        model = json.loads(json.dumps(entries[APPROVED]))
        model |= {"event": event, "author": author}
        model["data"] |= {"operation": 99, **fields}
        return [*entries[:place], model, *entries[place:]]

    return do


REWRITES = {
    **{f"the last {count} cut": cut(count) for count in range(1, EVENTS)},
    **{f"entry {place + 1} removed": drop(place) for place in range(EVENTS)},
    **{f"entries {place + 1} and {place + 2} swapped": swap(place, place + 1) for place in range(EVENTS - 1)},
    "an approval repeated": forge(APPROVED, "corrections-approved", operation=2),
    "an approval forged": forge(APPROVED + 1, "corrections-approved", corrections=[4]),
    "an approval forged at the end": forge(EVENTS, "corrections-approved", corrections=[4]),
    "a refusal turned into an approval": say(REFUSED, event="corrections-approved"),
    "an approval in somebody else's name": say(APPROVED, author="300/CPE9"),
    "an approval by the author": say(APPROVED, author="300/CPE1"),
    "an approval of one more": data(APPROVED, corrections=[1, 2, 3, 4]),
    "an approval of one less": data(APPROVED, corrections=[1, 2]),
    "another person approved": data(APPROVED, person={"number": "1", "card": "2", "name": "X", "declared": ""}),
    "an approval without its seal": data(APPROVED, seal=""),
    "another time": say(APPROVED, at="2020-01-01T00:00:00.000+00:00"),
    "another proposed value": data(PROPOSED, corrections={"id": [1]}),
    "a batch with another number": data(PREPARED, batch="20200101-001"),
    "a batch with another content": data(PREPARED, sha256="0" * 64),
    "another manifest signed": data(SIGNED, sha256="0" * 64),
    "a signature by somebody else": say(SIGNED, author="300/CPE9", event="pin-verified"),
    "an undoing forgotten": say(UNDONE, event="corrections-seen"),
    "everything replaced": lambda _entries: [],
}


@pytest.mark.parametrize("thorough", [False, True], ids=["chain", "chain and witness"])
@pytest.mark.parametrize("attack", REWRITES, ids=str)
def test_a_rewritten_chain_is_seen(whole, tmp_path, capsys, attack, thorough):
    folder = copied(whole, tmp_path / "espace")
    rechain(folder, REWRITES[attack](lines(folder)), witness=thorough)
    code, said = verified(folder, capsys)
    assert (code, said["intact"]) == (3, False)


RAW = {
    "the file removed": lambda path: path.unlink(),
    "the file emptied": lambda path: path.write_bytes(b""),
    "the file doubled": lambda path: path.write_bytes(path.read_bytes() * 2),
    "lines reversed": lambda path: path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[::-1])),
    "half a line": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "no newline at the end": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "blank lines": lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\n\n")),
    "CRLF": lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")),
    "not JSON": lambda path: path.write_bytes(b"{" + path.read_bytes()),
    "deep JSON": lambda path: path.write_bytes(b"[" * 100_000 + b"\n"),
    "a key twice": lambda path: path.write_bytes(path.read_bytes().replace(b'{"at"', b'{"seq":1,"at"', 1)),
    "spaces": lambda path: path.write_bytes(path.read_bytes().replace(b'":', b'": ', 3)),
    "null bytes": lambda path: path.write_bytes(path.read_bytes() + bytes(100)),
    "not UTF-8": lambda path: path.write_bytes(path.read_bytes().replace(b"300", b"\xff00", 1)),
}


@pytest.mark.parametrize("attack", RAW, ids=str)
def test_a_damaged_file_is_seen(whole, tmp_path, capsys, attack):
    folder = copied(whole, tmp_path / "espace")
    RAW[attack](folder / "journal.jsonl")
    code, said = verified(folder, capsys)
    assert (code, said["intact"]) == (3, False)


def test_a_manifest_whose_signature_does_not_hold_is_no_witness(whole, tmp_path, capsys):
    folder = copied(whole, tmp_path / "espace")
    manifest = next((folder / "outbox").glob("*.json"))
    manifest.write_bytes(manifest.read_bytes().replace(b'"counts":{}', b'"counts":[]'))
    code, said = verified(folder, capsys)
    assert code == 3
    assert "signature refusée" in said["faults"][0]
    manifest.with_name(f"{manifest.name}.p7s").unlink()
    code, said = verified(folder, capsys)
    assert code == 0  # without its signature it proves nothing, and that is said
    assert "ne prouve rien" in said["notes"][0]


def test_without_the_store_the_signed_manifest_still_sees_a_thorough_cut(whole, tmp_path, capsys):
    folder = copied(whole, tmp_path / "espace")
    (folder / "rpps-audit.duckdb").unlink()
    rechain(folder, lines(folder)[:PREPARED], witness=True)
    code, said = verified(folder, capsys)
    assert (code, "tronqué" in said["faults"][0]) == (3, True)
