"""Fixtures for every test that needs a card: `pcscd`, `card` (inserted) and `card_workspace` (its holder listed)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.card import pki
from tests.card.profiles import make_card
from tests.card.stack import SECOND_READER, CardProcess, Pcscd, missing, present, until


@pytest.fixture(scope="session")
def pcscd() -> Iterator[Pcscd]:
    """The running service. Where it cannot run the test fails; RPPS_AUDIT_ALLOW_SKIP=1 skips, except in CI."""
    why = missing()
    if why:
        if os.environ.get("RPPS_AUDIT_ALLOW_SKIP") == "1" and os.environ.get("CI") != "true":
            pytest.skip(why)
        pytest.fail(why)
    service = Pcscd()
    yield service
    service.close()


@pytest.fixture(scope="session")
def _card_process(pcscd: Pcscd) -> Iterator[CardProcess]:
    process = CardProcess(pcscd.port)
    yield process
    process.close()


@pytest.fixture(scope="session")
def _second_process(pcscd: Pcscd) -> Iterator[CardProcess]:
    process = CardProcess(pcscd.port + 1, SECOND_READER)
    yield process
    process.close()


@pytest.fixture
def slot(_card_process: CardProcess) -> Iterator[CardProcess]:
    """The first reader, empty; the test inserts what it wants."""
    yield from _emptied(_card_process)


@pytest.fixture
def second_slot(_second_process: CardProcess) -> Iterator[CardProcess]:
    """The second reader, empty."""
    yield from _emptied(_second_process)


@pytest.fixture
def card(slot: CardProcess) -> CardProcess:
    """The sample manager's card, in the first reader. Its PIN is `tests.card.profiles.PIN`."""
    slot.insert(make_card().profile)
    return slot


@pytest.fixture
def card_workspace(tmp_path: Path) -> Path:
    """A workspace that trusts the test PKI and lists the sample manager for FINESS 750000001."""
    return make_workspace(tmp_path / "espace")


def _emptied(process: CardProcess) -> Iterator[CardProcess]:
    # pcscd looks at the reader every 0.4 s: the next card must not come before it has seen the last one go.
    until(lambda: not present(process.reader), "the empty reader")
    yield process
    process.eject()


def make_workspace(folder: Path, managers: str | None = None, settings: str = "") -> Path:
    """Roots of the test PKI as production roots, a managers.toml, short settings."""
    roots = folder / "racines" / "production"
    roots.mkdir(parents=True)
    (roots / "racine.pem").write_bytes(pki.root().pem())
    (roots / "personnes.pem").write_bytes(pki.issuer(pki.root()).pem())
    (folder / "rpps-audit.toml").write_text(
        f'[carte]\nracines_production = "racines/production"\nracines_test = "racines/test"\n{settings}', "utf-8"
    )
    (folder / "managers.toml").write_text(managers if managers is not None else manager_entry(), "utf-8")
    return folder


def manager_entry(
    subject: str | None = None,
    issuer: str | None = None,
    establishments: str = '["750000001"]',
    roles: str = '["auteur"]',
    extra: str = "",
) -> str:
    """One [[gestionnaire]] of managers.toml; by default the sample manager."""
    subject = subject or pki.cpe().rfc4514_string()
    issuer = issuer or pki.issuer(pki.root()).name.rfc4514_string()
    return (
        f'[[gestionnaire]]\nnom = "Camille Gestion-Test"\nsujet = "{_toml(subject)}"\nemetteur = "{_toml(issuer)}"\n'
        f"etablissements = {establishments}\nroles = {roles}\ndu = 2020-01-01\n{extra}\n"
    )


def _toml(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
