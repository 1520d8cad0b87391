"""What DuckDB's errors mean for the reader: by their types and by looking at the file, never by their words."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import duckdb

from rpps_audit.errors import (
    AuditError,
    NotAStoreError,
    StoreBusyError,
    StoreDamagedError,
    StoreNewerError,
    StoreReadOnlyError,
    UsageError,
    system_said,
)

# Less than this and a write may have failed for want of room.
_FULL_DISK = 8 << 20
# DuckDB's main header: 8 bytes of checksum, the magic bytes, then the storage version as 8 bytes.
_MAGIC, _MAGIC_PLACE, _VERSION_PLACE = b"DUCK", 8, 12
# Versions are counted one by one; a damaged number is far from them.
_NEWEST_LIKELY = 1_000
_UNREADABLE = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.SerializationException,
    duckdb.InvalidInputException,
)


def opening_fault(error: Exception, path: Path) -> AuditError:
    """Why a store could not be opened."""
    if isinstance(error, OSError):
        return UsageError(f"L'espace de travail {path.parent} ne peut pas être utilisé : {system_said(error)}.")
    if path.is_dir() or not os.access(path, os.R_OK):
        return UsageError(f"Le magasin {path} ne peut pas être lu : vérifiez vos droits sur ce fichier.")
    if _is_held(path):
        return busy(path)
    if (newer := newer_storage(path)) is not None:
        return newer
    if shutil.disk_usage(path.parent).free < _FULL_DISK:
        return full_disk(path.parent)
    return damaged(path)


def running_fault(error: Exception, path: Path) -> AuditError | None:
    """Why a statement on an open store failed, when the store or the machine is the cause; None for a fault of ours."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return UsageError("Mémoire insuffisante : augmentez « memoire » dans rpps-audit.toml. Rien n'a été changé.")
    if isinstance(error, OSError):
        return full_disk(path.parent) if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    if not isinstance(error, _UNREADABLE):
        return None
    return _store_fault(path, invalid_input=isinstance(error, duckdb.InvalidInputException))


def _store_fault(path: Path, *, invalid_input: bool) -> AuditError | None:
    if path.exists() and shutil.disk_usage(path.parent).free < _FULL_DISK:
        return full_disk(path.parent)
    if path.exists() and not writable(path):
        return StoreReadOnlyError(f"{path.parent} est en lecture seule : on peut y lire, pas y écrire.")
    # DuckDB calls a write on a store opened for reading an invalid input; on one that can be written it is our fault.
    return None if invalid_input else damaged(path)


def busy(path: Path) -> StoreBusyError:
    """Another program has it."""
    return StoreBusyError(
        f"Le magasin {path} est déjà ouvert par un autre programme (un notebook, une autre commande). "
        "Fermez-le puis recommencez."
    )


def damaged(path: Path) -> StoreDamagedError:
    """Nothing can be made of it."""
    with path.open("rb") as file:
        kind = StoreDamagedError if file.read(_VERSION_PLACE)[_MAGIC_PLACE:] == _MAGIC else NotAStoreError
    return kind(
        f"Le magasin {path} est abîmé, ou ce n'est pas un magasin rpps-audit. Rien n'a été modifié. Remettez une "
        "sauvegarde ; ou renommez-le et rechargez les fichiers d'origine (dossier originals/)."
    )


def full_disk(folder: Path) -> UsageError:
    """No room left."""
    return UsageError(f"Le disque de {folder} est plein. Rien n'a été changé : libérez de la place puis recommencez.")


def newer_storage(path: Path) -> StoreNewerError | None:
    """A storage version that this DuckDB does not read, on a file that is one."""
    with path.open("rb") as file:
        head = file.read(_VERSION_PLACE)
    if head[_MAGIC_PLACE:] != _MAGIC or not newest_storage() < _version(path) < _NEWEST_LIKELY:
        return None
    return StoreNewerError(
        f"Le magasin {path} a été écrit par une version plus récente de DuckDB. Mettez rpps-audit à jour. Rien n'a été "
        "modifié."
    )


def newest_storage() -> int:
    """The last storage version that this DuckDB writes: asked by making a store, on the way to a refusal only."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        made = Path(folder) / "essai.duckdb"
        connection.execute(f"ATTACH '{made}' AS made (STORAGE_VERSION 'latest')")
        connection.execute("DETACH made")
        return _version(made)


def _version(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(file.read(_VERSION_PLACE + 8)[_VERSION_PLACE:], "little")


def writable(path: Path) -> bool:
    """The store's file and its folder (for the write-ahead file) can be written."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _is_held(path: Path) -> bool:
    """Another process holds DuckDB's lock. Asked only once opening has failed: closing a file drops our own locks."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        kind = fcntl.LOCK_SH
    else:
        kind = fcntl.LOCK_EX
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    finally:
        os.close(descriptor)
    return False
