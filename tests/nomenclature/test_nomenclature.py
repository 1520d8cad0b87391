"""Figures by code, what stands under withdrawn codes, and the request's file."""

import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.errors import UnreadableInputError, UsageError
from rpps_audit.nomenclature import Request, build_dossier, read_request, registered, save_request, slug, withdrawn
from rpps_audit.store import Store, memory_store

AS_OF = date(2026, 11, 1)
COMPLETE = Request(
    label="Gouvernant de maison",
    definition="Organise la vie quotidienne d’une maison d’accueil et encadre son équipe.",
    requester="GRADeS d’essai",
    context="Demande remontée par trois organismes.",
    people=2,
    uses="Messagerie sécurisée avec les médecins traitants.",
    current_codes=("312",),
)


def _store(*situations: tuple[str, str, str, str | None]) -> Store:
    """A store with one run on situations (professional, finess, profession, end date)."""
    store = memory_store()
    store.sql(
        "INSERT INTO snapshots VALUES (1, 'h', 'suivi', 'suivi', 's', 'f', ?, now(), 'utf-8', 1, 9, 9, 0, [])", [AS_OF]
    )
    store.sql("INSERT INTO runs VALUES (1, 'suivi', ?, [1], [], 'x', now(), now())", [AS_OF])
    rows = pl.DataFrame(
        situations, dict.fromkeys(["professional_id", "finess", "profession", "end_date"], pl.String), orient="row"
    ).with_columns(pl.col("end_date").str.to_date(), snapshot_id=1, role=pl.lit("GENR10"))
    rows = rows.with_row_index("line").with_columns(finess_legal=pl.col("finess").str.head(2) + "0000000")
    store.connection.register("rows", rows.to_arrow())
    store.sql("INSERT INTO registrations BY NAME SELECT * FROM rows")
    return store


def test_active_situations_are_counted_once_per_professional():
    store = _store(("a", "11x", "312", None), ("a", "12x", "312", None), ("b", "11x", "313", "2020-01-01"))
    counted = registered(store, [1], "profession").to_dicts()
    assert counted == [{"profession": "312", "situations": 2, "professionals": 1, "establishments": 2, "operators": 2}]


def test_a_withdrawn_code_names_its_successor_and_who_must_move_it():
    store = _store(("a", "11x", "318", None), ("b", "12x", "328", None))
    row = withdrawn(store, [1]).row(0, named=True)
    assert withdrawn(store, [1]).height == 1
    assert (row["code"], row["successor"], row["successor_label"]) == ("318", "328", "Accompagnant éducatif et social")
    assert row["finess"] == "11x"
    assert "22/12/2025" in row["reason"]


def test_a_code_the_portal_does_not_offer_is_told_apart_from_one_withdrawn():
    reasons = withdrawn(_store(("a", "11x", "353", None)), [1])["reason"].to_list()
    assert reasons == ["n’est plus proposé par le portail"]


def test_a_request_says_what_it_still_lacks():
    assert COMPLETE.missing() == []
    assert len(Request("Gouvernant de maison").missing()) == 6
    assert "le code concerné" in Request("x", kind="Obsolescence").missing()


def test_labels_already_there_are_found_by_their_words():
    alike = Request("Secrétaire assistante médicale").alike()
    assert alike["code"][0] == "331"
    assert Request("Xylophoniste").alike().is_empty()


def test_a_saved_request_reads_back_the_same(tmp_path: Path):
    path = save_request(COMPLETE, tmp_path)
    assert path.name == "gouvernant-de-maison.json"
    assert read_request(path) == COMPLETE
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_is_no_request_is_refused_in_french(tmp_path: Path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(UnreadableInputError, match="n’est pas une demande"):
        read_request(tmp_path / "x.json")
    with pytest.raises(UsageError, match="libellé"):
        slug(" !")
    with pytest.raises(UsageError, match="Nature"):
        save_request(Request("x", kind="Souhait"), tmp_path)


def test_the_dossier_holds_the_request_and_the_figures(tmp_path: Path):
    store = _store(("a", "11x", "312", None), ("b", "22x", "312", None), ("c", "33x", "313", None))
    dossier = build_dossier(store, [1], AS_OF, COMPLETE)
    assert (dossier.professionals, dossier.establishments, dossier.operators, dossier.catch_all) == (2, 2, 2, 2)
    with zipfile.ZipFile(dossier.write(tmp_path)) as archive:
        assert "Gouvernant de maison" in archive.read("dossier.html").decode()
        assert json.loads(archive.read("demande.json"))["people"] == 2
        places = pl.read_csv(archive.read("par-etablissement.csv"), separator=";")
    assert places["professionals"].to_list() == [1, 1]


def test_remarks_weigh_the_claim_against_the_figures():
    dossier = build_dossier(_store(("a", "11x", "312", None)), [1], AS_OF, COMPLETE)
    said = " ".join(dossier.remarks())
    assert "annonce 2 professionnels ; les extractions chargées n’en montrent que 1" in said
    assert "partage du besoin reste à établir" in said
    assert "n’ouvre aucun document" in said


def test_nothing_a_requester_writes_becomes_markup():
    dossier = build_dossier(_store(), [1], AS_OF, Request("<script>x</script>", people=1))
    assert "<script>" not in dossier.html()
