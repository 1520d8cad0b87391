"""The verbs exposure and access: formats, what they stand on, and what they say apart."""

import json
from datetime import date, timedelta

import polars as pl
import pytest
from registered import HERE, TODAY, held, register

from rpps_audit.cli import build_parser
from rpps_audit.errors import UsageError
from rpps_audit.store import open_store


@pytest.fixture
def workspace(tmp_path):
    with open_store(tmp_path) as store:
        register(store, [held("P1", "GENR09", since=TODAY - timedelta(10)), held("P2", "GENR99")])
    return tmp_path


def call(workspace, *arguments):
    args = build_parser().parse_args(["--workspace", str(workspace), *arguments])
    return args.run(args)


def test_access_lists_every_grant(tmp_path, capsys):
    assert call(tmp_path, "access", "--format", "json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer) == 122
    assert set(answer[0]) == {"role", "document_type", "label", "type_code"}


def test_access_says_that_the_grants_are_indicative(tmp_path, capsys):
    call(tmp_path, "access", "--format", "csv")
    assert "gcs-sara-diapositives-1 (indicatif)" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["professional", "establishment", "operator", "document", "role", "profession"])
def test_every_row_names_the_day_and_the_grants(workspace, capsys, by):
    assert call(workspace, "exposure", "--by", by, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert {(row["as_of"], row["access"]) for row in answer} == {("2026-11-01", "gcs-sara-diapositives-1 (indicatif)")}


def test_a_table_is_headed_by_what_it_stands_on(workspace, capsys):
    call(workspace, "exposure", "--by", "role")
    printed = capsys.readouterr()
    assert printed.out.startswith("Exposition au 01/11/2026. Tableau des droits gcs-sara-diapositives-1 (indicatif).")
    assert "rôle inconnu du tableau des droits : 1 situation." in printed.err


def test_parquet_goes_to_a_file(workspace, tmp_path):
    out = tmp_path / "exposition.parquet"
    call(workspace, "exposure", "--by", "establishment", "--format", "parquet", "--out", str(out))
    frame = pl.read_parquet(out)
    assert frame.select("finess", "professionals", "person_documents", "person_days_forgotten").row(0) == (
        HERE,
        2,
        5,
        50,
    )
    with pytest.raises(UsageError, match="--out"):
        call(workspace, "exposure", "--by", "role", "--format", "parquet")


def test_a_later_day_says_what_the_checks_could_know(workspace, capsys):
    call(workspace, "exposure", "--by", "professional", "--as-of", "2026-12-01", "--format", "json")
    printed = capsys.readouterr()
    assert "01/11/2026" in printed.err
    first = json.loads(printed.out)[0]
    assert (first["as_of"], first["forgotten_days"]) == (str(date(2026, 12, 1)), 40)


def test_exposure_needs_a_checked_extract(tmp_path):
    with pytest.raises(UsageError, match="rpps-audit audit"):
        call(tmp_path, "exposure", "--by", "role")
