"""The directory's FHIR answers: a Bundle or NDJSON, open or restricted, become the same lines as its files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest import load, recognise
from rpps_audit.store import memory_store

NOS = "https://mos.esante.gouv.fr/NOS/{0}/FHIR/{1}"
ROLE = NOS.format("TRE_R22-GenreActivite", "TRE-R22-GenreActivite")
FUNCTION = NOS.format("TRE_R85-RolePriseCharge", "TRE-R85-RolePriseCharge")
OTHER = NOS.format("TRE_R291-AutreProfession", "TRE-R291-AutreProfession")
TYPE = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"


def identifier(system: str, value: str, code: str) -> dict[str, Any]:
    return {"system": system, "value": value, "type": {"coding": [{"system": TYPE, "code": code}]}}


def practitioner(layer: str = "dp", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Practitioner", "id": "1", "meta": {"profile": [f"https://x/as-{layer}-practitioner"]},
        "identifier": [identifier("urn:oid:1.2.250.1.71.4.2.1", "810000000017", "IDNPS"),
                       identifier("https://rpps.esante.gouv.fr", "10000000017", "RPPS")],
        "name": [{"use": "usual", "prefix": ["MME"], "family": "PETIT", "given": ["ANNE", "LISE"]}],
        "qualification": [{"code": {"coding": [{"system": OTHER, "code": "99"}]}}],
        "telecom": [{"system": "email", "value": "x@y.mssante.fr", "extension": [{"url": "https://x/emailType"}]}],
        **more,
    }  # fmt: skip


def role(layer: str = "dp", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "PractitionerRole", "id": "9", "meta": {"profile": [f"https://x/as-{layer}-practitionerrole"]},
        "active": True, "practitioner": {"reference": "Practitioner/1"},
        "organization": {"reference": "Organization/5"},
        "code": [{"coding": [{"system": ROLE, "code": "GENR10"}]}, {"coding": [{"system": FUNCTION, "code": "326"}]}],
        **more,
    }  # fmt: skip


def organization(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Organization", "id": "5", "name": "IME LES LILAS", "partOf": {"reference": "Organization/6"},
        "identifier": [identifier("https://finess.esante.gouv.fr", "690000013", "FINEG"),
                       identifier("https://rppsrang.esante.gouv.fr", "F690000013", "RPPSRG")], **more,
    }  # fmt: skip


LEGAL = {
    "resourceType": "Organization", "id": "6",
    "identifier": [identifier("https://finess.esante.gouv.fr", "690000005", "FINEJ")],
}  # fmt: skip
PERSON = {
    "resourceType": "Person", "id": "3", "name": [{"use": "official", "family": "MARTIN", "given": ["Anne", "Lise"]}],
    "link": [{"target": {"reference": "Practitioner/1"}}],
    "telecom": [{"system": "email", "value": "a.martin@exemple.fr"}, {"system": "phone", "value": "0639980000"}],
    "extension": [
        {"url": "https://x/as-ext-person-birth-place", "valueAddress": {
            "text": "LYON", "country": "99100",
            "extension": [{"url": "https://x/fr-core-address-insee-code", "valueCoding": {"code": "69381"}}]}},
        {"url": "https://x/as-ext-person-statut-etat-civil", "extension": [
            {"url": "statutEtatCivil", "valueCodeableConcept": {"coding": [{"code": "C"}]}}]},
    ],
}  # fmt: skip


def bundle(*resources: dict[str, Any]) -> str:
    return json.dumps(
        {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}
    )


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def loaded(paths: list[Path], columns: str) -> list[tuple[Any, ...]]:
    with memory_store() as store:
        load(store, paths)
        return store.sql(f"SELECT {columns} FROM registrations ORDER BY line").fetchall()


OPEN = (
    "id_type, pp_id, professional_id, civility, exercise_name, exercise_first_name, national_profession, role, "
    "profession, is_open, finess, finess_legal, structure_id, structure_name, email"
)
EXPECTED = (
    "8", "10000000017", "810000000017", "MME", "PETIT", "ANNE LISE", "99", "GENR10", "326", True, "690000013",
    "690000005", "F690000013", "IME LES LILAS", None,
)  # fmt: skip


@pytest.mark.parametrize("pretty", [False, True])
def test_an_open_bundle_is_one_line_for_each_situation(tmp_path: Path, pretty: bool) -> None:
    text = bundle(practitioner(), role(), organization(), LEGAL)
    path = write(tmp_path, "reponse-2026-11-01.json", json.dumps(json.loads(text), indent=1) if pretty else text)
    assert recognise(path).layout.id == "fhir-public"
    assert loaded([path], OPEN) == [EXPECTED]


def test_ndjson_in_one_file(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(one) for one in (practitioner(), role(), organization(), LEGAL))
    assert loaded([write(tmp_path, "export.ndjson", text)], OPEN) == [EXPECTED]


def test_a_bulk_export_has_a_file_for_each_kind(tmp_path: Path) -> None:
    write(tmp_path, "Practitioner.ndjson", json.dumps(practitioner()))
    write(tmp_path, "PractitionerRole.ndjson", json.dumps(role()))
    write(tmp_path, "Organization.ndjson", "\n".join(map(json.dumps, (organization(), LEGAL))))
    assert loaded([tmp_path], OPEN) == [EXPECTED]
    assert loaded(sorted(tmp_path.iterdir()), OPEN) == [EXPECTED]


def test_the_restricted_profile_tells_civil_status_and_dates(tmp_path: Path) -> None:
    text = bundle(
        practitioner("dr", birthDate="1980-05-17", gender="female"), PERSON, organization(),
        role("dr", active=False, period={"start": "2022-03-01", "end": "2026-06-30"}),
    )  # fmt: skip
    path = write(tmp_path, "reponse.json", text)
    assert recognise(path).layout.id == "fhir-restreint"
    columns = (
        "birth_name, first_names, birth_date, birth_commune, birth_place, birth_country, civil_status_state, sex, "
        "email, phone, start_date, end_date, is_open"
    )
    assert loaded([path], columns) == [(
        "MARTIN", "Anne, Lise", date(1980, 5, 17), "69381", "LYON", "99100", "C", "F", "a.martin@exemple.fr",
        "0639980000", date(2022, 3, 1), date(2026, 6, 30), False,
    )]  # fmt: skip


def test_a_professional_without_situation_is_a_line_without_place(tmp_path: Path) -> None:
    assert loaded([write(tmp_path, "r.json", bundle(practitioner()))], "professional_id, finess, role") == [
        ("810000000017", None, None)
    ]


def test_a_logical_reference_is_enough_and_a_dangling_one_is_rejected(tmp_path: Path) -> None:
    named = role(practitioner={"identifier": {"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "810000000017"}})
    lost = [role(id=str(n), practitioner={"reference": "Practitioner/404"}) for n in range(1)]
    with memory_store() as store:
        one = load(store, [write(tmp_path, "r.json", bundle(named, organization(), *lost))])[0]
        kept = store.sql("SELECT pp_id, finess FROM registrations").fetchall()
        reasons = store.sql("SELECT line, reason FROM rejects").fetchall()
    assert (one.rows_read, one.rows_kept, one.rows_rejected) == (2, 1, 1)
    assert kept == [("10000000017", "690000013")]
    assert reasons == [(3, "professionnel absent de la réponse FHIR")]


@pytest.mark.parametrize("text", [bundle(organization()), bundle(practitioner())[:-40]])
def test_establishments_alone_or_damaged_json_are_refused(tmp_path: Path, text: str) -> None:
    with memory_store() as store, pytest.raises(UnreadableInputError, match=r"PractitionerRole|endommagé"):
        load(store, [write(tmp_path, "r.json", text)])


def test_a_flag_and_a_siret_that_are_nonsense_are_said(tmp_path: Path) -> None:
    place = organization()
    place["identifier"] += [identifier("https://sirene.fr", number, "SI") for number in ("123456789", "1234-6")]
    with memory_store() as store:
        (one,) = load(store, [write(tmp_path, "r.json", bundle(practitioner(), role(active="peut-être"), place))])
        kept = store.sql("SELECT siret, is_open FROM registrations").fetchall()
    unread = {cell["column"]: cell["unreadable"] for cell in one.cells if cell["unreadable"]}
    assert kept == [("1234-6", None)]
    assert unread == {"is_open": 1, "siret": 1}
