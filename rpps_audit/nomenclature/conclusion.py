"""What a request comes to, said first: about access and not words, met already, to be completed, or fit to be decided.

Each criterion is met, not met, or not known from what is loaded; the conclusion follows from them, and decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from rpps_audit.nomenclature.dossier import Dossier
from rpps_audit.nomenclature.request import Request
from rpps_audit.reference import normalise

_SHARED_BY = 3
# What somebody writes who wants to read documents rather than to name a job.
_ACCESS = re.compile(
    r"\b(ACCES|ACCEDER|CONSULTER|CONSULTATION|LIRE|LECTURE|OUVRIR|DMP|DOCUMENTS?|DROITS?|MON ESPACE SANTE)\b"
)

_ABOUT_ACCESS = (
    "Cette demande porte sur des accès, non sur un métier à nommer : la profession n’ouvre aucun document, seul le "
    "rôle en ouvre. À traiter par le rôle ; un nouveau libellé n’y changerait rien."
)


@dataclass(frozen=True)
class Criterion:
    """One criterion in a sentence; `met` is None where nothing loaded tells."""

    said: str
    met: bool | None


@dataclass(frozen=True)
class Conclusion:
    """`kind`: access, covered, incomplete, unproven or ready; `said` is its sentence."""

    kind: str
    said: str
    criteria: tuple[Criterion, ...]


def conclude(dossier: Dossier) -> Conclusion:
    """The conclusion of a request with its figures."""
    request = dossier.request
    criteria = _criteria(dossier)
    covered = covering(request)
    if wants_access_only(request):
        return Conclusion("access", _ABOUT_ACCESS, criteria)
    if covered:
        return Conclusion("covered", f"Le besoin paraît déjà couvert par {covered}, que le portail propose.", criteria)
    if missing := request.missing():
        return Conclusion(
            "incomplete", f"À compléter avant d’être instruite : il manque {', '.join(missing)}.", criteria
        )
    unmet = [one.said for one in criteria if one.met is False]
    if unmet:
        return Conclusion("unproven", f"Complète, mais le besoin n’est pas établi : {' ; '.join(unmet)}.", criteria)
    return Conclusion("ready", "Instruisible : complète, et rien de ce qui est chargé ne la contredit.", criteria)


def wants_access_only(request: Request) -> bool:
    """The uses or the context speak of reading documents, and no job is defined."""
    asked = _folded(f"{request.uses} {request.context}")
    return bool(_ACCESS.search(asked)) and (
        len(request.definition.strip()) < 40 or bool(_ACCESS.search(_folded(request.definition)))
    )


def covering(request: Request) -> str:
    """The profession the portal already proposes under that very label or a synonym; "" when there is none."""
    wanted = {_folded(text) for text in (request.label, *request.synonyms) if text.strip()}
    near = request.alike().filter("in_portal").with_columns(folded=normalise(pl.col("label")))
    same = near.filter(pl.col("folded").is_in(list(wanted)))
    return f"{same['code'][0]} « {same['label'][0]} »" if same.height else ""


def _criteria(dossier: Dossier) -> tuple[Criterion, ...]:
    request, cited = dossier.request, bool(dossier.request.current_codes)
    enough = None if request.people is None or not cited else dossier.professionals >= request.people
    shared = dossier.operators >= _SHARED_BY if cited else None
    return (
        Criterion("le libellé n’est pas déjà proposé par le portail", not covering(request)),
        Criterion("la demande est complète", not request.missing()),
        Criterion("autant de professionnels sous les codes cités que la demande en annonce", enough),
        Criterion(f"le besoin se voit chez {_SHARED_BY} organismes au moins (ici : {dossier.operators})", shared),
        Criterion(
            "une base réglementaire est citée (souhaitable, non exigée)", bool(request.legal_basis.strip()) or None
        ),
    )


def _folded(text: str) -> str:
    return str(pl.select(normalise(pl.lit(text))).item())
