"""Transports against real servers on the loopback: sent once, resumed, never said to be at the portal."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rpps_audit.batches.transport import Folder, Https, Sftp, TransportError, transport
from rpps_audit.errors import UsageError

CONTENT = bytes(range(256)) * 2000
NAME = "lot-20261123-001-0123456789abcdef.zip"


@pytest.fixture
def package(tmp_path):
    file = tmp_path / "lot.zip"
    file.write_bytes(CONTENT)
    return file


def test_a_folder_receives_once(tmp_path, package):
    target = Folder(tmp_path / "boite")
    assert target.deliver(package, NAME) is True
    assert target.deliver(package, NAME) is False
    assert (tmp_path / "boite" / NAME).read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "boite").iterdir()] == [NAME]


# --- SFTP: OpenSSH's server ---


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[Path, int]]:
    """sshd with its own keys, for this user only: a folder that is served, and the port."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert program, "sshd is missing: sudo apt-get install -y openssh-server openssh-sftp-server"
    place = tmp_path_factory.mktemp("sshd")
    place.chmod(0o755)
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    public = (place / "host.pub").read_text().split()
    (place / "known").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    (place / "authorized").write_text((place / "client.pub").read_text())
    (place / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized\n"
        f"StrictModes no\nPidFile none\nUsePAM no\nSubsystem sftp internal-sftp\nPasswordAuthentication no\n"
    )
    if os.geteuid() == 0:
        # Where root's sshd shuts its unprivileged half in; other users need none.
        Path("/run/sshd").mkdir(exist_ok=True)
    log = (place / "log").open("wb")
    process = subprocess.Popen([program, "-D", "-e", "-f", str(place / "config")], stderr=log)
    try:
        _until_listening(port)
        yield place, port
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _until_listening(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        with socket.socket() as wire:
            if wire.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, "sshd does not listen"
        time.sleep(0.05)


def sftp(server, folder: Path, **other) -> Sftp:
    place, port = server
    fields = {"key": place / "client", "known_hosts": place / "known"} | other
    return Sftp("127.0.0.1", str(folder), port=port, **fields)


def test_sftp_receives_once(server, tmp_path, package):
    box = tmp_path / "boîte aux lettres"
    box.mkdir()
    target = sftp(server, box)
    assert target.deliver(package, NAME) is True
    before = (box / NAME).stat().st_mtime_ns
    assert target.deliver(package, NAME) is False
    assert (box / NAME).read_bytes() == CONTENT
    assert (box / NAME).stat().st_mtime_ns == before
    assert [file.name for file in box.iterdir()] == [NAME]


def test_sftp_goes_on_where_it_was_cut(server, tmp_path, package):
    (tmp_path / "boite").mkdir()
    (tmp_path / "boite" / f"{NAME}.part").write_bytes(CONTENT[:100_000])
    assert sftp(server, tmp_path / "boite").deliver(package, NAME) is True
    assert (tmp_path / "boite" / NAME).read_bytes() == CONTENT
    assert not (tmp_path / "boite" / f"{NAME}.part").exists()


def test_sftp_refuses_a_server_it_does_not_know(server, tmp_path, package):
    (tmp_path / "autres").write_text("")
    with pytest.raises(TransportError, match=r"Host key verification failed|Rien n'a été envoyé"):
        sftp(server, tmp_path, known_hosts=tmp_path / "autres").deliver(package, NAME)


def test_sftp_says_when_the_folder_is_not_there(server, tmp_path, package):
    with pytest.raises(TransportError):
        sftp(server, tmp_path / "absent").deliver(package, NAME)


# --- HTTPS with a client certificate ---


class Box(http.server.BaseHTTPRequestHandler):
    """Keeps what is put; says what it has. `lose` drops that many answers after having kept the file."""

    kept: dict[str, bytes]
    lose: list[int]

    def do_HEAD(self) -> None:
        found = self.kept.get(self.path)
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path in self.kept and self.headers.get("If-None-Match") == "*":
            self.send_response(412)
        else:
            self.kept[self.path] = body
            if self.lose:
                self.lose.pop()
                self.connection.close()
                return
            self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def https(tmp_path) -> Iterator[tuple[Https, type[Box]]]:
    """A TLS server that demands a certificate of its own authority, and a client that has one."""
    authority = _certificate(tmp_path, "autorite", None)
    _certificate(tmp_path, "serveur", authority)
    _certificate(tmp_path, "client", authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "autorite.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "serveur.pem", tmp_path / "serveur.key")
    box = type("OneBox", (Box,), {"kept": {}, "lose": []})
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), box)
    listening.handle_error = lambda *_: None  # a refused handshake is the client's business
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listening.server_address[1]}/depot"
    yield Https(url, tmp_path / "client.pem", tmp_path / "client.key", tmp_path / "autorite.pem"), box
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_https_receives_once(https, package):
    target, box = https
    assert target.deliver(package, NAME) is True
    assert target.deliver(package, NAME) is False
    assert box.kept == {f"/depot/{NAME}": CONTENT}


def test_https_a_lost_answer_is_no_second_sending(https, package):
    target, box = https
    box.lose.append(1)
    with pytest.raises(TransportError, match="deux fois"):
        target.deliver(package, NAME)
    assert target.deliver(package, NAME) is False
    assert len(box.kept) == 1


def test_https_without_the_right_certificate_sends_nothing(https, package, tmp_path):
    target, box = https
    (tmp_path / "autre").mkdir()
    stranger = _certificate(tmp_path / "autre", "autorite", None)
    _certificate(tmp_path / "autre", "client", stranger)
    wrong = Https(target.url, tmp_path / "autre" / "client.pem", tmp_path / "autre" / "client.key", target.authorities)
    with pytest.raises(TransportError):
        wrong.deliver(package, NAME)
    with pytest.raises(TransportError):
        Https(target.url, target.certificate, target.key, tmp_path / "autre" / "autorite.pem").deliver(package, NAME)
    assert box.kept == {}


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "Destination inconnue"),
        ('[envoi.ars]\ntype = "pigeon"', "type"),
        ('[envoi.ars]\ntype = "sftp"\nhote = "h"', "il manque"),
        ('[envoi.ars]\ntype = "dossier"\ndossier = "d"\ncouleur = "bleu"', "couleur"),
        ('[envoi.ars]\ntype = "https"\nurl = "http://h"\ncertificat = "c"\ncle = "k"', "https://"),
    ],
)
def test_a_target_badly_set_is_said(tmp_path, settings, said):
    (tmp_path / "rpps-audit.toml").write_text(settings, "utf-8")
    with pytest.raises(UsageError, match=said):
        transport(tmp_path, "ars")


def test_the_default_is_the_outbox(tmp_path):
    assert transport(tmp_path) == Folder(tmp_path / "outbox", "outbox")


def _certificate(folder: Path, name: str, authority):
    """A certificate in <name>.pem and its key in <name>.key, by an authority or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issuer = authority or (key, subject)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority is None, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    made = builder.sign(signer, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(*form))
    return key, subject
