"""Frames of the other rooms as grids: French headings, role and profession by their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import polars as pl

from rpps_audit.ingest import layout
from rpps_audit.reference import heading, load_nomenclature
from rpps_audit.reports.labels import SEVERITIES, STATES
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.table import Column, Table

# The columns the screens show; one that is not here is not shown. Their headings are those of the book of words.
_SHOWN = (
    "who", "person", "place", "start_date", "how", "day", "findings", "record_key", "rule", "rule_id", "rule_ids",
    "severity", "state", "reason", "field", "label", "type_code",
    "code", "column", "finess", "name", "structure_name", "operator",
    "finess_legal", "role", "roles", "profession", "successor", "successor_label",
    "since", "forgotten_since", "days", "professionals", "professionals_forgotten", "situations",
    "forgotten_situations", "establishments", "operators", "documents", "documents_added", "documents_forgotten",
    "person_documents", "person_documents_forgotten", "person_days", "person_days_forgotten", "exposed",
    "unknown_roles", "undated", "professionals_gaining", "professionals_losing", "gained", "lost",
)  # fmt: skip
# What a column is on these screens only.
HEADINGS = {name: heading(name) for name in _SHOWN} | {"column": "Nature", "name": "Établissement"}
# Shown only where there is something to doubt.
_DOUBTS = ("unknown_roles", "undated")
NATURES = {"profession": "profession", "role": "rôle"}


def labels(nomenclature: str) -> dict[str, str]:
    """Code to label."""
    frame = load_nomenclature(nomenclature).frame
    return dict(zip(frame["code"], frame["label"], strict=True))


@cache
def field_labels() -> dict[str, str]:
    """The store's columns, called as on the portal's screens (the headings of the `suivi` template)."""
    named = {column.field: column.header for column in layout("suivi").columns if column.field}
    plain = {field: header.split(" (")[0] for field, header in named.items()}
    # The text of a date that is none stands beside the date.
    return plain | {f"{field}_text": label for field, label in plain.items()}


def frame_grid(
    frame: pl.DataFrame,
    caption: str,
    *,
    empty: str,
    row: tuple[str, str] = ("ligne", "lignes"),
    key: str | None = None,
    on_open: Callable[[str], None] | None = None,
    search: bool = False,
    under: Mapping[str, str] | None = None,
) -> Grid:
    """A grid on a frame: its columns that have a heading, in the frame's order; `key` names the rows uniquely, and
    `under` the text column shown under another, in its cell."""
    if key is None:
        key = "row_number"
        frame = frame.with_row_index(key).with_columns(pl.col(key).cast(pl.String))
    empty_doubts = [name for name in _DOUBTS if name in frame.columns and not frame[name].sum()]
    second = {name: code for name, code in (under or {}).items() if {name, code} <= set(frame.columns)}
    hidden = {*empty_doubts, *second.values()}
    columns = [
        replace(_column(name, frame), second=second.get(name, ""))
        for name in frame.columns
        if name in HEADINGS and name not in hidden
    ]
    return Grid(Table(frame, columns, key=key), caption=caption, empty=empty, row=row, on_open=on_open, search=search)


def heading_of(name: str) -> str:
    """The heading of a column; its own name where there is none."""
    return HEADINGS.get(name, name)


def _column(name: str, frame: pl.DataFrame) -> Column:
    return Column(
        name,
        HEADINGS[name],
        choices=shown_choices(name, frame),
        numeric=frame.schema[name].is_numeric(),
        missing="masqué" if name == "who" else "",
    )


def shown_choices(name: str, frame: pl.DataFrame) -> Mapping[str, str] | None:
    """The labels of the codes a column holds, None for a column that holds no code."""
    known = {"severity": SEVERITIES, "state": STATES, "column": NATURES}.get(name)
    # Where a label stands in a column of its own, the code is shown as it is.
    if name in ("role", "profession") and "label" not in frame.columns:
        known = {code: f"{label} ({code})" for code, label in labels(f"{name}s").items()}
    if known is None:
        return None
    met = frame[name].drop_nulls().unique().sort().to_list()
    return {code: known.get(code, code) for code in met}
