"""A small store for reports: two extracts of one follow-up file, a roster of people, three rules; and a page reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from rpps_audit.store import Store, memory_store
from rpps_audit.workspace import Workspace
from tests.checks.literal import person, run_checks, snapshot

HERE, THERE = "690000015", "690000023"
NOW, BEFORE = date(2026, 11, 1), date(2026, 9, 1)
SECRETS = {
    "birth_name": "ZORGLUBOVITCH",
    "first_names": "Philibertine",
    "exercise_name": "QUETZALOVNA",
    "email": "philibertine.secret@domaine-prive.example",
    "phone": "0699887766",
    "birth_place": "Trifouillis-les-Oies",
    "structure_email": "quetzalovna@perso.example",
}
_HEAD = """+++
id = "{id}"
title = "{title}"
table = "{table}"
columns = {columns}
kind = "{kind}"
severity = "{severity}"
category = "{category}"
basis = "essai"
source = "essai"
since = "2026"
applies_to = ["suivi"]
forgotten = {forgotten}
{more}+++
Une page.

## Ce que le gestionnaire doit faire

{advice}

## Et après

Rien.
"""
_RULES = (
    {
        "id": "essai-fin-passee", "title": "Fin passée & situation <ouverte>", "table": "situation",
        "columns": ["end_date"], "kind": "past_end_still_open", "severity": "error", "category": "timeliness",
        "forgotten": "true", "more": '[parameters]\nopen_column = "is_open"\n',
        "advice": "Clore la situation, avec son **motif**.\n\n- Prévenir [la personne](https://exemple.example).",
    },
    {
        "id": "essai-courriel-absent", "title": "Courriel absent", "table": "professional", "columns": ["email"],
        "kind": "required", "severity": "error", "category": "completeness", "forgotten": "false", "more": "",
        "advice": "Demander le courriel.",
    },
    {
        "id": "essai-finess-introuvable", "title": "Établissement introuvable", "table": "situation",
        "columns": ["finess"], "kind": "exists_in", "severity": "warning", "category": "plausibility",
        "forgotten": "false", "more": '[parameters]\nsource = "finess"\nsource_column = "finess"\n',
        "advice": "Vérifier le FINESS.",
    },
)  # fmt: skip


def workspace(path: Path) -> Workspace:
    """A workspace whose only enabled rules are three of our own."""
    from rpps_audit.checks import load_catalogue

    checks = path / "rules" / "checks"
    checks.mkdir(parents=True)
    off = "\n".join(f"[{rule.id}]\nenabled = false" for rule in load_catalogue())
    (path / "rules" / "reglages.toml").write_text(off, "utf-8")
    for rule in _RULES:
        (checks / f"{rule['id']}.md").write_text(_HEAD.format(**rule), "utf-8")
    return Workspace(path, organisation="Association d'essai")


def people() -> list[dict[str, Any]]:
    """Three people in two establishments; the second one left, the third one has no e-mail."""
    gone = {"end_date": date(2026, 10, 2), "role": "GENR08", "structure_name": "Foyer <des> Érables & Cie"}
    return [
        person(1, **SECRETS),
        person(2, **{**SECRETS, **gone}, finess=THERE),
        person(3, **{**SECRETS, "email": None}),
    ]


@contextmanager
def filled(place: Workspace, rows: list[dict[str, Any]] | None = None) -> Iterator[Store]:
    """A store with the extracts of September (without the departure) and November, both checked."""
    with memory_store() as store:
        catalogue = place.catalogue()
        before = [person(1, **SECRETS), person(2, **SECRETS, finess=THERE), person(4, **{**SECRETS, "email": None})]
        for day, lines in ((BEFORE, before), (NOW, people() if rows is None else rows)):
            run_checks(store, snapshot(store, "suivi", lines, day=day), catalogue, as_of=day)
        yield store


class Page(HTMLParser):
    """A strict reader of one page: every element closed in order, attributes and text kept.

    `elements`: (tag, attributes) in order. `faults`: what is not well nested. `cells`: rows of text by table id.
    """

    _VOID = frozenset({"meta", "br", "hr", "img", "link", "input", "path", "rect", "use", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.cells: dict[str, list[list[str]]] = {}
        self.words: list[str] = []
        self._open: list[str] = []
        self._table = ""
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> jamais fermé" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self._table = dict(attrs).get("id") or ""
            self.cells[self._table] = []
        elif tag == "tr":
            self.cells[self._table].append([])
        elif tag in ("td", "th"):
            self.cells[self._table][-1].append("")
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._VOID:
            return
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> ferme {self._open[-1:]}, {self.getpos()}")
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style",):
            self.words.append(data)
        if {"td", "th"} & set(self._open):
            self.cells[self._table][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]
