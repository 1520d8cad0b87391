"""The perimeter: found by words, stored in the settings, applied to what is loaded."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from rpps_audit.errors import UsageError
from rpps_audit.perimeter import Perimeter, find, store_perimeter
from rpps_audit.workspace import open_workspace

PLACES = pl.DataFrame({
    "finess": ["690000013", "690000021", "420000010"], "finess_legal": ["690000005", "690000005", "420000002"],
    "name": ["IME LES LILAS", "SESSAD LES LILAS", "IME L'ÉTOILE"], "commune_label": ["Lyon", "Bron", "Feurs"],
})  # fmt: skip


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("lilas", ["690000013", "690000021"]),
        ("lilas bron", ["690000021"]),
        ("étoile feurs", ["420000010"]),
        ("Etoile", ["420000010"]),
        ("690000005", ["690000013", "690000021"]),
        ("marseille", []),
    ],
)
def test_establishments_are_found_by_name_town_or_number(words: str, found: list[str]) -> None:
    assert find(PLACES, words)["finess"].to_list() == found


@pytest.mark.parametrize("kept", [Perimeter("690000005"), Perimeter(establishments=("690000013", "2A0000018"))])
def test_a_perimeter_is_read_as_it_was_stored_and_the_rest_stays(tmp_path: Path, kept: Perimeter) -> None:
    settings = tmp_path / "rpps-audit.toml"
    settings.write_text(
        '[espace]\nperimetre = [\n  "690000021",\n]\norganisme = "Les Sources"\n\n[carte]\npin = 1\n', "utf-8"
    )
    store_perimeter(tmp_path, kept)
    workspace = open_workspace(tmp_path)
    assert (workspace.perimeter, workspace.organisation) == (kept, "Les Sources")
    assert "[carte]\npin = 1\n" in settings.read_text("utf-8")


def test_a_new_workspace_gets_its_settings(tmp_path: Path) -> None:
    store_perimeter(tmp_path, Perimeter("690000005"))
    assert open_workspace(tmp_path).perimeter == Perimeter("690000005")
    assert not open_workspace(tmp_path / "ailleurs").perimeter


@pytest.mark.parametrize("value", ['"69000"', '["690000013", 5]', "12"])
def test_what_is_no_finess_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "rpps-audit.toml").write_text(f"[espace]\nperimetre = {value}\n", "utf-8")
    with pytest.raises(UsageError, match="perimetre"):
        open_workspace(tmp_path)


@pytest.mark.parametrize(
    ("perimeter", "inside"),
    [
        (Perimeter(), ["690000013", "690000021", "420000010"]),
        (Perimeter("690000005"), ["690000013", "690000021"]),
        (Perimeter(establishments=("420000010",)), ["420000010"]),
    ],
)
def test_what_is_inside(perimeter: Perimeter, inside: list[str]) -> None:
    assert PLACES.filter(perimeter.expression())["finess"].to_list() == inside
