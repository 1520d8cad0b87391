"""What was done, by whom, when: an append-only hash chain, one JSON line per event.

Its head goes into each manifest signed with the card, so that a chain cut short or rewritten whole is seen too.
"""

from rpps_audit.journal.acts import account, note, note_settings
from rpps_audit.journal.canonical import canonical_json, sha256_hex
from rpps_audit.journal.chain import FILE_NAME, KEEP_IT, Anchor, Entry, Journal, JournalCheck, JournalError

__all__ = [
    "FILE_NAME",
    "KEEP_IT",
    "Anchor",
    "Entry",
    "Journal",
    "JournalCheck",
    "JournalError",
    "account",
    "canonical_json",
    "note",
    "note_settings",
    "sha256_hex",
]
