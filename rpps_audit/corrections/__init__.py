"""Corrections: from a finding to the proof that it took.

    findings ─ suggest ─▶ suggestions ─ propose ─▶ corrections ─ approve ─▶ prepare ─▶ batch ─ sign ─▶ package ─ send ─▶
        ─ receipt, prove (next export) ─▶ seen, contradicted, overdue

A correction is a row: nothing of an export is ever edited, and any single one can be undone. What writes demands the
card session's authorisation and checks the perimeter itself; the rules are run on the corrected records before.
"""

from rpps_audit.corrections.batch import (
    FRENCH_BATCH_STATES,
    Batch,
    batch,
    batches,
    prepare,
    ready,
    settle_packages,
    sign,
)
from rpps_audit.corrections.corrected import Effect, effect
from rpps_audit.corrections.deciding import FRENCH_STATES, approve, undo
from rpps_audit.corrections.desk import Desk, Settings, open_desk
from rpps_audit.corrections.fields import Field, certified_states, field, fields, shown_expr
from rpps_audit.corrections.operations import settle
from rpps_audit.corrections.package import Options
from rpps_audit.corrections.perimeter import inside, only_inside
from rpps_audit.corrections.proof import Proof, batch_facts, batch_page, prove, receipt
from rpps_audit.corrections.proposing import ConflictError, Proposed, add_situation, close_situations, propose
from rpps_audit.corrections.suggestions import suggest
from rpps_audit.corrections.transport import Transport, TransportError, send, transport
from rpps_audit.corrections.values import PENDING, extract, field_values, latest_extract, pending
from rpps_audit.corrections.verify import Verification, verify

__all__ = [
    "FRENCH_BATCH_STATES",
    "FRENCH_STATES",
    "PENDING",
    "Batch",
    "ConflictError",
    "Desk",
    "Effect",
    "Field",
    "Options",
    "Proof",
    "Proposed",
    "Settings",
    "Transport",
    "TransportError",
    "Verification",
    "add_situation",
    "approve",
    "batch",
    "batch_facts",
    "batch_page",
    "batches",
    "certified_states",
    "close_situations",
    "effect",
    "extract",
    "field",
    "field_values",
    "fields",
    "inside",
    "latest_extract",
    "only_inside",
    "open_desk",
    "pending",
    "prepare",
    "propose",
    "prove",
    "ready",
    "receipt",
    "send",
    "settle",
    "settle_packages",
    "shown_expr",
    "sign",
    "suggest",
    "transport",
    "undo",
    "verify",
]
