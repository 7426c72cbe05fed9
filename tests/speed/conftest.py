"""Speed is measured on request, never asserted: ``pytest tests/speed --benchmark-only``."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROWS: list[tuple[str, str, str]] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("benchmark_only"):
        return
    skip = pytest.mark.skip(reason="speed is measured by: pytest tests/speed --benchmark-only")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def own_heap() -> Iterator[None]:
    """Keep what pytest itself holds out of the garbage collector's rounds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def report():
    """Add a row to the table of budgets: what, budget, measured."""
    return lambda what, budget, measured: _ROWS.append((what, budget, measured))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _ROWS:
        terminalreporter.section("budgets")
        terminalreporter.line("| what | budget | measured |\n|---|---|---|")
        for row in _ROWS:
            terminalreporter.line(f"| {' | '.join(row)} |")
