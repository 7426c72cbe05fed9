"""One thread per process of the tests: what is tested is small, and threads would only wait."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when NumPy and PyTorch are first imported


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One process where speed is measured; elsewhere xdist's own choice."""
    return 0 if config.getoption("benchmark_only") else None
