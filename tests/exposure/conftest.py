from collections.abc import Iterator

import pytest

from rpps_audit.store import Store, memory_store


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as opened:
        yield opened
