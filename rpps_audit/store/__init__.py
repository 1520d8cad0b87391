"""The one place that opens a store."""

from rpps_audit.store.store import FILE_NAME, Store, fetch_frame, memory_store, open_store

__all__ = ["FILE_NAME", "Store", "fetch_frame", "memory_store", "open_store"]
