"""Opens the workbench in JupyterLab, or in Voilà, with a settings folder of our own: the user's Lab is left as it is.

workspace/
  atelier/             the user's copies of the pages, never overwritten unasked
  .rpps-audit-lab/     settings, kernels' runtime files and IPython's folder of this workbench
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from rpps_audit.errors import UsageError, system_said
from rpps_audit.store import keep_private
from rpps_audit.workbench.copies import FOLDER, copy_pages
from rpps_audit.workbench.faults import WORKSPACE_VARIABLE

_OWN_FOLDER = ".rpps-audit-lab"
_EXTENSION = "data/labextensions/rpps-audit-page"
_TEMPLATE = "data/voila/templates/rpps"
# Where JupyterLab and Voilà look for what `lab/` holds. The extension is two files as they are: nothing is built.
_SETTINGS = {
    "overrides.json": "config/labconfig/default_setting_overrides.json",
    "page_config.json": "config/labconfig/page_config.json",
    "custom.css": "config/custom/custom.css",
    "package.json": f"{_EXTENSION}/package.json",
    "page.js": f"{_EXTENSION}/static/page.js",
    "voila/conf.json": f"{_TEMPLATE}/conf.json",
    "voila/index.html.j2": f"{_TEMPLATE}/index.html.j2",
    "voila/tree.html": f"{_TEMPLATE}/tree.html",
    # Voilà answers to any host name unless told otherwise: another site's page could then talk to it (DNS rebinding).
    "voila.json": "config/voila.json",
}


@dataclass(frozen=True)
class Launch:
    """A command ready to run, and the sentences to say before. What its server writes goes to `log`; `address` opens
    the first page ("" where only the server will say it)."""

    command: list[str]
    environment: dict[str, str]
    notes: list[str]
    log: Path
    address: str = ""


def lab(workspace: Path, *, browser: bool = True, port: int | None = None, more: tuple[str, ...] = ()) -> Launch:
    """JupyterLab on `accueil.ipynb`. `more` are further options of Jupyter, for tests.

    Raises UsageError when JupyterLab is not installed or the workspace cannot be written to.
    """
    _demand("jupyterlab", "lab")
    notes = _prepare(workspace)
    port, token = port or _free_port(), secrets.token_hex(24)
    first = f"/doc/tree/{FOLDER}/accueil.ipynb"
    command = [
        *(sys.executable, "-m", "jupyterlab", "--custom-css"),
        f"--ServerApp.root_dir={workspace}",
        # No store, key or original leaves by the server's file routes.
        "--ServerApp.contents_manager_class=rpps_audit.workbench.served.ServedContents",
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.ip=127.0.0.1",
        f"--LabApp.default_url={first}",
        # Ctrl + C stops it: its question would go unread to the log.
        "--ServerApp.answer_yes=True",
        # Another port than the one in the address would be nobody's.
        "--ServerApp.port_retries=0",
        "--LabApp.news_url=",
        "--LabApp.extension_manager=readonly",
        "--ServerApp.terminals_enabled=False",
        *_where(browser, port, "ServerApp"),
        *(("--allow-root",) if os.name == "posix" and os.geteuid() == 0 else ()),
        *more,
    ]
    # In the environment, the token is in no list of processes.
    environment = _environment(workspace) | {"JUPYTER_TOKEN": token}
    address = f"http://127.0.0.1:{port}{first}?token={token}"
    return Launch(command, environment, notes, _log(workspace), address)


def voila(workspace: Path, *, browser: bool = True, port: int | None = None) -> Launch:
    """The same notebooks as web pages, run at opening. Raises UsageError like `lab`."""
    _demand("voila", "voila")
    notes = _prepare(workspace)
    command = [
        *(sys.executable, "-m", "voila", str(workspace / FOLDER), "--token", "--Voila.ip=127.0.0.1"),
        "--template=rpps",
        "--classic-tree",
        f"--VoilaConfiguration.extra_labextensions_path={_labextensions(workspace)}",
        "--VoilaConfiguration.show_tracebacks=False",
        *_where(browser, port, "Voila"),
    ]
    return Launch(command, _environment(workspace), notes, _log(workspace))


def _log(workspace: Path) -> Path:
    return workspace / _OWN_FOLDER / "serveur.log"


def _free_port() -> int:
    """A port nobody listens on: two workbenches opened at once never take the same one."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def _prepare(workspace: Path) -> list[str]:
    """Make the folders and copy what is missing; say which of the user's pages are no longer those of this version."""
    keep_private()
    own = workspace / _OWN_FOLDER
    try:
        for folder in (own / "config" / "labconfig", own / "config" / "custom", own / "data"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own.chmod(0o700)
        settings = files("rpps_audit.workbench") / "lab"
        for name, place in _SETTINGS.items():
            target = own / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((settings / name).read_text("utf-8"), "utf-8")
        older = copy_pages(workspace)
    except OSError as error:
        raise UsageError(f"L’espace de travail {workspace} ne peut pas être utilisé : {system_said(error)}.") from error
    return [
        f"{name} : votre copie n’est pas celle de cette version. La page le dit et propose la nouvelle."
        for name in older
    ]


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


def _labextensions(workspace: Path) -> str:
    return str(workspace / _OWN_FOLDER / "data" / "labextensions")


def _where(browser: bool, port: int | None, application: str) -> list[str]:
    return [*([] if browser else ["--no-browser"]), *([f"--{application}.port={port}"] if port else [])]


def _demand(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise UsageError(f"{module} n’est pas installé. Installez-le avec : pip install 'rpps-audit[{extra}]'.")
