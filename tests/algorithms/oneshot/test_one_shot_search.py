"""What all methods of weight sharing have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="supernets need the extra torch")

from tiny_supernet import TinySupernets  # noqa: E402
from toys import Hashed, Square  # noqa: E402

import nasbench  # noqa: E402
from algorithms.oneshot.one_shot_search import OneShotSearch  # noqa: E402
from algorithms.oneshot.relaxed.darts import DARTS  # noqa: E402
from nasbench.errors import AlgorithmError, InvalidArgumentError  # noqa: E402
from nasbench.runs.manifest import Manifest  # noqa: E402
from nasbench.runs.replay import replay  # noqa: E402
from nasbench.runs.run import Run  # noqa: E402


def run(algorithm: Any, supernets: TinySupernets, workers: int = 1, **budget: Any) -> Run:
    budget = budget or {"trials": 5}
    return replay(
        algorithm,
        Hashed(Square()),
        budget=nasbench.Budget(**budget),
        workers=workers,
        supernets=supernets,
    )


def darts(supernets: TinySupernets, **changes: Any) -> DARTS:
    return DARTS(
        Square(), fidelities=(1, 3, 9), seed=3, supernets=supernets, **{"epochs": 4} | changes
    )


class Ranks(OneShotSearch):
    """Trains a path, and ranks three architectures."""

    def start(self) -> None:
        self.extra = 0

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        for batch in self.net.train_batches(epoch):
            self.net.path(batch, (1, 1, 1))
        return {}

    def ranking(self) -> Any:
        return [(0, 1, 2), (2, 1, 0), (1, 1, 1)]


class Late(Ranks):
    """Uses the supernet again after its first proposal."""

    def tell(self, observation: Any) -> None:
        self.net.path(self.net.valid(), (1, 1, 1))


def test_the_first_trial_starts_when_the_supernet_is_trained() -> None:
    supernets = TinySupernets()
    made = run(darts(supernets), supernets)
    # 4 epochs of 2 steps, weights and gates: the network and 6 options, each a step of 8 examples
    expected = 4 * 2 * 2 * (0.01 + 6 * 0.001)
    assert len(made) == 1
    assert made.starts[0] == pytest.approx(expected)
    assert made.ends[0] - made.starts[0] == pytest.approx(3.0 * 9 + 1)


def test_all_workers_wait_for_the_supernet() -> None:
    supernets = TinySupernets()
    made = run(Ranks(Square(), fidelities=(9,), seed=0, supernets=supernets), supernets, workers=8)
    assert len(made) == 3
    assert set(made.starts.tolist()) == {supernets.made[0].seconds}


def test_a_budget_that_the_supernet_spends_leaves_no_trial() -> None:
    supernets = TinySupernets()
    assert len(run(darts(supernets), supernets, seconds=10.0, trials=5)) == 0


def test_a_supernet_is_not_used_after_the_first_proposal() -> None:
    supernets = TinySupernets()
    late = Late(Square(), fidelities=(9,), seed=0, supernets=supernets)
    with pytest.raises(AlgorithmError, match="after its first proposal"):
        run(late, supernets)


def test_a_diverged_supernet_ends_in_one_random_architecture() -> None:
    supernets = TinySupernets()
    made = run(darts(supernets, rate=1e200, last_rate=1e200), supernets)
    assert (len(made), made.fallbacks) == (1, 1)


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = darts(TinySupernets())
    (arch,) = whole._found()

    class Interrupted(DARTS):
        def epoch(self, epoch: int) -> Mapping[str, Any]:
            if epoch == 2:
                raise KeyboardInterrupt
            return super().epoch(epoch)

    stopped = Interrupted(
        Square(), fidelities=(9,), seed=3, supernets=TinySupernets(folder=tmp_path), epochs=4
    )
    with pytest.raises(KeyboardInterrupt):
        stopped.ask()
    again = darts(TinySupernets(folder=tmp_path))
    assert again.ask() == (arch, None, None)
    assert torch.equal(again.alphas, whole.alphas)
    assert again.net.seconds == whole.net.seconds
    (kept,) = tmp_path.iterdir()
    table = pq.read_table(kept)
    assert table.column("epoch").to_pylist() == [1, 2, 3, 4]
    assert table.column("valid_loss").to_pylist() == [row["valid_loss"] for row in whole.history]
    assert len(table.column("gates")[0]) == 9


def test_a_damaged_checkpoint_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "supernet-000000.npz").write_bytes(b"no state")
    assert darts(TinySupernets(folder=tmp_path)).ask() == darts(TinySupernets()).ask()
    assert "is damaged" in caplog.text


def test_what_is_not_possible_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="trains a supernet"):
        DARTS(Square(), fidelities=(9,), seed=0, supernets=None)
    for change in ({"epochs": 0}, {"order": 3}, {"rate": -1.0}):
        with pytest.raises(InvalidArgumentError, match=next(iter(change))):
            darts(TinySupernets(), **change)


def test_records_say_that_weights_are_shared() -> None:
    supernets = TinySupernets()
    manifest = Manifest.of(
        darts(supernets),
        Hashed(Square()),
        hyperparameters={},
        budget=nasbench.Budget(trials=1),
        workers=1,
        replicate="draw",
        name="darts",
    )
    assert manifest.weight_sharing
    assert Manifest.decode(manifest.encode(), "here") == manifest
