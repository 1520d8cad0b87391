"""What can be evaluated in a state, on which files, and why the rest cannot be.

A rule lacks its data when a column it needs is not in the file, or cannot be read in more cells than
`rules/cells.toml` allows; or when the other file it compares with is not loaded, or lacks in turn what the comparison
rests on. Never does a lack look like a clean result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from rpps_audit import reference
from rpps_audit.checks.kinds import kind_of
from rpps_audit.checks.rule import Rule
from rpps_audit.ingest import layouts, most_unreadable, unreadable_share
from rpps_audit.records import ROW_ID, State
from rpps_audit.store import Store, fetch_frame


class _File(NamedTuple):
    """A file of the state: what it carries, what of it holds something, and what cannot be read in too many cells."""

    carried: frozenset[str]
    filled: frozenset[str]
    unreadable: Mapping[str, float]


@dataclass(frozen=True)
class Plan:
    """The rules of one run.

    `numbers`: the number of each rule. `row_rules` (by table) and `set_rules`: those to evaluate. `missing`: why the
    others cannot be, in French. `gaps`: of those evaluated, the files on which they cannot be, and `partly` why.
    `spared`: the rows whose cell is there and cannot be read, for the rules that look for absence.
    `useless`: the source files that no rule can use, left out of the comparison.
    """

    numbers: dict[str, int]
    row_rules: dict[str, list[Rule]] = field(default_factory=lambda: {"professional": [], "situation": []})
    set_rules: list[Rule] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, list[int]] = field(default_factory=dict)
    partly: dict[str, str] = field(default_factory=dict)
    useless: frozenset[int] = frozenset()
    spared: dict[str, pl.Series] = field(default_factory=dict)

    def judged(self, rule: Rule, snapshot_id: pl.Expr) -> pl.Expr:
        """Whether the rule can be evaluated on a row's file."""
        return snapshot_id.is_in(self.gaps.get(rule.id, [])).not_()


def make_plan(store: Store, rules: Sequence[Rule], state: State, kind: str) -> Plan:
    """Plan the rules that apply to one kind of registration of a state."""
    files = {other: _files(store, state, other) for other in set(state.snapshots["kind"])}
    mine, beside = files[kind], {other: facts for other, facts in files.items() if other != kind}
    useful: set[int] = set()
    plan = Plan({rule.id: number for number, rule in enumerate(rules)})
    for rule in rules:
        lacks = {number: lack for number, facts in mine.items() if (lack := _lack(rule, facts))}
        told = _sources(rule, beside, useful)
        if lacks and len(lacks) == len(mine):
            plan.missing[rule.id] = _all(lacks)
        elif told.missing:
            plan.missing[rule.id] = told.missing
        else:
            if lacks:
                plan.gaps[rule.id] = sorted(lacks)
            partly = [_some(lacks, len(mine)) if lacks else "", told.partly]
            if any(partly):
                plan.partly[rule.id] = " ; ".join(filter(None, partly))
            if kind_of(rule).spares_unreadable:
                plan.spared[rule.id] = _unreadable(store, state, kind, rule.columns)
            (plan.row_rules[rule.table] if kind_of(rule).of_rows else plan.set_rules).append(rule)
    demanding = {name for rule in rules for name in kind_of(rule).needed_sources(rule)}
    every = {number for name in demanding for number in beside.get(name, {})}
    return Plan(**{**vars(plan), "useless": frozenset(every - useful)})


class _Told(NamedTuple):
    missing: str = ""
    partly: str = ""


def _sources(rule: Rule, beside: Mapping[str, Mapping[int, _File]], useful: set[int]) -> _Told:
    """What the rule lacks in the files it compares with; adds to `useful` those it can use."""
    kind = kind_of(rule)
    absent = kind.needed_sources(rule) - set(beside)
    if absent:
        return _Told(f"fichier non chargé : {_named('kinds', absent)}")
    partly = ""
    for source in sorted(kind.needed_sources(rule)):
        lacks = {number: lack for number, facts in beside[source].items() if (lack := _lack_of_source(rule, facts))}
        useful |= set(beside[source]) - set(lacks)
        said = f"{_named('kinds', frozenset({source}))} : "
        if len(lacks) == len(beside[source]):
            return _Told(said + _all(lacks))
        if lacks:
            partly = said + _some(lacks, len(beside[source]))
    return _Told(partly=partly)


def _files(store: Store, state: State, kind: str) -> dict[int, _File]:
    limit = most_unreadable()
    filled = dict(
        store.sql(
            """SELECT snapshot_id, list("column") FROM cell_counts WHERE filled > 0 AND list_contains(?, snapshot_id)
               GROUP BY snapshot_id""",
            [list(state.files(kind))],
        ).fetchall()
    )
    found = {}
    for number, carried in state.carried(kind).items():
        lost = {name: share for name, share in unreadable_share(store, number).items() if share > limit}
        # A file loaded before cells were counted says only what it carries.
        held = carried & frozenset(filled[number]) if number in filled else carried
        found[number] = _File(carried, held, lost)
    return found


def _unreadable(store: Store, state: State, kind: str, columns: Sequence[str]) -> pl.Series:
    """The rows where one of the columns, or a column it is made from in its file's layout, cannot be read."""
    mine = state.snapshots.filter(pl.col("kind") == kind).group_by("layout").agg("snapshot_id")
    known = {one.id: one.derived for one in layouts()}
    found = [
        _rows_unreadable(store, files, [*columns, *_origins(known.get(layout, {}), columns)])
        for layout, files in mine.sort("layout").rows()
    ]
    return pl.concat(found)


def _origins(derived: Mapping[str, str], columns: Sequence[str]) -> list[str]:
    return [name for column in columns for name in re.findall(r"\b[a-z_]+\b", derived.get(column, ""))]


def _rows_unreadable(store: Store, files: Sequence[int], columns: Sequence[str]) -> pl.Series:
    sql = f"""SELECT {ROW_ID.format(p="")} AS row_id FROM unreadable
              WHERE list_contains(?, snapshot_id) AND list_contains(?, "column")"""
    return fetch_frame(store.sql(sql, [files, columns]))["row_id"]


def _lack(rule: Rule, file: _File) -> str:
    """What a file of registrations lacks for a rule; "" when nothing."""
    needed = kind_of(rule).needs(rule)
    return _said(
        needed - file.carried, {name: file.unreadable[name] for name in needed if name in file.unreadable}, rule
    )


def _lack_of_source(rule: Rule, file: _File) -> str:
    """What a file to compare with lacks: a column it must carry and fill, or any of the ways to tell a person."""
    kind = kind_of(rule)
    needed = kind.reads_of_source(rule)
    # Derived columns have no cells of their own.
    absent = frozenset(name for name in needed if name not in file.carried)
    lost = {name: share for name, share in file.unreadable.items() if name in needed}
    ways = kind.tells_people_by
    if not absent and not lost and ways and not any(way <= file.filled for way in ways):
        shortest = min(ways, key=lambda way: len(way - file.filled))
        return f"ni numéro ni état civil complet ({_named('columns', shortest - file.filled)})"
    return _said(absent, lost, rule)


def _said(absent: frozenset[str], lost: Mapping[str, float], rule: Rule) -> str:
    said = [f"colonne absente : {_named('columns', absent)}"] if absent else []
    # A rule that reads the text of a date judges what cannot be read.
    told = {name: share for name, share in lost.items() if f"{name}_text" not in rule.columns}
    said += [f"{_named('columns', frozenset({name}))} illisible à {share:.0%}" for name, share in sorted(told.items())]
    return ", ".join(said).replace("%", " %")


def _all(lacks: Mapping[int, str]) -> str:
    return " ; ".join(sorted(set(lacks.values())))


def _some(lacks: Mapping[int, str], files: int) -> str:
    return f"non évaluable sur {len(lacks)} fichier{'s' * (len(lacks) > 1)} de {files} ({_all(lacks)})"


def _named(table: str, codes: frozenset[str]) -> str:
    return ", ".join(sorted(f"« {reference.words(table).get(code, code)} »" for code in codes))
