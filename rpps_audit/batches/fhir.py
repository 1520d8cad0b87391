"""The changes as a FHIR R4 bundle, for tools that speak it: an archive, not a deposit at the portal.

Profiles of the ANS directory guide (IG Annuaire Santé 1.2.0-snapshot-2, restricted data): as-dr-person for civil status
and contact data, as-dr-practitionerrole for situations. Only the changed elements are given, with the identifiers that
name the record; a resource is therefore marked as a subset (v3-ObservationValue SUBSETTED). Not run through a FHIR
validator.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from rpps_audit.batches.carried import Carried
from rpps_audit.journal import canonical_json

_PROFILES = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/"
_IDNPS, _FINESS = "urn:oid:1.2.250.1.71.4.2.1", "https://finess.esante.gouv.fr"
_NOS = "https://mos.esante.gouv.fr/NOS/{0}/FHIR/{1}"
NOTICE = "n'est pas un dépôt au portail"
_SYSTEMS = {
    "role": _NOS.format("TRE_R22-GenreActivite", "TRE-R22-GenreActivite"),
    "profession": _NOS.format("TRE_R85-RolePriseCharge", "TRE-R85-RolePriseCharge"),
}
_GENDERS = {"M": "male", "F": "female"}


def bundle(carried: Carried, batch_id: str, made: datetime) -> bytes:
    """A collection bundle (canonical JSON) of the changes of a batch, requests left out."""
    records = (
        carried.frame.filter((pl.col("kind") != "request") & pl.col("professional_id").is_not_null())
        .group_by("professional_id", "table", "record_key", "finess", maintain_order=True)
        .agg("column", "after")
    )
    entries = [_entry(record) for record in records.to_dicts()]
    return canonical_json(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "identifier": {"value": f"lot-{batch_id}"},
            "timestamp": made.isoformat() + "Z",
            "meta": {"tag": [{"display": NOTICE}]},
            "entry": [entry for entry in entries if entry is not None],
        }
    )


def _entry(record: dict[str, Any]) -> dict[str, Any] | None:
    values = dict(zip(record["column"], record["after"], strict=True))
    made = _person(values) if record["table"] == "professional" else _role(values, record["finess"])
    if not made:
        return None
    kind = "Person" if record["table"] == "professional" else "PractitionerRole"
    number = {"system": _IDNPS, "value": record["professional_id"]}
    # A role is known by whom it is of; a person by their own number.
    named = {"identifier": [number]} if kind == "Person" else {"practitioner": {"identifier": number}}
    subset = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    meta = {"profile": [f"{_PROFILES}as-dr-{kind.lower()}"], "tag": [subset, {"display": NOTICE}]}
    return {"resource": {"resourceType": kind, "meta": meta, **named, **made}}


def _person(values: dict[str, str | None]) -> dict[str, Any]:
    given = values.get("first_names")
    name = _present({"family": values.get("birth_name"), "given": given.split(", ") if given else None})
    contact = [
        {"system": system, "value": values[column]}
        for column, system in (("email", "email"), ("phone", "phone"))
        if values.get(column)
    ]
    place = _present({
        "city": values.get("birth_place"),
        "country": values.get("birth_country"),
        "extension": _insee(values.get("birth_commune")),
    })  # fmt: skip
    born = [{"url": f"{_PROFILES}as-ext-person-birth-place", "valueAddress": place}] if place else None
    return _present({
        "name": [name] if name else None,
        "telecom": contact or None,
        "gender": _GENDERS.get(values.get("sex") or ""),
        "birthDate": values.get("birth_date"),
        "extension": born,
    })  # fmt: skip


def _role(values: dict[str, str | None], finess: str | None) -> dict[str, Any]:
    codes = [{"coding": [{"system": _SYSTEMS[c], "code": values[c]}]} for c in _SYSTEMS if values.get(c)]
    period = _present({"start": values.get("start_date"), "end": values.get("end_date")})
    is_open = values.get("is_open")
    said = _present({
        "active": None if is_open is None else is_open == "true",
        "period": period or None,
        "code": codes or None,
    })  # fmt: skip
    place = values.get("finess") or finess
    if place and (said or "finess" in values):
        said["organization"] = {"identifier": {"system": _FINESS, "value": place}}
    return said


def _insee(code: str | None) -> list[dict[str, Any]] | None:
    url = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code"
    return [{"url": url, "valueCoding": {"code": code}}] if code else None


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
