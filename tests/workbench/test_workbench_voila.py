"""The optional door: the same pages in Voilà, run at opening, in a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from rpps_audit.workbench import launcher
from tests.workbench.browser import ROOT, launch

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def door(_audited_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Voilà on an audited workspace, token included."""
    workspace = tmp_path_factory.mktemp("voila") / "espace"
    shutil.copytree(_audited_once, workspace)
    launched = launcher.voila(workspace, browser=False)
    log = workspace / "voila.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            launched.command,
            env=launched.environment | {"PYTHONPATH": str(ROOT)},
            cwd=workspace,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
    try:
        yield _address(process, log)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.fixture
def page(door: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        opened = browser.new_context(locale="fr-FR", viewport={"width": 1360, "height": 1000}).new_page()
        opened.set_default_timeout(60_000)
        opened.goto(door)
        yield opened
        browser.close()


def test_the_pages_run_by_themselves_and_lead_to_one_another_without_a_fault(page: Page):
    expect(page.get_by_text("Extractions chargées")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Tout exécuter")).to_have_count(0)
    expect(page.get_by_text("page.part")).to_have_count(0)
    assert page.locator("html").get_attribute("lang") == "fr"
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="Gestionnaire").first.click()
    expect(page.get_by_role("grid", name="À traiter")).to_be_visible(timeout=60_000)
    assert Axe().run(page).response["violations"] == []


def test_a_file_is_given_there_too(page: Page):
    with page.expect_download() as given:
        page.get_by_role("button", name="Télécharger le modèle").click()
    assert given.value.suggested_filename == "modele-suivi.xlsx"


def test_without_the_token_nobody_enters(door: str):
    with sync_playwright() as playwright:
        browser = launch(playwright)
        answer = browser.new_page().goto(f"{door.partition('?')[0]}voila/render/accueil.ipynb")
        assert answer is not None
        assert answer.status == 403 or "login" in answer.url
        browser.close()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        said = log.read_text("utf-8", "replace")
        if found := re.search(r"http://(?:127\.0\.0\.1|localhost):\d+/\?token=\w+", said):
            return found[0]
        assert process.poll() is None, said
        time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8", "replace"))
