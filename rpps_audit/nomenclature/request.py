"""A request to change the nomenclature: what the requester says, and what is still missing to instruct it.

Two sets of fields meet in it: the path by the GRADeS (slides of GCS SARA: wanted role, number of professionals,
identified uses) and the ANS's public form (requesting system, wanted date, context and legal basis, table to change,
and per line: code, label, kind of change, business description, synonyms).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.outputs import write_private
from rpps_audit.reference import load_nomenclature, normalise

KINDS = ("Ajout", "Modification", "Obsolescence", "Réactivation")
_LONG_ENOUGH = 40


@dataclass(frozen=True)
class Request:
    """One request, in the requester's own French. `current_codes`: the professions under which these people are
    registered today; `people`: how many the requester counts (None: not said); `hypotheses`: what was tried with the
    grants, one sentence each, with what it changed."""

    label: str
    kind: str = "Ajout"
    table: str = "TRE_R85-RolePriseCharge"
    code: str = ""
    definition: str = ""
    synonyms: tuple[str, ...] = ()
    requester: str = ""
    wanted_for: str = ""
    context: str = ""
    legal_basis: str = ""
    people: int | None = None
    uses: str = ""
    current_codes: tuple[str, ...] = ()
    hypotheses: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """What must still be said before the request can be instructed, in French; empty when nothing is."""
        wanted = {
            "le libellé souhaité": bool(self.label.strip()),
            "une définition métier compréhensible par tous": len(self.definition.strip()) >= _LONG_ENOUGH,
            "le nombre de professionnels concernés": self.people is not None,
            "les usages identifiés": bool(self.uses.strip()),
            "le système demandeur": bool(self.requester.strip()),
            "le contexte": bool(self.context.strip()),
            "les codes sous lesquels ces professionnels sont enregistrés aujourd’hui": bool(self.current_codes),
        }
        if self.kind in KINDS[1:]:
            wanted["le code concerné"] = bool(self.code)
        return [what for what, said in wanted.items() if not said]

    def alike(self) -> pl.DataFrame:
        """Professions in the nomenclature whose label shares a word with the wanted one: the need may be met already.

        Columns: code, label, valid_to, in_portal, shared (how many words); the nearest first. Short words do not count.
        """
        frame = load_nomenclature("professions").frame
        asked = _words(pl.Series("text", [" ".join((self.label, *self.synonyms))]))
        shared = _words(frame["label"]).list.set_intersection(asked).list.len()
        return (
            frame.with_columns(shared=shared)
            .filter(pl.col("shared") > 0, pl.col("code") != self.code)
            .sort("shared", "in_portal", "code", descending=[True, True, False])
            .select("code", "label", "valid_to", "in_portal", "shared")
        )


def read_request(path: Path) -> Request:
    """A saved request. Raises UnreadableInputError for a file that is none."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        lists: dict[str, Any] = {
            name: tuple(fields[name]) for name in ("synonyms", "current_codes", "hypotheses") if name in fields
        }
        return _checked(Request(**(fields | lists)))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableInputError(f"{path.name} : ce n’est pas une demande enregistrée par rpps-audit.") from error


def save_request(request: Request, folder: Path) -> Path:
    """Write the request under a name made from its label, atomically; the same label is the same file.

    Raises UsageError for a request without a label.
    """
    path = folder / f"{slug(request.label)}.json"
    text = json.dumps(dataclasses.asdict(_checked(request)), ensure_ascii=False, indent=2) + "\n"
    write_private(path, text.encode("utf-8"))
    return path


def slug(label: str) -> str:
    """A file name from a label: « Gouvernant(e) de maison » is gouvernant-e-de-maison. Raises UsageError when empty."""
    name = pl.select(normalise(pl.lit(label)).str.to_lowercase().str.replace_all("[^a-z0-9]+", "-")).item().strip("-")
    if not name:
        raise UsageError("Donnez d’abord le libellé souhaité : il nomme le dossier.")
    return str(name[:80])


def _checked(request: Request) -> Request:
    if request.kind not in KINDS:
        raise UsageError(f"Nature de demande inconnue : « {request.kind} ». Possibles : {', '.join(KINDS)}.")
    return request


def _words(texts: pl.Series) -> pl.Series:
    """The words of more than three letters of each text, without case and accents."""
    folded = texts.to_frame("text").select(normalise(pl.col("text")))
    return folded.select(pl.col("text").str.extract_all("[A-Z]{4,}")).to_series()
