"""The store against the journal: what was changed, added or removed elsewhere than in the tool is seen, and refused.

The journal's lines are sealed with the workspace's key and say, by digests and salted hashes, every row that a decision
wrote. Who proposed and who approved is read from the journal alone.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import COMMITMENT, seal
from rpps_audit.corrections.rows import batch_digests, counts, digests
from rpps_audit.errors import NotAuthorisedError
from rpps_audit.journal import KEEP_IT, Entry, Journal, JournalError, canonical_json
from rpps_audit.store import fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card.person import Person

APPROVED, REFUSED, PROPOSED = "corrections-approved", "corrections-refused", "corrections-proposed"


class Told(NamedTuple):
    """Who decided what, by the journal."""

    authors: dict[int, Person]
    approvers: dict[int, Person]
    """The approval in force of each correction."""

    def author(self, number: int) -> Person:
        """Who proposed it. Raises JournalError when no line says so."""
        if number not in self.authors:
            raise JournalError(f"Aucune ligne du journal ne dit qui a proposé la correction n° {number}. {KEEP_IT}")
        return self.authors[number]


def told(journal: Journal) -> Told:
    """Read the journal's decisions. A decision of an earlier release names its author by number only."""
    from rpps_audit.card.person import Person, person_of

    said = Told({}, {})
    for entry in _decisions(journal):
        data = entry.data
        described = data.get("person") if isinstance(data.get("person"), dict) else None
        who = person_of(described) if described else Person(entry.author, "", "")
        if entry.event == PROPOSED:
            said.authors.update(dict.fromkeys(data["corrections"]["id"], who))
        elif entry.event == APPROVED:
            said.approvers.update(dict.fromkeys(data["corrections"], who))
        elif entry.event == REFUSED:
            for number in data["corrections"]:
                said.approvers.pop(number, None)
    return said


def approvals(desk: Desk, corrections: Iterable[int]) -> list[dict[str, Any]]:
    """Who approved how many of these corrections, for the manifest: `[{approver, corrections}]` in order of number."""
    approvers = told(desk.journal).approvers
    numbers = [approvers[number].number for number in corrections if number in approvers]
    return [{"approver": one, "corrections": numbers.count(one)} for one in sorted(set(numbers))]


def demand_untouched(desk: Desk, corrections: Iterable[int]) -> None:
    """Before a batch is prepared or signed. Raises JournalError when the store and the journal do not say the same, and
    NotAuthorisedError when four eyes are wanted and a correction was not approved by another person."""
    check = desk.journal.verify()
    if not check.intact:
        raise JournalError(f"{desk.journal.path}, ligne {check.broken_line} : {check.reason}. {KEEP_IT}")
    if found := faults(desk):
        raise JournalError(f"{found[0]} Aucun lot n'est préparé ni signé. {KEEP_IT}")
    if not desk.settings.four_eyes:
        return
    said = told(desk.journal)
    for number in corrections:
        author, approver = said.authors.get(number), said.approvers.get(number)
        if author is None or approver is None or approver.same_as(author):
            raise NotAuthorisedError(
                f"La correction n° {number} n'a pas été approuvée par une autre personne que son auteur."
            )


def faults(desk: Desk) -> list[str]:
    """Everything in which the store and the journal differ, in French, worst first; empty when they agree."""
    try:
        return list(_faults(desk))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, pl.exceptions.PolarsError):
        return ["Une ligne du journal n'a pas la forme d'une décision : elle n'a pas été écrite par l'outil."]


def next_number(desk: Desk, day: str) -> int:
    """The next number of a batch prepared that day (AAAAMMJJ): never one that the store or the journal has known."""
    known = [row[0] for row in desk.store.sql("SELECT batch_id FROM batches").fetchall()]
    known += [entry.data["batch"] for entry in _decisions(desk.journal) if "batch" in entry.data]
    return 1 + max((int(name.rpartition("-")[2]) for name in known if name.startswith(f"{day}-")), default=0)


def _decisions(journal: Journal) -> Iterator[Entry]:
    return (entry for entry in journal.entries() if isinstance(entry.data, dict) and "operation" in entry.data)


def _faults(desk: Desk) -> Iterator[str]:
    entries = {entry.seq: entry for entry in desk.journal.entries()}
    decisions = [one for one in entries.values() if isinstance(one.data, dict) and "operation" in one.data]
    yield from _seal_faults(desk, decisions)
    yield from _sequence_faults(desk, entries, decisions)
    yield from _commitment_faults(desk, decisions)
    yield from _row_faults(desk, decisions)


def _seal_faults(desk: Desk, decisions: list[Entry]) -> Iterator[str]:
    sealed = False
    for entry in decisions:
        found = str(entry.data.get("seal", ""))
        sealed = sealed or bool(found)
        # Decisions of the release before seals come first; none comes after.
        if sealed and not hmac.compare_digest(found, seal(desk.folder, entry.event, entry.data, entry.author)):
            yield f"Entrée {entry.seq} du journal : cette décision n'a pas été écrite par l'outil (sceau faux)."


def _sequence_faults(desk: Desk, entries: Mapping[int, Entry], decisions: list[Entry]) -> Iterator[str]:
    rows = desk.store.sql(
        "SELECT operation_id, event, data, author, journal_seq FROM operations ORDER BY operation_id"
    ).fetchall()
    known: dict[int, int] = {}
    for number, event, text, author, seq in rows:
        known[number] = seq
        entry = entries.get(seq)
        if seq is None:
            yield f"Décision n° {number} : elle n'est pas inscrite au journal."
        elif entry is None:
            yield f"Décision n° {number} : le journal n'a plus l'entrée {seq} où elle est inscrite."
        elif (entry.event, entry.author, canonical_json(entry.data).decode("utf-8")) != (event, author, text):
            yield f"Décision n° {number} : le journal (entrée {seq}) et le magasin ne disent pas la même chose."
        head = json.loads(text).get("head")
        if head and head[0] and (entries.get(head[0]) is None or entries[head[0]].hash != head[1]):
            yield f"Décision n° {number} : l'entrée {head[0]} du journal n'est plus celle d'alors (journal réécrit)."
    for entry in decisions:
        if known.get(entry.data["operation"]) != entry.seq:
            yield f"Entrée {entry.seq} du journal : le magasin ne connaît pas cette décision."


def _commitment_faults(desk: Desk, decisions: list[Entry]) -> Iterator[str]:
    """The values of each correction are those whose salted hashes were written when it was proposed."""
    frames = [
        pl.DataFrame(entry.data["corrections"], infer_schema_length=None, strict=False).with_columns(
            pl.col("rule").cast(pl.String), pl.col("id").cast(pl.Int64)
        )
        for entry in decisions
        if entry.event == PROPOSED
    ]
    now = fetch_frame(
        desk.store.sql(
            f"""SELECT correction_id::BIGINT AS id, coalesce(written_key, record_key) AS key, "column" AS field,
                   rule_id AS rule,
                   {COMMITMENT.format(nonce="nonce", value="old")} AS before,
                   {COMMITMENT.format(nonce="nonce", value="new")} AS after FROM corrections"""
        )
    )
    then = pl.concat([frame.select(now.columns) for frame in frames]) if frames else now.clear()
    for number in now.join(then, now.columns, "anti", nulls_equal=True)["id"].sort():
        yield f"Correction n° {number} : elle n'est plus celle que le journal a vue, ou il ne l'a jamais vue."
    for number in then.join(now, "id", "anti")["id"].sort():
        yield f"Correction n° {number} : le journal la connaît, elle n'est plus dans le magasin."


def _row_faults(desk: Desk, decisions: list[Entry]) -> Iterator[str]:
    """Every row of corrections, events and batches, by the digests of the decision that wrote it."""
    said = [(entry.data["operation"], entry.data["rows"]) for entry in decisions if "rows" in entry.data]
    if not said:
        return
    held = counts(desk.store)
    oldest = min(number for number, _ in said)
    for table, words in (
        ("corrections", "les corrections"),
        ("correction_events", "la vie de corrections (approbation, lot…)"),
        ("batch_events", "la vie d'un lot"),
    ):
        ranges = [(number, rows[table][0], rows[table][1]) for number, rows in said if table in rows]
        found = digests(desk.store, table, ranges)
        for number, rows in said:
            if table in rows and found.get(number) != rows[table][2]:
                yield f"Décision n° {number} : {words} ne sont plus telles qu'elle les a écrites."
        first = min((start for _, start, _ in ranges), default=None)
        if ranges and first is not None:
            covered = sum(last - start + 1 for _, start, last in ranges)
            # Rows of the release before digests come first.
            if held[table] - covered > (first - 1 if oldest > 1 or first > 1 else 0):
                yield f"Des lignes ont été ajoutées au magasin hors de l'outil ({words})."
        elif held[table] and oldest == 1:
            yield f"Des lignes ont été ajoutées au magasin hors de l'outil ({words})."
    batches = {name: digest for _, rows in said for name, digest in rows.get("batches", {}).items()}
    now = batch_digests(desk.store, sorted(batches))
    for name in sorted(batches):
        if now.get(name) != batches[name]:
            yield f"Lot {name} : sa composition n'est plus celle que le journal a vue."
    if oldest == 1 and held["batches"] > len(batches):
        yield "Un lot a été ajouté au magasin hors de l'outil."
