"""HR files of any shape: what their columns are, where their labels and functions lead, what a workspace keeps of it.

file ─ reading ─ proposal (headings and contents) ─ a person ─ forms (rh.toml) ─▶ ingest
loaded rows ─ places, jobs (kept files) ─ resolve ─▶ names, FINESS, dates
"""

from rpps_audit.roster.forms import keep_form, kept_form, proposed
from rpps_audit.roster.jobs import decide_job, keep_jobs, kept_jobs, propose_jobs, with_jobs
from rpps_audit.roster.places import decide_place, keep_places, kept_places, propose_places
from rpps_audit.roster.preview import as_read
from rpps_audit.roster.proposal import Choice, columns, corrected, propose
from rpps_audit.roster.reading import Table, read_table
from rpps_audit.roster.resolve import establishments, labels, resolve_roster, resolved

__all__ = [
    "Choice",
    "Table",
    "as_read",
    "columns",
    "corrected",
    "decide_job",
    "decide_place",
    "establishments",
    "keep_form",
    "keep_jobs",
    "keep_places",
    "kept_form",
    "kept_jobs",
    "kept_places",
    "labels",
    "propose",
    "propose_jobs",
    "propose_places",
    "proposed",
    "read_table",
    "resolve_roster",
    "resolved",
    "with_jobs",
]
