"""The living follow-up: next month's files, cells written by hand, conflicts, completeness, collection, operator."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.errors import UnreadableInputError
from rpps_audit.followup import (
    collect,
    completeness,
    give_back,
    kept_cells,
    merge,
    operator_page,
    update_followup,
    wide,
    write_followup,
    write_operator_page,
)
from rpps_audit.followup.merge import CELLS
from rpps_audit.followup.operator import HEADINGS, keep_step
from rpps_audit.ingest import layout, load
from rpps_audit.matching import reconcile, signs_of_life
from rpps_audit.records import state_at
from rpps_audit.reference import load_access
from rpps_audit.store import Store, open_store

HERE = "690000013"
DAY = date(2026, 11, 1)


def cell(column: str, value: str | None, *, by_hand: bool = False, person: str = "N-1") -> dict[str, object]:
    return {"person": person, "finess": HERE, "column": column, "value": value, "source": "saisie" if by_hand else "rh",
            "told_on": DAY, "by_hand": by_hand}  # fmt: skip


def frame(*cells: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(cells), schema=CELLS)


NOBODY = pl.DataFrame(schema={"name_key": pl.String, "professional_id": pl.String})


def test_a_cell_by_hand_stays_and_the_disagreement_is_shown() -> None:
    cells, clashes = merge(frame(cell("email", "a@b.fr", by_hand=True)), frame(cell("email", "c@d.fr")), NOBODY)
    assert cells.select("value", "by_hand").rows() == [("a@b.fr", True)]
    assert clashes.select("value", "other", "source").rows() == [("a@b.fr", "c@d.fr", "rh")]


def test_the_same_value_by_hand_and_by_a_source_is_no_conflict() -> None:
    assert merge(frame(cell("email", "a@b.fr", by_hand=True)), frame(cell("email", "a@b.fr")), NOBODY)[1].is_empty()


def test_a_cell_of_a_source_follows_it_and_is_not_lost_when_it_says_nothing() -> None:
    kept = frame(cell("start_date", "01/09/2020"), cell("role", "GENR10"))
    cells, _ = merge(kept, frame(cell("start_date", "01/09/2021")), NOBODY)
    assert dict(cells.select("column", "value").iter_rows()) == {"start_date": "01/09/2021", "role": "GENR10"}


def test_who_is_no_longer_spoken_of_goes_but_for_what_was_written_by_hand() -> None:
    kept = frame(cell("role", "GENR10"), cell("email", "a@b.fr", by_hand=True))
    assert merge(kept, frame(cell("role", "GENR11", person="N-2")), NOBODY)[0].select("person", "column").rows() == [
        ("N-1", "email"),
        ("N-2", "role"),
    ]


def test_a_person_who_got_a_number_goes_on_under_it() -> None:
    named = pl.DataFrame({"name_key": ["N-1"], "professional_id": ["810000000017"]})
    fresh = frame(cell("role", "GENR10", person="810000000017"))
    cells, _ = merge(frame(cell("email", "a@b.fr", by_hand=True)), fresh, named)
    assert set(cells["person"]) == {"810000000017"}
    assert set(cells["column"]) == {"email", "role"}


# ------------------------------------------------------------------------------------------------------ the whole round


def public(folder: Path, day: str, people: list[tuple[str, str, str]]) -> Path:
    form = layout("annuaire-public-56")
    rows = [
        {"id_type": "8", "pp_id": number, "professional_id": f"8{number}", "exercise_name": name, "finess": HERE,
         "exercise_first_name": first, "national_profession": "99", "role": "GENR10", "profession": "326"}
        for number, name, first in people
    ]  # fmt: skip
    lines = ["|".join([*(column.header for column in form.columns), ""])]
    lines += ["|".join([*(row.get(column.field or "", "") for column in form.columns), ""]) for row in rows]
    path = folder / f"PS_LibreAcces_Personne_activite_{day}0530.txt"
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


def roster(folder: Path, day: str, rows: list[tuple[str, ...]]) -> Path:
    head = "Nom;Prénom;Date de naissance;FINESS;Date d'entrée;Date de sortie"
    path = folder / f"personnel-{day}.csv"
    path.write_text("\n".join([head, *(";".join(row) for row in rows), ""]), "utf-8")
    return path


ANNE = ("PETIT", "Anne", "17/05/1980", HERE, "01/09/2020", "")
LUC = ("MARTIN", "Luc", "02/03/1975", HERE, "01/09/2021", "")
EVE = ("DURAND", "Ève", "09/10/1990", HERE, "01/02/2022", "")
REGISTERED = [("10000000017", "PETIT", "ANNE"), ("10000000033", "DURAND", "ÈVE")]


def first_month(store: Store, folder: Path) -> Path:
    load(store, [roster(folder, "2026-10-01", [ANNE, LUC, EVE]), public(folder, "20261001", REGISTERED)])
    update_followup(store, folder, reconcile(store, folder))
    return write_followup(store, folder, folder / "suivi.csv")


def by_hand(path: Path, name: str, heading: str, value: str) -> Path:
    """The file as a person gives it back, one cell changed."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    next(row for row in rows if row["Nom de naissance"] == name)[heading] = value
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return path


def value(store: Store, name: str, column: str) -> str | None:
    table = wide(kept_cells(store))
    return table.filter(pl.col("birth_name") == name)[column][0]


def test_next_month_keeps_what_was_written_and_moves_each_person_on(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = first_month(store, tmp_path)
        before = dict(
            reconcile(store, tmp_path).outcomes.select("finess", "outcome").group_by("outcome").len().iter_rows()
        )
        given = by_hand(path, "MARTIN", "Adresse e-mail", "luc@exemple.fr")
        assert give_back(store, given, "la gestionnaire") == 1
        gone = (*EVE[:5], "15/10/2026")
        registered = [*REGISTERED, ("10000000025", "MARTIN", "LUC")]
        load(store, [roster(tmp_path, "2026-11-01", [ANNE, LUC, gone]), public(tmp_path, "20261101", registered)])
        found = reconcile(store, tmp_path)
        clashes = update_followup(store, tmp_path, found)
        after = dict(found.outcomes.group_by("outcome").len().iter_rows())
        assert before == {"present": 2, "to_register": 1}
        assert after == {"present": 2, "left_open": 1}
        assert value(store, "MARTIN", "email") == "luc@exemple.fr"
        assert value(store, "MARTIN", "pp_id") == "10000000025"
        assert value(store, "DURAND", "end_date") == "15/10/2026"
        assert value(store, "PETIT", "last_confirmed") == "01/11/2026"
        assert clashes.is_empty()


def test_each_cell_says_where_it_comes_from(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        give_back(store, by_hand(first_month(store, tmp_path), "MARTIN", "Téléphone", "0639980000"), "la gestionnaire")
        told = wide(kept_cells(store), "source").join(
            wide(kept_cells(store)).filter(pl.col("birth_name") == "MARTIN").select("person", "place"),
            on=["person", "place"],
        ).to_dicts()[0]  # fmt: skip
    assert told["phone"] == "saisie (la gestionnaire)"
    assert told["birth_date"] == "personnel-2026-10-01.csv"


def test_a_cell_left_empty_takes_nothing_away_and_a_word_empties_it(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = first_month(store, tmp_path)
        assert give_back(store, by_hand(path, "PETIT", "Date de prise de fonction", "")) == 0
        assert value(store, "PETIT", "start_date") == "01/09/2020"
        assert give_back(store, by_hand(path, "PETIT", "Date de prise de fonction", "(vide)")) == 1
        assert value(store, "PETIT", "start_date") is None


def test_a_file_without_its_keys_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "autre.csv"
    path.write_text("Nom de naissance;Prénom\nPETIT;Anne\n", "utf-8")
    with open_store(tmp_path) as store, pytest.raises(UnreadableInputError, match="Clé"):
        give_back(store, path)


def test_the_workbook_comes_back_as_it_went(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        first_month(store, tmp_path)
        path = write_followup(store, tmp_path, tmp_path / "suivi.xlsx", reconcile(store, tmp_path))
        assert give_back(store, path) == 0
    assert pl.read_excel(path, sheet_id=0).keys() == {"Suivi", "Provenance", "Conflits"}


def test_completeness_counts_what_the_portal_asks_for(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = first_month(store, tmp_path)
        lacking = completeness(wide(kept_cells(store)))
        for heading, text in {
            "Pays de naissance (code)": "99109", "Sexe": "M", "Date du face à face": "02/11/2026",
            "Adresse e-mail": "luc@exemple.fr", "Téléphone": "0639980000", "Rôle (code)": "GENR10",
            "Profession (code)": "326", "Date d'information de la personne": "02/11/2026",
        }.items():  # fmt: skip
            by_hand(path, "MARTIN", heading, text)
        give_back(store, path)
        filled = completeness(wide(kept_cells(store)))
    assert lacking.select("finess", "people", "complete").rows() == [(HERE, 3, 0)]
    assert filled.select("people", "complete").rows() == [(3, 1)]
    assert filled["filled"][0] > lacking["filled"][0]


def test_collection_is_a_sheet_for_each_person_and_a_workbook_without_what_is_known(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        first_month(store, tmp_path)
        done = collect(store, tmp_path, reconcile(store, tmp_path).outcomes)
        (tmp_path / "modeles" / "note-information.md").write_text("à nous", "utf-8")
        collect(store, tmp_path, reconcile(store, tmp_path).outcomes, pdf=True)
    assert (done.folder / HERE / "fiches.pdf").read_bytes().startswith(b"%PDF")
    page = (done.folder / HERE / "fiches.html").read_text("utf-8")
    book = pl.read_excel(done.folder / HERE / "a-completer.xlsx", sheet_name="Suivi", infer_schema_length=0)
    assert done.people == 1
    assert "MARTIN" in page
    assert "02/03/1975" in page
    assert "Pièce d&#39;identité vue" in page or "Pièce d'identité vue" in page
    assert "PETIT" not in page
    assert "02/03/1975" not in str(book.rows())
    assert (tmp_path / "modeles" / "note-information.md").read_text("utf-8") == "à nous"
    assert (tmp_path / "modeles" / "faq-directions.md").exists()


def test_the_operator_s_page_counts_each_establishment(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        first_month(store, tmp_path)
        load(store, [roster(tmp_path, "2026-11-01", [ANNE, (*EVE[:5], "21/10/2026")]),
                     public(tmp_path, "20261101", REGISTERED)])  # fmt: skip
        found = reconcile(store, tmp_path, access=load_access())
        update_followup(store, tmp_path, found)
        keep_step(tmp_path, HERE, "gestionnaire", "Mme Martin")
        places = pl.DataFrame({"finess": [HERE], "finess_legal": ["690000005"], "name": ["IME LES LILAS"]})
        store.connection.register("places", places.to_arrow())
        store.sql("INSERT INTO establishments (snapshot_id, line, finess, finess_legal, name) "
                  "SELECT 0, 1, finess, finess_legal, name FROM places")  # fmt: skip
        page = operator_page(store, tmp_path, found)
    row = page.to_dicts()[0]
    assert list(row) == list(HEADINGS)
    assert (row["staff"], row["registered"], row["to_close"], row["to_register"]) == (1, 1, 1, 0)
    assert row["documents_open"] == 10
    assert row["document_days"] == 10 * 11
    assert row["last_roster"] == date(2026, 11, 1)
    assert row["manager"] == "Mme Martin"
    for name in ("page.xlsx", "page.html", "page.csv"):
        assert write_operator_page(page, tmp_path / name, DAY).stat().st_size > 200


def test_signs_of_life_beside_what_is_left_open(tmp_path: Path) -> None:
    gone = (*EVE[:5], "20/09/2026")
    with open_store(tmp_path) as store:
        load(store, [roster(tmp_path, "2026-10-01", [ANNE, gone]), public(tmp_path, "20261001", REGISTERED)])
        store.sql("INSERT INTO registrations (snapshot_id, line, professional_id, finess) "
                  "SELECT max(snapshot_id), 99, '810000000033', '690000021' FROM registrations")  # fmt: skip
        found = reconcile(store, tmp_path, access=load_access())
        told = signs_of_life(store, state_at(store), found).to_dicts()
    assert len(told) == 1
    assert told[0]["professional_id"] == "810000000033"
    assert (told[0]["others"], told[0]["documents"], told[0]["last_roster"]) == (1, 10, date(2026, 10, 1))
    assert (told[0]["card_until"], told[0]["mailbox"]) == (None, None)
