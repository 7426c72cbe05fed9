"""What a careless caller may give, and what nothing can be made of: one clear line each."""

from typing import Any

import numpy as np
import pytest

import nasbench
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NasbenchError,
    first_line,
    shown,
)
from nasbench.runs.recording import record

HUGE = 10**5000
DEEP: list[Any] = []
for _ in range(50_000):
    DEEP = [DEEP]


class Mute:
    """Of another package: neither text nor message can be had of it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_anything_can_be_shown() -> None:
    assert [shown(thing) for thing in (HUGE, DEEP, Mute())] == ["<int>", "<list>", "<Mute>"]
    assert shown(np.zeros((2, 1))) == "array([[0.], [0.]])"
    assert shown("a" * 10**6, 7) == "'aaaaaa"
    assert first_line(MuteError()) == "MuteError"


@pytest.fixture(scope="module")
def table() -> nasbench.TableBenchmark:
    found = nasbench.load("nb201-cifar10")
    assert isinstance(found, nasbench.TableBenchmark)
    return found


@pytest.mark.parametrize(
    "thing",
    [
        HUGE,
        (HUGE,) * 6,
        DEEP,
        [DEEP] * 6,
        Mute(),
        {"edge 0->1": HUGE},
        {"edge 0->1": Mute()},
        range(10**12),
        iter([9] * 6),
        np.zeros((6, 1)),
        "a" * 10**6,
        "1" * 10**6,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_stands_for_no_architecture(table: nasbench.TableBenchmark, thing: Any) -> None:
    with pytest.raises(IllegalArchError) as caught:
        table.query(thing)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("thing", [None, 5, "ab", [1], Mute()], ids=lambda t: type(t).__name__)
def test_no_configuration(table: nasbench.TableBenchmark, thing: Any) -> None:
    with pytest.raises(IllegalArchError, match="no mapping from the decisions of 'nb201'"):
        table.space.from_configuration(thing)


@pytest.mark.parametrize("arch", [(), (0,) * 5, (0,) * 7, (np.nan,) * 6, (-1,) * 6, (9,) * 6])
def test_repair_wants_options_in_range(table: nasbench.TableBenchmark, arch: Any) -> None:
    with pytest.raises(IllegalArchError, match="is not an architecture of 'nb201'"):
        table.space.repair(arch)


@pytest.mark.parametrize("index", [True, 1.0, "1", None, (1,), HUGE], ids=shown)
def test_no_index(table: nasbench.TableBenchmark, index: Any) -> None:
    with pytest.raises(IllegalArchError, match="index"):
        table.space.from_index(index)


@pytest.mark.parametrize("version", ["9" * 5000, "²", "٣", "-1", ""])
def test_no_version(version: str) -> None:
    with pytest.raises(nasbench.UnknownNameError, match="has no version"):
        nasbench.load(f"nb201-cifar10@{version}")


@pytest.mark.parametrize("name", ["epoch", "schedule", "seed"])
def test_integers_of_thousands_of_digits(table: nasbench.TableBenchmark, name: str) -> None:
    with pytest.raises(NasbenchError) as caught:
        table.query((0,) * 6, **{name: HUGE})
    assert "<int>" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": ["valid_accuracy"]},
        {"metric": HUGE},
        {"encoding": 5},
        {"encoding": Mute()},
        {"split_seed": None},
        {"split_seed": 0.5},
        {"n": HUGE},
        {"split": HUGE},
        {"split": DEEP},
    ],
    ids=lambda wrong: shown(wrong, 40),
)
def test_impossible_examples(table: nasbench.TableBenchmark, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        table.to_xy(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": 5},
        {"settings": [("a", 1)]},
        {"settings": {1: 2}},
        {"settings": {"a": DEEP}},
        {"settings": {"a": HUGE}},
        {"settings": {"a": Mute()}},
        {"settings": {"a": {1: 2, "1": 3}}},
        {"fidelities": 200},
        {"fidelities": "200"},
        {"fidelities": [200.0]},
        {"fidelities": [HUGE]},
        {"out": 5},
        {"out": "a\0b"},
        {"out": "\ud800"},
        {"out": "x" * 300},
        {"out": Mute()},
        {"replicate": HUGE},
        {"replicate": Mute()},
        {"seed": HUGE},
        {"budget": Mute()},
    ],
    ids=lambda wrong: shown(wrong, 40),
)
def test_impossible_recordings(
    table: nasbench.TableBenchmark, wrong: dict[str, Any], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    settings: dict[str, Any] = {"name": "loop", "budget": nasbench.Budget(trials=1), "seed": 0}
    with pytest.raises(NasbenchError) as caught:
        record(table, **settings | wrong)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("thing", [None, 5, Mute()], ids=shown)
def test_what_is_no_benchmark(thing: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="must be a benchmark"):
        record(thing, name="loop", budget=nasbench.Budget(trials=1), out=None)
