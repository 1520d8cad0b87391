"""The mapping a workspace keeps: one form for each shape of HR file, in `rh.toml`.

A form is known again by its headings. Only the columns it maps are read: the others are never stored.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.ingest.headings import header_key
from rpps_audit.ingest.layouts import RH_MAPPING, Column, Layout
from rpps_audit.outputs import write_private
from rpps_audit.roster.proposal import Choice, fields, propose
from rpps_audit.roster.reading import Table, read_table

_NAMES = ({"Nom", "Nom d'usage"}, {"Nom et prénom"})


def keep_form(workspace: Path, name: str, choices: Sequence[Choice]) -> Path:
    """Keep a mapping, in the place of the one kept for the same headings. Gives the file written.

    Raises UsageError when it lets nobody be recognised (no name).
    """
    mapped = {one.heading: one.column for one in choices if one.column}
    if not any(wanted & set(mapped.values()) for wanted in _NAMES):
        raise UsageError(f"{name} : aucune colonne n'est le nom. Dites laquelle.")
    headings = [one.heading for one in choices]
    kept = _read(workspace)
    forms = [one for one in kept.get("forme", []) if _signature(one["intitules"]) != _signature(headings)]
    forms.append({"nom": name, "intitules": headings, "colonnes": mapped})
    path = workspace / RH_MAPPING
    write_private(path, _text(kept.get("colonnes", {}), forms).encode())
    return path


def kept_form(workspace: Path, headings: Sequence[str]) -> dict[str, str] | None:
    """Heading → our column, for the form kept for these headings; None when there is none."""
    for one in _read(workspace).get("forme", []):
        if _signature(one["intitules"]) == _signature(headings):
            return dict(one["colonnes"])
    return None


def proposed(path: Path, workspace: Path, labels: pl.Series) -> tuple[Table, list[Choice]]:
    """The beginning of an HR file and its mapping: the one kept for these headings, else what is proposed."""
    table = read_table(path)
    kept = kept_form(workspace, table.header)
    if kept is None:
        return table, propose(table, labels)
    return table, [Choice(one, kept.get(one), "gardé dans rh.toml") for one in table.header]


def form_layouts(workspace: Path, roster: Layout) -> tuple[Layout, ...]:
    """A layout for each form kept: the roster's with the form's own headings, all of them required."""
    return tuple(_layout(workspace, roster, one) for one in _read(workspace).get("forme", []))


def _layout(workspace: Path, roster: Layout, form: dict[str, Any]) -> Layout:
    ours = fields()
    unknown = sorted(set(form["colonnes"].values()) - set(ours))
    if unknown:
        raise UsageError(f"{workspace / RH_MAPPING} : « {unknown[0]} » n'existe pas. Possibles : {', '.join(ours)}.")
    read = tuple(Column(heading, field=ours[name][0], type=ours[name][1]) for heading, name in form["colonnes"].items())
    return replace(roster, columns=read, title=f"{roster.title}, forme « {form['nom']} »", mapped=True)


def _read(workspace: Path) -> dict[str, Any]:
    path = workspace / RH_MAPPING
    if not path.exists():
        return {}
    try:
        kept = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} : fichier illisible ({error}).") from error
    for form in kept.get("forme", []):
        lacking = [key for key in ("nom", "intitules", "colonnes") if key not in form]
        if lacking:
            raise UsageError(f"{path} : une [[forme]] n'a pas « {lacking[0]} ».")
    return kept


def _text(columns: dict[str, str], forms: Sequence[dict[str, Any]]) -> str:
    lines = [
        "# Ce que veulent dire les colonnes de vos fichiers du personnel. Écrit par rpps-audit mapping FICHIER --save."
    ]
    lines += ["[colonnes]", *_table(columns)] if columns else []
    for form in forms:
        lines += ["", "[[forme]]", f"nom = {_quoted(form['nom'])}"]
        lines += [f"intitules = [{', '.join(map(_quoted, form['intitules']))}]"]
        lines += ["[forme.colonnes]", *_table(form["colonnes"])]
    return "\n".join([*lines, ""])


def _table(pairs: dict[str, str]) -> list[str]:
    return [f"{_quoted(theirs)} = {_quoted(ours)}" for theirs, ours in pairs.items()]


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


def _signature(headings: Sequence[str]) -> frozenset[str]:
    return frozenset(map(header_key, headings))
