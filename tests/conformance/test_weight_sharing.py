"""What every method of weight sharing keeps to: kills, and losses that are no numbers."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="supernets need the extra torch")

import pyarrow.parquet as pq  # noqa: E402
from tiny_supernet import TinySupernets  # noqa: E402
from toys import Hashed, Square  # noqa: E402

import nasbench  # noqa: E402
from algorithms import ALGORITHMS  # noqa: E402
from algorithms.oneshot.bilevel_search import BilevelSearch  # noqa: E402
from nasbench.algorithm import hyperparameters, make  # noqa: E402
from nasbench.runs.replay import replay  # noqa: E402

SHARING = [name for name in ALGORITHMS if ".oneshot." in ALGORITHMS[name]]
GATED = [name for name in SHARING if issubclass(ALGORITHMS.load(name), BilevelSearch)]
SMALL: dict[str, dict[str, Any]] = {
    "darts_ada": {"epochs": 14, "earliest": 0, "factor": 0.1},
    "darts_pt": {"tuning": 1},
    "enas": {"updates": 2, "samples": 3, "hidden": 4, "candidates": 4, "controller_rate": 0.5},
    "fairnas": {"population": 4, "generations": 2},
    "ghn": {"hidden": 4, "candidates": 9},
    "mdenas_ws": {"step": 0.1},
    "nao_ws": {"every": 1, "population": 6, "fresh": 2, "parents": 2, "hidden": 4, "passes": 1},
    "nsas": {"archive": 2, "candidates": 9},
    "proxyless": {"update": "reinforce", "every": 3, "paths": 3, "baseline": 0.5},
    "sgas": {"epochs": 4, "criterion": 2, "warmup": 2, "every": 1},
    "smash": {"hidden": 4, "candidates": 9},
    "spos": {"population": 4, "generations": 2},
    "xnas": {"epochs": 4, "bound": 0.001},
}
"""With these, a search is short, and depends on all that a checkpoint keeps."""


class Failing(TinySupernets):
    """Makes supernets whose losses are no numbers after some answers."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.left = answers

    def __call__(self, **settings: Any) -> Any:
        net = super().__call__(**settings)
        whole = net.answer

        def answer(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            found = whole(*args, **kwargs)
            return found if self.left >= 0 else found._replace(loss=found.loss * math.nan)

        net.answer = answer
        return net


def made(name: str, kind: Any, supernets: TinySupernets) -> Any:
    changes = {"epochs": 3, **SMALL.get(name, {})}
    if "gate_rate" in (values := hyperparameters(kind, changes, None)):
        values["gate_rate"] = 0.1
    return make(
        kind,
        Square(),
        fidelities=(1, 3, 9),
        seed=0,
        hyperparameters=values,
        supernets=supernets,
    )


@pytest.mark.parametrize("name", SHARING)
def test_a_search_that_is_killed_in_every_epoch_ends_in_the_same_record(
    name: str, tmp_path: Path
) -> None:
    kind = ALGORITHMS.load(name)
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    whole = made(name, kind, TinySupernets(folder=folders[0]))
    proposals = list(iter(whole.ask, None))
    killed: set[int] = set()

    class Killed(kind):  # type: ignore[misc, valid-type]
        def epoch(self, epoch: int) -> Mapping[str, Any]:
            row = super().epoch(epoch)
            if epoch in killed:
                return row  # type: ignore[no-any-return]
            killed.add(epoch)
            raise KeyboardInterrupt

    for _ in range(whole.total_epochs):
        with pytest.raises(KeyboardInterrupt):
            made(name, Killed, TinySupernets(folder=folders[1])).ask()
    again = made(name, Killed, TinySupernets(folder=folders[1]))
    assert list(iter(again.ask, None)) == proposals
    assert again.net.seconds == whole.net.seconds
    for found, weight in zip(again.net.weights(), whole.net.weights(), strict=True):
        assert torch.equal(found, weight)
    histories = [repr(pq.read_table(*folder.iterdir()).to_pydict()) for folder in folders]
    assert histories[1] == histories[0]


@pytest.mark.parametrize("answers", [0, 5])
@pytest.mark.parametrize("name", SHARING)
def test_a_loss_that_is_no_number_ends_in_one_random_architecture(name: str, answers: int) -> None:
    supernets = Failing(answers)
    search = made(name, ALGORITHMS.load(name), supernets)
    run = replay(search, Hashed(Square()), budget=nasbench.Budget(trials=5), supernets=supernets)
    assert (len(run), run.fallbacks) == (1, 1)
    assert len(search.history) < search.total_epochs


@pytest.mark.parametrize("name", GATED)
def test_gates_that_are_no_numbers_end_in_one_random_architecture(name: str) -> None:
    class Steep(ALGORITHMS.load(name)):  # type: ignore[misc]
        def learn_gates(self, train: Any, valid: Any) -> Any:
            answer = super().learn_gates(train, valid)
            with torch.no_grad():
                self.alphas.fill_(math.nan)
            return answer

    search = made(name, Steep, TinySupernets())
    proposals = list(iter(search.ask, None))
    assert (len(proposals), search.fallbacks) == (1, 1)


@pytest.mark.parametrize("name", SHARING)
def test_who_judges_in_the_end_notices_a_loss_that_is_no_number(name: str) -> None:
    supernets = Failing(10**6)

    class Failed(ALGORITHMS.load(name)):  # type: ignore[misc]
        def ranking(self) -> Any:
            supernets.left = 0
            return super().ranking()

    search = made(name, Failed, supernets)
    proposals = list(iter(search.ask, None))
    judges = supernets.left < 0
    assert search.fallbacks == judges
    assert len(proposals) == 1 or not judges
    assert len(search.history) == search.total_epochs
