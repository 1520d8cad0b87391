"""The grants: transcribed exactly from the slides, a relation between roles and documents, replaceable."""

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.errors import UsageError
from rpps_audit.reference import load_access, rules_root

SLIDES = Path(__file__).parent / "data" / "slides-access-tables.fr.txt"

# Where each role's column begins in the text of the two slides, and the role it is.
ROLE_HEADERS = {
    "GENR08": "fonctions de coordination et d'orientation",
    "GENR09": "fonctions administratives ou d’appui à l’organisation de l’accompagnement",
    "GENR10": "fonctions d’accompagnement à la vie sociale, professionnelle et éducative",
    "GENR11": "fonctions d’accompagnement au soin",
    "GENR12": "fonctions d’encadrement et d’organisation de l’accompagnement",
}
MATRIX = load_access()


def lines_of_slides() -> dict[str, list[str]]:
    """The lines under each role, still wrapped as on the slides."""
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", SLIDES.read_text("utf-8"))]
    blocks = [p.splitlines() for p in re.split(r"\n\s*\n", SLIDES.read_text("utf-8"))]
    found: dict[str, list[str]] = {}
    role = ""
    for text, block in zip(paragraphs, blocks, strict=True):
        header = next((code for code, words in ROLE_HEADERS.items() if text.endswith(words)), None)
        if header:
            role = header
        elif role and not text.startswith(("Ce rôle est le plus large", "Recueillir", "Les 5 rôles", "Rôles Droits")):
            found.setdefault(role, []).extend(line.strip() for line in block)
    return found


def rejoined(lines: list[str]) -> list[str]:
    """Labels, from lines of which a label may fill two: a new label starts with a capital letter.

    The exceptions are the names that carry on with a capital: DICOM, CMU.
    """
    labels: list[str] = []
    for line in lines:
        carries_on = line[:1].islower() or line.startswith(("DICOM", "CMU", "en format"))
        if carries_on:
            labels[-1] += ("" if labels[-1].endswith("médico-") else " ") + line
        else:
            labels.append(line)
    return [label.strip().rstrip(".") for label in labels]


def of_the_slides() -> set[tuple[str, str]]:
    return {(role, label) for role, lines in lines_of_slides().items() for label in rejoined(lines)}


def test_grants_are_those_of_the_slides() -> None:
    labels = MATRIX.document_types.select(document_type="id", label="label")
    ours = MATRIX.grants.join(labels, on="document_type").select("role", "label")
    assert set(zip(ours["role"], ours["label"], strict=True)) == of_the_slides()


def test_counts_of_the_slides() -> None:
    counts = dict(MATRIX.grants.group_by("role").len().iter_rows())
    assert counts == {"GENR08": 64, "GENR09": 5, "GENR10": 10, "GENR11": 28, "GENR12": 15}
    assert MATRIX.document_types.height == 73
    assert MATRIX.grants.height == 122


def test_screening_and_vaccination_are_two_documents() -> None:
    labels = set(MATRIX.document_types["label"])
    assert {"Attestation de dépistage", "COVID-19 Attestation de vaccination"} <= labels


def test_widest_role_is_no_superset() -> None:
    widest = MATRIX.documents_of(["GENR08"])
    others = MATRIX.documents_of(["GENR09", "GENR10", "GENR11", "GENR12"])
    assert len(others - widest) == 9
    assert "attestation-d-hebergement" in others - widest


def test_every_type_code_has_a_system_and_doubt_is_explained() -> None:
    documents = MATRIX.document_types
    assert documents.filter(pl.col("type_code").is_null() != pl.col("system").is_null()).is_empty()
    assert documents.filter(pl.col("type_code").is_null() != (pl.col("match") == "unknown")).is_empty()
    assert documents.filter(pl.col("match") != "exact", pl.col("note").is_null()).is_empty()
    assert dict(documents.group_by("match").len().iter_rows()) == {"exact": 55, "near": 12, "unknown": 6}


def test_matrix_says_that_it_is_indicative() -> None:
    assert MATRIX.status == "indicatif"
    assert "26 octobre 2023" in MATRIX.caveat
    assert "15 octobre 2025" in MATRIX.caveat


@given(st.sets(st.sampled_from([*ROLE_HEADERS, "GENR13", "GENR99"])))
def test_union_of_bits_is_union_of_documents(roles: set[str]) -> None:
    mask = 0
    for role in roles:
        mask |= MATRIX.bits().get(role, 0)
    assert MATRIX.documents_in(mask) == MATRIX.documents_of(roles)
    assert mask.bit_count() == len(MATRIX.documents_of(roles))


MINIMAL = """
version = "essai"
title = "Essai"
source = "Réunion du 3 mars"
status = "hypothèse"
valid_from = 2026-03-03
caveat = "Pour comparer."
[[document]]
id = "bilan"
label = "Bilan"
match = "unknown"
roles = ["GENR09", "GENR10"]
"""


@pytest.fixture
def matrix_file(tmp_path: Path) -> Path:
    path = tmp_path / "essai.toml"
    path.write_text(MINIMAL, "utf-8")
    return path


def test_a_site_brings_its_own_matrix(matrix_file: Path) -> None:
    mine = load_access(matrix_file)
    assert mine.version == "essai"
    assert mine.documents_of(["GENR09"]) == {"bilan"}
    assert load_access(str(matrix_file)).bits() == {"GENR09": 1, "GENR10": 1}


def test_compare_tells_both_ways(matrix_file: Path, tmp_path: Path) -> None:
    before = load_access(matrix_file)
    (tmp_path / "apres.toml").write_text(MINIMAL.replace('["GENR09", "GENR10"]', '["GENR10", "GENR11"]'), "utf-8")
    after = load_access(tmp_path / "apres.toml")
    assert before.compare(after).rows() == [
        ("GENR09", "bilan", "Bilan", "lost"),
        ("GENR11", "bilan", "Bilan", "gained"),
    ]
    assert before.compare(before).is_empty()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (MINIMAL.replace('version = "essai"', ""), "le champ « version » manque"),
        (MINIMAL.replace("2026-03-03", '"hier"'), "« valid_from » doit être une date"),
        (MINIMAL.replace("GENR09", "GENR42"), "rôle inconnu : GENR42"),
        (MINIMAL.replace('"unknown"', '"sans doute"'), "match vaut « sans doute »"),
        (MINIMAL.replace('label = "Bilan"', 'label = "Bilan"\nniveau = 2'), "champ inconnu : niveau"),
        (MINIMAL + MINIMAL[MINIMAL.index("[[document]]") :], "en double : bilan"),
        (MINIMAL[: MINIMAL.index("[[document]]")], "aucun type de document"),
        ("version = ", "pas un fichier TOML"),
    ],
)
def test_a_wrong_matrix_is_refused_with_its_place(tmp_path: Path, wrong: str, said: str) -> None:
    path = tmp_path / "faux.toml"
    path.write_text(wrong, "utf-8")
    with pytest.raises(UsageError, match=r"faux\.toml") as refused:
        load_access(path)
    assert said in str(refused.value)


def test_a_missing_file_and_an_unknown_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fichier illisible"):
        load_access(tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="gcs-sara-diapositives-1"):
        load_access("2030")


def test_shipped_matrix_is_where_the_rules_are() -> None:
    assert (rules_root() / "access" / "sara-slides-1.toml").is_file()
