"""The browser's modules as files: parsed and linted by Node, their shared functions tested there, and safe by rule."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rpps_audit.workbench import browser

STATIC = Path(browser.__file__).parent / "static"
MODULES = sorted(path.stem for path in STATIC.glob("*.js"))
LAB = STATIC.parent / "lab" / "page.js"


def node(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run Node. Its absence is a failure."""
    found = shutil.which("node")
    assert found, "Node is missing. Install it: sudo apt-get install -y nodejs"
    return subprocess.run([found, *arguments], input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_parses_as_it_travels(name: str):
    checked = node("--check", "--input-type=module", "-", text=browser.module(name))
    assert checked.returncode == 0, checked.stderr


def test_what_jupyterlab_loads_parses():
    assert node("--check", str(LAB)).returncode == 0


@pytest.mark.parametrize("name", [name for name in MODULES if name != "dom"])
def test_a_module_uses_all_that_it_imports_and_only_what_is_there(name: str):
    text = browser.text(f"{name}.js")
    imported = re.search(r'import \{ (.*?) \} from "./dom.js"', text)
    assert imported
    shared = set(re.findall(r"^export (?:function|const) (\w+)", browser.text("dom.js"), re.MULTILINE))
    for one in imported[1].split(", "):
        assert one in shared
        assert len(re.findall(rf"\b{one}\b", text)) > 1, f"{one} is imported for nothing"
    assert "import" not in browser.module(name).split("\n", 1)[0]


@pytest.mark.parametrize("name", MODULES)
def test_text_never_becomes_markup_but_where_a_template_escaped_it(name: str):
    text = browser.text(f"{name}.js")
    assert ("innerHTML" in text) == (name == "panel")
    assert not re.search(r"\beval\(|new Function|outerHTML|insertAdjacentHTML|document\.write", text)


def test_the_shared_functions_do_what_they_say():
    ran = node("--test", str(Path(__file__).with_name("dom.test.mjs")))
    assert ran.returncode == 0, ran.stdout


def test_while_developing_a_saved_file_reaches_the_pages_that_are_open(tmp_path, monkeypatch: pytest.MonkeyPatch):
    from rpps_audit.workbench.panel import sentence
    from tests.workbench.browser import until

    monkeypatch.setenv(browser.DEVELOPING, "1")
    kept = dict(zip(MODULES, map(browser.text, [f"{name}.js" for name in MODULES]), strict=True))
    changed = {"panel.js": kept["panel"] + "// saved"}
    real = browser.text
    monkeypatch.setattr(browser, "text", lambda name: changed.get(name) or real(name))
    panel = sentence("x")
    until(lambda: panel._esm.endswith("// saved"), "the new module")
