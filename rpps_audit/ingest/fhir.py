"""The FHIR answers of the ANS directory (a Bundle, or NDJSON) as one more layout: a row for each PractitionerRole.

A role names its professional and its establishment by reference. They are looked for in the same file, then in the
other FHIR files beside it: a bulk export has one file for each kind of resource, a search several pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.blocks import Reject
from rpps_audit.ingest.cells import batch_schema
from rpps_audit.ingest.fitting import Recognition
from rpps_audit.ingest.keeper import Keeper
from rpps_audit.ingest.sources import Source

if TYPE_CHECKING:
    from rpps_audit.ingest.reading import Reading

Resource = dict[str, Any]
LAYOUTS = ("fhir-restreint", "fhir-public")
_IDNPS, _RPPS = "urn:oid:1.2.250.1.71.4.2.1", "https://rpps.esante.gouv.fr"
_FINESS, _RANK = "https://finess.esante.gouv.fr", "https://rppsrang.esante.gouv.fr"
_SIRET = "sirene"
_NATIONAL = ("TRE-R291-AutreProfession", "TRE-G15-ProfessionSante", "TRE-R94-ProfessionSocial", "TRE-R95-UsagerTitre")
_KINDS = ("PractitionerRole", "Practitioner", "Organization", "Person")
_BIRTH_PLACE, _STATUS = "as-ext-person-birth-place", "as-ext-person-statut-etat-civil"
_INSEE = "insee-code"
_BATCH = 20_000
_HEAD = 1 << 20
_ROLES = re.compile(rb'"resourceType"\s*:\s*"PractitionerRole"')


def fhir_layout(head: bytes) -> str | None:
    """The layout of a file that begins so, None when it is not FHIR. Civil status or a restricted profile tells."""
    if not re.search(rb'"resourceType"\s*:\s*"(Bundle|PractitionerRole|Practitioner|Organization|Person)"', head):
        return None
    restricted = re.search(rb'as-dr-|"birthDate"|"resourceType"\s*:\s*"Person"', head)
    return LAYOUTS[0] if restricted else LAYOUTS[1]


def goes_with(path: Path, head: bytes) -> str | None:
    """The name of the file beside it whose situations this one completes; None for a file to load by itself."""
    if _ROLES.search(head):
        return None
    others = [other for other in sorted(path.parent.iterdir()) if _may_be(other) and other != path]
    return next((other.name for other in others if _ROLES.search(_head(other))), None)


def read_fhir(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """The situations of a file, then its professionals who have none anywhere; `line` is the rank of the resource.

    Raises UnreadableInputError when the JSON is damaged, or holds establishments only.
    """
    layout = recognition.layout
    assert layout is not None
    content = _content(recognition.source, keeper, tell)
    own = list(_resources(content, recognition.source.name))
    known = _Known(own, _beside(recognition.source))
    if not any(one.get("resourceType") in _KINDS[:2] for one in own):
        raise UnreadableInputError(
            f"{recognition.source.name} : aucune situation ni aucun professionnel (PractitionerRole, Practitioner). "
            "Laissez ce fichier à côté de celui des PractitionerRole et chargez celui-ci."
        )
    rows: list[dict[str, Any]] = []
    for line, resource in enumerate(own, start=1):
        if not known.is_row(resource):
            continue
        reading.add(1, [])
        row = known.row(resource)
        if row is None:
            raw = json.dumps(resource, ensure_ascii=False)[:10_000]
            reading.add(0, [Reject(line, "professionnel absent de la réponse FHIR", raw)])
        else:
            rows.append({**row, "line": line})
    schema = batch_schema(layout, layout.fields())
    for start in range(0, len(rows), _BATCH):
        yield from pa.Table.from_pylist(rows[start : start + _BATCH], schema=schema).to_batches()


class _Known:
    """The resources of a file and of those beside it, by reference; and which of the file's own make a row."""

    def __init__(self, own: list[Resource], beside: list[Resource]) -> None:
        self._by_reference: dict[str, Resource] = {}
        self._persons: dict[str, Resource] = {}
        self._placed: set[str] = set()
        for one in (*beside, *own):
            name = f"{one.get('resourceType')}/{one.get('id')}"
            self._by_reference[name] = one
            if one.get("resourceType") == "Person":
                self._persons |= {_relative(link.get("target")): one for link in one.get("link", ())}
            if one.get("resourceType") == "PractitionerRole":
                self._placed.add(_relative(one.get("practitioner")))

    def is_row(self, one: Resource) -> bool:
        """A situation, or a professional of whom no situation is known."""
        kind = one.get("resourceType")
        return kind == "PractitionerRole" or (
            kind == "Practitioner" and f"Practitioner/{one.get('id')}" not in self._placed
        )

    def row(self, one: Resource) -> dict[str, str | None] | None:
        """The text of every field; None when nothing tells who the situation is of."""
        if one.get("resourceType") == "Practitioner":
            return self._person(f"Practitioner/{one.get('id')}", one)
        reference = one.get("practitioner", {})
        whose = self._by_reference.get(_relative(reference))
        identifier = reference.get("identifier", {})
        if whose is None and identifier.get("system") != _IDNPS:
            return None
        person = self._person(_relative(reference), whose or {"identifier": [identifier]})
        place = self._by_reference.get(_relative(one.get("organization"))) or {
            "identifier": [one.get("organization", {}).get("identifier", {})]
        }
        return {
            **person,
            **self._place(place),
            "role": _coded(one.get("code"), "TRE-R22-GenreActivite"),
            "profession": _coded(one.get("code"), "TRE-R85-RolePriseCharge"),
            "is_open": _flag(one.get("active")),
            "start_date": one.get("period", {}).get("start"),
            "end_date": one.get("period", {}).get("end"),
        }

    def _person(self, reference: str, one: Resource) -> dict[str, str | None]:
        civil = self._persons.get(reference, {})
        national, number = _identified(one, _IDNPS), _identified(one, _RPPS)
        used, official = _name(one, "usual"), _name(civil, "official")
        birth: Resource = next((e.get("valueAddress", {}) for e in _extensions(civil, _BIRTH_PLACE)), {})
        status = next((e for e in _extensions(civil, _STATUS)), {})
        codes = [code for found in one.get("qualification", ()) for code in found.get("code", {}).get("coding", ())]
        return {
            "id_type": national[:1] if national else ("8" if number else None),
            "pp_id": number or (national[1:] if national and national.startswith("8") else None),
            "professional_id": national or (f"8{number}" if number else None),
            "civility": _first(used.get("prefix")) or _first(official.get("prefix")),
            "exercise_name": used.get("family"),
            "exercise_first_name": " ".join(used.get("given", ())) or None,
            "national_profession": next((_code([{"coding": codes}], name) for name in _NATIONAL
                                         if _code([{"coding": codes}], name)), None),
            "birth_name": official.get("family"),
            "first_names": ", ".join(official.get("given", ())) or None,
            "birth_date": one.get("birthDate") or civil.get("birthDate"),
            "birth_commune": next((e.get("valueCoding", {}).get("code") for e in _extensions(birth, _INSEE)), None),
            "birth_place": birth.get("text") or birth.get("city"),
            "birth_country": birth.get("country"),
            "civil_status_state": _any_code(status),
            "sex": one.get("gender") or civil.get("gender"),
            "email": _contact(civil, "email") or _contact(one, "email"),
            "phone": _contact(civil, "phone") or _contact(one, "phone"),
        }  # fmt: skip

    def _place(self, one: Resource) -> dict[str, str | None]:
        above = self._by_reference.get(_relative(one.get("partOf")), {})
        site, legal = _finess(one, "FINEG"), _finess(one, "FINEJ")
        return {
            "finess": site,
            "finess_legal": legal or _finess(above, "FINEJ"),
            "siret": _siret(one),
            "structure_id": _identified(one, _RANK),
            "structure_name": one.get("name"),
        }  # fmt: skip


# -------------------------------------------------------------------------------------------------------- the elements


def _flag(cell: object) -> str | None:
    """A boolean as the other files write it; anything else as it stands, to be read or said unreadable."""
    return {True: "oui", False: "non"}[cell] if isinstance(cell, bool) else None if cell is None else str(cell)


def _relative(reference: Resource | None) -> str:
    """« Practitioner/12 » of a reference, absolute or not."""
    return "/".join(str((reference or {}).get("reference", "")).split("/")[-2:])


def _identified(one: Resource, system: str) -> str | None:
    return next((str(i.get("value")) for i in one.get("identifier", ()) if i.get("system") == system), None)


def _siret(one: Resource) -> str | None:
    """The SIRET, however damaged; the SIREN (nine digits) stands under the same system."""
    found = [str(i.get("value")) for i in one.get("identifier", ()) if _SIRET in str(i.get("system"))]
    return next((value for value in found if not re.fullmatch(r"\d{9}", value)), None)


def _finess(one: Resource, kind: str) -> str | None:
    """A FINESS of this kind. Where the identifier does not say which it is, the type of the organization does."""
    types = [code.get("code") for found in one.get("type", ()) for code in found.get("coding", ())]
    default = "FINEJ" if "LEGAL-ENTITY" in types and "GEOGRAPHICAL-ENTITY" not in types else "FINEG"
    for identifier in one.get("identifier", ()):
        if identifier.get("system") != _FINESS:
            continue
        told = {code.get("code") for code in identifier.get("type", {}).get("coding", ())} & {"FINEG", "FINEJ"}
        if kind in (told or {default}):
            return str(identifier.get("value"))
    return None


def _code(concepts: list[Resource], name: str) -> str | None:
    """The code of the nomenclature whose system ends with `name`."""
    codings = [coding for concept in concepts for coding in concept.get("coding", ())]
    return next((str(one.get("code")) for one in codings if str(one.get("system")).endswith(name)), None)


def _coded(concepts: list[Resource] | None, name: str) -> str | None:
    return _code(concepts or [], name)


def _any_code(extension: Resource) -> str | None:
    """The first code anywhere in an extension, which may be simple or complex."""
    for value in (extension, *extension.get("extension", ())):
        coding = value.get("valueCodeableConcept", {}).get("coding") or [value.get("valueCoding", {})]
        if coding[0].get("code"):
            return str(coding[0]["code"])
    return None


def _name(one: Resource, use: str) -> Resource:
    names: list[Resource] = one.get("name", [])
    return next((name for name in names if name.get("use") == use), names[0] if names else {})


def _first(values: list[str] | str | None) -> str | None:
    return values[0] if isinstance(values, list) and values else (values if isinstance(values, str) else None)


def _extensions(one: Resource, name: str) -> list[Resource]:
    return [found for found in one.get("extension", ()) if str(found.get("url", "")).endswith(name)]


def _contact(one: Resource, system: str) -> str | None:
    """An address or a number that is not a secure mailbox, which is published and is not for contact."""
    for found in one.get("telecom", ()):
        secure = any(
            "mailbox" in str(e.get("url")) or "emailType" in str(e.get("url")) for e in found.get("extension", ())
        )
        if found.get("system") == system and not secure:
            return str(found.get("value"))
    return None


# ------------------------------------------------------------------------------------------------------------- reading


def _content(source: Source, keeper: Keeper, tell: Callable[[int], None]) -> bytes:
    with source.open() as stream:
        content: bytes = stream.read()
    keeper.take(content)
    tell(len(content))
    return content


def _resources(content: bytes, name: str) -> Iterator[Resource]:
    """Every resource of a Bundle, or of lines of JSON, Bundles among them included."""
    try:
        text = content.decode("utf-8-sig").strip()
        first, _, more = text.partition("\n")
        lines = [text]
        if more and _is_whole(first):
            lines = [line for line in text.splitlines() if line.strip()]
        for line in lines:
            one = json.loads(line)
            if one.get("resourceType") == "Bundle":
                yield from (entry["resource"] for entry in one.get("entry", ()) if "resource" in entry)
            else:
                yield one
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise UnreadableInputError(f"{name} : JSON tronqué ou endommagé. Téléchargez-le de nouveau.") from error


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True


def _beside(source: Source) -> list[Resource]:
    """The resources of the other FHIR files of the same folder; those of an archive stand alone."""
    if source.member:
        return []
    others = [path for path in source.path.parent.iterdir() if _may_be(path) and path != source.path]
    return [one for path in sorted(others) for one in _resources(path.read_bytes(), path.name)]


def _may_be(path: Path) -> bool:
    if path.suffix.lower() not in {".json", ".ndjson"} or not path.is_file():
        return False
    return fhir_layout(_head(path)) is not None


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD)
