"""Which file replaces which: by its name, by what it is about, or by asking."""

import polars as pl
import pytest

from rpps_audit.ingest.naming import series_of
from rpps_audit.ingest.series import Latest, series_by_content

A, B = "690000013", "690000039"


def about(*people: str, finess: str | None = A) -> pl.DataFrame:
    schema = {"finess": pl.String, "person": pl.String}
    return pl.DataFrame({"finess": [finess] * len(people), "person": list(people)}, schema)


def test_a_newer_roster_under_another_name_replaces_the_older() -> None:
    choice = series_by_content(
        "rh:effectifs", about("p1", "p2", "p4"), {"rh:personnel": Latest(7, about("p1", "p2", "p3"))}
    )
    assert choice.series == "rh:personnel"
    assert not choice.ask
    assert choice.note == "remplace l'extraction n° 7 : mêmes établissements."


def test_without_establishments_the_people_tell() -> None:
    old = Latest(7, about("p1", "p2", finess=None))
    choice = series_by_content("rh:b", about("p1", "p2", finess=None), {"rh:a": old})
    assert (choice.series, choice.note) == ("rh:a", "remplace l'extraction n° 7 : mêmes personnes.")


def test_two_establishments_with_files_of_one_name_stay_two_series() -> None:
    known = {"rh:personnel": Latest(1, about("p1", "p2"))}
    other = about("q1", "q2", finess=B)
    choice = series_by_content("rh:personnel", other, known)
    assert choice.series == "rh:personnel#2"
    assert "n° 1" in choice.note
    again = series_by_content("rh:personnel", about("q1", "q3", finess=B), known | {choice.series: Latest(2, other)})
    assert again.series == "rh:personnel#2"


def test_a_part_of_a_larger_file_is_asked_about() -> None:
    """One establishment's roster must not silently replace the whole operator's."""
    whole = pl.concat([about(*(f"p{k}" for k in range(10))), about(*(f"q{k}" for k in range(30)), finess=B)])
    choice = series_by_content("rh:foyer", about(*(f"p{k}" for k in range(10))), {"rh:association": Latest(3, whole)})
    assert choice.ask
    assert choice.candidates == ("rh:association",)
    assert "n° 3" in choice.note


@pytest.mark.parametrize("known", [{}, {"rh:cdi": Latest(1, about("p1", "p2"))}])
def test_other_people_make_another_series(known: dict[str, Latest]) -> None:
    choice = series_by_content("rh:cdd", about("p8", "p9"), known)
    assert (choice.series, choice.ask) == ("rh:cdd", False)


def test_the_same_name_is_the_same_series_when_nothing_tells_otherwise() -> None:
    nothing = about(finess=None)
    assert (
        series_by_content("cartes:porteurs", nothing, {"cartes:porteurs": Latest(1, nothing)}).series
        == "cartes:porteurs"
    )


@pytest.mark.parametrize(
    "name",
    [
        "personnel.csv", "personnel 01-09-2026.csv", "personnel_2026_09_01.xlsx", "personnel-20261101 (1).csv",
        "1-personnel-20260901.csv", "Copie de personnel 20260901 - Copie (2).csv", "personnel v2.csv",
        "PERSONNEL septembre 2026.csv", "personnel 1er sept. 2026.csv", "personnel 2026.csv", "personnel 202609.csv",
        "personnel_202611010530.csv.gz", "personnel - définitif.csv",
    ],
)  # fmt: skip
def test_dates_copies_and_versions_leave_the_series(name: str) -> None:
    assert series_of("rh", name) == "rh:personnel"


def test_a_number_that_is_part_of_the_name_stays() -> None:
    assert series_of("rh", "ehpad-1.csv") != series_of("rh", "ehpad-2.csv")
