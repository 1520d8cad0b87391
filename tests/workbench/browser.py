"""A real JupyterLab and a real Chromium: started once, one page per notebook."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

from rpps_audit.workbench import launcher

ROOT = Path(__file__).parents[2]


def chromium() -> str:
    """Debian's Chromium. Its absence is a failure; RPPS_AUDIT_ALLOW_SKIP=1 skips, except in CI."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found
    why = "Chromium is missing. Install it: sudo apt-get install -y chromium chromium-l10n"
    if os.environ.get("RPPS_AUDIT_ALLOW_SKIP") == "1" and os.environ.get("CI") != "true":
        pytest.skip(why)
    pytest.fail(why)


def launch(playwright: Playwright) -> Browser:
    """Chromium, in French."""
    return playwright.chromium.launch(
        executable_path=chromium(), args=["--no-sandbox", "--lang=fr"], env=os.environ | {"LANGUAGE": "fr"}
    )


def notebook_of(folder: Path, name: str, *cells: str) -> None:
    """Write a small notebook beside those the launcher copied."""
    code: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {"jupyter": {"source_hidden": True}},
        "execution_count": None,
        "outputs": [],
    }
    content = {
        "cells": [code | {"id": f"c{number}", "source": source} for number, source in enumerate(cells)],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "atelier" / f"{name}.ipynb").write_text(json.dumps(content))


class Lab:
    """JupyterLab on a workspace, as the launcher starts it."""

    def __init__(self, workspace: Path, browser: Browser) -> None:
        self.workspace, self.browser = workspace, browser
        launched = launcher.lab(workspace, browser=False, more=("--expose-app-in-browser",))
        environment = launched.environment | {"PYTHONPATH": str(ROOT)}
        self._log = workspace / "lab.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                launched.command, env=environment, cwd=workspace, stdout=log, stderr=log, start_new_session=True
            )
        self.address, self.token = launched.address.split("/doc/")[0], launched.address.partition("token=")[2]
        self._wait()

    def open(self, name: str) -> Page:
        """A notebook, its cells run."""
        page = self.browser.new_context(locale="fr-FR", viewport={"width": 1360, "height": 1000}).new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{self.address}/doc/tree/atelier/{name}.ipynb?token={self.token}")
        run(page)
        return page

    def __enter__(self) -> "Lab":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server and the kernels it started, as one group.
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(20)

    def _wait(self) -> None:
        """Until the server answers."""

        def answers() -> bool:
            assert self._process.poll() is None, self._log.read_text()
            try:
                with urllib.request.urlopen(f"{self.address}/api"):
                    return True
            except OSError:
                return False

        until(answers, "JupyterLab", 60)


def run(page: Page) -> None:
    """Wait until the page, which runs by itself, is drawn."""
    page.locator(".rpps").first.wait_for()


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for a condition, or fail saying which."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still waiting: {what}"
        time.sleep(0.05)
