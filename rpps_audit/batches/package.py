"""The files of a package, made from its changes and its manifest's facts alone: who verifies makes them again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rpps_audit.batches.carried import Carried
from rpps_audit.batches.lists import as_csv, as_xlsx
from rpps_audit.batches.manifest import VALUES, package_name
from rpps_audit.batches.sheets import people_of, read_me, sheets

PDF, BUNDLE, LIST, READ_ME = "fiches.pdf", "fhir/bundle.json", "liste.xlsx", "LISEZ-MOI.txt"
CORRECTED = "fichier-corrige/"
# Beyond, the extracts are counted on the sheets and named in the read-me.
_FEW = 3


class Options(NamedTuple):
    """What goes in besides the essential."""

    pdf: bool = True
    """All the sheets as a PDF, when WeasyPrint is installed."""
    fhir: bool = False
    """The changes as a FHIR bundle."""


ESSENTIAL = Options()


def words_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What sheets and read-me say of the batch: who, when, from which extracts."""
    named = [f"« {one['file_name']} » (données du {_french(one['data_date'])})" for one in manifest["extracts"]]
    return {
        "batch_id": manifest["batch"],
        "made": _french(manifest["prepared_at"]),
        "extracts": named,
        "sources": ", ".join(named) if len(named) <= _FEW else f"{len(named)} extractions (voir {READ_ME})",
    }


def rendered(carried: Carried, manifest: Mapping[str, Any], others: frozenset[str]) -> dict[str, bytes]:
    """Every file that says the changes again, by name: values, lists, sheets, read-me, and FHIR where it is asked.

    `manifest` needs `batch`, `prepared_at`, `extracts`, `replaces` and `notes`; `others` names the files of the package
    that are not made from the changes alone (corrected files, PDF) or are optional (FHIR).
    """
    words, people = words_of(manifest), people_of(carried)
    made = datetime.fromisoformat(manifest["prepared_at"]).replace(tzinfo=None)
    files = {
        "liste.csv": as_csv(carried),
        LIST: as_xlsx(carried, made),
        VALUES: carried.lines(),
        **sheets(people, words),
    }
    if BUNDLE in others:
        from rpps_audit.batches.fhir import bundle

        files[BUNDLE] = bundle(carried, manifest["batch"], made)
    about = {
        "changes": len(carried), "persons": len(people), "pdf": PDF in others, "fhir": BUNDLE in others,
        "corrected": any(name.startswith(CORRECTED) for name in others), "notes": manifest["notes"],
        "replaces": manifest["replaces"], "package": package_name(manifest["batch"]),
    }  # fmt: skip
    files[READ_ME] = read_me(words | about)
    return files


def _french(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%d/%m/%Y}"
