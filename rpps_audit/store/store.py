"""The workspace's store: one DuckDB file, private to its owner, changed in whole transactions only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl

from rpps_audit.errors import StoreNewerError, StoreReadOnlyError
from rpps_audit.store.faults import damaged, opening_fault, running_fault, writable
from rpps_audit.store.private import FILE_NAME, SPILL_FOLDER, keep_private, make_private, sweep

# Nothing is ever fetched from outside.
_OFFLINE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class Store:
    """An open store. Use as a context manager; reads go through `sql`, writes inside `transaction()`.

    `connection` is a DuckDB connection limited to `memory_limit`; larger work spills beside the file.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.connection = connection
        self.path = path

    def sql(self, query: str, parameters: list[object] | None = None) -> duckdb.DuckDBPyConnection:
        """Run one statement; fetch from what it returns (`.fetchone()`, or `fetch_frame`).

        Raises StoreDamagedError when a block no longer holds, UsageError for a full disk or too little memory.
        """
        try:
            return self.connection.execute(query, parameters or [])
        except duckdb.Error as error:
            if (cause := running_fault(error, self.path)) is not None:
                raise cause from error
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing: a crash or an error inside leaves the store as it was before."""
        self.connection.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            # An interrupted statement has already ended its transaction.
            with suppress(duckdb.TransactionException):
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def one(self, query: str, parameters: list[object] | dict[str, object] | None = None) -> tuple[Any, ...] | None:
        """The first row a statement answers, None when it answers none. The rest is read too: a result left unfinished
        would hold the connection."""
        rows = self.connection.execute(query, parameters or []).fetchall()
        return rows[0] if rows else None

    def next_id(self, table: str, column: str) -> int:
        """The next free integer key of a table (one writer at a time: the file is locked while open)."""
        row = self.one(f'SELECT coalesce(max("{column}"), 0) + 1 FROM {table}')
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """Close the connection; everything committed is on disk."""
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fetch_frame(answer: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What a statement answered, as a polars frame; through Arrow, which every version of DuckDB speaks."""
    return pl.DataFrame(answer.to_arrow_table())


def open_store(workspace: Path, *, memory_limit: str = "1GB", read_only: bool = False) -> Store:
    """Open the workspace's store, made empty (mode 0600) and brought to the current tables where needed.

    `read_only` changes nothing on the disk; a workspace that cannot be written is opened so whatever is asked, and what
    writes is then refused. From here on this process creates files for its owner alone. Raises UsageError when the
    folder cannot be used, StoreBusyError, StoreDamagedError, StoreNewerError.
    """
    keep_private()
    path = workspace / FILE_NAME
    try:
        if not path.exists():
            workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
            duckdb.connect(str(path)).close()
            read_only = False
        read_only = read_only or not writable(path)
        if not read_only:
            make_private(path, *_beside(path))
        connection = _connected(path, memory_limit, read_only)
    except (duckdb.Error, OSError) as error:
        raise opening_fault(error, path) from error
    store = _quiet(connection, path)
    try:
        _demand_known(store)
        if read_only:
            _demand_current(store)
        else:
            _migrate(store)
            sweep(workspace)
    except duckdb.Error as error:
        store.close()
        raise (running_fault(error, path) or damaged(path)) from error
    except BaseException:
        store.close()
        raise
    return store


def _connected(path: Path, memory_limit: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    # Nothing is spilled from a store that is only read: its folder may not be ours.
    spill = "" if read_only else str(path.parent / SPILL_FOLDER)
    settings: dict[str, str | bool | int | float | list[str]]
    settings = {"memory_limit": memory_limit, "temp_directory": spill, **_OFFLINE}
    return duckdb.connect(str(path), read_only=read_only, config=settings)


def _beside(path: Path) -> tuple[Path, ...]:
    """What DuckDB keeps beside the store: it may have been left by a crash of an earlier release."""
    return (path.with_name(f"{path.name}.wal"), path.parent / SPILL_FOLDER)


def memory_store() -> Store:
    """A store in memory, for examples and tests: same tables, nothing on disk."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    store = _quiet(connection, Path(":memory:"))
    _migrate(store)
    return store


def _quiet(connection: duckdb.DuckDBPyConnection, path: Path) -> Store:
    """Only our own progress is shown."""
    connection.execute("SET enable_progress_bar = false")
    return Store(connection, path)


def _scripts() -> dict[str, str]:
    folder = files("rpps_audit.store") / "migrations"
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return {script.name: script.read_text("utf-8") for script in scripts}


def _done(store: Store) -> set[str]:
    if not store.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'migrations'").fetchone():
        return set()
    return {str(row[0]) for row in store.sql("SELECT name FROM migrations").fetchall()}


def _demand_known(store: Store) -> None:
    """A step that this version does not know was made by a later one."""
    if strange := _done(store) - set(_scripts()):
        raise StoreNewerError(
            f"Le magasin {store.path} vient d'une version plus récente de rpps-audit (étape « {min(strange)} »). "
            "Mettez rpps-audit à jour. Rien n'a été modifié."
        )


def _demand_current(store: Store) -> None:
    if set(_scripts()) - _done(store):
        raise StoreReadOnlyError(
            f"Le magasin {store.path} vient d'une version antérieure et ne peut être qu'ouvert en lecture seule ici : "
            "ouvrez-le une fois là où il peut être écrit, pour le mettre à jour."
        )


def _migrate(store: Store) -> None:
    """Run the migrations this store has not seen, each in its own transaction."""
    store.sql("CREATE TABLE IF NOT EXISTS migrations (name VARCHAR PRIMARY KEY)")
    done = _done(store)
    for name, script in _scripts().items():
        if name in done:
            continue
        with store.transaction():
            store.connection.execute(script)
            store.sql("INSERT INTO migrations VALUES (?)", [name])
