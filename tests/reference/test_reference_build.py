"""Building the shipped tables: from INSEE's own zip or the derived files, the same bytes each time."""

import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rpps_audit.errors import UnreadableInputError
from rpps_audit.reference import read_insee_zip
from rpps_audit.reference.build import build

COMMUNES = """TYPECOM,COM,LIBELLE,DATE_DEBUT,DATE_FIN
COM,20004,Ajaccio,1943-01-01,1976-01-01
COM,2A004,Ajaccio,1976-01-01,
COMD,2A004,Ajaccio,1980-01-01,
COM,01001,Ancien-Nom,1943-01-01,1950-06-01
COM,01001,Nouveau-Nom,1950-06-01,1970-01-01
COM,01001,Nouveau-Nom,1980-01-01,
COM,01002,Voisine,1943-01-01,
COM,97123,Saint-Barthélemy,1943-01-01,2007-07-15
COM,97701,Saint-Barthélemy,,
ARM,75101,Paris 1er Arrondissement,1943-01-01,
"""
MOVEMENTS = """MOD,DATE_EFF,TYPECOM_AV,COM_AV,TYPECOM_AP,COM_AP
41,1976-01-01,COM,20004,COM,2A004
33,1970-01-01,COM,01001,COMA,01001
33,1970-01-01,COM,01001,COM,01002
10,1950-06-01,COM,01001,COM,01001
"""
COUNTRIES = """COG,CRPAY,LIBCOG,LIBENR,DATE_DEBUT,DATE_FIN
99100,,France,République française,1943-01-01,
99102,99101,Islande,Royaume d’Islande,1943-01-01,1944-06-17
"""
POSTCODES = "code,codesPostaux\n2A004,20000|20090\n01002,\n"
OFFICIAL_COMMUNES = """COM,TNCC,NCC,NCCENR,LIBELLE,DATE_DEBUT,DATE_FIN
20004,1,AJACCIO,Ajaccio,Ajaccio,1943-01-01,1976-01-01
2A004,1,AJACCIO,Ajaccio,Ajaccio,1976-01-01,
"""
OFFICIAL_OVERSEAS = """NATURE_ZONAGE,COM_COMER,TNCC,NCC,NCCENR,LIBELLE,DATE_DEBUT,DATE_FIN
COM,97701,0,SAINT BARTHELEMY,Saint-Barthélemy,Saint-Barthélemy,2007-07-15,
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    files = {
        "communes_depuis_1943_derive_2026.csv": COMMUNES,
        "insee_mvt_communes_2025.csv": MOVEMENTS,
        "insee_pays_depuis_1943_2025.csv": COUNTRIES,
        "communes_2026_etalab.csv": POSTCODES,
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def insee_zip(path: Path, **replaced: str | None) -> Path:
    members = {
        "v_commune_depuis_1943.csv": OFFICIAL_COMMUNES,
        "v_commune_outremer_depuis_1943.csv": OFFICIAL_OVERSEAS,
        "v_pays_et_territoire_depuis_1943.csv": COUNTRIES,
    } | {f"{name}.csv": text for name, text in replaced.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            if text is not None:
                archive.writestr(f"cog/{name}", text)
    return path


def built(out: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(out / f"{name}.parquet")


def test_build_keeps_communes_and_follows_their_codes(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(source, out)
    assert built(out, "communes").filter(pl.col("code") == "2A004").rows() == [
        ("2A004", "Ajaccio", date(1976, 1, 1), None, "commune")
    ]
    assert dict(built(out, "communes").group_by("kind").len().iter_rows()) == {
        "commune": 7,
        "overseas": 1,
        "arrondissement": 1,
    }
    assert built(out, "commune-successors").rows() == [
        ("01001", date(1970, 1, 1), "01002"),
        ("20004", date(1976, 1, 1), "2A004"),
        ("97123", date(2007, 7, 15), "97701"),
    ]
    assert built(out, "countries")["code"].to_list() == ["99000", "99100", "99102"]
    assert built(out, "postcodes").rows() == [("20000", "2A004"), ("20090", "2A004")]


def test_a_row_that_spans_another_is_cut_around_it(source: Path, tmp_path: Path) -> None:
    spanning = "COM,39209,Val-d'Épy,1973-01-01,\nCOM,39209,Val d'Épy,1978-01-01,2016-01-01\n"
    (source / "communes_depuis_1943_derive_2026.csv").write_text(COMMUNES + spanning, "utf-8")
    build(source, tmp_path / "out")
    rows = built(tmp_path / "out", "communes").filter(pl.col("code") == "39209")
    assert rows.select("label", "valid_from", "valid_to").rows() == [
        ("Val-d'Épy", date(1973, 1, 1), date(1978, 1, 1)),
        ("Val d'Épy", date(1978, 1, 1), date(2016, 1, 1)),
        ("Val-d'Épy", date(2016, 1, 1), None),
    ]


def test_same_sources_give_same_bytes(source: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        build(source, tmp_path / out)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_provenance_tells_the_oldest_source(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path / "out")
    text = (tmp_path / "out" / "PROVENANCE.toml").read_text("utf-8")
    successors = text[text.index("commune-successors") : text.index("countries")]
    assert "data_date = 2025-01-01" in successors
    assert successors.count("sha256") == 2


def test_insee_zip_is_read_under_its_own_names(tmp_path: Path) -> None:
    history = read_insee_zip(insee_zip(tmp_path / "cog_ensemble_2026_csv.zip"))
    assert history.communes.rows() == [
        ("20004", "Ajaccio", date(1943, 1, 1), date(1976, 1, 1), "commune"),
        ("2A004", "Ajaccio", date(1976, 1, 1), None, "commune"),
        ("97701", "Saint-Barthélemy", date(2007, 7, 15), None, "overseas"),
    ]
    assert history.countries.height == 3


def test_insee_zip_replaces_the_derived_files(source: Path, tmp_path: Path) -> None:
    insee_zip(source / "cog_ensemble_2026_csv.zip")
    build(source, tmp_path / "out")
    assert built(tmp_path / "out", "communes").height == 3
    assert "cog_ensemble_2026_csv.zip" in (tmp_path / "out" / "PROVENANCE.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"v_commune_depuis_1943": None}, "il manque v_commune_depuis_1943.csv"),
        ({"v_commune_depuis_1943": "CODE,NOM\n1,2\n"}, "colonnes manquantes : COM, LIBELLE, DATE_DEBUT, DATE_FIN"),
        ({"v_commune_depuis_1943": OFFICIAL_COMMUNES.replace("1976-01-01", "01/01/1976")}, "AAAA-MM-JJ"),
        ({"v_commune_depuis_1943": ""}, "pas un fichier CSV"),
        ({"v_commune_depuis_1943": COMMUNES.replace("ARM,", "QUARTIER,")}, "1 ligne(s) d’un type de commune inconnu"),
    ],
)
def test_a_wrong_zip_is_refused_in_words(tmp_path: Path, replaced: dict[str, str | None], said: str) -> None:
    with pytest.raises(UnreadableInputError) as refused:
        read_insee_zip(insee_zip(tmp_path / "cog.zip", **replaced))
    assert said in str(refused.value)


def test_a_damaged_zip_is_refused_in_words(tmp_path: Path) -> None:
    whole = insee_zip(tmp_path / "cog.zip").read_bytes()
    for damaged in (b"", b"%PDF-1.7", whole[: len(whole) // 2], whole.replace(b"AJACCIO", b"AJACCIA", 1)):
        (tmp_path / "cog.zip").write_bytes(damaged)
        with pytest.raises(UnreadableInputError, match="zip lisible"):
            read_insee_zip(tmp_path / "cog.zip")


def test_a_missing_source_is_named(source: Path, tmp_path: Path) -> None:
    (source / "insee_mvt_communes_2025.csv").unlink()
    with pytest.raises(UnreadableInputError, match="mvt_commune"):
        build(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
