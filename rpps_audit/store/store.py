"""The workspace's store: one DuckDB file, private to its owner, changed in whole transactions only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from types import TracebackType

import duckdb
import polars as pl

from rpps_audit.errors import UsageError

FILE_NAME = "rpps-audit.duckdb"
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
        """Run one statement; fetch from what it returns (`.fetchone()`, or `fetch_frame`)."""
        return self.connection.execute(query, parameters or [])

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

    def next_id(self, table: str, column: str) -> int:
        """The next free integer key of a table (one writer at a time: the file is locked while open)."""
        row = self.connection.execute(f'SELECT coalesce(max("{column}"), 0) + 1 FROM {table}').fetchone()
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

    Raises UsageError when the folder cannot be used or another process has the store open.
    """
    path = workspace / FILE_NAME
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create_private(path)
            read_only = False
        connection = duckdb.connect(
            str(path),
            read_only=read_only,
            config={
                "memory_limit": memory_limit,
                "temp_directory": str(workspace / ".rpps-audit-temp"),
                **_OFFLINE,
            },
        )
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise UsageError(
                f"Le magasin {path} est déjà ouvert par un autre programme (un notebook, une autre commande). "
                "Fermez-le puis recommencez."
            ) from error
        raise UsageError(f"Le fichier {path} n'est pas un magasin rpps-audit lisible. Rien n'a été modifié.") from error
    except OSError as error:
        raise UsageError(f"L'espace de travail {workspace} ne peut pas être utilisé : {error.strerror}.") from error
    store = _quiet(connection, path)
    if not read_only:
        _migrate(store)
    return store


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


def _create_private(path: Path) -> None:
    """Create the file with mode 0600 before DuckDB writes a single byte, so that it is never readable by others."""
    previous = os.umask(0o177)
    try:
        duckdb.connect(str(path)).close()
    finally:
        os.umask(previous)


def _migrate(store: Store) -> None:
    """Run the migrations this store has not seen, each in its own transaction."""
    store.sql("CREATE TABLE IF NOT EXISTS migrations (name VARCHAR PRIMARY KEY)")
    done = {row[0] for row in store.sql("SELECT name FROM migrations").fetchall()}
    folder = files("rpps_audit.store") / "migrations"
    for script in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if script.name in done or not script.name.endswith(".sql"):
            continue
        with store.transaction():
            store.connection.execute(script.read_text("utf-8"))
            store.sql("INSERT INTO migrations VALUES (?)", [script.name])
