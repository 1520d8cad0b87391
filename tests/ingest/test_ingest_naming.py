"""The day of the data in a file's name, as people write it."""

from datetime import date
from pathlib import Path

import pytest

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.naming import date_in
from rpps_audit.ingest.sources import Source

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("personnel 01-09-2026.csv", date(2026, 9, 1)),
        ("personnel_01.09.2026.csv", date(2026, 9, 1)),
        ("personnel 1 9 2026.csv", date(2026, 9, 1)),
        ("p01092026.csv", date(2026, 9, 1)),
        ("p20260901.csv", date(2026, 9, 1)),
        ("p_2026_09_01.csv", date(2026, 9, 1)),
        ("Extraction_202611010530.txt", date(2026, 11, 1)),
        ("etalab-stock-20260512-0339.csv", date(2026, 5, 12)),
        ("Porteurs_CPS_CPF_20261101T053012.txt", date(2026, 11, 1)),
        ("Porteurs 2026-11-01 05h30.txt", date(2026, 11, 1)),
        ("rh 1er septembre 2026.csv", date(2026, 9, 1)),
        ("Paie du 3 mai 2026 (2).csv", date(2026, 5, 3)),
        ("rh 20251231 puis 20260901.csv", date(2026, 9, 1)),
    ],
)
def test_a_whole_date(name: str, day: date) -> None:
    assert date_in(name, TODAY) == (day, True)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("rh sept 2026.csv", date(2026, 9, 30)),
        ("rh-septembre-2026.csv", date(2026, 9, 30)),
        ("rh août 2026.csv", date(2026, 8, 31)),
        ("rh fe\u0301vrier 2026.csv", date(2026, 2, 28)),
        ("rh 09-2026.csv", date(2026, 9, 30)),
        ("finess-mensuel-202607.json.gz", date(2026, 7, 31)),
        ("rh novembre 2026.csv", TODAY),
    ],
)
def test_a_month_stands_for_its_last_day_or_today(name: str, day: date) -> None:
    assert date_in(name, TODAY) == (day, False)


@pytest.mark.parametrize(
    "name", ["personnel.csv", "ehpad-12.csv", "cog_2025.zip", "p20261301.csv", "rh 31-02-2026.csv"]
)
def test_no_date(name: str) -> None:
    assert date_in(name, TODAY) is None


def test_a_date_to_come_is_refused() -> None:
    with pytest.raises(UnreadableInputError, match="dans l'avenir"):
        Source(Path("personnel 01-09-2099.csv")).data_date()
    with pytest.raises(UnreadableInputError, match="dans son contenu"):
        Source(Path("x.json"), dated=date(2999, 1, 1)).data_date()
