"""Day one: three HR files of different software, the directory and FINESS, and nothing else; the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.ingest import load
from rpps_audit.matching import reconcile
from rpps_audit.matching.sources import roster_frame
from rpps_audit.perimeter import Perimeter, store_perimeter
from rpps_audit.records import state_at
from rpps_audit.roster import establishments, keep_form, propose, read_table
from rpps_audit.sample.day_one import write_day_one
from rpps_audit.store import open_store

WAY_LEVEL = {"number": 1, "exact": 2, "folded": 3, "close": 4}


@dataclass
class Round:
    outcomes: pl.DataFrame
    links: pl.DataFrame  # one row for each line of the rosters, with the truth beside what was found
    counts: dict[str, int]


def played(workspace: Path, kind: str) -> Round:
    """The whole of day one with one kind of directory, every proposal taken as it is."""
    day = write_day_one(workspace / "fichiers")
    store_perimeter(workspace, Perimeter(day.operator))
    with open_store(workspace) as store:
        load(store, [day.finess])
        known = establishments(store, Perimeter(day.operator))
        labels = pl.concat([known["finess"], known["siret"], known["name"]])
        for roster in day.rosters:
            table = read_table(roster)
            keep_form(workspace, roster.stem, propose(table, labels))
        load(store, list(day.rosters))
        load(store, [day.directories[kind]])
        found = reconcile(store, workspace)
        rows = roster_frame(store, state_at(store), workspace)
    return Round(found.outcomes, _beside_truth(found.links.join(rows, on="row"), day.truth), found.counts())


def _beside_truth(links: pl.DataFrame, truth: Path) -> pl.DataFrame:
    text = dict.fromkeys(["professional_id", "finess", "hr_finess"], pl.String)
    told = pl.read_csv(truth, try_parse_dates=True, schema_overrides=text)
    name = [pl.concat_str(pl.col(a).str.to_uppercase(), pl.col(b).str.to_uppercase()) for a, b in
            (("birth_name", "first_name"), ("hr_last", "hr_first"))]  # fmt: skip
    keyed = links.with_columns(written=name[0]).select("hr_file", "written", "birth_date", "level",
                                                       found="professional_id").unique()  # fmt: skip
    told = told.filter(pl.col("hr_file").is_not_null()).with_columns(written=name[1])
    joined = told.join(keyed, on=["hr_file", "written", "birth_date"], how="left")
    assert joined.height == told.height
    return joined


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Round:
    return played(tmp_path_factory.mktemp("restreint"), "annuaire-restreint")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Round:
    return played(tmp_path_factory.mktemp("public"), "annuaire-public")


def scores(links: pl.DataFrame) -> dict[int, tuple[float, float]]:
    """Level → (precision of what was found at this level, recall of what should be found at this level or above)."""
    answer = {}
    for level in sorted(links["asked"].drop_nulls().unique()):
        given = links.filter(level=level)
        wanted = links.filter(pl.col("asked") == level, pl.col("professional_id").is_not_null())
        precision = given.select((pl.col("found") == pl.col("professional_id")).fill_null(value=False).mean()).item()
        recall = wanted.select((pl.col("found") == pl.col("professional_id")).fill_null(value=False).mean()).item()
        answer[int(level)] = (precision, recall)
    for level, (precision, recall) in answer.items():
        print(f"niveau {level} : précision {precision:.4f}, rappel {recall:.4f}")
    return answer


def test_with_birth_dates_every_exact_pair_is_found_and_close_ones_nearly_all(restricted: Round) -> None:
    links = restricted.links.with_columns(asked=pl.col("way").replace_strict(WAY_LEVEL, return_dtype=pl.Int8))
    by_level = scores(links)
    assert [by_level[level] for level in (1, 2, 3)] == [(1.0, 1.0)] * 3
    assert by_level[4][0] >= 0.99
    assert by_level[4][1] >= 0.95


def test_without_birth_dates_numbers_are_exact_and_the_rest_is_probable(opened: Round) -> None:
    placed = opened.links.filter((pl.col("fate") != "elsewhere") | (pl.col("way") == "number"))
    by_level = scores(placed.with_columns(asked=pl.when(pl.col("way") == "number").then(1).otherwise(5)))
    assert by_level[1] == (1.0, 1.0)
    assert by_level[5][0] >= 0.99
    assert by_level[5][1] >= 0.95
    assert set(opened.links["level"].drop_nulls()) == {1, 5}


def test_who_left_is_named_with_the_day(restricted: Round) -> None:
    told = restricted.links.filter(fate="left_open").select("professional_id", "finess", "left_on")
    left = restricted.outcomes.filter(pl.col("outcome") == "left_open", pl.col("left_on").is_not_null())
    found = left.select("professional_id", "finess", "left_on")
    assert found.sort("professional_id").rows() == told.sort("professional_id").rows()


def test_each_fate_has_its_outcome(restricted: Round) -> None:
    fates = dict(restricted.links.group_by("fate").len().iter_rows())
    assert restricted.counts["ambiguous"] == 0
    assert restricted.counts["elsewhere"] == fates["elsewhere"]
    # A close name that was not paired counts as somebody to register; one in a hundred at most.
    assert 0 <= restricted.counts["to_register"] - fates["to_register"] <= fates["to_register"] // 50
    assert 0 <= fates["present"] - restricted.counts["present"] <= fates["present"] // 100


def test_nothing_of_the_other_operator_is_stored(tmp_path: Path) -> None:
    day = write_day_one(tmp_path / "fichiers")
    store_perimeter(tmp_path, Perimeter(day.operator))
    with open_store(tmp_path) as store:
        load(store, [day.finess])
        one = load(store, [day.directories["annuaire-public"]])[0]
        stored = store.sql("SELECT count(*), count(*) FILTER (finess_legal = ?) FROM registrations", [day.operator])
        assert stored.fetchone() == (one.rows_kept, one.rows_kept)
    assert one.rows_read == one.rows_kept + one.rows_rejected + one.rows_outside
    assert one.rows_outside == 800
    assert "800 hors périmètre" in one.sentence()
    kept = {path.stat().st_size for path in (tmp_path / "originals").iterdir()}
    assert kept == {day.finess.stat().st_size}
