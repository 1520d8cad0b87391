"""One professional's record: every field, every situation, what it opens; values only where the reader may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from rpps_audit.card import Perimeter
from rpps_audit.corrections import fields, shown_expr
from rpps_audit.errors import UsageError
from rpps_audit.records import RecordKey, active_sql
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workbench.frames import field_labels
from rpps_audit.workbench.table import french_text
from rpps_audit.workspace import Workspace

_CIVIL = (
    *("pp_id", "birth_name", "first_names", "birth_date", "birth_commune", "birth_place", "birth_country", "sex"),
    *("civility", "civil_status_state", "face_to_face_date", "email", "phone"),
)
_SITUATION = (
    *("finess", "structure_name", "role", "profession", "start_date", "end_date", "end_reason", "is_open"),
    *("last_confirmed", "notice_date", "pending_request_date"),
)


@dataclass(frozen=True)
class Sheet:
    """What is known of a professional in the loaded snapshots.

    `civil`: (label, text) pairs, None as text where masked. `situations`: one dict per situation the reader may see,
    with the fields of the portal's screen as texts. `hidden`: how many others there are. `documents`: labels of the
    document types that the active situations open.
    """

    key: str
    professional: str
    title: str
    visible: bool
    civil: list[tuple[str, str | None]]
    situations: list[dict[str, str]]
    hidden: int
    documents: list[str]
    labels: dict[str, str]


def read_sheet(store: Store, workspace: Workspace, snapshots: Sequence[int], key: str, perimeter: Perimeter) -> Sheet:
    """The sheet of a record key (of a professional or of one of their situations).

    Raises UsageError when no loaded line has that key.
    """
    professional = RecordKey.parse(key).person
    lines = fetch_frame(store.sql(_LINES, [list(snapshots), professional]))
    if lines.is_empty():
        raise UsageError(f"L’enregistrement {key} n’est pas dans les extractions chargées.")
    allowed = lines.filter(perimeter.expression("finess", "finess_legal"))
    texts = _texts(allowed)
    named = field_labels()
    first = texts.row(0, named=True) if texts.height else {}
    matrix = workspace.access_matrix()
    opened = matrix.documents_of(lines.filter("active")["role"].drop_nulls().unique())
    documents = matrix.document_types.filter(pl.col("id").is_in(list(opened)))["label"].to_list()
    name = " ".join(part for part in (first.get("birth_name"), first.get("first_names")) if part)
    return Sheet(
        key=key,
        professional=professional,
        title=name or professional,
        visible=allowed.height > 0,
        civil=[(named.get(field, field), first.get(field, "") if first else None) for field in _CIVIL],
        situations=texts.select(*_SITUATION).to_dicts(),
        hidden=lines.height - allowed.height,
        documents=sorted(documents),
        labels=named,
    )


def _texts(lines: pl.DataFrame) -> pl.DataFrame:
    """Every field as the portal shows it, label beside code; the text as read stands in for a date that is none."""
    known = {one.column: one for one in fields()}
    shown: list[Any] = []
    for name in (*_CIVIL, *_SITUATION):
        text = french_text(lines, name)
        if name in known and known[name].nomenclature:
            text = shown_expr(text, known[name])
        if f"{name}_text" in lines.columns:
            text = pl.coalesce(text, f"{name}_text")
        shown.append(text.fill_null("").alias(name))
    return lines.select(*shown)


_LINES = f"""
    SELECT g.* REPLACE (coalesce(g.finess_legal, (SELECT any_value(e.finess_legal) FROM establishments e
                                                  WHERE e.finess = g.finess)) AS finess_legal),
           {active_sql("s.data_date", prefix="g.")} AS active
    FROM registrations g JOIN snapshots s USING (snapshot_id) LEFT JOIN person_lines p USING (snapshot_id, line)
    WHERE list_contains(?, snapshot_id) AND coalesce(professional_id, person) = ?
    ORDER BY start_date DESC NULLS LAST, line"""
