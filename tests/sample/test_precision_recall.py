"""On the sample, every planted defect is found by its rule, and nothing else is.

The truth is written by the generator, which never calls the checks: what is compared here was written twice.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.checks import Run, findings, load_catalogue
from rpps_audit.ingest import load
from rpps_audit.sample import write_sample
from rpps_audit.sample.files import FILES, PLACES_FILE
from rpps_audit.store import Store, memory_store
from tests.checks.literal import run_checks

COMMITTED = Path(__file__).parents[2] / "sample_data"
JUDGED = ["suivi-precedent", "suivi", "annuaire-restreint", "annuaire-public"]
SAME = ["rule_id", "table", "record_key", "column"]
# The truth does not know the workspace's key: it says the line of who has no number.
_KEY = "CASE WHEN starts_with(record_key, 'id:') THEN regexp_replace(record_key, '^[^@]*', 'id:ligne ' || line) "
_KEY += "ELSE record_key END AS record_key"
STATES = {"new": "nouveau", "persisting": "persistant", "resolved": "corrigé", "vanished": "disparu"}


@pytest.fixture(scope="module", params=[None, 4_000], ids=["committed", "4000 people"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param is None:
        return COMMITTED
    made = tmp_path_factory.mktemp("large")
    write_sample(made, request.param, seed=11)
    return made


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with memory_store() as store:
        load(store, [folder / name for name in (*(file.name for file in FILES), PLACES_FILE)])
        yield store


@pytest.fixture(scope="module")
def runs(store: Store) -> dict[str, Run]:
    """The run of each judged file, by its name, oldest first."""
    catalogue = load_catalogue()
    names = {file.name for file in FILES if file.kind in JUDGED}
    snapshots = store.sql("SELECT snapshot_id, file_name FROM snapshots ORDER BY data_date, snapshot_id").fetchall()
    return {name: run_checks(store, number, catalogue) for number, name in snapshots if name in names}


@pytest.mark.parametrize("kind", JUDGED)
def test_what_is_found_is_what_was_planted(folder: Path, store: Store, runs: dict[str, Run], kind: str) -> None:
    name = next(file.name for file in FILES if file.kind == kind)
    planted = pl.read_csv(folder / "verite.csv", infer_schema=False).filter(file=name).select(SAME)
    query = f'SELECT rule_id, "table", {_KEY}, "column" FROM findings WHERE run_id = ?'
    found = store.sql(query, [runs[name].run_id]).pl()
    assert planted.height > 0
    assert found.join(planted, on=SAME, how="anti").sort(SAME).rows() == []  # precision 1.0
    assert planted.join(found, on=SAME, how="anti").sort(SAME).rows() == []  # recall 1.0
    assert found.is_unique().all()


def test_every_rule_is_evaluated_on_some_file(runs: dict[str, Run]) -> None:
    evaluated = {rule for run in runs.values() for rule in run.rules.filter(status="evaluated")["rule_id"]}
    assert {rule.id for rule in load_catalogue()} - evaluated == set()


def test_what_becomes_of_the_findings(folder: Path, store: Store, runs: dict[str, Run]) -> None:
    told = pl.read_csv(folder / "verite-cycle.csv", infer_schema=False)
    run = runs["suivi-rpps-2026-11-01.csv"]
    by_line = pl.format("id:ligne {}{}", "line", pl.col("record_key").str.extract(r"(@.*)?$").fill_null(""))
    key = pl.when(pl.col("record_key").str.starts_with("id:")).then(by_line).otherwise("record_key")
    seen = (
        findings(store, run.run_id)
        .select("rule_id", "column", record_key=key, state=pl.col("state").replace_strict(STATES))
        .select("rule_id", "record_key", "column", "state")
    )
    assert seen.sort(pl.all()).rows() == told.sort(pl.all()).rows()
