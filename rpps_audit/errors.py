"""The errors a user can meet, each with the exit code of the command line.

    AuditError
    ├── UsageError            2   the request itself is wrong (unknown rule, bad date, missing workspace)
    │   ├── StoreBusyError    2   another program has the store open
    │   ├── StoreNewerError   2   a later version wrote the store
    │   └── StoreReadOnlyError 2  the workspace can be read, not written
    ├── UnreadableInputError  3   a file could not be read as what it claims to be; the store is unchanged
    │   └── StoreDamagedError 3   the store itself can no longer be read
    └── NotAuthorisedError    4   no card, wrong card, or an establishment outside the manager's list

Messages are in French: what was found, where, what was expected, what to do. They carry record keys,
never values.
"""

import errno

_SYSTEM = {
    errno.ENOENT: "fichier ou dossier absent",
    errno.EACCES: "accès refusé",
    errno.EPERM: "opération refusée",
    errno.EEXIST: "existe déjà",
    errno.EISDIR: "c'est un dossier",
    errno.ENOTDIR: "ce n'est pas un dossier",
    errno.ENOTEMPTY: "le dossier n'est pas vide",
    errno.ENOSPC: "le disque est plein",
    errno.EDQUOT: "le quota de disque est atteint",
    errno.EROFS: "le disque est en lecture seule",
    errno.ENAMETOOLONG: "le nom est trop long",
    errno.EBUSY: "occupé par un autre programme",
    errno.ETXTBSY: "occupé par un autre programme",
    errno.EMFILE: "trop de fichiers ouverts",
    errno.ENFILE: "trop de fichiers ouverts",
    errno.EFBIG: "le fichier est trop grand",
    errno.ELOOP: "des liens tournent en rond",
    errno.EXDEV: "sur un autre disque",
    errno.EIO: "le disque a répondu par une erreur",
    errno.EINVAL: "nom ou valeur impossible",
    errno.ECONNREFUSED: "connexion refusée",
    errno.ETIMEDOUT: "pas de réponse à temps",
    errno.EHOSTUNREACH: "machine injoignable",
    errno.ENETUNREACH: "réseau injoignable",
}


def system_said(error: OSError) -> str:
    """What the system refused, in French; its number when we have no words for it."""
    return _SYSTEM.get(error.errno or 0, f"le système refuse (code {error.errno})")


class AuditError(Exception):
    """Base of every error shown to the user as one sentence, without a traceback."""

    exit_code = 2


class UsageError(AuditError):
    """The request cannot be understood or does not fit the workspace."""


class StoreBusyError(UsageError):
    """Another program has the store open: close it, nothing is wrong."""


class StoreNewerError(UsageError):
    """A later version of rpps-audit or of DuckDB wrote this store: this one would not understand it."""


class StoreReadOnlyError(UsageError):
    """The workspace can be read, not written; or it must be brought up to date first."""


class UnreadableInputError(AuditError):
    """An input file is empty, truncated, damaged or of an unknown layout. Nothing was stored."""

    exit_code = 3


class StoreDamagedError(UnreadableInputError):
    """The store is no store, or its blocks no longer hold. It was not changed; the originals can be loaded again."""


class NotAStoreError(StoreDamagedError):
    """The file at the store's place is not one: the wrong folder was named, or its first bytes are gone."""

    exit_code = 2


class NotAuthorisedError(AuditError):
    """The person at the keyboard may not do this: no open card session, or outside their perimeter."""

    exit_code = 4
