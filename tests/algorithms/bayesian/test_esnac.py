import numpy as np
import pytest
from toys import Tiny, Unlike, drive, rugged, tell

from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.bayesian.esnac import ESNAC  # noqa: E402

SMALL = {"hidden": 4, "steps": 2, "candidates": 20, "parents": 2}


def made(space=None, seed=0, **changes):
    return ESNAC(space or NB201(), fidelities=(1,), seed=seed, **changes)


def loss_of(arch):
    return 10.0 - float(np.sum(np.array(arch) == 3))


def test_each_kernel_chooses_what_it_likes_best_and_none_chose_before(monkeypatch):
    search = made(batch=4, **SMALL)
    pool = [(i,) * 6 for i in range(5)]
    gains = [[0, 3, 2, 1, 0], [0, 9, 1, 2, 0], [5, 9, 0, 8, 0], [0, 0, 0, 0, 1]]
    monkeypatch.setattr(ESNAC, "_pool", lambda _: list(pool))
    monkeypatch.setattr(ESNAC, "gains", lambda *_: np.array(gains, dtype=float))
    assert search.choose(4) == [pool[1], pool[3], pool[0], pool[4]]


def test_kernels_learn_from_parts_of_the_results():
    search = made(batch=40, share=0.3, **SMALL)
    for trial, arch in enumerate(NB201().unrank(i) for i in range(50)):
        tell(search, arch, float(trial), trial)
    rows, kept = (part.numpy() for part in search._parts())
    assert kept.sum(axis=1).max() == rows.shape[1] < 30
    assert 0.25 < kept.sum() / (40 * 50) < 0.35
    parts = [frozenset(row[own].tolist()) for row, own in zip(rows, kept, strict=True)]
    assert len(set(parts)) == 40
    assert frozenset.union(*parts) == frozenset(range(50))
    lonely = made(batch=3, share=0.0, **SMALL)
    for trial in range(5):
        tell(lonely, (trial,) * 6 if trial < 5 else (0,) * 6, float(trial), trial)
    assert lonely._parts()[1].sum(1).tolist() == [2, 2, 2]


def test_it_finds_better_architectures_than_random_ones():
    found, random_ones = [], []
    for seed in range(3):
        losses = [loss_of(arch) for arch in drive(made(seed=seed, steps=20), loss_of, 42)]
        random_ones.append(np.mean(losses[:10]))
        found.append(np.mean(losses[26:]))
    assert np.mean(found) < np.mean(random_ones) - 0.8


def test_weights_that_are_no_numbers_choose_nothing():
    search = made(initial=3, learning_rate=1e300, **(SMALL | {"steps": 4}))
    archs = drive(search, rugged, 12)
    assert len(set(archs)) == 12
    assert search.fallbacks == 9


@pytest.mark.parametrize("space", [Unlike(), Tiny()])
def test_the_whole_space_is_found_in_the_end(space):
    search = made(space, initial=3, batch=4, **SMALL)
    assert len(set(drive(search, rugged, 40))) == space.size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 1.5}, r"share = 1.5 must be in \[0, 1\]"),
        ({"beta": 0.0}, "beta = 0.0 must be positive"),
        ({"alpha": float("inf")}, "alpha = inf must be positive and finite"),
        ({"tolerance": -1.0}, "tolerance = -1.0 must be finite and not negative"),
        ({"layers": 0}, "layers = 0 must be at least 1"),
        ({"targets": "rank"}, "targets = 'rank'.*ranks"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
