"""Files in the shapes that people really have, each with its right outcome: audited as a user does, then read back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from rpps_audit.cli import main

HERE = Path(__file__).parent
# What the case's author did not speak of: codes and places that the files carry by chance.
ASIDE = {"lieu-different-de-la-commune", "profession-nationale-inattendue"}
BLANK = ["nom-naissance-absent", "nom-exercice-absent", "email-absent", "commune-naissance-absente", "role-absent"]
Found = set[tuple[str, int]]


def audited(folder: Path, case: str, capfd: pytest.CaptureFixture[str], only: str = "*") -> pl.DataFrame:
    """rule_id, line, severity of what `rpps-audit audit` says of the files of a case, read from the CSV of findings."""
    files = [str(file) for file in sorted(next(HERE.glob(f"{case}-*")).glob(only)) if file.suffix in (".csv", ".txt")]
    workspace = ["--workspace", str(folder)]
    code = main([*workspace, "audit", *files, *(["--as-of", "2026-11-20"] if case.startswith("T") else [])])
    assert code in (0, 1)
    capfd.readouterr()
    main([*workspace, "findings", "--format", "csv"])
    return pl.read_csv(capfd.readouterr().out.encode(), infer_schema=False).cast({"line": pl.Int64})


def said(found: pl.DataFrame) -> Found:
    return set(found.filter(~pl.col("rule_id").is_in(list(ASIDE))).select("rule_id", "line").iter_rows())


def grave(found: pl.DataFrame) -> Found:
    return said(found.filter(pl.col("severity") != "information"))


@pytest.mark.parametrize(
    ("case", "right"),
    [
        # An ADELI number is no RPPS number; « Autres identifiants » says that two lines are one person.
        ("C11", set()),
        ("C28", {("email-format", line) for line in (2, 3, 4, 5)}),
        # Algeria before 1962, whatever the country column says; former states: a hint at most.
        ("C31", set()),
        ("T27", set()),
        # A nurse, registered by the order.
        ("C38", set()),
        ("T21", set()),
        ("T06", set()),
        # Two follow-ups stand together: who moved from one to the other has not left.
        ("T05", {("meme-personne-deux-numeros", 3)}),
        ("T07", {("meme-personne-deux-numeros", 5), ("meme-personne-deux-numeros", 6), ("parti-selon-rh", 7)}),
        ("T10", {("telephone-partage", 2), ("telephone-partage", 3), ("contact-prive-publie-telephone", 4)}),
        ("T25", {("fermee-encore-publiee", 2)}),
        # ÿ, the double hyphen of 2005 to 2011, « 'T », an accent written apart.
        ("T08", set()),
        # Blanks of every kind are absent.
        (
            "T11",
            {
                *((rule, 2) for rule in BLANK),
                ("telephone-absent", 3),
                ("telephone-absent", 4),
            },
        ),
    ],
)
def test_a_case_says_this_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str, right: Found
) -> None:
    assert grave(audited(tmp_path, case, capfd)) == right


def test_local_numbers_are_a_warning_at_most(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = audited(tmp_path, "C27", capfd)
    assert said(found) == {("telephone-local", 4), ("telephone-local", 5)}
    assert set(found["severity"]) == {"warning"}


def test_a_postcode_where_a_commune_is_expected(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = said(audited(tmp_path, "C29", capfd))
    assert {("code-postal-pour-commune", line) for line in (2, 3, 4)} <= found
    # 75016 was Cachan's until 1968: known, and of another time.
    assert {rule for rule, _ in found} == {"code-postal-pour-commune", "commune-naissance-hors-date"}


@pytest.mark.parametrize("case", ["corse", "etranger", "insecable", "inverse", "prenoms", "usage", "vide", "ville"])
def test_one_person_under_two_numbers(tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str) -> None:
    found = audited(tmp_path, "T15", capfd, f"suivi_{case}_*.csv").filter(
        pl.col("rule_id").is_in(["meme-personne-deux-numeros", "meme-personne-probable"])
    )
    assert sorted(found["line"]) == [2, 3]
    assert set(found["severity"]) <= {"error", "warning"}


def test_repeated_lines_and_retired_codes_of_the_restricted_extract(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rules = {rule for rule, _ in said(audited(tmp_path, "T14", capfd))}
    assert {"profession-retiree", "role-retire", "ligne-repetee"} <= rules


def test_addresses_that_cannot_be_mistyped_and_of_a_service(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert said(audited(tmp_path, "T16", capfd)) == {
        *(("email-format", line) for line in range(2, 8)),
        ("email-domaine-mal-tape", 8),
        ("email-domaine-mal-tape", 9),
        ("email-fictif", 10),
        ("email-generique", 11),
    }


def test_dates_of_the_far_future(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = said(audited(tmp_path, "T17", capfd))
    assert {
        ("date-fin-lointaine", 2),
        ("ouverte-trop-longtemps", 2),
        ("confirmation-future", 3),
        ("face-a-face-futur", 4),
        ("demande-illisible", 5),
    } <= found
