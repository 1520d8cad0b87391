"""Lists a person edits, numbers a file declares to be one person's, and what is proposed for a place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rpps_audit.checks import Catalogue, load_catalogue
from rpps_audit.corrections.suggestions import suggest
from rpps_audit.errors import UsageError
from rpps_audit.store import memory_store
from tests.checks.literal import person, run_checks, snapshot
from tests.corrections.literal import desk


def _only(rule_id: str, workspace: Path | None) -> Catalogue:
    every = load_catalogue(workspace)
    return Catalogue((every[rule_id],), every.references)


def found(rule_id: str, rows: list[dict[str, object]], workspace: Path | None = None) -> set[int]:
    with memory_store() as store:
        run_checks(store, snapshot(store, "suivi", rows), _only(rule_id, workspace))
        return {row[0] for row in store.sql("SELECT line FROM findings").fetchall()}


def test_a_workspace_replaces_a_list_and_the_rule_changes(tmp_path: Path) -> None:
    rows = [person(1, email="ehpad@x.example"), person(2, email="cuisine.nord@x.example")]
    assert found("email-generique", rows) == {2}
    (tmp_path / "rules" / "lists").mkdir(parents=True)
    (tmp_path / "rules" / "lists" / "service-mailboxes.txt").write_text("cuisine*  # du foyer\n", "utf-8")
    assert found("email-generique", rows, tmp_path) == {3}
    here, shipped = load_catalogue(tmp_path), load_catalogue()
    assert here.references.fingerprint != shipped.references.fingerprint


def test_a_list_that_is_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "reglages.toml").write_text('[nom-fictif]\nparameters = { list_name = "noms" }\n', "utf-8")
    with pytest.raises(UsageError, match=r"« noms » n'est pas possible.*fictitious-names"):
        load_catalogue(tmp_path)


def test_numbers_that_a_file_declares_one_persons_share_nothing() -> None:
    told = {"email": "a@x.example", "other_ids": "800000000001,RPPS,1;0690000001,ADELI,1"}
    old = {**person(1, **told), "id_type": "0", "pp_id": "690000001", "professional_id": "0690000001"}
    assert found("email-partage", [person(1, **told), old]) == set()
    assert found("email-partage", [person(1, **told), {**old, "other_ids": None}]) == {2, 3}


@pytest.mark.parametrize(
    ("code", "place", "right"),
    [("75016", "PARIS 16", "75116"), ("69003", "LYON 3", "69383"), ("13008", "MARSEILLE 08", "13208")],
)
def test_the_commune_offered_is_the_one_written(tmp_path: Path, code: str, place: str, right: str) -> None:
    born = person(1, birth_country="99100", birth_commune=code, birth_place=place, birth_date=date(1980, 1, 2))
    catalogue = load_catalogue()
    rules = [catalogue[name] for name in ("code-postal-pour-commune", "commune-naissance-hors-date")]
    with memory_store() as store:
        table = desk(store, tmp_path, *rules)
        run = run_checks(store, snapshot(store, "suivi", [born]), table.catalogue)
        offered = suggest(table, run.run_id)
    assert set(offered["new"]) == {right}
    assert offered["confidence"].min() >= 0.9


def test_a_namesake_far_away_is_never_sure(tmp_path: Path) -> None:
    born = person(1, birth_country="99100", birth_commune="69999", birth_place="CACHAN", birth_date=date(1980, 1, 2))
    with memory_store() as store:
        table = desk(store, tmp_path, load_catalogue()["commune-naissance-inconnue"])
        run = run_checks(store, snapshot(store, "suivi", [born]), table.catalogue)
        offered = suggest(table, run.run_id)
    assert offered["new"].to_list() == ["94016"]
    assert offered["confidence"].max() < 0.5
