import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata
from toys import Unlike, drive, rugged, tell

import nasbench
from nasbench.algorithm import Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.predictor.peephole import (  # noqa: E402
    CurveNetwork,
    Peephole,
    padded,
    spaced,
    standardized,
)

SMALL = {"embedding": 3, "hidden": 4, "width": 5, "epochs": 2, "candidates": 20, "parents": 3}


def made(space=None, seed=0, last=1, **changes):
    return Peephole(space or NB201(), fidelities=(last,), seed=seed, **changes)


def told(search, arch, curve, trial=0):
    observation = Observation(
        trial, Proposal(arch), (curve[-1],), 1.0, curve=lambda _: np.array(curve)
    )
    search.tell(observation)


def loss_of(arch):
    return 10.0 - float(np.sum(np.array(arch) == 3))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain(net, arch, epoch):
    """The prediction, one number after the other."""
    w = {name: tensor.detach().numpy() for name, tensor in net.named_parameters()}
    offsets = np.cumsum([0, *NB201().options])
    state = cell = np.zeros(4)
    for place, option in enumerate(arch):
        x = [*w["positions.weight"][place], *w["options.weight"][offsets[place] + option]]
        gates = w["lstm.weight_ih_l0"] @ x + w["lstm.bias_ih_l0"]
        gates += w["lstm.weight_hh_l0"] @ state + w["lstm.bias_hh_l0"]
        added, kept, new, shown = np.split(gates, 4)
        cell = sigmoid(kept) * cell + sigmoid(added) * np.tanh(new)
        state = sigmoid(shown) * np.tanh(cell)
    x = np.concatenate([state, w["epochs.weight"][epoch - 1]])
    for name in ("first", "second"):
        x = np.maximum(w[f"{name}.weight"] @ x + w[f"{name}.bias"], 0)
    return (w["last.weight"] @ x + w["last.bias"])[0]


def test_predictions_are_as_written_out():
    generator = torch.Generator().manual_seed(0)
    net = CurveNetwork(
        NB201().options, last_epoch=7, embedding=3, hidden=4, width=5, generator=generator
    )
    archs, epochs = [(0, 1, 2, 3, 4, 0), (4, 4, 1, 0, 0, 2)], [[1, 5, 7], [2, 7, 7]]
    found = net(net.tokens(archs), torch.tensor(epochs))
    for i, arch in enumerate(archs):
        for j, epoch in enumerate(epochs[i]):
            assert found[i, j].item() == pytest.approx(plain(net, arch, epoch), rel=1e-10)


def test_recorded_epochs_are_examples():
    search = made(last=6)
    told(search, (0,) * 6, [9.0, np.nan, 7.0, 6.0, np.nan, 5.0])
    told(search, (1,) * 6, [8.0, 4.0])  # the last two of six
    tell(search, (2,) * 6, 3.0)  # no curve
    assert search.curves == [{1: 9.0, 3: 7.0, 4: 6.0, 6: 5.0}, {5: 8.0, 6: 4.0}, {6: 3.0}]
    one = made(last=6, points=1)
    told(one, (0,) * 6, [9.0, np.nan, 7.0, 6.0, np.nan, 5.0])
    assert one.curves == [{6: 5.0}]


def test_points_are_spaced_and_end_with_the_last():
    curve = {epoch: float(epoch) for epoch in range(1, 201)}
    assert list(spaced(curve, 3)) == [1, 101, 200]
    assert list(spaced(curve, 1)) == [200]
    assert spaced({4: 1.0, 9: 2.0}, 5) == {4: 1.0, 9: 2.0}
    epochs, losses = padded([{1: 2.0, 3: 4.0}, {3: 5.0}])
    assert epochs.tolist() == [[1, 3], [3, 0]]
    assert losses.tolist() == [[2.0, 4.0], [5.0, 0.0]]


def test_targets_are_ranks_or_losses_of_all_epochs_together():
    losses = np.array([[9.0, 3.0, 0.0], [np.inf, 3.0, 1.0]])
    kept = np.array([[True, True, False], [True, True, True]])
    values = np.array([9.0, 3.0, 9.0, 3.0, 1.0])  # a diverged one counts as the largest
    for how, expected in (("losses", values), ("ranks", ndtri((rankdata(values) - 0.5) / 5))):
        found = standardized(losses, kept, how)
        assert found[0, 2] == 0
        np.testing.assert_allclose(found[kept], (expected - expected.mean()) / expected.std())
    tiny = standardized(np.array([[5e-324, 1e-323]]), np.ones((1, 2), dtype=bool), "losses")
    np.testing.assert_allclose(tiny, [[-1, 1]])


def test_it_learns_curves_that_cross():
    """Early losses mislead: those of the last epoch are in the opposite order."""
    search = made(last=4, epochs=60, embedding=8, hidden=16, width=16)
    archs = [search.space.sample(search.rng) for _ in range(100)]
    for trial, arch in enumerate(archs[:70]):
        final = loss_of(arch)
        told(search, arch, [20 - final, np.nan, 12 - final / 4, final], trial)
    predicted = search.predictions(archs[70:])
    assert np.corrcoef(predicted, [loss_of(arch) for arch in archs[70:]])[0, 1] > 0.7


def test_it_finds_better_architectures_than_random_ones():
    archs = drive(made(seed=1, initial=20, epochs=40, hidden=16, width=16), loss_of, 40)
    losses = [loss_of(arch) for arch in archs]
    assert np.mean(losses[20:]) < np.mean(losses[:20]) - 0.8


def test_a_search_sees_the_curves_of_a_table():
    search = made(last=6, initial=3, batch=2, **SMALL)
    nasbench.replay(search, nasbench.load("lite201-fashion"), budget=nasbench.Budget(trials=6))
    assert [list(curve) for curve in search.curves] == [[1, 2, 3, 4, 5, 6]] * 6


def test_a_network_that_diverged_chooses_nothing():
    search = made(initial=3, learning_rate=1e300, **SMALL)
    assert len(set(drive(search, rugged, 10))) == 10
    assert search.fallbacks == 7


def test_the_whole_space_is_found_in_the_end():
    search = made(Unlike(), initial=3, batch=2, **SMALL)
    assert len(set(drive(search, rugged, 30))) == 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": 0}, "points = 0 must be at least 1"),
        ({"mutated_share": -0.5}, r"mutated_share = -0.5 must be in \[0, 1\]"),
        ({"targets": "rank"}, "targets = 'rank'.*ranks"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be positive"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
