"""The real PC/SC stack without hardware: pcscd, the virtual reader vpcd, and the software card's process."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from smartcard import scard

ROOT = Path(__file__).parents[2]
READER = "Virtual PCD 00 00"
SECOND_READER = "Virtual PCD 00 01"
RUN = Path("/run/pcscd")
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
INSTALL = "sudo apt-get install -y --no-install-recommends pcscd vsmartcard-vpcd opensc opensc-pkcs11 util-linux"


def missing() -> str:
    """Why the stack cannot run here, with the line that installs it; empty when it can."""
    wanted = [shutil.which("pcscd", path="/usr/sbin:/usr/bin"), DRIVER.exists(), shutil.which("setpriv")]
    if not all(wanted):
        return f"pcscd, vpcd or setpriv is missing. Install them: {INSTALL}"
    if not (os.access(RUN, os.W_OK) if RUN.exists() else os.access(RUN.parent, os.W_OK)):
        return f"{RUN} cannot be written. Once: sudo install -d -o {os.environ.get('USER', '$USER')} {RUN}"
    return ""


def until(condition: Callable[[], object], what: str, seconds: float = 10) -> None:
    """Wait for a condition, or fail saying which."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still waiting after {seconds} s: {what}"
        time.sleep(0.02)


class Pcscd:
    """One pcscd with two virtual readers; the second reader's port is the first's plus one."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pcscd-"))
        # One pcscd for a machine: its socket's place is compiled in. Test runs take turns.
        self.turn = (Path(tempfile.gettempdir()) / "rpps-audit-pcscd.lock").open("w")
        fcntl.flock(self.turn, fcntl.LOCK_EX)
        assert not _answers(), "a pcscd that these tests did not start is running: stop it first"
        self.port = _free_pair()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self, *, with_readers: bool = True) -> None:
        configuration = self.folder / "reader.conf.d"
        configuration.mkdir(exist_ok=True)
        virtual = (
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{self.port}\nLIBPATH {DRIVER}\nCHANNELID {self.port}\n'
        )
        (configuration / "vpcd").write_text(virtual if with_readers else "")
        for left in ("pcscd.comm", "pcscd.pid"):
            (RUN / left).unlink(missing_ok=True)
        command = ["/usr/sbin/pcscd", "--foreground", "--error", "--config", str(configuration)]
        if b"--disable-polkit" in subprocess.run([command[0], "--help"], capture_output=True, check=False).stdout:
            command.append("--disable-polkit")
        # A test run that is killed takes its pcscd with it.
        command = ["setpriv", "--pdeathsig", "KILL", *command]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(_answers, "pcscd")
        if with_readers:
            until(lambda: READER in readers() and SECOND_READER in readers(), "the two readers")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None
        for left in ("pcscd.comm", "pcscd.pid"):
            (RUN / left).unlink(missing_ok=True)

    def close(self) -> None:
        self.stop()
        self.turn.close()
        shutil.rmtree(self.folder)


class CardProcess:
    """A software card that can be put into one reader and taken out."""

    def __init__(self, port: int, reader: str = READER) -> None:
        self.reader = reader
        command = [sys.executable, "-m", "tests.card.software_card", str(port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def insert(self, profile: dict | None = None) -> None:
        """Insert a card, a new one when a profile is given, and wait until the reader sees it."""
        self.order("insert", **({} if profile is None else {"profile": profile}))
        until(lambda: present(self.reader), "the card in the reader")

    def eject(self, wait: bool = True) -> None:
        self.order("eject")
        if wait:
            until(lambda: not present(self.reader), "the empty reader")

    def state(self) -> dict:
        """`tries_left`, `verified` (a PIN is in force now) and `commands` (their headers, in hexadecimal)."""
        return self.order("state")

    def order(self, what: str, **fields: object) -> dict:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **fields}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["ok"]
        return answer

    def close(self) -> None:
        self.order("quit")
        self.process.communicate(timeout=10)


def readers() -> list[str]:
    """Names of the readers now; empty without a service."""
    return _with_context(lambda context: list(scard.SCardListReaders(context, [])[1]), [])


def present(reader: str) -> bool:
    def look(context: object) -> bool:
        _, states = scard.SCardGetStatusChange(context, 0, [(reader, scard.SCARD_STATE_UNAWARE)])
        return bool(states[0][1] & scard.SCARD_STATE_PRESENT)

    return _with_context(look, False)


def _with_context(what, otherwise):
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if result != scard.SCARD_S_SUCCESS:
        return otherwise
    try:
        return what(context)
    finally:
        scard.SCardReleaseContext(context)


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as wire:
        return wire.connect_ex(str(RUN / "pcscd.comm")) == 0


def _free_pair() -> int:
    for port in range(35_963, 36_963, 2):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("0.0.0.0", port))
                second.bind(("0.0.0.0", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no free pair of ports")
