"""The whole loop on real parts: export, findings, fixes, card, package, openssl, next export."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from datetime import UTC, datetime

import pytest

from rpps_audit.batches.package import Options
from rpps_audit.batches.prepare import prepare
from rpps_audit.batches.proof import prove
from rpps_audit.batches.receipts import receipt
from rpps_audit.batches.sign import sign
from rpps_audit.batches.status import batch_page
from rpps_audit.batches.transport import send
from rpps_audit.batches.verify import verify
from rpps_audit.card import CallablePin, load_settings, load_trust, open_session
from rpps_audit.checks import findings
from rpps_audit.corrections.proposing import propose
from rpps_audit.corrections.values import field_values
from rpps_audit.errors import NotAuthorisedError, UsageError
from rpps_audit.ingest import load
from rpps_audit.records import state_at as now
from rpps_audit.store import open_store
from tests.batches.test_batches import suivi
from tests.card import pki
from tests.card.profiles import PIN
from tests.checks.literal import run_checks
from tests.corrections.literal import EMAIL, change, desk, proposals, rule

SITE = "750000001"
ROLE = rule("one_of", "situation", "role", parameters={"values": ["GENR08", "GENR09", "GENR10", "GENR11", "GENR12"]})
PIN_SOURCE = CallablePin(lambda request: bytearray(PIN, "ascii"))


def line(number: int, email: str, role: str) -> str:
    return f"1000000000{number};DUPONT{number};Zoé;05/01/1990;{email};{SITE};{role};01/02/2020;;Oui"


def states(store) -> list[str]:
    return [row[0] for row in store.sql("SELECT state FROM correction_states ORDER BY correction_id").fetchall()]


@pytest.mark.card
def test_from_an_export_to_the_proof(card, card_workspace, tmp_path):
    before = [
        line(1, "un@exemple", "GENR11"),
        line(2, "deux@exemple.fr", "9"),
        line(3, "trois", "GENR11"),
        line(4, "quatre@b.fr", "X"),
    ]
    with open_store(card_workspace) as store:
        table = desk(store, card_workspace, EMAIL, ROLE)
        first = load(store, [suivi(tmp_path, *before)])[0].snapshot_id
        run = run_checks(store, first, table.catalogue)
        found = findings(store, run.run_id)
        assert found["record_key"].to_list() == [
            "810000000001",
            "810000000003",
            f"810000000002@{SITE}#2020-02-01",
            f"810000000004@{SITE}#2020-02-01",
        ]

        with open_session(card_workspace, PIN_SOURCE) as session:
            who = session.require([SITE])
            wanted = proposals(
                change("professional", "810000000001", "email", "un@exemple.fr", rule_id="email-format"),
                change("situation", f"810000000002@{SITE}#2020-02-01", "role", "GENR09", rule_id="one_of"),
                change("professional", "810000000003", "email", "trois@exemple.fr", rule_id="email-format"),
                change("situation", f"810000000004@{SITE}#2020-02-01", "role", "GENR10", rule_id="one_of"),
            )
            assert propose(table, who, now(table.store), wanted, reason="vu avec la personne").refused.is_empty()
            sent_on = datetime(2026, 11, 2, tzinfo=UTC)
            made = prepare(table, who, at=sent_on, options=Options(pdf=False))
            with pytest.raises(UsageError, match="seul un lot signé"):
                send(table, who, made.batch_id)
            signed = sign(table, session, PIN_SOURCE, made.batch_id)
            done, left = send(table, who, signed.batch_id)
            receipt(table, who, signed.batch_id, acknowledged="saisi le 03/11/2026")
        assert (done.state, left) == ("sent", True)
        assert set(states(store)) == {"acknowledged"}

        # Two took, one was ignored, one was contradicted.
        after = [
            line(1, "un@exemple.fr", "GENR11"),
            line(2, "deux@exemple.fr", "GENR09"),
            line(3, "trois", "GENR11"),
            line(4, "quatre@b.fr", "GENR12"),
        ]
        load(store, [suivi(tmp_path, *after, name="suivi_20261115.csv")])
        proof = prove(table, now(table.store))
        assert (proof.seen, proof.contradicted, proof.waiting) == (2, 1, 1)
        assert states(store) == ["seen", "seen", "acknowledged", "contradicted"]
        page = batch_page(table, signed.batch_id)
        assert "vue dans une extraction suivante" in page
        assert "exemple.fr" not in page

        # Still ignored much later; and one that had taken is undone by somebody.
        undone = [line(1, "un@exemple", "GENR11"), *after[1:]]
        # A month and more after it was sent: no file may speak of a day to come.
        store.sql("UPDATE batch_events SET done_at = TIMESTAMP '2026-10-01' WHERE event = 'sent'")
        load(store, [suivi(tmp_path, *undone, name="suivi_20261120.csv")])
        prove(table, now(table.store))
        assert states(store) == ["contradicted", "seen", "overdue", "contradicted"]
        events = store.sql("SELECT count(*) FROM correction_events").fetchone()
        prove(table, now(table.store))
        assert store.sql("SELECT count(*) FROM correction_events").fetchone() == events
        assert table.journal.verify().intact

    trust = load_trust(load_settings(card_workspace))
    checked = verify(signed.path, trust)
    assert checked.proven
    assert "Gestion-Test".upper() in checked.signer.upper()
    with_openssl(signed.path, tmp_path)
    # Beside the package, the manifest against which the journal is checked.
    outbox = list((card_workspace / "outbox").glob("*.zip"))
    assert len(list((card_workspace / "outbox").glob("*manifest.json*"))) == 2
    assert [file.read_bytes() for file in outbox] == [signed.path.read_bytes()]


def with_openssl(package, folder) -> None:
    """What LISEZ-MOI.txt says, run as it says."""
    place = folder / "lot"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(place)
    (place / "igc-sante.pem").write_bytes(pki.root().pem())
    said = (place / "LISEZ-MOI.txt").read_text("utf-8")
    start = said.index("openssl cms")
    command = said[start : said.index("-out /dev/null")].replace("\\\n", " ").split()
    assert shutil.which("openssl")
    done = subprocess.run([*command, "-out", "/dev/null"], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (place / "manifest.json").open("ab") as manifest:
        manifest.write(b" ")
    assert subprocess.run([*command, "-out", "/dev/null"], cwd=place, capture_output=True, check=False).returncode != 0


@pytest.mark.card
def test_a_card_gone_writes_nothing(card, card_workspace, tmp_path):
    with open_store(card_workspace) as store:
        table = desk(store, card_workspace, EMAIL)
        load(store, [suivi(tmp_path, line(1, "un@b.fr", "GENR11"))])
        with open_session(card_workspace, PIN_SOURCE) as session:
            who = session.require([SITE])
            card.eject()
            with pytest.raises(NotAuthorisedError):
                propose(
                    table,
                    who,
                    now(table.store),
                    proposals(change("professional", "810000000001", "email", "x@y.fr")),
                    reason="x",
                )
        assert states(store) == []
        frame = field_values(store, now(store), proposals(change("professional", "810000000001", "email", None)))
        assert frame["value"].to_list() == ["un@b.fr"]
