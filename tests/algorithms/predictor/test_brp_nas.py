import itertools
import math

import numpy as np
import pytest
from toys import Tiny, drive, rugged, tell

from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="graph networks need the extra torch")

from algorithms.models.networks.graph_inputs import graph_inputs  # noqa: E402
from algorithms.predictor.brp_nas import BRPNAS, _Relation, _sorted_by_comparison  # noqa: E402

SMALL = {"training": 20, "iterations": 4, "pool": 60, "hidden": 4, "epochs": 8}


def made(space=None, seed=0, **changes):
    return BRPNAS(space or NB201(), fidelities=(1,), seed=seed, **changes)


def loss_of(arch):
    return float(np.sum(np.array(arch) == 3))


# Which architectures are added


def test_iterations_add_what_the_plain_reading_adds(monkeypatch):
    """Half from the top, half drawn from the best 1 / 2**i, then everything by rank."""
    rankings = []

    def order(self, iteration):
        numbers = sorted(range(60), key=lambda i: rugged((*self._candidates[i], iteration), 10**6))
        rankings.append((iteration, [self._candidates[i] for i in numbers]))
        return numbers

    monkeypatch.setattr(BRPNAS, "order", order)
    archs = drive(made(**SMALL), loss_of, 40)
    assert [iteration for iteration, _ in rankings] == [1, 2, 3, 4]
    train = archs[:5]
    for iteration, ranks in rankings[:3]:
        added = archs[len(train) : len(train) + 5]
        unseen = [arch for arch in ranks if arch not in train]
        assert added[:3] == unseen[:3]
        allowed = set(ranks[: 60 // 2**iteration]) - set(train) - set(added[:3])
        assert set(added[3:]) <= allowed
        assert len(set(added)) == 5
        train = archs[: len(train) + 5]
    last = rankings[3][1]
    assert archs[20:] == [arch for arch in last if arch not in train][:20]


def test_what_is_drawn_from_the_upper_part_is_uniform():
    ranks = [(i, 0, 0, 0, 0, 0) for i in range(16)]
    counts = np.zeros(16, dtype=int)
    for seed in range(300):
        search = made(seed=seed)
        search.seen = {ranks[1]: None}
        added = search.added(ranks, 4, 1)
        assert added[:2] == [ranks[0], ranks[2]]
        counts[[arch[0] for arch in added[2:]]] += 1
    assert counts[:3].sum() == counts[8:].sum() == 0
    assert counts[3:8].min() > 80  # 120 expected


def test_fewer_are_added_where_the_upper_part_is_empty():
    ranks = [(i, 0, 0, 0, 0, 0) for i in range(4)]
    assert made().added(ranks, 4, 1) == ranks[:2]


# How they are ranked


def relation(n=9, hidden=6):
    """A network, candidates, and the log-odds that each is better than each, pair by pair."""
    search = made(hidden=hidden, layers=2)
    archs = list(itertools.islice(search.space.samples(search.rng), n))
    network = _Relation(
        graph_inputs(search.space), 2, hidden, 0.0, torch.Generator().manual_seed(1)
    )
    vectors = network.outputs(network.prepare(graph_inputs(search.space).graphs(archs)))
    odds = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            pair = torch.cat([vectors[i], vectors[j]])
            logs = (network.weight @ pair + network.bias).log_softmax(0)
            odds[i, j] = (logs[0] - logs[1]).item()
    return search, network, archs, vectors, odds


def test_log_odds_are_a_sum_of_parts():
    _, network, _, vectors, odds = relation()
    first, second, offset = network.log_odds(vectors)
    np.testing.assert_allclose(first.numpy()[:, None] + second.numpy() + offset, odds)


def test_ranks_are_those_of_all_comparisons(monkeypatch):
    search, network, archs, _, odds = relation()
    search.ranking, search._candidates = "mean_logit", archs
    monkeypatch.setattr(BRPNAS, "_trained", lambda self, iteration: network)
    assert search.order(1) == np.argsort(-(odds - odds.T).mean(1)).tolist()


def test_sorting_compares_pairs_by_the_network(monkeypatch):
    """With antisymmetric log odds, ``first - second``, the order is that of ``first``."""
    search, network, archs, vectors, _ = relation()
    first, _, _ = network.log_odds(vectors)
    monkeypatch.setattr(network, "log_odds", lambda vectors: (first, -first, 0.0))
    search.ranking, search._candidates = "sort", archs
    monkeypatch.setattr(BRPNAS, "_trained", lambda self, iteration: network)
    order = search.order(1)
    assert order == np.argsort(-first.numpy(), kind="stable").tolist()
    assert order != list(range(len(archs)))


def test_comparisons_that_are_transitive_sort_like_their_scores():
    score = [3.0, -1.0, 2.0, 0.5]
    assert _sorted_by_comparison(score, [-s for s in score], 0.0) == [0, 2, 3, 1]


# What the network learns


def test_chances_follow_losses():
    search = made()
    for trial, loss in enumerate([1.0, 2.0, 2.0, math.inf]):
        tell(search, (trial, 0, 0, 0, 0, 0), loss, trial)
    half, high = 0.5, 1 / (1 + math.exp(-1))
    order = [[half, 1, 1, 1], [0, half, half, half], [0, half, half, half], [0, half, half, half]]
    assert search._chances().tolist() == order
    search.targets = "softmax"
    softmax = np.where(np.array(order) == 1, high, np.array(order))
    softmax[softmax == 0] = 1 - high
    np.testing.assert_allclose(search._chances(), softmax)


@pytest.mark.parametrize("pairs", ["all", "sampled"])
def test_one_step_is_that_of_all_ordered_pairs(pairs, monkeypatch):
    """The divergence of the softmax of two outputs from the target, one pair after the other."""
    search = made(
        pairs=pairs, iterations=1, epochs=1, batch_size=99, hidden=4, dropout=0.0, targets="softmax"
    )
    archs = [(i, 1, 2, 3, 4, 0) for i in range(4)]
    for trial, arch in enumerate(archs):
        tell(search, arch, float(trial), trial)
    losses = []
    monkeypatch.setattr(
        "algorithms.models.networks.training.Adam.step",
        lambda self, loss, rate: losses.append(loss),
    )
    network = search._trained(1)
    vectors = network(network.prepare(graph_inputs(search.space).graphs(archs)), None)
    expected = []
    for i, j in itertools.permutations(range(4), 2):
        outputs = network.weight @ torch.cat([vectors[i], vectors[j]]) + network.bias
        target = torch.tensor([-float(i), -float(j)]).double().softmax(0)
        expected.append(-(target * outputs.log_softmax(0)).sum())
    torch.testing.assert_close(losses, [torch.stack(expected).mean()])


@pytest.mark.parametrize("changes", [{}, {"pairs": "sampled", "batch_size": 400, "epochs": 20}])
def test_the_network_learns_which_operations_are_good(changes):
    search = (
        made(hidden=16, epochs=60, learning_rate=0.01)
        if not changes
        else made(hidden=16, learning_rate=0.01, **changes)
    )
    archs = list(itertools.islice(search.space.samples(search.rng), 100))
    for trial, arch in enumerate(archs[:60]):
        tell(search, arch, loss_of(arch), trial)
    search._candidates = archs[60:]
    ranks = np.empty(40)
    ranks[search.order(5)] = np.arange(40)
    assert np.corrcoef(ranks, [loss_of(arch) for arch in archs[60:]])[0, 1] > 0.7


def test_iterations_train_the_same_network_longer(monkeypatch):
    runs = []
    monkeypatch.setattr(
        "algorithms.predictor.brp_nas.Training.run",
        lambda self, network, n, *_: runs.append((network, self.epochs, self.batch_size, n)),
    )
    drive(made(training=100, iterations=5, pool=2000, hidden=4), rugged, 101)
    assert [run[1:] for run in runs] == [
        (50, 6, 20), (100, 12, 40), (150, 18, 60), (200, 24, 80), (250, 30, 100)
    ]  # fmt: skip
    assert len({id(network) for network, *_ in runs}) == 1


def test_training_stops_where_its_loss_no_longer_falls(monkeypatch):
    search = made(iterations=1, training=4, hidden=4, epochs=100, patience=3, learning_rate=1e-300)
    for trial in range(4):
        tell(search, (trial, 1, 2, 3, 4, 0), float(trial), trial)
    steps = []
    monkeypatch.setattr(
        "algorithms.models.networks.training.Adam.step", lambda self, loss, rate: steps.append(rate)
    )
    search._trained(1)
    assert len(steps) == 25  # 21, the lowest at the 22nd, and 3 that are not lower


def test_a_small_space_is_exhausted_without_fallbacks():
    search = made(Tiny(), training=6, iterations=2, hidden=4, epochs=4)
    assert len(set(drive(search, rugged, 20))) == 12
    assert search.fallbacks == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": 9}, "training = 9 must be at least 2 in each of 5 iterations"),
        ({"iterations": 0}, "iterations = 0 must be at least 1"),
        ({"pairs": "al"}, "pairs = 'al'.*all"),
        ({"targets": "rank"}, "targets = 'rank'"),
        ({"ranking": "sorted"}, "ranking = 'sorted'.*sort"),
        ({"patience": 0}, "patience = 0 must be at least 1"),
        ({"dropout": -0.1}, "dropout = -0.1 must be in"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
