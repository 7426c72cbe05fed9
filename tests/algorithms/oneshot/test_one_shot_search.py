"""What all methods of weight sharing have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="supernets need the extra torch")

from tiny_supernet import TinySupernets  # noqa: E402
from toys import Hashed, Square  # noqa: E402

import nasbench  # noqa: E402
from algorithms.oneshot import one_shot_search  # noqa: E402
from algorithms.oneshot.one_shot_search import OneShotSearch  # noqa: E402
from algorithms.oneshot.paths.random_nas import RandomNAS  # noqa: E402
from algorithms.oneshot.paths.smash import SMASH  # noqa: E402
from algorithms.oneshot.relaxed.darts import DARTS  # noqa: E402
from algorithms.oneshot.relaxed.r_darts import RDARTS  # noqa: E402
from algorithms.oneshot.stochastic.gdas import GDAS  # noqa: E402
from nasbench.errors import AlgorithmError, InvalidArgumentError  # noqa: E402
from nasbench.runs.manifest import Manifest  # noqa: E402
from nasbench.runs.replay import replay  # noqa: E402
from nasbench.runs.run import Run  # noqa: E402
from nasbench.supernet import Answer, Batch  # noqa: E402


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


def proposed(kind: Any, folder: Path | None = None, **changes: Any) -> tuple[Any, list[Any]]:
    """A search after its end, and what it proposed."""
    supernets = TinySupernets(folder=folder)
    search = kind(Square(), fidelities=(9,), seed=3, supernets=supernets, **{"epochs": 3} | changes)
    return search, list(iter(search.ask, None))


@pytest.mark.parametrize(
    ("kind", "changes"), [(DARTS, {}), (SMASH, {"hidden": 4, "candidates": 9})]
)
def test_histories_keep_accuracies_with_shared_weights(
    kind: Any, changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every second epoch and the last, on the first examples for gates."""
    monkeypatch.setattr(one_shot_search, "EVERY", 2)
    monkeypatch.setattr(one_shot_search, "EXAMPLES", 20)
    search, _ = proposed(kind, tmp_path, **changes)
    (path,) = tmp_path.iterdir()
    table = pq.read_table(path)
    found = np.array(table["shared_accuracy"].to_pylist())
    archs = np.array(table["judged"].to_pylist()).reshape(3, 8, 3)
    assert np.isfinite(found).tolist() == [[False] * 8, [True] * 8, [True] * 8]
    assert (archs == archs[0]).all()
    assert len(np.unique(archs[0], axis=0)) > 4
    valid = search.net.valid()
    batch = Batch(valid.x[:20], valid.y[:20])
    for arch, accuracy in zip(archs[0].tolist(), found[-1], strict=True):
        weights = search.made(arch) if kind is SMASH else None
        assert search.net.path(batch, arch, weights=weights).accuracy == accuracy


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (GDAS, {}),
        (RDARTS, {"regularization": "drop_path"}),
        (RandomNAS, {"candidates": 9}),
        (SMASH, {"hidden": 4, "candidates": 9}),
    ],
)
def test_what_the_history_judges_changes_nothing_else(
    kind: Any, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_shot_search, "EVERY", 1)
    judging, proposals = proposed(kind, **changes)
    assert np.isfinite([row["shared_accuracy"] for row in judging.history]).all()
    nothing = np.full(8, np.nan)
    monkeypatch.setattr(OneShotSearch, "_shared_accuracies", lambda *_: nothing)
    plain, expected = proposed(kind, **changes)
    assert proposals == expected
    for name in judging.history[0].keys() - {"shared_accuracy"}:
        for a, b in zip(judging.history, plain.history, strict=True):
            np.testing.assert_array_equal(a[name], b[name])
    assert judging.net.seconds == plain.net.seconds
    assert torch.equal(judging.net.generator.get_state(), plain.net.generator.get_state())
    assert judging.rng.getstate() == plain.rng.getstate()


def test_a_judged_loss_that_is_no_number_is_nan_and_ends_nothing() -> None:
    class Doubtful(Ranks):
        def judge(self, batch: Batch, arch: Any) -> Answer:
            answer = super().judge(batch, arch)
            return answer if arch[0] else answer._replace(loss=answer.loss * np.nan)

    search, proposals = proposed(Doubtful, epochs=1)
    assert (len(proposals), search.fallbacks) == (3, 0)
    (row,) = search.history
    lost = [arch[0] == 0 for arch in row["judged"]]
    assert 0 < sum(lost) < 8
    assert np.isnan(row["shared_accuracy"]).tolist() == lost


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
