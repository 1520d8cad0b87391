"""Corrections: what is decided of findings, from a suggestion to an approval.

    findings ─ suggest ─▶ suggestions ─ propose ─▶ corrections ─ approve ─▶ what `batches/` carries

A correction is a row: nothing of an export is ever edited, and any single one can be undone. What writes demands the
card session's authorisation and checks the perimeter itself; the rules are run on the corrected records before. This
room knows nothing of packages: `batches/` reads what was decided here, never the other way.
"""

from rpps_audit.corrections.corrected import Effect, effect
from rpps_audit.corrections.deciding import FRENCH_STATES, approve, undo
from rpps_audit.corrections.desk import Desk, Settings, open_desk
from rpps_audit.corrections.fields import Field, certified_states, field, fields, shown_expr
from rpps_audit.corrections.operations import settle
from rpps_audit.corrections.perimeter import held, inside, only_inside
from rpps_audit.corrections.proposing import ConflictError, Proposed, add_situation, close_situations, propose
from rpps_audit.corrections.suggestions import run_to_correct, suggest
from rpps_audit.corrections.values import PENDING, corrected_columns, field_values, pending, present_state

__all__ = [
    "FRENCH_STATES",
    "PENDING",
    "ConflictError",
    "Desk",
    "Effect",
    "Field",
    "Proposed",
    "Settings",
    "add_situation",
    "approve",
    "certified_states",
    "close_situations",
    "corrected_columns",
    "effect",
    "field",
    "field_values",
    "fields",
    "held",
    "inside",
    "only_inside",
    "open_desk",
    "pending",
    "present_state",
    "propose",
    "run_to_correct",
    "settle",
    "shown_expr",
    "suggest",
    "undo",
]
