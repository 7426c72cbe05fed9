"""Linear algebra on one thread: sums, and so what is fitted, depend on the number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Give linear algebra one thread, and the caller's number again afterwards."""
    with threadpool_limits(1):
        yield
