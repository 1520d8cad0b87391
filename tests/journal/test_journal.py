"""The journal: every change of what is written is seen, and where."""

import json
import multiprocessing
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpps_audit.journal import Anchor, Journal, JournalError, canonical_json
from rpps_audit.journal.witness import write_head

SCALARS = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def written(tmp_path, count=5):
    journal = Journal(tmp_path / "journal.jsonl")
    for number in range(count):
        journal.append("correction", {"record": f"810000000{number}", "n": number}, "CN=1")
    return journal


def lines(journal):
    return journal.path.read_bytes().splitlines(keepends=True)


# --- What holds ---


def test_an_empty_journal_is_intact_and_its_head_is_entry_zero(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.verify().intact
    assert journal.head() == Anchor(0, "0" * 64)
    assert not journal.path.exists()


def test_entries_follow_one_another_and_the_file_is_private(tmp_path):
    journal = written(tmp_path)
    check = journal.verify(journal.head())
    assert (check.entries, check.intact, check.broken_line) == (5, True, None)
    assert [entry.seq for entry in journal.entries()] == [1, 2, 3, 4, 5]
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_each_line_is_self_contained_json(tmp_path):
    entry = json.loads(lines(written(tmp_path, 1))[0])
    assert sorted(entry) == ["at", "author", "data", "event", "hash", "prev", "seq"]


def test_what_cannot_be_read_back_the_same_is_refused(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(TypeError):
        journal.append("x", {1: "a"}, "me")
    with pytest.raises(ValueError, match="JSON"):
        journal.append("x", float("nan"), "me")
    assert journal.verify().entries == 0


def append_many(path):
    for _ in range(25):
        Journal(path).append("x", "y", "me")


def test_several_processes_write_one_chain(tmp_path):
    path = tmp_path / "journal.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_many, args=(path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Journal(path).verify() == Journal(path).verify(Journal(path).head())
    assert Journal(path).verify().entries == 75


# --- What does not ---


@pytest.mark.parametrize("line", [1, 3, 5])
def test_a_changed_word_is_named(tmp_path, line):
    journal = written(tmp_path)
    content = lines(journal)
    content[line - 1] = content[line - 1].replace(b"correction", b"corruption")
    journal.path.write_bytes(b"".join(content))
    check = journal.verify()
    assert (check.broken_line, check.entries) == (line, line - 1)
    assert "modifié" in check.reason


def test_a_removed_line_a_swap_and_a_repeat_are_named(tmp_path):
    journal = written(tmp_path)
    a, b, c, d, e = lines(journal)
    for content, broken in [([a, b, d, e], 3), ([a, c, b, d, e], 2), ([a, a, b], 2), ([b, c], 1)]:
        journal.path.write_bytes(b"".join(content))
        assert journal.verify().broken_line == broken


def test_a_chain_cut_short_is_seen_by_its_witness_and_by_the_anchor(tmp_path):
    journal = written(tmp_path)
    anchor = journal.head()
    journal.path.write_bytes(b"".join(lines(journal)[:3]))
    for check in (journal.verify(), journal.verify(anchor)):
        assert (check.entries, check.broken_line) == (3, 4)
        assert "tronqué" in check.reason


def test_nothing_is_written_after_a_cut_so_that_it_stays_seen(tmp_path):
    journal = written(tmp_path)
    journal.path.write_bytes(b"".join(lines(journal)[:-1]))
    with pytest.raises(JournalError, match="tronqué"):
        journal.append("x", {}, "me")
    journal.path.unlink()
    with pytest.raises(JournalError, match="tronqué"):
        journal.append("x", {}, "me")


def test_only_the_anchor_sees_a_chain_and_its_witness_rewritten_whole(tmp_path):
    journal = written(tmp_path)
    anchor = journal.head()
    journal.path.unlink()
    journal.path.with_name("journal.jsonl.tete").unlink()
    written(tmp_path, 6)
    assert journal.verify().intact
    assert journal.verify(anchor).broken_line == 5


def test_a_line_added_by_hand_is_seen(tmp_path):
    journal = written(tmp_path)
    before = journal.path.with_name("journal.jsonl.tete").read_bytes()
    journal.append("forged", {}, "me")
    journal.path.with_name("journal.jsonl.tete").write_bytes(before)
    assert "témoin" in journal.verify().reason


@pytest.mark.parametrize("state", ["before", "after"])
def test_a_crash_around_the_write_leaves_a_witness_that_holds(tmp_path, state):
    journal = written(tmp_path)
    last, previous = list(journal.entries())[-1], list(journal.entries())[-2]
    write_head(journal.path, (last.seq, last.hash), (previous.seq, previous.hash))
    if state == "before":
        journal.path.write_bytes(b"".join(lines(journal)[:-1]))
    assert journal.verify().intact
    journal.append("x", {}, "me")
    assert journal.verify().intact


def test_nothing_is_written_after_a_damaged_last_line(tmp_path):
    journal = written(tmp_path)
    journal.path.write_bytes(journal.path.read_bytes().replace(b'"n":4', b'"n":9'))
    before = journal.path.read_bytes()
    with pytest.raises(JournalError, match="dernière ligne"):
        journal.append("x", {}, "me")
    assert journal.path.read_bytes() == before


# --- A crash while writing ---


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_an_unfinished_last_line_is_set_aside_and_recorded(tmp_path, kept):
    journal = written(tmp_path)
    content = lines(journal)
    torn = content[4][:kept]
    journal.path.write_bytes(b"".join(content[:4]) + torn)
    before, last = (json.loads(line) for line in content[3:])
    write_head(journal.path, (last["seq"], last["hash"]), (before["seq"], before["hash"]))
    assert journal.verify().broken_line == 5
    with pytest.raises(JournalError, match="inachevée"):
        journal.head()
    journal.append("after", {}, "me")
    assert journal.verify().intact
    events = list(journal.entries())
    assert [entry.event for entry in events[-2:]] == ["journal-repaired", "after"]
    assert (tmp_path / events[-2].data["file"]).read_bytes() == torn


def test_a_finished_line_that_was_cut_is_set_aside_and_never_forgiven(tmp_path):
    journal = written(tmp_path)
    journal.path.write_bytes(journal.path.read_bytes()[:-20])
    journal.append("after", {}, "me")
    check = journal.verify()
    assert (check.broken_line, "achevée" in check.reason) == (5, True)


def test_a_first_line_may_be_unfinished_too(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_bytes(b'{"at":')
    journal.append("x", {}, "me")
    assert [entry.event for entry in journal.entries()] == ["journal-repaired", "x"]


def test_a_long_entry_is_found_again_from_the_end(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("long", "x" * 200_000, "me")
    journal.append("short", "y", "me")
    assert journal.verify(journal.head()).entries == 2


# --- Properties ---


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(VALUES, min_size=1, max_size=4), data=st.data())
def test_any_changed_byte_is_seen_on_its_line(tmp_path, events, data):
    journal = Journal(tmp_path / "journal.jsonl")
    for file in tmp_path.iterdir():
        file.unlink()
    for value in events:
        journal.append("event", value, "me")
    anchor = journal.head()
    assert journal.verify(anchor).intact
    content = bytearray(journal.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    line = bytes(content[:place]).count(b"\n") + 1
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    journal.path.write_bytes(content)
    check = journal.verify(anchor)
    assert not check.intact
    assert check.broken_line == line
    assert check.entries == line - 1


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_canonical_json_does_not_depend_on_reading_back(value):
    once = canonical_json(value)
    assert canonical_json(json.loads(once)) == once
