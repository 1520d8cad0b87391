"""A known PIN is typed through a real kernel; afterwards it is looked for everywhere it could have been left."""

import json
import os
import time
from base64 import b64encode
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from tests.card.fixtures import make_workspace
from tests.card.profiles import make_card
from tests.card.stack import ROOT, until

pytestmark = pytest.mark.card
PIN = "730951846217"
WRONG = "918273645546"

SETUP = f"""
import sys, resource
sys.path.insert(0, {str(ROOT)!r})
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
%xmode Verbose
import logging; logging.basicConfig(level=logging.DEBUG, filename="python.log")
from pathlib import Path
from rpps_audit.card import CallablePin, CardError, GetpassPin, open_session
workspace = Path("espace")
"""
QUIET = """
for name in ("Comm", "IPKernelApp"):
    logging.getLogger(name).setLevel(logging.INFO)
"""
BY_GETPASS = """
session = open_session(workspace, GetpassPin())
session.require(["750000001"])
"""
SIGN = """
signed = session.sign({"batch": "lot-1"}, GetpassPin(), establishments=["750000001"])
session.close()
"""
# What the workbench's form does: the digits come in a custom message, never in a synchronised trait.
BY_MESSAGE = """
opened = []
def form(comm, message):
    @comm.on_msg
    def received(message):
        try:
            with open_session(workspace, CallablePin(lambda _: bytearray(message["content"]["data"]["pin"], "ascii"))):
                opened.append("oui")
        except CardError as error:
            opened.append(str(error))
get_ipython().kernel.comm_manager.register_target("form", form)
"""
AFTER = """
print(opened)
print(resource.getrlimit(resource.RLIMIT_CORE)[0], Path("/proc/self/coredump_filter").read_text())
"""


class Notebook:
    """A kernel in a folder of its own, and everything it broadcasts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.heard, self.cells = folder, [], []
        environment = os.environ | {
            "HOME": str(folder),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        }
        self.log = (folder / "kernel.log").open("wb")
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env=environment, stdout=self.log, stderr=self.log)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, source: str, typed: str | None = None) -> str:
        """Run a cell, answering its prompts, and keep what it broadcast."""

        def answer(request):
            assert request["content"]["password"] or typed is None
            self.client.input(typed)

        outputs = []

        def heard(message):
            self.heard.append(message)
            if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                outputs.append(nbformat.v4.output_from_msg(message))

        self.client.execute_interactive(
            source, timeout=60, allow_stdin=True, stdin_hook=answer, output_hook=heard, store_history=True
        )
        self.cells.append(nbformat.v4.new_code_cell(source, outputs=outputs))
        return json.dumps(outputs, ensure_ascii=False)

    def send_to_form(self, pin: str) -> None:
        """What a browser sends: a comm message on the shell channel."""
        for kind, content in (
            ("comm_open", {"comm_id": "1", "target_name": "form", "data": {}}),
            ("comm_msg", {"comm_id": "1", "data": {"pin": pin}}),
        ):
            self.client.shell_channel.send(self.client.session.msg(kind, content))

    def crash(self) -> None:
        self.manager.signal_kernel(6)
        until(lambda: not self.manager.is_alive(), "the end of the kernel")
        while (message := self._pending()) is not None:
            self.heard.append(message)
        nbformat.write(nbformat.v4.new_notebook(cells=self.cells), self.folder / "carnet.ipynb")
        (self.folder / "iopub.json").write_text(json.dumps(self.heard, default=str), "utf-8")
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.log.close()

    def _pending(self):
        try:
            return self.client.get_iopub_msg(timeout=0.2)
        except Exception:
            return None


def forms(pin: str) -> list[bytes]:
    return [pin.encode(), pin.encode("utf-16-le"), pin.encode().hex().encode(), b64encode(pin.encode())[:14]]


def test_the_pin_is_nowhere_afterwards(slot, tmp_path):
    slot.insert(make_card(pin=PIN, pin_length=(4, 12)).profile)
    make_workspace(tmp_path / "espace")
    notebook = Notebook(tmp_path)
    try:
        notebook.run(SETUP)
        # Jupyter would write each message of a form into this log: the PIN is not even asked for.
        assert "journalisation détaillée (DEBUG) de « Comm »" in notebook.run(BY_GETPASS)
        notebook.run(QUIET)
        assert "WrongPinError" in notebook.run(BY_GETPASS, WRONG)
        assert "Authorisation" in notebook.run(BY_GETPASS, PIN)
        notebook.run(SIGN, PIN)
        notebook.run(BY_MESSAGE)
        notebook.send_to_form(PIN)
        time.sleep(0.5)
        after = notebook.run(AFTER)
        assert "['oui']" in after
        assert "0 00000000" in after
    finally:
        notebook.crash()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    names = {file.name for file in files}
    assert {"carnet.ipynb", "iopub.json", "kernel.log", "history.sqlite", "journal.jsonl", "python.log"} <= names
    assert not any(name.startswith("core") for name in names)
    history = next(file for file in files if file.name == "history.sqlite")
    assert b"open_session" in history.read_bytes()
    for file in files:
        content = file.read_bytes()
        for pin in (PIN, WRONG):
            for form in forms(pin):
                assert form not in content, f"the PIN is in {file.name}"
