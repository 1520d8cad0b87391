"""What the launcher prepares: copies, settings of our own, the command."""

import json
import shutil
from pathlib import Path

import pytest

from rpps_audit.errors import UsageError
from rpps_audit.workbench import launcher

NAMES = {"accueil.ipynb", "ans.ipynb", "dpo.ipynb", "gestionnaire.ipynb"}


def test_notebooks_are_copied_once_and_the_users_are_never_overwritten(tmp_path: Path):
    assert launcher.lab(tmp_path).notes == []
    folder = tmp_path / "atelier"
    assert {path.name for path in folder.iterdir()} == NAMES
    mine = folder / "dpo.ipynb"
    mine.write_text(mine.read_text().replace("from rpps_audit", "# à moi\\nfrom rpps_audit"))
    before = mine.read_bytes()
    (note,) = launcher.lab(tmp_path).notes
    assert "dpo.ipynb" in note
    assert mine.read_bytes() == before


def test_a_copy_that_only_ran_is_not_called_changed(tmp_path: Path):
    launcher.lab(tmp_path)
    mine = tmp_path / "atelier" / "accueil.ipynb"
    content = json.loads(mine.read_text())
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    mine.write_text(json.dumps(content))
    assert launcher.lab(tmp_path).notes == []


def test_settings_are_our_own_and_the_users_are_untouched(tmp_path: Path):
    environment = launcher.lab(tmp_path).environment
    own = tmp_path / ".rpps-audit-lab"
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR", "IPYTHONDIR"):
        assert Path(environment[name]).is_relative_to(own)
    assert environment["RPPS_AUDIT_WORKSPACE"] == str(tmp_path)
    overrides = json.loads((own / "config" / "labconfig" / "default_setting_overrides.json").read_text())
    assert overrides["@jupyter-widgets/jupyterlab-manager:plugin"]["saveState"] is False
    assert overrides["@jupyterlab/translation-extension:plugin"]["locale"] == "fr_FR"
    assert own.stat().st_mode & 0o077 == 0


def test_both_doors_listen_to_this_machine_only_and_ask_for_a_token(tmp_path: Path):
    lab = launcher.lab(tmp_path, browser=False, port=9999).command
    assert {"--ServerApp.ip=127.0.0.1", "--no-browser", "--ServerApp.port=9999"} <= set(lab)
    assert not [option for option in lab if "token" in option]
    voila = launcher.voila(tmp_path).command
    assert {"--Voila.ip=127.0.0.1", "--token", "--VoilaConfiguration.show_tracebacks=False"} <= set(voila)


def test_what_is_not_installed_is_said_with_the_line_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(launcher, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"rpps-audit\[voila\]"):
        launcher.voila(tmp_path)


def test_a_workspace_that_is_a_file_is_said(tmp_path: Path):
    shutil.copyfile(__file__, tmp_path / "file")
    with pytest.raises(UsageError, match="ne peut pas être utilisé"):
        launcher.lab(tmp_path / "file")
