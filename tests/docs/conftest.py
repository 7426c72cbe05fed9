"""Programs that examples start."""

from collections.abc import Iterator

import forked
import pytest


@pytest.fixture(scope="session")
def programs() -> Iterator[forked.Programs]:
    with forked.programs() as found:
        yield found
