"""The card's process: `python -m tests.card.software_card PORT`, orders as JSON lines on the standard input.

{"do": "insert", "profile": {...}}   power a card (the profile is kept: the next insert may leave it out)
{"do": "eject"} {"do": "state"} {"do": "quit"}
"""

import contextlib
import json
import socket
import sys
import threading
from base64 import b64decode

from tests.card.software_card.applet import Applet, Profile
from tests.card.software_card.files import ATR


class Slot:
    """The wire to vpcd: connected is inserted, closed is removed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.wire: socket.socket | None = None
        self.thread: threading.Thread | None = None
        self.applet: Applet | None = None

    def insert(self) -> None:
        assert self.applet is not None
        self.applet.reset()
        self.wire = socket.create_connection(("127.0.0.1", self.port))
        self.thread = threading.Thread(target=self._serve, args=(self.wire, self.applet), daemon=True)
        self.thread.start()

    def eject(self) -> None:
        if self.wire is not None and self.thread is not None:
            # Closing alone would not wake the thread that is reading.
            with contextlib.suppress(OSError):
                self.wire.shutdown(socket.SHUT_RDWR)
            self.thread.join()
            self.wire = None

    def _serve(self, wire: socket.socket, applet: Applet) -> None:
        with wire:
            while (order := _receive(wire)) is not None:
                if order == b"\x04":
                    _send(wire, ATR)
                elif order in (b"\x00", b"\x01", b"\x02"):
                    applet.reset()
                elif len(applet.commands) == applet.profile.leaves_at:
                    return
                elif applet.profile.fault == "mute" and len(applet.commands) >= applet.profile.fault_at:
                    continue
                elif order:
                    _send(wire, applet.answer(order))


def _receive(wire: socket.socket) -> bytes | None:
    size = _exactly(wire, 2)
    return _exactly(wire, int.from_bytes(size)) if size is not None else None


def _exactly(wire: socket.socket, count: int) -> bytes | None:
    content = b""
    while len(content) < count:
        try:
            part = wire.recv(count - len(content))
            # vpcd writes length and payload apart; a delayed acknowledgement would cost 40 ms a command.
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except OSError:
            return None
        if not part:
            return None
        content += part
    return content


def _send(wire: socket.socket, payload: bytes) -> None:
    wire.sendall(len(payload).to_bytes(2) + payload)


def _profile(fields: dict) -> Profile:
    binary = ("signature_key", "authentication_key", "signature_certificate", "authentication_certificate")
    return Profile(**fields | {name: b64decode(fields[name]) for name in binary})


def main() -> None:
    slot = Slot(int(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, object] = {"ok": True}
        if order["do"] == "insert":
            if "profile" in order:
                slot.applet = Applet(_profile(order["profile"]))
            slot.insert()
        elif order["do"] == "eject":
            slot.eject()
        elif order["do"] == "state" and slot.applet is not None:
            applet = slot.applet
            answer |= {"tries_left": applet.tries_left, "verified": applet.verified, "commands": applet.commands}
        elif order["do"] == "quit":
            slot.eject()
        print(json.dumps(answer), flush=True)
        if order["do"] == "quit":
            return
    slot.eject()


if __name__ == "__main__":
    main()
