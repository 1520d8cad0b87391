"""Ingest: registration exports become snapshots, with every line kept or rejected, and nothing else.

    paths ─ expand ─▶ sources ─ recognise ─▶ layout ─ read in blocks ─▶ clean, typed columns + rejects + losses ─▶ store

Layouts are data (`rules/layouts/*.toml`). A file that cannot be read as what it claims to be raises
`UnreadableInputError` and leaves the store as it was.
"""

from pathlib import Path

from rpps_audit.ingest import workbook
from rpps_audit.ingest.forget import forget
from rpps_audit.ingest.keeper import open_original
from rpps_audit.ingest.layouts import Column, Layout, layout, layouts
from rpps_audit.ingest.load import load
from rpps_audit.ingest.loaded import Loaded
from rpps_audit.ingest.losses import most_unreadable, unreadable_share
from rpps_audit.ingest.recognise import Recognition, recognise

__all__ = [
    "Column",
    "Layout",
    "Loaded",
    "Recognition",
    "forget",
    "layout",
    "layouts",
    "load",
    "most_unreadable",
    "open_original",
    "recognise",
    "unreadable_share",
    "write_template",
]


def write_template(path: Path) -> None:
    """Write the empty `suivi` template: `.xlsx` (with a sheet of explanations) or `.csv`, by the extension.

    Raises UsageError for another extension or when the folder cannot be written to.
    """
    workbook.write_template(path, layout("suivi"))
