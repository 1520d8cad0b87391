"""The one place that opens a store. DuckDB is imported when a store is: the start of the command line does not wait."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rpps_audit.store.private import FILE_NAME, exposed, keep_private, leftovers, make_private

if TYPE_CHECKING:
    from rpps_audit.store.faults import full_disk, running_fault
    from rpps_audit.store.store import Store, fetch_frame, memory_store, open_store

_LATE = {
    "full_disk": "faults",
    "running_fault": "faults",
    "Store": "store",
    "fetch_frame": "store",
    "memory_store": "store",
    "open_store": "store",
}

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


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
