"""Nothing is read into silence: whatever column turns to nonsense, what is no longer found is said otherwise."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rpps_audit.audit import check
from rpps_audit.checks import load_catalogue
from rpps_audit.ingest import Loaded, layout, load, recognise
from rpps_audit.sample import write_sample
from rpps_audit.store import memory_store

NONSENSE = "¤ ? ¤"
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
COLUMNS = [(one, field) for one in FILES for field in layout(one).fields()]


class Said(NamedTuple):
    """What was said of the files: findings, rules that could not be evaluated, and what loading counted."""

    findings: set[tuple[str, str]]
    not_evaluable: set[str]
    loaded: dict[str, Loaded]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample"), 400, seed=3).folder


@pytest.fixture(scope="module")
def as_it_is(sample: Path) -> Said:
    return said([sample / name for name in FILES.values()])


@pytest.mark.slow
@pytest.mark.parametrize(("layout_id", "field"), COLUMNS, ids=[f"{one}-{field}" for one, field in COLUMNS])
def test_what_is_no_longer_found_is_said_otherwise(
    sample: Path, as_it_is: Said, tmp_path: Path, layout_id: str, field: str
) -> None:
    spoilt = spoil(sample / FILES[layout_id], layout_id, field, tmp_path)
    now = said([spoilt, *(sample / name for one, name in FILES.items() if one != layout_id)])
    if now.findings >= as_it_is.findings:
        return
    before, after = (told.loaded[spoilt.name] for told in (as_it_is, now))
    assert (
        now.findings - as_it_is.findings
        or now.not_evaluable - as_it_is.not_evaluable
        or after.rows_rejected > before.rows_rejected
        or unreadable(after, field) > unreadable(before, field)
    ), f"{len(as_it_is.findings - now.findings)} findings gone in silence"


def said(paths: Sequence[Path]) -> Said:
    with memory_store() as store:
        loaded = load(store, paths)
        runs = check(store, load_catalogue())
        numbers = ", ".join(str(run.run_id) for run in runs)
        found = store.sql(f"SELECT rule_id, record_key FROM findings WHERE run_id IN ({numbers})").fetchall()
    lacking = {rule for run in runs for rule in run.not_evaluable()["rule_id"]}
    return Said(set(found), lacking, {one.file_name: one for one in loaded})


def unreadable(loaded: Loaded, field: str) -> int:
    return sum(one["unreadable"] for one in loaded.cells if one["column"] == field)


def spoil(path: Path, layout_id: str, field: str, folder: Path) -> Path:
    """The same file, every filled cell of one column replaced by nonsense."""
    target = folder / path.name
    if layout_id == "finess-json":
        content = json.loads(path.read_text("utf-8"))
        header = layout(layout_id).fields()[field].header
        for operator in content["pmej"]:
            for establishment in operator["ege"]:
                replace({"ege": establishment, "pmej": operator}, header.split("."))
        target.write_text(json.dumps(content), "utf-8")
        return target
    seen = recognise(path)
    assert seen.layout is not None
    place = dict(zip((column.field for column in seen.layout.columns), seen.positions, strict=True))[field]
    assert place is not None
    encoding = "iso-8859-1" if layout_id == "porteurs-cps-cpf" else "utf-8-sig"
    with path.open(encoding=encoding, newline="") as source, target.open("w", encoding=encoding, newline="") as out:
        form: dict[str, Any] = {"delimiter": seen.delimiter, "lineterminator": "\n"}
        form |= {"quotechar": seen.quote} if seen.quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
        lines = csv.reader(source, **form)
        writer = csv.writer(out, **form)
        writer.writerow(next(lines))
        writer.writerows([*line[:place], line[place] and NONSENSE, *line[place + 1 :]] for line in lines)
    return target


def replace(node: Any, steps: list[str]) -> None:
    """Put nonsense at the end of a dotted path, where something is there."""
    for step in steps[:-1]:
        node = (node[int(step)] if len(node) > int(step) else {}) if step.isdigit() else node.get(step, {})
    if isinstance(node, dict) and node.get(steps[-1]):
        node[steps[-1]] = NONSENSE
