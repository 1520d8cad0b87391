"""The errors a user can meet, each with the exit code of the command line.

    AuditError
    ├── UsageError            2   the request itself is wrong (unknown rule, bad date, missing workspace)
    ├── UnreadableInputError  3   a file could not be read as what it claims to be; the store is unchanged
    └── NotAuthorisedError    4   no card, wrong card, or an establishment outside the manager's list

Messages are in French: what was found, where, what was expected, what to do. They carry record keys,
never values.
"""


class AuditError(Exception):
    """Base of every error shown to the user as one sentence, without a traceback."""

    exit_code = 2


class UsageError(AuditError):
    """The request cannot be understood or does not fit the workspace."""


class UnreadableInputError(AuditError):
    """An input file is empty, truncated, damaged or of an unknown layout. Nothing was stored."""

    exit_code = 3


class NotAuthorisedError(AuditError):
    """The person at the keyboard may not do this: no open card session, or outside their perimeter."""

    exit_code = 4
