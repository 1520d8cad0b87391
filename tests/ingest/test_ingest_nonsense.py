"""Nothing is read into silence: whatever column turns to nonsense, what is no longer found is said otherwise."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from rpps_audit.audit import check
from rpps_audit.checks import Catalogue, load_catalogue
from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest import Loaded, layout, layouts, load, recognise
from rpps_audit.sample import write_sample
from rpps_audit.store import Store, fetch_frame, memory_store
from tests.ingest.files import text_of, write

NONSENSE = "¤ ? ¤"
SUIVI = "suivi"
FILES = {
    "suivi": "suivi-rpps-2026-11-01.csv",
    "annuaire-restreint-51": "Extraction_Pro_Sante_Connect_Personne_activite_202611010530.txt",
    "annuaire-public-56": "PS_LibreAcces_Personne_activite_202611010530.txt",
    "savoir-faire": "PS_LibreAcces_SavoirFaire_202611010530.txt",
    "dipl-autexerc": "PS_LibreAcces_Dipl_AutExerc_202611010530.txt",
    "porteurs-cps-cpf": "Porteurs_CPS_CPF_202611010530.txt",
    "mssante": "Extraction_Correspondance_MSSante_202611010530.txt",
    "rh": "personnel-rh-2026-11-01.csv",
    "finess-json": "finess-structures-2026-11-01.json",
}
# The other forms the same data come in: each beside the follow-up file only.
OTHERS = {
    "annuaire-restreint-49": "variantes/annuaire-restreint-49-colonnes.txt",
    "annuaire-restreint-50": "variantes/annuaire-restreint-50-colonnes.txt",
    "annuaire-public-52": "variantes/annuaire-public-52-colonnes.txt",
    "cat18": "variantes/ExtractionMonoTable_CAT18_ToutePopulation_201809010530.csv",
    "finess-cs1100502": "variantes/etalab-cs1100502-stock-20261101.csv",
    "finess-csv": "finess-etablissements-2026-11-01.csv",
    "adeli-rpps": "Correspondance_ADELI_RPPS_20261101.csv",
    "insee-cog": "cog_ensemble_2026_csv.zip",
    "fhir-public": "ouvert/reponse-ouverte-2026-11-01.json",
    "fhir-restreint": "restreint/reponse-restreinte-2026-11-01.json",
}
COLUMNS = [(one, field) for one in (*FILES, *OTHERS) for field in layout(one).fields()]


class Said(NamedTuple):
    """What was said of the files: findings, rules that could not be evaluated, and what loading counted."""

    findings: set[tuple[str, str]]
    not_evaluable: set[str]
    loaded: dict[str, Loaded]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_sample(tmp_path_factory.mktemp("sample"), 400, seed=3).folder
    write(folder, OTHERS["finess-csv"], text_of("finess-csv", establishments(folder / OTHERS["finess-cs1100502"])))
    numbers = [{"adeli": "699300017", "pp_id": "10000000017"}, {"adeli": "699300025", "pp_id": "10000000025"}]
    write(folder, OTHERS["adeli-rpps"], text_of("adeli-rpps", numbers))
    for one in ("insee-cog", "fhir-public", "fhir-restreint"):
        (folder / OTHERS[one]).parent.mkdir(exist_ok=True)  # FHIR files of one folder complete each other
        made(folder / OTHERS[one], one)
    return folder


@pytest.fixture(scope="module")
def as_they_are(sample: Path) -> Callable[[str], Said]:
    @cache
    def together(names: tuple[str, ...]) -> Said:
        with memory_store() as store:
            return judged(store, load(store, [sample / name for name in names]), load_catalogue())

    return lambda layout_id: together((*beside(layout_id), {**FILES, **OTHERS}[layout_id]))


def test_every_layout_is_here() -> None:
    assert {*FILES, *OTHERS} == {one.id for one in layouts()}


@pytest.mark.slow
@pytest.mark.parametrize(("layout_id", "field"), COLUMNS, ids=[f"{one}-{field}" for one, field in COLUMNS])
def test_what_is_no_longer_found_is_said_otherwise(
    sample: Path, as_they_are: Callable[[str], Said], tmp_path: Path, layout_id: str, field: str
) -> None:
    path = sample / {**FILES, **OTHERS}[layout_id]
    spoilt = spoil(path, layout_id, field, tmp_path)
    as_it_is = as_they_are(layout_id)
    before = as_it_is.loaded[path.name]
    with memory_store() as store:
        try:
            (after,) = load(store, [spoilt])
        except UnreadableInputError:
            return  # refused whole, with its reason
        if after.rows_rejected > before.rows_rejected or unreadable(after, field) > unreadable(before, field):
            return  # said when loading, whatever is found
        loaded = load(store, [sample / name for name in beside(layout_id)])
        # Only the rules that found something can lose it; the others are asked when they have.
        catalogue = load_catalogue()
        finders = {rule for rule, _ in as_it_is.findings}
        few = replace(catalogue, rules=tuple(rule for rule in catalogue if rule.id in finders))
        now = judged(store, loaded, few)
        lost = as_it_is.findings - now.findings
        if lost and not new(now, as_it_is):
            now = judged(store, loaded, catalogue)
    assert not lost or new(now, as_it_is), f"{len(lost)} findings gone in silence"


def beside(layout_id: str) -> tuple[str, ...]:
    """The files a layout is judged with."""
    return tuple(FILES[one] for one in (FILES if layout_id in FILES else [SUIVI]) if one != layout_id)


def new(now: Said, before: Said) -> bool:
    """Whether something is said that was not."""
    return bool(now.findings - before.findings or now.not_evaluable - before.not_evaluable)


def judged(store: Store, loaded: Sequence[Loaded], catalogue: Catalogue) -> Said:
    runs = check(store, catalogue)
    numbers = ", ".join(str(run.run_id) for run in runs)
    found = store.sql(f"SELECT rule_id, record_key FROM findings WHERE run_id IN ({numbers})").fetchall()
    lacking = {rule for run in runs for rule in run.not_evaluable()["rule_id"]}
    return Said(set(found), lacking, {one.file_name: one for one in loaded})


def establishments(stock: Path) -> list[dict[str, str]]:
    """The establishments of a headerless extract, for the older form."""
    with memory_store() as store:
        load(store, [stock])
        rows = fetch_frame(store.sql("SELECT * FROM establishments")).cast(pl.String).to_dicts()
    return [{name: cell or "" for name, cell in row.items()} for row in rows]


def unreadable(loaded: Loaded, field: str) -> int:
    return sum(one["unreadable"] for one in loaded.cells if one["column"] == field)


def spoil(path: Path, layout_id: str, field: str, folder: Path) -> Path:
    """The same file, every filled cell of one column replaced by nonsense."""
    target = folder / path.name
    if layout_id in ("insee-cog", "fhir-public", "fhir-restreint"):
        return made(target, layout_id, field)
    if layout_id == "finess-json":
        content = json.loads(path.read_text("utf-8"))
        header = layout(layout_id).fields()[field].header
        for operator in content["pmej"]:
            for establishment in operator["ege"]:
                put({"ege": establishment, "pmej": operator}, header.split("."))
        target.write_text(json.dumps(content), "utf-8")
        return target
    seen = recognise(path)
    assert seen.layout is not None
    place = dict(zip((column.field for column in seen.layout.columns), seen.positions, strict=True))[field]
    assert place is not None
    encoding = "iso-8859-1" if layout_id in ("porteurs-cps-cpf", "annuaire-restreint-50") else "utf-8-sig"
    with path.open(encoding=encoding, newline="") as source, target.open("w", encoding=encoding, newline="") as out:
        form: dict[str, Any] = {"delimiter": seen.delimiter, "lineterminator": "\n"}
        form |= {"quotechar": seen.quote} if seen.quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
        lines = csv.reader(source, **form)
        writer = csv.writer(out, **form)
        writer.writerow(next(lines))
        writer.writerows([*line[:place], line[place] and NONSENSE, *line[place + 1 :]] for line in lines)
    return target


def put(node: Any, steps: list[str]) -> None:
    """Put nonsense at the end of a dotted path, where something is there."""
    for step in steps[:-1]:
        node = (node[int(step)] if len(node) > int(step) else {}) if step.isdigit() else node.get(step, {})
    if isinstance(node, dict) and node.get(steps[-1]):
        node[steps[-1]] = NONSENSE


INSEE = {
    "v_commune_depuis_1943.csv": (
        {"kind": "TYPECOM", "code": "COM", "label": "LIBELLE"},
        ["COM", "01001", "Abergement"],
    ),
    "v_commune_outremer_depuis_1943.csv": ({"code": "COM_COMER", "label": "LIBELLE"}, ["98735", "Papeete"]),
    "v_pays_et_territoire_depuis_1943.csv": (
        {"code": "COG", "attached_to": "CRPAY", "label": "LIBCOG", "official_label": "LIBENR"},
        ["99101", "", "Danemark", "ROYAUME DU DANEMARK"],
    ),
}
FHIR = {
    "professional_id": "810000000017", "pp_id": "10000000017", "civility": "MME", "exercise_name": "TEST",
    "exercise_first_name": "ANNE", "national_profession": "99", "role": "GENR99", "profession": "326",
    "finess": "690000014", "finess_legal": "690000005", "siret": "12345678900011", "structure_id": "F690000013",
    "structure_name": "IME LES LILAS", "birth_name": "TEST", "first_names": "ANNE", "birth_date": "2030-05-17",
    "birth_commune": "69999", "birth_place": "LYON", "birth_country": "99999", "civil_status_state": "Z",
    "sex": "female", "email": "a.martin", "phone": "0139980000", "start_date": "2022-03-01", "end_date": "2021-06-30",
}  # fmt: skip


def made(path: Path, layout_id: str, field: str = "") -> Path:
    """A file that this test writes by itself, one of its fields being nonsense. Its faults are there to be found."""
    if layout_id == "insee-cog":
        with zipfile.ZipFile(path, "w") as archive:
            for name, (columns, values) in INSEE.items():
                header = [*columns.values(), "DATE_DEBUT", "DATE_FIN"]
                line = dict(
                    zip([*columns, "valid_from", "valid_to"], [*values, "1943-01-01", "1973-12-31"], strict=True)
                )
                line |= {field: NONSENSE} if field in line else {}
                archive.writestr(name, f"{','.join(header)}\n{','.join(line.values())}\n")
        return path
    cells = FHIR | ({field: NONSENSE} if field in FHIR else {})
    if field == "id_type":
        cells["professional_id"] = NONSENSE
    layer = "dr" if layout_id == "fhir-restreint" else "dp"
    entry = [{"resource": one} for one in resources(cells, NONSENSE if field == "is_open" else True, layer)]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entry}), "utf-8")
    return path


def resources(cells: dict[str, str], active: object, layer: str) -> list[dict[str, Any]]:
    """One situation, its professional and its establishment, and what the restricted profiles add to them."""
    restricted = layer == "dr"
    profile = {kind: {"profile": [f"https://x/as-{layer}-{kind}"]} for kind in ("practitioner", "practitionerrole")}
    used = {"use": "usual", "prefix": [cells["civility"]], "family": cells["exercise_name"]}
    professional = {
        "resourceType": "Practitioner", "id": "1", "meta": profile["practitioner"],
        "identifier": [identified(cells, "urn:oid:1.2.250.1.71.4.2.1", "professional_id"),
                       identified(cells, "https://rpps.esante.gouv.fr", "pp_id")],
        "name": [used | {"given": [cells["exercise_first_name"]]}],
        "qualification": [{"code": coded(cells, "TRE-R291-AutreProfession", "national_profession")}],
        **({"birthDate": cells["birth_date"], "gender": cells["sex"]} if restricted else {}),
    }  # fmt: skip
    situation = {
        "resourceType": "PractitionerRole", "id": "9", "meta": profile["practitionerrole"], "active": active,
        "practitioner": {"reference": "Practitioner/1"}, "organization": {"reference": "Organization/5"},
        "code": [coded(cells, "TRE-R22-GenreActivite", "role"), coded(cells, "TRE-R85-RolePriseCharge", "profession")],
        **({"period": {"start": cells["start_date"], "end": cells["end_date"]}} if restricted else {}),
    }  # fmt: skip
    place = {
        "resourceType": "Organization", "id": "5", "name": cells["structure_name"],
        "identifier": [identified(cells, "https://finess.esante.gouv.fr", "finess", "FINEG"),
                       identified(cells, "https://finess.esante.gouv.fr", "finess_legal", "FINEJ"),
                       identified(cells, "https://sirene.fr", "siret"),
                       identified(cells, "https://rppsrang.esante.gouv.fr", "structure_id")],
    }  # fmt: skip
    birth = {"text": cells["birth_place"], "country": cells["birth_country"], "extension": [
        {"url": "https://x/fr-core-address-insee-code", "valueCoding": {"code": cells["birth_commune"]}}]}  # fmt: skip
    status = {"url": "statutEtatCivil", "valueCodeableConcept": {"coding": [{"code": cells["civil_status_state"]}]}}
    person = {
        "resourceType": "Person", "id": "3", "link": [{"target": {"reference": "Practitioner/1"}}],
        "name": [{"use": "official", "family": cells["birth_name"], "given": [cells["first_names"]]}],
        "telecom": [{"system": system, "value": cells[system]} for system in ("email", "phone")],
        "extension": [{"url": "https://x/as-ext-person-birth-place", "valueAddress": birth},
                      {"url": "https://x/as-ext-person-statut-etat-civil", "extension": [status]}],
    }  # fmt: skip
    return [professional, situation, place, *([person] if restricted else [])]


def identified(cells: dict[str, str], system: str, field: str, code: str = "") -> dict[str, Any]:
    return {"system": system, "value": cells[field], "type": {"coding": [{"code": code}]}}


def coded(cells: dict[str, str], system: str, field: str) -> dict[str, Any]:
    return {"coding": [{"system": f"https://x/{system}", "code": cells[field]}]}
