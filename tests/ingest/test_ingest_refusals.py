"""What cannot be read is refused in French, with what to do, and leaves the store as it was."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest import load, write_template
from rpps_audit.ingest.text import BLOCK
from rpps_audit.store import Store, memory_store, open_store
from tests.ingest.files import PERSON, restricted, text_of, write

TABLES = (
    "snapshots", "rejects", "registrations", "skills", "diplomas", "cards", "mailboxes", "employments",
    "establishments", "communes_loaded",
)  # fmt: skip
PEOPLE = [{**PERSON, "birth_place": "HÉROUVILLE", "pp_id": f"101000000{k:02d}"} for k in range(40)]
PIPE = text_of("annuaire-restreint-51", PEOPLE).encode()
QUOTED = text_of("suivi", PEOPLE).encode()
FINESS = b'{"pmej": [{"ege": [{"informationsGeneralesEGE": {"numFinessEge": "010780195"}}]}]}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "espace") as opened:
        load(opened, [restricted(tmp_path)])
        yield opened


def contents(store: Store) -> list[object]:
    return [store.sql(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in TABLES]


def refused(store: Store, *paths: Path) -> str:
    """The sentence of the refusal, after checking that nothing changed, on disk either."""
    before, originals = contents(store), sorted((store.path.parent / "originals").iterdir())
    with pytest.raises(UnreadableInputError) as caught:
        load(store, paths)
    assert contents(store) == before
    assert sorted((store.path.parent / "originals").iterdir()) == originals
    assert caught.value.exit_code == 3
    return str(caught.value)


def zipped(content: bytes, name: str = "x.txt") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def half_encoded() -> bytes:
    head, tail = PIPE[: PIPE.rfind(b"\n", 0, 4000) + 1], PIPE[PIPE.rfind(b"\n", 0, 4000) + 1 :]
    return head + tail.decode().encode("iso-8859-1")


def unfitting() -> bytes:
    header, rest = PIPE.split(b"\n", 1)
    return header + b"\n" + rest.replace(b"|\n", b"|x|\n")


def word() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("word/document.xml", "<x/>")
    return buffer.getvalue()


def workbook() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("x").write_row(0, 0, ["Nom", "Prénom", "Entrée"])
    return buffer.getvalue()


DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "vide"),
    "only a BOM": (lambda: b"\xef\xbb\xbf\r\n", "vide"),
    "header only": (lambda: text_of("annuaire-restreint-51", []).encode(), "que ses intitulés"),
    "cut in a line": (lambda: PIPE[:-60], "tronqué"),
    "cut in a quoted cell": (lambda: QUOTED[: QUOTED.rfind(b'"HEROUVILLE') - 4], "tronqué"),
    "half of it in Latin-1": (half_encoded, "une autre non"),
    "NUL": (lambda: PIPE.replace(b"ROLEAU", b"RO\0EAU", 30).replace(b"RO\0EAU", b"ROLEAU", 29), "ligne 16"),
    "PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + PIPE, "PDF"),
    "PNG": (lambda: b"\x89PNG\r\n\x1a\n" + PIPE, "image PNG"),
    "old Excel": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + PIPE, r".xlsx"),
    "binary": (lambda: b"\x01\0\x02" + PIPE, "binaire"),
    "Word": (word, "Word"),
    "10 000 columns": (
        lambda: b"|".join(b"c%d" % k for k in range(10_000)) + b"\n" + b"|" * 9_999 + b"\n",
        "10000 colonnes",
    ),
    "a poem": (lambda: b"Sous le pont Mirabeau\ncoule la Seine\n", "colonnes séparées"),
    "another export": (lambda: b"Nom;Service\nROLEAU;RH\n", "Format le plus proche"),
    "cells that do not fit": (unfitting, "format ne convient pas"),
    "zip cut": (lambda: zipped(PIPE)[:-40], "zip endommagée"),
    "zip with a wrong checksum": (lambda: flipped(zipped(PIPE), 200), "zip endommagée"),
    "empty zip": (lambda: b"PK\x03\x04", "zip endommagée"),
    "workbook cut": (lambda: workbook()[:-200], "endommag"),
    "JSON cut": (lambda: FINESS[:-4], "JSON tronqué"),
    "JSON cut in an object": (lambda: FINESS[:40], "JSON tronqué"),
    "another JSON": (lambda: b'{"type": "FeatureCollection"}', "JSON d'une forme inconnue"),
}


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_told(store: Store, tmp_path: Path, damage: str) -> None:
    content, words = DAMAGED[damage]
    said = refused(store, write(tmp_path, "export.txt", content()))
    assert words in said
    assert len(said) < 900


def test_one_bad_file_among_good_ones_stores_nothing(store: Store, tmp_path: Path) -> None:
    good = write(tmp_path, "bon.csv", QUOTED)
    said = refused(store, good, write(tmp_path, "vide.txt", b""), write(tmp_path, "a.pdf", b"%PDF-1.4\n"))
    assert "vide.txt" in said
    assert "a.pdf" in said
    assert "tronqué" in refused(store, good, write(tmp_path, "coupe.txt", PIPE[:-60]))


def test_a_missing_file_and_an_empty_folder_are_told(store: Store, tmp_path: Path) -> None:
    assert "introuvable" in refused(store, tmp_path / "absent.txt")
    (tmp_path / "rien").mkdir()
    assert "aucun fichier" in refused(store, tmp_path / "rien")


def test_the_empty_template_holds_no_line(store: Store, tmp_path: Path) -> None:
    for name in ("modele.csv", "modele.xlsx"):
        write_template(tmp_path / name)
        assert "que ses intitulés" in refused(store, tmp_path / name)


def test_a_refusal_shows_no_value(store: Store, tmp_path: Path) -> None:
    said = refused(store, write(tmp_path, "x.txt", unfitting()))
    assert "ROLEAU" not in said


def test_an_endless_line_is_refused_before_memory_fills(store: Store, tmp_path: Path) -> None:
    header = PIPE.split(b"\n", 1)[0] + b"\n"
    assert "dépasse 8 Mo" in refused(store, write(tmp_path, "x.txt", header + b"a" * (3 * BLOCK)))
    assert "1 Mo" in refused(store, write(tmp_path, "x.txt", b"a" * (2 << 20)))


@pytest.mark.slow
def test_a_line_of_100_megabytes(store: Store, tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    path = write(tmp_path, "x.txt", PIPE + b"a|" * (50 << 20) + b"\n" + PIPE)
    before = psutil.Process().memory_info().rss
    assert "dépasse 8 Mo" in refused(store, path)
    assert psutil.Process().memory_info().rss - before < 200 << 20


# --------------------------------------------------------------------------------------------------------------- chance

CUTS = st.tuples(st.just("cut"), st.floats(0, 1), st.just(b""))
FLIPS = st.tuples(st.just("put"), st.floats(0, 1), st.binary(min_size=1, max_size=4))
HITS = st.tuples(
    st.just("put"),
    st.floats(0, 1),
    st.sampled_from([b"\0", b"\r", b"\n", b'"', b"|", b";", b"\xe9", b"\xc3", b"\n\n", b"\xff\xfe"]),
)


ORIGINALS = {
    "pipe": PIPE, "quoted": QUOTED, "latin": PIPE.decode().encode("cp1252"), "json": FINESS, "zip": zipped(PIPE),
    "workbook": workbook(),
}  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    original=st.sampled_from(sorted(ORIGINALS)),
    damages=st.lists(CUTS | FLIPS | HITS, min_size=1, max_size=4),
)
@example(original="pipe", damages=[("put", 0.5, b"\xc3")])
@example(original="quoted", damages=[("put", 0.999, b'"')])
def test_any_damage_is_refused_or_fully_counted(
    tmp_path: Path, original: str, damages: list[tuple[str, float, bytes]]
) -> None:
    content = ORIGINALS[original]
    for kind, share, what in damages:
        place = int(share * len(content))
        content = content[:place] if kind == "cut" else content[:place] + what + content[place + len(what) :]
    path = write(tmp_path, "export", content)
    with memory_store() as store:
        try:
            (loaded,) = load(store, [path])
        except UnreadableInputError as error:
            assert str(error)
            assert not any(contents(store))
            return
        assert loaded.rows_read == loaded.rows_kept + loaded.rows_rejected
        (rejects,) = store.sql("SELECT count(*) FROM rejects").fetchone() or (None,)
        assert rejects == loaded.rows_rejected
        if original in ("pipe", "quoted", "latin"):
            filled = [line for line in content.split(b"\n")[1:] if line.strip()]
            assert loaded.rows_read <= len(filled)
