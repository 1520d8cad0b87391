"""Who a certificate names, what managers.toml allows, what settings mean. No card."""

from datetime import date

import polars as pl
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rpps_audit.card import Perimeter, load_managers, load_settings, load_trust, read_identity
from rpps_audit.card.identity import same_name
from rpps_audit.errors import UsageError
from rpps_audit.journal import Journal
from tests.card import pki
from tests.card.fixtures import make_workspace, manager_entry


def identity(subject):
    certificate = pki.card_certificate(subject, pki.issuer(pki.root()), "holder-aut", signing=False)
    return read_identity(certificate.public_bytes(Encoding.DER))


# --- Identity ---


def test_an_employee_card_has_a_structure_number_and_no_rpps():
    holder = identity(pki.cpe())
    assert (holder.number, holder.name) == ("300000000029751/CPE0000001", "CAMILLE GESTION-TEST")
    assert (holder.kind, holder.rpps, holder.pseudonymous) == ("CPE/CPA", None, False)


def test_a_cps_gives_the_rpps_number_from_a_multi_valued_rdn():
    holder = identity(pki.cps("10002813839"))
    assert (holder.kind, holder.rpps, holder.name) == ("CPS", "10002813839", "ISA DOC-TEST")


def test_a_service_card_is_pseudonymous():
    assert identity(pki.pseudonymous()).pseudonymous


def test_a_name_copied_from_who_is_found_again_whatever_the_order_inside_an_rdn():
    holder = identity(pki.cpe())
    first, *rest = holder.subject.split(",")
    turned = ",".join(["+".join(reversed(first.split("+"))), *rest])
    assert turned != holder.subject
    assert same_name(turned, holder.subject)
    assert not same_name(holder.subject.replace("CAMILLE", "CAMIL"), holder.subject)


# --- managers.toml ---


def test_a_perimeter_is_establishments_or_a_whole_operator():
    perimeter = Perimeter(frozenset({"750000001"}), frozenset({"750000100"}))
    frame = pl.DataFrame(
        {
            "finess": ["750000001", "750000002", "750000003", None],
            "operator": ["750000900", "750000100", None, None],
        }
    )
    seen = frame.with_columns(seen=perimeter.expression("finess", "operator"))["seen"].to_list()
    assert seen == [True, True, False, False]
    assert [perimeter.covers(*row) for row in frame.rows()] == seen


def test_dates_are_inclusive(tmp_path):
    workspace = make_workspace(tmp_path / "e", manager_entry(extra="au = 2026-12-31"))
    (entry,) = load_managers(workspace).entries
    days = [date(2019, 12, 31), date(2020, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [entry.active(day) for day in days] == [False, True, True, False]


def test_every_change_of_the_list_is_journaled_once_without_names(tmp_path):
    workspace = make_workspace(tmp_path / "e")
    load_managers(workspace)
    load_managers(workspace)
    (workspace / "managers.toml").write_text(manager_entry(establishments='["750000001", "750000002"]'), "utf-8")
    load_managers(workspace)
    entries = list(Journal(workspace / "journal.jsonl").entries())
    assert [(e.event, e.data["added"], e.data["removed"]) for e in entries] == [
        ("managers-changed", 1, 0),
        ("managers-changed", 1, 1),
    ]
    assert "CAMILLE" not in (workspace / "journal.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[[gestionnaire]]\nnom = 3", "« nom » doit être un texte"),
        ('[[gestionnaire]]\nnoms = "x"', "champ inconnu « noms »"),
        ('[[gestionnaire]]\ncarte = "1"\nsujet = "CN=x"', "soit « carte », soit « sujet »"),
        ('[[gestionnaire]]\nsujet = "CN=x"', "soit « carte », soit « sujet »"),
        ('[[gestionnaire]]\nsujet = "x"\nemetteur = "CN=y"', "n'est pas un nom de certificat"),
        ('[[gestionnaire]]\ncarte = "1"\nroles = ["auteur"]', "aucun établissement"),
        ('[[gestionnaire]]\ncarte = "1"\netablissements = ["75"]', "n'est pas un numéro FINESS"),
        ('[[gestionnaire]]\ncarte = "1"\netablissements = ["750000001"]\nroles = ["chef"]', "auteur, approbateur"),
        ('[[gestionnaire]]\ncarte = "1"\netablissements = ["750000001"]\nroles = ["auteur"]', "« du » est obligatoire"),
        ('[[gestionnaire]]\ncarte = "1"\netablissements = ["750000001"]\nroles = ["auteur"]\ndu = "hier"', "une date"),
        ("[gestionnaire]\n", r"\[\[gestionnaire\]\]"),
        ("rubbish", "illisible"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, content, expected):
    (tmp_path / "managers.toml").write_text(content, "utf-8")
    with pytest.raises(UsageError, match=expected):
        load_managers(tmp_path)
    assert not (tmp_path / "journal.jsonl").exists()


def test_no_list_is_nobody(tmp_path):
    with pytest.raises(UsageError, match="aucun gestionnaire"):
        load_managers(tmp_path)


# --- Settings and trust ---


def test_the_default_is_apdu_production_and_no_root(tmp_path):
    settings = load_settings(tmp_path)
    assert (settings.backend, settings.environment, settings.roots) == ("apdu", "production", {})
    assert (settings.idle_seconds, settings.life_seconds) == (900, 14400)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('mode = "usb"', "apdu, pkcs11"),
        ("lecteur = 3", "« lecteur » doit être un texte"),
        ("duree = 0", "« duree » doit être un nombre de secondes"),
        ("inactivite = true", "« inactivite »"),
        ('code = "4821"', "réglage inconnu « code »"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, line, expected):
    (tmp_path / "rpps-audit.toml").write_text(f"[carte]\n{line}\n", "utf-8")
    with pytest.raises(UsageError, match=expected):
        load_settings(tmp_path)


def test_an_environment_has_its_own_roots_only(tmp_path):
    workspace = make_workspace(tmp_path / "e", settings='environnement = "test"\n')
    folder = workspace / "racines" / "test"
    with pytest.raises(UsageError, match="introuvable"):
        load_trust(load_settings(workspace))
    folder.mkdir()
    with pytest.raises(UsageError, match="aucun certificat racine"):
        load_trust(load_settings(workspace))
    test_root = pki.root("TEST AC RACINE IGC-SANTE STANDARD", "IGC-SANTE TEST")
    (folder / "test.der").write_bytes(test_root.certificate.public_bytes(Encoding.DER))
    known = load_trust(load_settings(workspace))
    assert (known.environment, known.roots) == ("test", (test_root.certificate,))
    (folder / "notes.txt").write_text("rubbish")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        load_trust(load_settings(workspace))
