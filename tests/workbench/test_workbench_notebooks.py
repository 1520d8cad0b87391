"""The notebooks as files: short, hidden, stripped; and run on an audited workspace without one fault."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rpps_audit.workspace import Workspace

FOLDER = Path(__file__).parents[2] / "notebooks"
ANALYST = FOLDER / "analyste.ipynb"
# The analyst's is read and changed, the others are screens.
NOTEBOOKS = sorted(set(FOLDER.glob("*.ipynb")) - {ANALYST})


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_cells_are_few_short_hidden_and_stripped(notebook: Path):
    cells = json.loads(notebook.read_text())["cells"]
    assert 3 <= len(cells) <= 6
    assert cells[0]["cell_type"] == "markdown"
    assert "s’affiche d’elle-même" in "".join(cells[0]["source"])
    for cell in cells:
        assert len(cell["source"]) <= 5
        assert not cell["metadata"]["editable"]
    for cell in cells[1:]:
        assert cell["metadata"]["jupyter"]["source_hidden"]
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.slow
def test_every_cell_shows_a_widget_and_no_fault(notebook: Path, audited: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RPPS_AUDIT_WORKSPACE", str(audited.path))
    content = nbformat.read(notebook, as_version=4)
    NotebookClient(content, timeout=120, resources={"metadata": {"path": str(notebook.parent)}}).execute()
    for cell in content.cells[1:]:
        assert "application/vnd.jupyter.widget-view+json" in cell.outputs[-1]["data"]
    assert not (audited.path / "atelier.log").exists()


def test_the_analysts_notebook_uses_the_front_door_and_nothing_else(
    audited: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RPPS_AUDIT_WORKSPACE", str(audited.path))
    content = nbformat.read(ANALYST, as_version=4)
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert 3 <= len(code) <= 6
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    imports = {line for cell in code for line in cell.source.splitlines() if "import" in line.split()}
    assert imports == {"import os", "import rpps_audit as ra"}
    NotebookClient(content, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
    tables = [cell for cell in code[1:] if "text/html" in cell.outputs[-1]["data"]]
    assert len(tables) == len(code) - 1
