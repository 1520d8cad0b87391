"""Opens the workbench in JupyterLab, or in Voilà, with a settings folder of our own: the user's Lab is left as it is.

workspace/
  atelier/             the user's copies of the notebooks, never overwritten
  .rpps-audit-lab/     settings, kernels' runtime files and IPython's folder of this workbench
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from rpps_audit.errors import UsageError, system_said
from rpps_audit.store import keep_private
from rpps_audit.workbench.faults import WORKSPACE_VARIABLE

NOTEBOOK_FOLDER = "atelier"
_OWN_FOLDER = ".rpps-audit-lab"
# Where JupyterLab looks for what `lab/` holds, under its configuration folder.
_SETTINGS = {
    "overrides.json": "labconfig/default_setting_overrides.json",
    "page_config.json": "labconfig/page_config.json",
    "custom.css": "custom/custom.css",
    # Voilà answers to any host name unless told otherwise: another site's page could then talk to it (DNS rebinding).
    "voila.json": "voila.json",
}


@dataclass(frozen=True)
class Launch:
    """A command ready to run, and the sentences to say before."""

    command: list[str]
    environment: dict[str, str]
    notes: list[str]


def lab(workspace: Path, *, browser: bool = True, port: int | None = None, more: tuple[str, ...] = ()) -> Launch:
    """JupyterLab on `accueil.ipynb`. `more` are further options of Jupyter, for tests.

    Raises UsageError when JupyterLab is not installed or the workspace cannot be written to.
    """
    _demand("jupyterlab", "lab")
    notes = _prepare(workspace)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--custom-css"),
        f"--ServerApp.root_dir={workspace}",
        # No store, key or original leaves by the server's file routes.
        "--ServerApp.contents_manager_class=rpps_audit.workbench.served.ServedContents",
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.ip=127.0.0.1",
        f"--LabApp.default_url=/doc/tree/{NOTEBOOK_FOLDER}/accueil.ipynb",
        "--LabApp.news_url=",
        "--LabApp.extension_manager=readonly",
        "--ServerApp.terminals_enabled=False",
        *_where(browser, port, "ServerApp"),
        *(("--allow-root",) if os.name == "posix" and os.geteuid() == 0 else ()),
        *more,
    ]
    return Launch(command, _environment(workspace), notes)


def voila(workspace: Path, *, browser: bool = True, port: int | None = None) -> Launch:
    """The same notebooks as web pages, run at opening. Raises UsageError like `lab`."""
    _demand("voila", "voila")
    notes = _prepare(workspace)
    command = [
        *(sys.executable, "-m", "voila", str(workspace / NOTEBOOK_FOLDER), "--token", "--Voila.ip=127.0.0.1"),
        # The plain list of pages: links a keyboard and a screen reader know.
        "--classic-tree",
        "--VoilaConfiguration.show_tracebacks=False",
        *_where(browser, port, "Voila"),
    ]
    return Launch(command, _environment(workspace), notes)


def shipped_notebooks() -> Path:
    """The notebooks of the package, or beside it in a checkout."""
    package = Path(str(files("rpps_audit")))
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if folder.is_dir():
            return folder
    raise UsageError("Dossier « notebooks » introuvable : l’installation de rpps-audit est incomplète.")


def _prepare(workspace: Path) -> list[str]:
    """Make the folders and copy what is missing; say which of the user's notebooks are no longer those shipped."""
    keep_private()
    own, mine = workspace / _OWN_FOLDER, workspace / NOTEBOOK_FOLDER
    try:
        for folder in (own / "config" / "labconfig", own / "config" / "custom", own / "data", mine):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own.chmod(0o700)
        settings = files("rpps_audit.workbench") / "lab"
        for name, place in _SETTINGS.items():
            (own / "config" / place).write_text((settings / name).read_text("utf-8"), "utf-8")
        return [note for shipped in sorted(shipped_notebooks().glob("*.ipynb")) if (note := _copy(shipped, mine))]
    except OSError as error:
        raise UsageError(f"L’espace de travail {workspace} ne peut pas être utilisé : {system_said(error)}.") from error


def _copy(shipped: Path, folder: Path) -> str:
    mine = folder / shipped.name
    if not mine.exists():
        shutil.copyfile(shipped, mine)
        return ""
    if _sources(mine) == _sources(shipped):
        return ""
    return (
        f"{mine.name} : votre copie diffère de celle de cette version et reste comme elle est. "
        "Renommez-la pour recevoir la nouvelle au prochain lancement."
    )


def _sources(notebook: Path) -> list[str]:
    """The text of the cells, whatever ran in them."""
    try:
        return ["".join(cell["source"]) for cell in json.loads(notebook.read_text("utf-8"))["cells"]]
    except (ValueError, KeyError, TypeError):
        return []


def _environment(workspace: Path) -> dict[str, str]:
    own = workspace / _OWN_FOLDER
    return os.environ | {
        WORKSPACE_VARIABLE: str(workspace),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "IPYTHONDIR": str(own / "ipython"),
        "LANGUAGE": "fr",
    }


def _where(browser: bool, port: int | None, application: str) -> list[str]:
    return [*([] if browser else ["--no-browser"]), *([f"--{application}.port={port}"] if port else [])]


def _demand(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise UsageError(f"{module} n’est pas installé. Installez-le avec : pip install 'rpps-audit[{extra}]'.")
