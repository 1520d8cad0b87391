"""The session: open while the manager's own card stays in the reader.

closed ── certificate trusted, holder listed, PIN, random challenge signed ──▶ open
open ── removal, swap, error, idle time, absolute life, end of the program ──▶ closed, for ever
"""

from __future__ import annotations

import atexit
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from rpps_audit.card.authorisation import Authorisation, grant, outside
from rpps_audit.card.backend import CardBackend, CardInfo, Key
from rpps_audit.card.drivers import connect
from rpps_audit.card.errors import (
    CardError,
    PinBlockedError,
    PinError,
    SessionClosedError,
    UntrustedCardError,
    WrongPinError,
)
from rpps_audit.card.identity import Identity, read_identity
from rpps_audit.card.managers import FILE_NAME as MANAGERS
from rpps_audit.card.managers import Manager, Managers, Perimeter, Role, load_managers
from rpps_audit.card.pcsc import ReaderState, find_card
from rpps_audit.card.pin import PinRequest, PinSource, asked_pin, refuse_leaks
from rpps_audit.card.presence import SILENT, Presence
from rpps_audit.card.settings import CardSettings, load_settings
from rpps_audit.card.signature import SignedManifest, build_signature, certificate_of, verify_signature
from rpps_audit.card.trust import Chain, Trust, check_chain, load_trust
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.journal import FILE_NAME as JOURNAL
from rpps_audit.journal import Journal, canonical_json, sha256_hex

_FRENCH_ROLES: dict[Role, str] = {"author": "auteur", "approver": "approbateur"}


def boot_clock() -> float:
    """Seconds since the machine started, sleep included: a laptop that was closed has been idle."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def open_session(workspace: Path, pin: PinSource, *, clock: Callable[[], float] = boot_clock) -> CardSession:
    """Open a session with the card in the reader. Raises NotAuthorisedError (CardError and its children) or
    UsageError for settings; each refusal that reached a card is in the journal.

    The PIN is asked only after the certificate is trusted and its holder listed.
    """
    refuse_leaks()
    settings = load_settings(workspace)
    trust = load_trust(settings)
    seen = find_card(settings.reader)
    return CardSession(settings, trust, seen, connect(settings, seen), pin, clock)


class CardSession:
    """One manager, one card, one insertion. Use `open_session`; it is a context manager."""

    def __init__(
        self,
        settings: CardSettings,
        trust: Trust,
        seen: ReaderState,
        backend: CardBackend,
        pin: PinSource,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._settings, self._trust, self._backend, self._clock = settings, trust, backend, clock
        self._journal = Journal(settings.workspace / JOURNAL)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._opened = False
        self._closed = ""
        self.signature_problem = ""
        self._started = self._touched = clock()
        self._managers: tuple[tuple[int, int], Managers] | None = None
        atexit.register(self.close, "fin du programme")
        self._presence = Presence(seen, self.close, self._close_when_due)
        self._info: CardInfo | None = None
        try:
            self._open(pin)
        except BaseException as error:
            self._note_refusal(error)
            self.close("ouverture refusée")
            raise

    # --- What others ask ---

    @property
    def identity(self) -> Identity:
        """Who holds the card."""
        return self._identity

    @property
    def card(self) -> str:
        """Card number."""
        return self._card_info.serial

    @property
    def closed(self) -> str:
        """Why the session is closed, in French; empty while it is open."""
        if not self._closed and not self._presence.alive():
            self.close(self._presence.lost)
        return self._closed

    def seconds_left(self) -> int:
        """How long the session stays open if nothing more is asked of it; 0 once closed."""
        if self.closed:
            return 0
        now = self._clock()
        life = self._settings.life_seconds - (now - self._started)
        return max(0, int(min(life, self._settings.idle_seconds - (now - self._touched))))

    def perimeter(self, role: Role = "author") -> Perimeter:
        """Where this manager may act today in this role; empty when nowhere."""
        perimeter = Perimeter()
        for entry in self._entries():
            if role in entry.roles:
                perimeter |= entry.perimeter
        return perimeter

    def require(
        self,
        establishments: Iterable[str] = (),
        role: Role = "author",
        operators: Mapping[str, str] | None = None,
    ) -> Authorisation:
        """The right to act now on these establishments (geographic FINESS numbers).

        `operators` gives the legal entity above each, for managers of a whole operator. Raises SessionClosedError
        when the card is gone or the time is up, NotAuthorisedError outside the role or the perimeter.
        """
        self._ensure_open()
        perimeter = self.perimeter(role)
        if perimeter == Perimeter():
            raise NotAuthorisedError(
                f"{self._identity.name} n'a pas le rôle « {_FRENCH_ROLES[role]} » aujourd'hui ({MANAGERS})."
            )
        outside(perimeter, establishments, operators or {})
        self._touched = self._clock()
        declared = {entry.person for entry in self._entries() if entry.person}
        return grant(
            {
                "author": self._identity.number,
                "name": self._identity.name,
                "card": self.card,
                "role": role,
                "perimeter": perimeter,
                "environment": self._trust.environment,
                "granted_at": datetime.now(UTC),
                "_still_open": self._ensure_open,
                "declared": min(declared, default=""),
                "_rights_now": self._rights_now,
            }
        )

    def sign(
        self,
        manifest: Mapping[str, Any],
        pin: PinSource,
        *,
        establishments: Iterable[str],
        operators: Mapping[str, str] | None = None,
        purpose: str = "signer le lot",
    ) -> SignedManifest:
        """Ask for the PIN again and sign the manifest with the signature key (nonRepudiation).

        `signer` (who, with which card, revocation checked or not) and `journal` (its head) are added to the
        manifest. The signature is verified before it is returned.
        """
        self.require(establishments, "author", operators)
        reserved = {"signer", "journal"} & set(manifest)
        if reserved:
            raise UsageError(f"Le manifeste ne peut pas contenir « {min(reserved)} » : ce champ est ajouté ici.")
        chain = self._signing_chain()
        now = datetime.now(UTC).replace(microsecond=0)
        content = canonical_json({**manifest, "signer": self._signer(chain), "journal": self._journal.head()._asdict()})

        def sign(digest: bytes) -> bytes:
            return self._use_key(Key.SIGNATURE, digest, pin, purpose)

        others = certificate_of(chain.certificates)
        signature = build_signature(content, self._card_info.signature, others, sign, now)
        check = verify_signature(content, signature, self._trust)
        if not check.valid:
            self._note("signature-refused", {"reason": check.reason})
            raise UntrustedCardError(f"La signature faite par la carte n'est pas valable : {check.reason}.")
        self._note("manifest-signed", {"sha256": sha256_hex(content), "claimed_at": now.isoformat()})
        return SignedManifest(content, signature)

    def close(self, reason: str = "fermée par l'utilisateur") -> None:
        """End the session and reset the card. Safe to call again, and from the watcher's thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = reason
            # In a forked child the card belongs to the parent.
            if os.getpid() == self._pid:
                self._release()
                if self._opened:
                    self._note("session-closed", {"reason": reason})
        atexit.unregister(self.close)
        if hasattr(self, "_presence"):
            self._presence.stop()

    def _release(self) -> None:
        lost = self._presence.lost if hasattr(self, "_presence") else ""
        if lost:
            self._backend.card_is_gone()
        if lost == SILENT:
            # A service that is stuck would keep us waiting too; it frees the card when it comes back.
            threading.Thread(target=self._backend.close, name="rpps-audit-carte-fin", daemon=True).start()
        else:
            self._backend.close()

    def __enter__(self) -> CardSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- Opening ---

    def _open(self, pin: PinSource) -> None:
        self._info = self._backend.identify()
        self._identity = read_identity(self._info.authentication)
        chain = check_chain(self._info.authentication, self._trust)
        if self._identity.pseudonymous:
            raise UntrustedCardError(
                "Cette carte de service ne nomme personne : il faut une carte nominative pour corriger et signer."
            )
        entries = self._listed(self._identity)
        self.signature_problem = self._signature_problem()
        self._challenge(pin)
        self._ensure_present()
        self._opened = True
        self._note(
            "session-opened",
            {
                "card": self.card,
                "environment": self._trust.environment,
                "roles": sorted({role for entry in entries for role in entry.roles}),
                "revocation": chain.revocation,
                "can_sign": not self.signature_problem,
            },
        )

    def _listed(self, identity: Identity) -> tuple[Manager, ...]:
        listed = self._all_managers().of(identity, self.card)
        if not listed and any(entry.card == self.card for entry in self._all_managers().entries):
            raise NotAuthorisedError(
                f"{MANAGERS} nomme la carte {self.card}, mais pas son porteur {identity.name} : aucun certificat ne "
                "signe un numéro de carte, qui seul ne donne aucun droit. Le responsable y met le « nom » du "
                "certificat, ou « sujet » et « emetteur » (rpps-audit card who)."
            )
        if not listed:
            raise NotAuthorisedError(
                f"{identity.name} (carte {self.card}) n'est pas dans {MANAGERS}. « rpps-audit card who » donne les "
                "lignes que le responsable doit y ajouter."
            )
        entries = tuple(entry for entry in listed if entry.active(date.today()))
        if not entries:
            raise NotAuthorisedError(
                f"L'habilitation de {identity.name} n'est pas en vigueur aujourd'hui ({MANAGERS})."
            )
        return entries

    def _challenge(self, pin: PinSource) -> None:
        """A card that accepts the PIN proves nothing to us: it must sign what we have just drawn."""
        challenge = secrets.token_bytes(32)
        signed = self._use_key(Key.AUTHENTICATION, hashlib.sha256(challenge).digest(), pin, "ouvrir la session")
        if not _signed_by(self._card_info.authentication, challenge, signed):
            raise UntrustedCardError(
                "La carte n'a pas prouvé qu'elle détient la clé de son certificat : fausse carte ou carte abîmée."
            )

    def _use_key(self, key: Key, digest: bytes, source: PinSource, purpose: str) -> bytes:
        info = self._card_info
        with self._lock:
            left = self._backend.tries_left()
        request = PinRequest(purpose, self._identity.name, info.reader, left, info.pin.shortest, info.pin.longest)
        with asked_pin(source, request, info.pin, pad=self._backend.pin_pad) as pin, self._lock:
            self._ensure_present()
            try:
                signed = self._backend.use_key(key, digest, pin)
            except WrongPinError as error:
                self._note("pin-wrong", {"card": info.serial, "tries_left": error.tries_left})
                raise
            except PinBlockedError:
                self._note("pin-blocked", {"card": info.serial, "tries_left": 0})
                self.close("code porteur bloqué")
                raise
            except PinError:
                raise
            except CardError:
                self.close("erreur de la carte ou du lecteur")
                raise
        self._note("pin-verified", {"card": info.serial, "purpose": key.name.lower()})
        return signed

    # --- Staying open ---

    def _rights_now(self, role: Role) -> Perimeter:
        """At a COMMIT: the card itself answers (the service may be half a second late), managers.toml is read anew."""
        with self._lock:
            self._ensure_open()
            try:
                self._backend.probe()
            except CardError as error:
                self.close("la carte ne répond plus")
                raise SessionClosedError(self._closed) from error
        self._managers = None
        return self.perimeter(role)

    def _ensure_open(self) -> None:
        self._close_when_due()
        self._ensure_present()
        if not self._opened:
            raise SessionClosedError("elle n'a pas été ouverte")

    def _ensure_present(self) -> None:
        if os.getpid() != self._pid:
            raise SessionClosedError("elle appartient à un autre processus")
        if self.closed:
            raise SessionClosedError(self._closed)

    def _close_when_due(self) -> None:
        now = self._clock()
        if now - self._started > self._settings.life_seconds:
            self.close(f"durée maximale de {_duration(self._settings.life_seconds)} atteinte")
        elif now - self._touched > self._settings.idle_seconds:
            self.close(f"inactivité de {_duration(self._settings.idle_seconds)}")

    @property
    def _card_info(self) -> CardInfo:
        assert self._info is not None
        return self._info

    def _entries(self) -> tuple[Manager, ...]:
        held = self._all_managers().of(self._identity, self.card)
        return tuple(entry for entry in held if entry.active(date.today()))

    def _all_managers(self) -> Managers:
        """The list as it is now: somebody removed from it loses their rights at once."""
        file = self._settings.workspace / MANAGERS
        stat = (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else (0, 0)
        if self._managers is None or self._managers[0] != stat:
            self._managers = (stat, load_managers(self._settings.workspace))
        return self._managers[1]

    # --- Signing ---

    def _signature_problem(self) -> str:
        """Why this card will not sign, in French, so that nobody prepares a batch for nothing; empty when it will."""
        try:
            self._signing_chain()
        except CardError as error:
            return f"Cette carte ouvre une session mais ne pourra pas signer : {error}"
        return ""

    def _signing_chain(self) -> Chain:
        certificate = self._card_info.signature
        if not certificate:
            raise CardError("Cette carte, ou son pilote, ne donne pas de certificat de signature.")
        chain = check_chain(certificate, self._trust)
        if read_identity(certificate).subject != self._identity.subject:
            raise UntrustedCardError("Les deux certificats de cette carte ne nomment pas la même personne.")
        return chain

    def _signer(self, chain: Chain) -> dict[str, Any]:
        return {
            "subject": self._identity.subject,
            "issuer": self._identity.issuer,
            "number": self._identity.number,
            "card": self.card,
            "key": Key.SIGNATURE.value,
            "environment": self._trust.environment,
            "revocation": chain.revocation,
        }

    # --- Journal ---

    def _note(self, event: str, data: Mapping[str, Any]) -> None:
        self._journal.append(event, dict(data), self._identity.number)

    def _note_refusal(self, error: BaseException) -> None:
        if self._info is not None and isinstance(error, NotAuthorisedError):
            author = self._identity.number if hasattr(self, "_identity") else "inconnu"
            data = {"card": self._info.serial, "reason": type(error).__name__}
            self._journal.append("session-refused", data, author)


def _signed_by(certificate: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _duration(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
