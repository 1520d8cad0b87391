"""Loading: recognise every file, then store them all in one transaction, or none."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.errors import AuditError, UnreadableInputError, UsageError
from rpps_audit.ingest.cells import clean_schema, cleaned
from rpps_audit.ingest.changes import changed_share
from rpps_audit.ingest.dates import workbook_origin
from rpps_audit.ingest.delivery import choose_series
from rpps_audit.ingest.fhir import read_fhir
from rpps_audit.ingest.forget import remove
from rpps_audit.ingest.keeper import Keeper, has_original
from rpps_audit.ingest.layouts import layouts
from rpps_audit.ingest.limits import default_limits
from rpps_audit.ingest.loaded import Loaded, data_date_of, notes_on
from rpps_audit.ingest.losses import cells_of, notes_on_cells
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition, recognise_all
from rpps_audit.ingest.sources import Source, expand
from rpps_audit.ingest.structures import read_structures
from rpps_audit.ingest.tables import read_insee, read_workbook
from rpps_audit.ingest.text import read_text
from rpps_audit.ingest.typed import carried, columns_of, insert_sql
from rpps_audit.ingest.within import within
from rpps_audit.records import make_keys
from rpps_audit.settings import read_table
from rpps_audit.store import Store

Progress = Callable[[str, float], None]
_BATCHES = "ingest_batches"
_NOTHING = "Rien n'a été chargé."


def load(
    store: Store,
    paths: Sequence[Path],
    *,
    data_date: date | None = None,
    replaces: int | None = None,
    progress: Progress | None = None,
) -> list[Loaded]:
    """Load files, archives and folders into the store. The same content twice is one snapshot.

    `data_date` is for the files whose name holds no date; else today is taken, and a note says so. `replaces` is the
    snapshot that the file is said to replace, whatever the two are called. The same bytes under another mapping, layout
    or date take the place of the first snapshot. `progress` is called with what is done and the share of the bytes
    read.

    Raises UnreadableInputError when any of the files cannot be read as what it claims to be: the store is then as
    before. In a folder or an archive, files that are nothing we know are left aside and listed in a note.
    """
    recognitions, aside = _recognise_all(store, paths)
    tell = _progress(recognitions, progress)
    with ExitStack() as kept, _plain_errors():
        keepers: list[Keeper] = []
        with _fast_inserts(store), store.transaction():
            loaded = []
            for recognition in recognitions:
                keeper = kept.enter_context(Keeper(_workspace(store)))
                one = _load_one(store, recognition, keeper, data_date, replaces, tell)
                loaded.append(one)
                # The whole of a national file is nobody's to keep: only what the perimeter holds of it.
                keepers += [] if one.already_loaded or one.rows_outside else [keeper]
            for keeper in keepers:
                keeper.keep()
    # What the blocks were read into would stay held, beside what the checks need.
    pa.default_memory_pool().release_unused()
    if aside:
        note = f"Fichiers laissés de côté, de forme inconnue : {', '.join(aside)}."
        loaded[0] = replace(loaded[0], notes=[*loaded[0].notes, note])
    return loaded


# ---------------------------------------------------------------------------------------------------------- the steps


def _recognise_all(store: Store, paths: Sequence[Path]) -> tuple[list[Recognition], list[str]]:
    """What to load, and the names of what is left aside. Raises UnreadableInputError with every problem at once."""
    known = layouts(_workspace(store))
    limits = default_limits()
    if _workspace(store) is not None:
        limits = limits.changed(read_table(store.path.parent, "limites").values)
    answers = [answer for source in expand(paths, limits) for answer in recognise_all(source, known)]
    problems = [answer for answer in answers if not answer.layout]
    refused = [answer.sentence() for answer in problems if not (answer.source.found or answer.beside)]
    readable = [answer for answer in answers if answer.layout]
    if refused or not readable:
        sentences = refused or [answer.sentence() for answer in problems] or ["aucun fichier de données trouvé."]
        raise UnreadableInputError("\n".join(sentences))
    return readable, [answer.source.name for answer in problems]


def _load_one(
    store: Store,
    recognition: Recognition,
    keeper: Keeper,
    asked: date | None,
    replaces: int | None,
    tell: Callable[[int], None],
) -> Loaded:
    # Rosters are read by ingest and resolved by a room that reads ingest.
    from rpps_audit.roster.resolve import resolve_roster

    source, layout = recognition.source, recognition.layout
    assert layout is not None
    day, origin = data_date_of(source, asked)
    how = _how(recognition)
    said_day = None if origin == "jour du chargement" else day
    known = _already_loaded(store, source, layout.kind)
    if known is not None and replaces is None and _read_alike(store, known, how, said_day):
        return known
    reread = [] if known is None else _made_room(store, known.snapshot_id)
    snapshot_id = store.next_id("snapshots", "snapshot_id")
    reading, place = Reading(), within(store, _workspace(store), layout)
    fields = _present(recognition)
    typed = columns_of(layout, fields, _columns(store, layout.table))
    _insert(store, insert_sql(layout, typed, snapshot_id, _BATCHES),
            place.keep(_read(recognition, reading, keeper, tell)),
            clean_schema(layout, fields))  # fmt: skip
    reading.check(recognition, finished=True)
    kept = _count(store, layout.table, snapshot_id)
    if reading.rows_read != kept + len(reading.rejects) + place.outside:
        raise UnreadableInputError(
            f"{source.name} : {reading.rows_read} lignes lues, mais {kept} gardées et {len(reading.rejects)} rejetées. "
            "Rien n'a été chargé ; signalez ce fichier."
        )
    choice = choose_series(store, layout, source.series(layout.kind), snapshot_id, replaces)
    facts = (layout.kind, layout.id, choice.series, source.file_name, day)
    _write_rejects(store, snapshot_id, reading)
    reading.losses.store(store, snapshot_id, fields)
    store.sql(
        f"INSERT INTO snapshots VALUES ({', '.join('?' * 14)})",
        [
            snapshot_id, keeper.content_hash(), *facts, datetime.now(UTC).replace(tzinfo=None),
            reading.encoding or "utf-8", source.size, reading.rows_read, kept, len(reading.rejects),
            carried(layout, typed),
        ],
    )  # fmt: skip
    store.sql("INSERT INTO outside_perimeter VALUES (?, ?)", [snapshot_id, place.outside])
    store.sql("INSERT INTO readings VALUES (?, ?)", [snapshot_id, how])
    if layout.table == "registrations":
        make_keys(store, snapshot_id)
    told = resolve_roster(store, snapshot_id, _workspace(store)) if layout.kind == "rh" else []
    told = [*reread, *([f"{choice.note[0].upper()}{choice.note[1:]}"] if choice.note else []), *told]
    share = changed_share(store, snapshot_id, layout.table)
    return Loaded(
        snapshot_id, layout.kind, layout.id, source.file_name, day, origin, reading.rows_read, kept,
        len(reading.rejects), False, share,
        told + notes_on(recognition, reading, origin, asked, share) + notes_on_cells(store, snapshot_id, layout),
        cells_of(store, snapshot_id),
        place.outside,
    )  # fmt: skip


def _read(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    layout = recognition.layout
    assert layout is not None
    if layout.json == "fhir":
        return cleaned(read_fhir(recognition, reading, keeper, tell), layout, reading.losses)
    if layout.json:
        return cleaned(read_structures(recognition, reading, keeper, tell), layout, reading.losses)
    if layout.archive:
        return cleaned(read_insee(recognition, reading, keeper, tell), layout, reading.losses)
    if recognition.sheet:
        origin = workbook_origin(recognition.source)
        return cleaned(read_workbook(recognition, reading, keeper, tell), layout, reading.losses, origin)
    return read_text(recognition, reading, keeper, tell)


def _insert(store: Store, sql: str, batches: Generator[pa.RecordBatch], schema: pa.Schema) -> None:
    """Stream the batches into the store. What the reader refuses comes out as it was raised, not as DuckDB's error."""
    failure: list[BaseException] = []

    def guarded() -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                yield pa.RecordBatch.from_arrays([batch[name] for name in schema.names], schema=schema)
        except BaseException as error:
            failure.append(error)
            raise

    store.connection.register(_BATCHES, pa.RecordBatchReader.from_batches(schema, guarded()))
    try:
        store.connection.execute(sql)
    except Exception:
        if failure:
            raise failure[0] from None
        raise
    finally:
        store.connection.unregister(_BATCHES)
        batches.close()


def _write_rejects(store: Store, snapshot_id: int, reading: Reading) -> None:
    if not reading.rejects:
        return
    lines, reasons, raws = (list(column) for column in zip(*reading.rejects, strict=True))
    table = pa.table({"line": pa.array(lines, pa.int64()), "reason": reasons, "raw": raws})
    store.connection.register(_BATCHES, table)
    store.sql(f"INSERT INTO rejects SELECT {snapshot_id}, line, reason, raw FROM {_BATCHES} ORDER BY line")
    store.connection.unregister(_BATCHES)


# -------------------------------------------------------------------------------------------------- what the store says


def _already_loaded(store: Store, source: Source, kind: str) -> Loaded | None:
    """The snapshot of the same bytes, if any. Hashing first costs a pass: only done where a size already matches."""
    if not store.one("SELECT 1 FROM snapshots WHERE kind = ? AND bytes = ?", [kind, source.size]):
        return None
    folder = _workspace(store)
    with Keeper(folder) as keeper, source.open() as stream:
        while chunk := stream.read(8 << 20):
            keeper.take(chunk)
        content_hash = keeper.content_hash()
        if folder is not None and not has_original(folder, content_hash) and _is_known(store, kind, content_hash):
            # A copy that was deleted is given back.
            keeper.keep()
    row = store.one(
        "SELECT snapshot_id, kind, layout, data_date, rows_read, rows_kept, rows_rejected FROM snapshots "
        "WHERE kind = ? AND content_hash = ?",
        [kind, content_hash],
    )
    if row is None:
        return None
    snapshot_id, kind, layout, day, *counts = row
    notes = [f"Même contenu que l'extraction n° {snapshot_id}."]
    read, kept, rejected = counts
    return Loaded(
        snapshot_id, kind, layout, source.file_name, day, "extraction déjà chargée",
        read, kept, rejected, True, None, notes, cells_of(store, snapshot_id),
    )  # fmt: skip


def _is_known(store: Store, kind: str, content_hash: str) -> bool:
    sql = "SELECT 1 FROM snapshots WHERE kind = ? AND content_hash = ?"
    return store.one(sql, [kind, content_hash]) is not None


def _how(recognition: Recognition) -> str:
    """How the file is read, as one value: its layout and the place of each column."""
    layout = recognition.layout
    assert layout is not None
    read = (layout.id, layout.version, recognition.fields(), recognition.positions)
    return sha256(repr(read).encode()).hexdigest()[:16]


def _read_alike(store: Store, known: Loaded, how: str, day: date | None) -> bool:
    """Whether a snapshot was read the same way, and of the same day where one is said; earlier versions did not write
    how, and are believed."""
    row = store.one("SELECT fingerprint FROM readings WHERE snapshot_id = ?", [known.snapshot_id])
    return (row is None or row[0] == how) and day in (None, known.data_date)


def _made_room(store: Store, snapshot_id: int) -> list[str]:
    """The first reading of the same bytes gives its place up."""
    held = store.one("SELECT 1 FROM corrections WHERE snapshot_id = ? LIMIT 1", [snapshot_id])
    if held is not None:
        raise UsageError(
            f"Ce fichier est déjà l'extraction n° {snapshot_id}, lue autrement, et des corrections reposent sur elle : "
            "annulez-les avant de le relire. Rien n'a été chargé."
        )
    remove(store, snapshot_id)
    return [f"Les mêmes octets étaient l'extraction n° {snapshot_id}, lue autrement : elle est remplacée."]


def _columns(store: Store, table: str) -> set[str]:
    return {row[0] for row in store.sql(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}


def _count(store: Store, table: str, snapshot_id: int) -> int:
    row = store.one(f"SELECT count(*) FROM {table} WHERE snapshot_id = ?", [snapshot_id])
    assert row is not None
    return int(row[0])


def _workspace(store: Store) -> Path | None:
    """The folder of the store's file; None for a store in memory, which keeps no originals."""
    return store.path.parent if store.path.exists() else None


@contextmanager
def _fast_inserts(store: Store) -> Iterator[None]:
    """Every row says its line, so the order of storage is free; and threads then write without waiting."""
    store.sql("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        store.sql("RESET preserve_insertion_order")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Nobody sees an engine's error: what is left here is memory or disk."""
    try:
        yield
    except AuditError:
        raise
    except duckdb.OutOfMemoryException as error:
        raise UsageError(f"Mémoire insuffisante : augmentez « memoire » dans rpps-audit.toml. {_NOTHING}") from error
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        kind = type(error).__name__
        raise UsageError(
            f"Écriture dans le magasin impossible ({kind}) : vérifiez la place sur le disque. {_NOTHING}"
        ) from error


def _present(recognition: Recognition) -> list[str]:
    assert recognition.layout is not None
    return recognition.fields()


def _progress(recognitions: list[Recognition], progress: Progress | None) -> Callable[[int], None]:
    total = sum(recognition.source.size for recognition in recognitions) or 1
    seen = 0

    def tell(count: int) -> None:
        nonlocal seen
        seen += count
        if progress:
            progress("lecture", min(1.0, seen / total))

    return tell
