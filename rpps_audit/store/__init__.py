"""The one place that opens a store."""

from rpps_audit.store.faults import full_disk, running_fault
from rpps_audit.store.private import exposed, keep_private, leftovers, make_private
from rpps_audit.store.store import FILE_NAME, Store, fetch_frame, memory_store, open_store

__all__ = [
    "FILE_NAME",
    "Store",
    "exposed",
    "fetch_frame",
    "full_disk",
    "keep_private",
    "leftovers",
    "make_private",
    "memory_store",
    "open_store",
    "running_fault",
]
