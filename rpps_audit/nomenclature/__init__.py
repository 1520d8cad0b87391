"""Changing the nomenclature: who is registered under what, what stands under withdrawn codes, a request's file."""

from rpps_audit.nomenclature.conclusion import Conclusion, Criterion, conclude
from rpps_audit.nomenclature.dossier import Dossier, build_dossier
from rpps_audit.nomenclature.registered import CATCH_ALL, registered, withdrawn
from rpps_audit.nomenclature.request import KINDS, Request, read_request, save_request, slug

__all__ = [
    "CATCH_ALL",
    "KINDS",
    "Conclusion",
    "Criterion",
    "Dossier",
    "Request",
    "build_dossier",
    "conclude",
    "read_request",
    "registered",
    "save_request",
    "slug",
    "withdrawn",
]
