"""Workspaces for the screens: an empty one, and one where two months of the sample were audited."""

import shutil
from pathlib import Path

import pytest

from rpps_audit.audit import check
from rpps_audit.ingest import load
from rpps_audit.workspace import Workspace, open_workspace

SAMPLE = Path(__file__).parents[2] / "sample_data"
FILES = ("suivi-rpps-2026-09-01.csv", "suivi-rpps-2026-11-01.csv", "personnel-rh-2026-11-01.csv")


@pytest.fixture(autouse=True)
def _log_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test makes fail is logged beside it."""
    monkeypatch.setenv("RPPS_AUDIT_WORKSPACE", str(tmp_path))


@pytest.fixture(scope="session")
def _audited_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audited")
    workspace = open_workspace(folder)
    with workspace.store() as store:
        load(store, [SAMPLE / name for name in FILES])
        check(store, workspace.catalogue())
    return folder


@pytest.fixture
def audited(_audited_once: Path, tmp_path: Path) -> Workspace:
    """A workspace of the test's own, already audited."""
    folder = tmp_path / "audited"
    shutil.copytree(_audited_once, folder)
    return open_workspace(folder)


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace where nothing was ever loaded."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return open_workspace(folder)
