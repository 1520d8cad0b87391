"""The grid: what the user does, and the state it leaves. No browser."""

import time
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpps_audit.checks import load_catalogue
from rpps_audit.workbench.grid import Grid
from rpps_audit.workbench.table import Column, Table
from rpps_audit.workbench.validation import RecordRules

ROLES = {"GENR09": "Administratif", "GENR11": "Soin"}
COLUMNS = [
    Column("name", "Nom", editable=True),
    Column("role", "Rôle", editable=True, choices=ROLES),
    Column("start_date", "Prise de fonction", editable=True),
    Column("days", "Jours", numeric=True),
]


def _frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "record_key": ["k1", "k2", "k3"],
            "name": ["Éléonore", "Jean-Luc", None],
            "role": ["GENR11", "GENR09", None],
            "start_date": [date(2020, 1, 31), date(2021, 5, 2), None],
            "days": [10, 9, 100],
        }
    )


def _grid(**more: object) -> Grid:
    return Grid(Table(_frame(), COLUMNS), caption="Personnes", row=("personne", "personnes"), **more)  # type: ignore[arg-type]


def _keys(grid: Grid) -> list[str]:
    return [row["key"] for row in grid.view()["rows"]]


def _cell(grid: Grid, row: int, column: int) -> dict[str, object]:
    return grid.view()["rows"][row]["cells"][column]


@pytest.mark.parametrize(
    ("column", "text", "kept"),
    [
        ("name", "eleo", ["k1"]),
        ("name", "JEAN LUC", ["k2"]),
        ("name", "x", []),
        ("role", "GENR09", ["k2"]),
        ("start_date", "/2021", ["k2"]),
        ("days", "9", ["k2"]),
        ("name", "  ", ["k1", "k2", "k3"]),
    ],
)
def test_filters_look_at_what_is_shown_without_case_or_accents(column: str, text: str, kept: list[str]):
    grid = _grid()
    grid.ask("filter", column=column, text=text)
    assert _keys(grid) == kept


def test_filters_add_up_and_clear():
    grid = _grid()
    grid.ask("filter", column="name", text="e")
    grid.ask("filter", column="role", text="GENR11")
    assert _keys(grid) == ["k1"]
    assert grid.status() == "1\u00a0personne sur 3"
    grid.ask("clear")
    assert len(_keys(grid)) == 3


def test_sorting_goes_up_down_and_back_with_what_is_missing_last():
    grid = _grid()
    orders = []
    for _ in range(3):
        grid.ask("sort", column="name")
        orders.append(_keys(grid))
    assert orders == [["k1", "k2", "k3"], ["k2", "k1", "k3"], ["k1", "k2", "k3"]]
    grid.ask("sort", column="days")
    assert _keys(grid) == ["k2", "k1", "k3"]
    assert grid.view()["order"] == ("days", False)


def test_codes_are_shown_by_their_labels_and_sorted_by_them():
    grid = _grid()
    assert _cell(grid, 0, 1) == {"text": "Soin", "code": "GENR11", "faults": [], "second": ""}
    grid.ask("sort", column="role")
    assert _keys(grid)[0] == "k2"


def test_pages_follow_filters_and_never_run_off_the_end():
    frame = pl.DataFrame({"record_key": [str(i) for i in range(60)], "name": ["a"] * 59 + ["b"]})
    grid = Grid(Table(frame, COLUMNS[:1]), caption="x")
    grid.ask("turn", page=99)
    assert (grid.view()["page"], len(_keys(grid))) == (2, 10)
    grid.ask("filter", column="name", text="b")
    assert (grid.view()["page"], _keys(grid)) == (0, ["59"])
    grid.ask("clear")
    grid.ask("size", rows=100)
    assert grid.view()["pages"] == 1


def test_selecting_all_takes_every_page_of_what_was_found_only():
    chosen: list[frozenset[str]] = []
    grid = _grid(selectable=True, on_choose=chosen.append)
    grid.ask("filter", column="name", text="e")
    grid.ask("select_all", on=True)
    assert chosen[-1] == {"k1", "k2"}
    assert grid.view()["all_selected"]
    grid.ask("clear")
    assert not grid.view()["all_selected"]
    grid.ask("select", key="k1", on=False)
    assert grid.table.chosen()["record_key"].to_list() == ["k2"]


def test_an_edit_is_typed_shown_and_undone():
    grid = _grid()
    grid.ask("edit", key="k3", column="start_date", text="01/02/2022")
    assert grid.table.value("k3", "start_date") == date(2022, 2, 1)
    assert grid.view()["undo"] == "Annuler la dernière modification (Prise de fonction)"
    grid.ask("undo")
    assert grid.table.value("k3", "start_date") is None
    assert grid.view()["undo"] == ""


def test_any_edit_can_be_undone_not_only_the_last():
    table = Table(_frame(), COLUMNS)
    table.edit("k1", "name", "Ana")
    table.edit("k2", "name", "Bob")
    table.undo(1)
    assert table.frame["name"].to_list() == ["Éléonore", "Bob", None]
    assert [edit.number for edit in table.edits] == [2]


@given(
    st.lists(st.tuples(st.sampled_from(["k1", "k2", "k3"]), st.sampled_from(["", "a", "b", "Éléonore"])), max_size=8)
)
def test_undoing_everything_gives_the_first_frame_back(edits: list[tuple[str, str]]):
    table = Table(_frame(), COLUMNS)
    for key, text in edits:
        table.edit(key, "name", text)
    while table.undo():
        pass
    assert table.frame.equals(_frame())
    assert table.edits == []


def test_text_that_is_no_date_stays_in_its_cell_with_a_message_and_can_be_undone():
    grid = _grid()
    grid.ask("edit", key="k1", column="start_date", text="31/02/2020")
    cell = _cell(grid, 0, 2)
    assert cell["text"] == "31/02/2020"
    assert "JJ/MM/AAAA" in str(cell["faults"])
    assert grid.table.value("k1", "start_date") == date(2020, 1, 31)
    grid.ask("undo")
    assert _cell(grid, 0, 2) == {"text": "31/01/2020", "code": "31/01/2020", "faults": [], "second": ""}


def test_a_column_that_may_not_be_edited_is_left_alone():
    grid = _grid()
    grid.ask("edit", key="k1", column="days", text="3")
    assert grid.table.frame.equals(_frame())
    assert grid.table.edits == []


def test_an_edited_record_is_judged_by_the_rules_of_the_catalogue():
    frame = pl.DataFrame(
        {
            "record_key": ["810000000008"],
            "birth_date": [date(1980, 1, 1)],
            "birth_date_text": pl.Series([None], dtype=pl.String),
            "birth_commune": ["35238"],
            "birth_country": ["99100"],
        }
    )
    rules = RecordRules(load_catalogue(), frame.columns, date(2026, 11, 1))
    columns = [Column(name, name, editable=True) for name in ("birth_date", "birth_commune")]
    grid = Grid(Table(frame, columns, validate=rules), caption="x")
    grid.ask("edit", key="810000000008", column="birth_commune", text="35000")
    assert grid.view()["rows"][0]["cells"][1]["faults"]
    assert grid.status().endswith("1\u00a0cellule à revoir")
    grid.ask("edit", key="810000000008", column="birth_commune", text="35238")
    assert not grid.view()["rows"][0]["cells"][1]["faults"]


def test_nothing_shown_is_a_trait_so_nothing_can_be_saved_in_the_notebook():
    grid = _grid()
    grid.ask("show")
    assert "Éléonore" not in str(grid.get_state())
    assert "Éléonore" not in repr(grid)


def test_an_unknown_act_is_a_sentence_with_a_reference_not_a_traceback(tmp_path):
    grid = _grid()
    grid.ask("filter", column="nope", text="secret-value")
    assert "Référence E-" in grid.message
    log = (tmp_path / "atelier.log").read_text()
    assert grid.message.split("Référence ")[1][:8] in log
    assert "secret-value" not in log


def test_fifty_thousand_rows_filter_and_sort_in_under_a_third_of_a_second():
    rows = 50_000
    frame = pl.DataFrame(
        {
            "record_key": pl.int_range(rows, eager=True).cast(pl.String),
            "name": ["Éléonore", "Jean-Luc", "Zoé", "Amélie", "Noël"] * (rows // 5),
            "role": ["GENR09", "GENR11"] * (rows // 2),
            "start_date": [date(2020, 1, 31)] * rows,
            "days": pl.int_range(rows, eager=True),
        }
    )
    grid = Grid(Table(frame, COLUMNS), caption="x", selectable=True)
    acts = [
        ("filter", {"column": "name", "text": "eleo"}),
        ("sort", {"column": "name"}),
        ("filter", {"column": "role", "text": "GENR09"}),
        ("filter", {"column": "start_date", "text": "2020"}),
        ("edit", {"key": "0", "column": "name", "text": "Ana"}),
        ("select_all", {"on": True}),
        ("clear", {}),
    ]
    for act, details in acts:
        begun = time.process_time()
        grid.ask(act, **details)
        grid.view()
        assert time.process_time() - begun < 0.3, act
