"""What is written: the same bytes each time, a truth that speaks of lines that are there, defects in number."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.checks import load_catalogue
from rpps_audit.errors import UsageError
from rpps_audit.ingest import layout, recognise
from rpps_audit.sample import KINDS, Sample, write_sample
from rpps_audit.sample.files import FILES, VARIANTS

COMMITTED = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _truth(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "verite.csv", infer_schema=False)


def test_the_committed_sample_is_what_the_command_writes(sample: Sample) -> None:
    made, committed = _bytes(sample.folder), _bytes(COMMITTED)
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []
    assert sum(map(len, made.values())) < 3_000_000


def test_another_seed_gives_other_people(sample: Sample, tmp_path: Path) -> None:
    write_sample(tmp_path, seed=1, kinds=["suivi"])
    name = "suivi-rpps-2026-11-01.csv"
    assert (tmp_path / name).read_bytes() != (sample.folder / name).read_bytes()


@pytest.mark.parametrize("file", [*FILES, *VARIANTS], ids=lambda file: file.name)
def test_each_file_is_recognised_as_what_it_is(sample: Sample, file: object) -> None:
    found = recognise(sample.folder / file.name).layout  # type: ignore[attr-defined]
    assert found == layout(file.layout)  # type: ignore[attr-defined]


def test_reference_files_are_recognised(sample: Sample) -> None:
    names = ("finess-structures-2026-11-01.json", "variantes/etalab-cs1100502-stock-20261101.csv")
    assert [recognise(sample.folder / name).layout.id for name in names] == ["finess-json", "finess-cs1100502"]  # type: ignore[union-attr]
    archive = sample.folder / "variantes" / "code-officiel-geographique-extrait-2026.zip"
    assert recognise(archive).layout.kind == "cog"  # type: ignore[union-attr]


# Of many records alike, or of few values: a block of the sample, made to be repeated, cannot carry them once each. The
# examples of their pages do.
OF_CROWDS = {"date-naissance-en-masse", "debuts-en-masse", "telephone-fictif", "role-hors-categorie"}
# The sample's dates are dates: cells that cannot be read are the matter of the readers' own tests.
OF_CELLS = {f"{what}-illisible" for what in ("confirmation", "ouverture", "information", "demande", "face-a-face")}
OF_CELLS |= {rule.id for rule in load_catalogue() if rule.kind == "damaged_column"}


def test_every_rule_has_two_defects_at_least(sample: Sample) -> None:
    planted = Counter(_truth(sample.folder).unique(["rule_id", "record_key"])["rule_id"])
    catalogue = {rule.id for rule in load_catalogue()} - OF_CROWDS - OF_CELLS
    assert {rule for rule in catalogue if planted[rule] < 2} == set()
    assert set(planted) - catalogue == set()


def test_the_truth_names_each_finding_once_and_people_of_the_file(sample: Sample) -> None:
    truth = _truth(sample.folder)
    assert truth.is_unique().all()
    for file in truth["file"].unique():
        text = (sample.folder / file).read_text("utf-8")
        keys = truth.filter(pl.col("file") == file, ~pl.col("record_key").str.starts_with("id:ligne "))["record_key"]
        numbers = keys.str.extract("^8([^@]*)")
        assert [number for number in numbers if number not in text] == []


def test_a_record_without_a_number_is_named_by_its_line(sample: Sample) -> None:
    name = "suivi-rpps-2026-11-01.csv"
    keys = _truth(sample.folder).filter(file=name, rule_id="numero-rpps-absent")["record_key"]
    lines = (sample.folder / name).read_text("utf-8").splitlines()
    assert all(lines[int(key.removeprefix("id:ligne ")) - 1].startswith(";") for key in keys)
    assert keys.len() == 2


def test_little_changes_between_the_follow_ups(sample: Sample) -> None:
    before, now = (pl.read_csv(sample.folder / file.name, separator=";", infer_schema=False) for file in FILES[:2])
    kept = before.join(now, on=before.columns, how="semi", nulls_equal=True).height
    assert 0 < before.height - kept < 0.05 * before.height


def test_the_cycle_says_what_became_of_each_finding(sample: Sample) -> None:
    states = pl.read_csv(sample.folder / "verite-cycle.csv", infer_schema=False)
    truth = _truth(sample.folder)
    counts = Counter(states["state"])
    before, now = (truth.filter(file=file.name).height for file in FILES[:2])
    assert counts["persistant"] + counts["nouveau"] == now
    assert counts["persistant"] + counts["corrigé"] + counts["disparu"] == before
    assert min(counts.values()) >= 4


def test_defects_keep_their_rate_and_an_unfinished_block_has_none(tmp_path: Path) -> None:
    kinds = ["suivi", "annuaire-public"]
    counts = {}
    for people in (800, 1_000, 4_000):
        folder = tmp_path / str(people)
        counts[people] = write_sample(folder, people, kinds=kinds).findings
    assert counts[1_000] == counts[800]
    assert counts[4_000] == 5 * counts[800]


def test_only_the_kinds_asked_for_are_written(tmp_path: Path) -> None:
    sample = write_sample(tmp_path, 400, kinds=["rh"])
    assert list(sample.rows) == ["personnel-rh-2026-11-01.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "LISEZMOI.md",
        "personnel-rh-2026-11-01.csv",
        "verite-cycle.csv",
        "verite.csv",
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"professionals": 399}, "Il faut au moins 400 professionnels"),
        ({"kinds": ["suivis"]}, "Genre de fichier inconnu : « suivis »"),
        ({"establishments": 3}, "au moins 20 établissements"),
    ],
)
def test_an_impossible_sample_is_refused(tmp_path: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        write_sample(tmp_path, **asked)  # type: ignore[arg-type]
    assert "suivi" in KINDS
