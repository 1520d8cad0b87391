"""Sending a signed package somewhere: a folder (by default), SFTP, or HTTPS with a client certificate.

No target is the RPPS+ portal: none of its interfaces is known, and nothing here claims to deposit anything there. A
package is known by its batch and its hash, which are in its remote name: what is there already is not sent again, what
was cut short goes on where it stopped, or starts again under a provisional name.
"""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from rpps_audit.batches.batch import (
    FRENCH_BATCH_STATES,
    OUTBOX,
    Batch,
    batch,
    batch_event,
    corrections_of,
    intact,
    settle_packages,
)
from rpps_audit.batches.files import write_whole
from rpps_audit.corrections.deciding import chosen_corrections, demand_inside_of
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record
from rpps_audit.corrections.perimeter import demand_role
from rpps_audit.errors import AuditError, UsageError, system_said
from rpps_audit.settings import read_table

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation

_SECONDS = 60


class TransportError(AuditError):
    """The package did not arrive, or nobody can tell that it did. Sending again is safe."""

    exit_code = 3


class Transport(Protocol):
    """A place where packages go."""

    @property
    def name(self) -> str:
        """What the journal says it was sent to."""

    def deliver(self, package: Path, remote_name: str) -> bool:
        """Put the file there under this name, whole. False when it already was. Raises TransportError."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine or of a mounted share."""

    folder: Path
    name: str = "dossier"

    def deliver(self, package: Path, remote_name: str) -> bool:
        """Copy, flush, then give the name."""
        content, target = package.read_bytes(), self.folder / remote_name
        try:
            if target.exists() and target.read_bytes() == content:
                return False
            write_whole(target, content)
        except OSError as error:
            raise TransportError(
                f"{self.folder} : copie impossible ({system_said(error)}). Le lot n'est pas parti."
            ) from error
        return True


@dataclass(frozen=True)
class Sftp:
    """A folder on an SFTP server, through OpenSSH's own client: its keys, its agent, its known hosts."""

    host: str
    folder: str
    user: str = ""
    port: int = 22
    key: Path | None = None
    known_hosts: Path | None = None
    name: str = "sftp"

    def deliver(self, package: Path, remote_name: str) -> bool:
        """Send to a provisional name (resumed where it was cut), then rename: the final name is a whole file."""
        size, place = package.stat().st_size, self.folder.rstrip("/")
        final, part = f"{place}/{remote_name}", f"{place}/{remote_name}.part"
        if self._size(final) == size:
            return False
        partial = self._size(part)
        verb = "reput" if partial is not None and partial <= size else "put"
        done = self._run(f"{verb} {_quoted(str(package))} {_quoted(part)}\nrename {_quoted(part)} {_quoted(final)}\n")
        if done.returncode or self._size(final) != size:
            raise TransportError(
                f"SFTP {self.host} : le lot n'est pas arrivé entier ({_last_line(done.stderr)}). "
                "Relancez : l'envoi reprendra."
            )
        return True

    def _size(self, path: str) -> int | None:
        done = self._run(f"ls -ln {_quoted(path)}\n")
        if done.returncode:
            if "not found" in done.stderr or "No such file" in done.stderr:
                return None
            raise TransportError(f"SFTP {self.host} : {_last_line(done.stderr)}. Rien n'a été envoyé.")
        lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("sftp>")]
        return int(lines[0][4]) if lines else None

    def _run(self, orders: str) -> subprocess.CompletedProcess[str]:
        options = {"BatchMode": "yes", "StrictHostKeyChecking": "yes", "ConnectTimeout": "10"}
        if self.known_hosts:
            options["UserKnownHostsFile"] = str(self.known_hosts)
        if self.key:
            options |= {"IdentityFile": str(self.key), "IdentitiesOnly": "yes"}
        where = f"{self.user}@{self.host}" if self.user else self.host
        command = ["sftp", "-q", "-b", "-", "-P", str(self.port)]
        command += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        try:
            return subprocess.run(
                [*command, where], input=orders, capture_output=True, text=True, timeout=10 * _SECONDS, check=False
            )
        except FileNotFoundError as error:
            raise UsageError("Le programme « sftp » (OpenSSH) n'est pas installé sur cette machine.") from error
        except subprocess.TimeoutExpired as error:
            raise TransportError(f"SFTP {self.host} : pas de réponse. Relancez : l'envoi reprendra.") from error


@dataclass(frozen=True)
class Https:
    """A server that takes `PUT <url>/<name>` from a client with a certificate, and answers HEAD for what it holds."""

    url: str
    certificate: Path
    key: Path
    authorities: Path | None = None
    name: str = "https"

    def deliver(self, package: Path, remote_name: str) -> bool:
        """PUT with the file's hash, refused by a server that already has the name; looked for before and after."""
        from rpps_audit.journal import sha256_hex

        content = package.read_bytes()
        digest = sha256_hex(content)
        if self._holds(remote_name, content):
            return False
        headers = {"Content-Type": "application/zip", "X-Content-SHA256": digest, "If-None-Match": "*"}
        status = self._ask("PUT", remote_name, content, headers)[0]
        if status not in (200, 201, 204, 412) or not self._holds(remote_name, content):
            raise TransportError(
                f"HTTPS {self._host} : le serveur a répondu {status}, le lot n'y est pas. Relancez plus tard."
            )
        return status != 412

    @property
    def _host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def _holds(self, remote_name: str, content: bytes) -> bool:
        status, headers = self._ask("HEAD", remote_name)
        if status in (401, 403):
            raise TransportError(
                f"HTTPS {self._host} : le serveur refuse ce certificat ({status}). Rien n'a été envoyé."
            )
        return status == 200 and headers.get("content-length") == str(len(content))

    def _ask(
        self, verb: str, remote_name: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str]]:
        parts = urlsplit(self.url)
        try:
            context = ssl.create_default_context(cafile=str(self.authorities) if self.authorities else None)
            context.load_cert_chain(self.certificate, self.key)
            connection = http.client.HTTPSConnection(self._host, parts.port or 443, timeout=_SECONDS, context=context)
            try:
                connection.request(verb, f"{parts.path.rstrip('/')}/{quote(remote_name)}", body, dict(headers or {}))
                answer = connection.getresponse()
                answer.read()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(
                f"HTTPS {self._host} : échange impossible ({error}). Relancez : rien n'est envoyé deux fois."
            ) from error


def transport(folder: Path, target: str = "") -> Transport:
    """The target of that name in `[envoi.<name>]` of rpps-audit.toml; without a name, the workspace's outbox.

    Raises UsageError naming what is missing.
    """
    if not target:
        return Folder(folder / OUTBOX, "outbox")
    targets = read_table(folder, "envoi").values
    if target not in targets:
        raise UsageError(
            f"Destination inconnue « {target} ». Destinations réglées ([envoi.NOM]) : {', '.join(targets) or 'aucune'}."
        )
    return _configured(folder, target, dict(targets[target]))


def send(desk: Desk, authorisation: Authorisation, batch_id: str, *, target: str = "") -> tuple[Batch, bool]:
    """Send a signed batch; the batch, and whether it left now (False: the target already had it).

    Raises UsageError for a batch that is not signed or was changed on the disk, TransportError when it did not arrive:
    the batch stays signed, sending again is safe. NotAuthorisedError outside the perimeter.
    """
    demand_role(authorisation, "author")
    settle_packages(desk)
    one = batch(desk, batch_id)
    if one.state not in ("signed", "sent"):
        raise UsageError(f"Le lot {batch_id} est {FRENCH_BATCH_STATES[one.state]} : seul un lot signé s'envoie.")
    held = corrections_of(desk, batch_id)
    demand_inside_of(desk, authorisation, chosen_corrections(desk, held.to_list()))
    carrier, author = transport(desk.folder, target), authorisation.author
    # What has left cannot be called back: the card and the rights are looked at now.
    authorisation.confirm()
    left = carrier.deliver(intact(one), f"{one.path.stem}-{one.sha256[:16]}.zip")
    if one.state == "signed":

        def write(operation: Operation) -> Mapping[str, Any]:
            batch_event(desk, operation, batch_id, "sent", author, reason=carrier.name)
            add_events(desk, operation, "sent", held, author=author, batch_id=batch_id)
            return {"batch": batch_id, "sha256": one.sha256, "target": carrier.name}

        record(desk, "batch-sent", authorisation, write)
    return batch(desk, batch_id), left


def _configured(folder: Path, name: str, table: dict[str, Any]) -> Transport:
    kind = table.pop("type", "")
    kinds: dict[str, tuple[type, dict[str, str]]] = {
        "dossier": (Folder, {"dossier": "folder"}),
        "sftp": (Sftp, {
            "hote": "host", "dossier": "folder", "utilisateur": "user", "port": "port", "cle": "key",
            "hotes_connus": "known_hosts",
        }),
        "https": (Https, {"url": "url", "certificat": "certificate", "cle": "key", "autorites": "authorities"}),
    }  # fmt: skip
    where = f"rpps-audit.toml, [envoi.{name}]"
    if kind not in kinds:
        raise UsageError(f"{where} : « type » vaut {', '.join(kinds)}.")
    made, french = kinds[kind]
    unknown = sorted(set(table) - set(french))
    if unknown:
        raise UsageError(f"{where} : réglage inconnu « {unknown[0]} ». Possibles : {', '.join(french)}.")
    local = {"key", "known_hosts", "certificate", "authorities"} | ({"folder"} if kind == "dossier" else set())
    values = {french[key]: folder / value if french[key] in local else value for key, value in table.items()}
    try:
        made_one: Transport = made(**values, name=name)
    except TypeError as error:
        raise UsageError(f"{where} : il manque un réglage parmi {', '.join(french)}.") from error
    if isinstance(made_one, Https) and not made_one.url.startswith("https://"):
        raise UsageError(f"{where} : « url » commence par https://.")
    return made_one


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "aucune réponse"
