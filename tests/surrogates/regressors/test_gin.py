import json
import random
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

import nasbench
from nasbench.algorithm import hyperparameters, kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.space import Graph
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from surrogates.regressors.gin import GIN
from surrogates.regressors.parts.graph_network import Graphs, Network, graphs, vocabulary

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
TRAIN, TEST = ORDER[:100], ORDER[100:300]
SMALL = {"hidden": 8, "layers": 2, "epochs": 8}
EVERY = [
    {"both": both, "virtual_node": virtual, "mean": mean}
    for both, virtual, mean in product((True, False), repeat=3)
]


def fitted(seed=0, *, archs=ARCHS[TRAIN], targets=TARGETS[TRAIN], **changes):
    return GIN(SPACE, seed=seed, **SMALL | changes).fit(archs, targets)


def network(*, hidden=3, layers=3, dropout=0.0, **settings):
    """A network that answers, every parameter and running moment of it random."""
    made = Network(4, hidden=hidden, layers=layers, dropout=dropout, **settings).eval()
    rng = np.random.default_rng(0)
    for name, tensor in made.state().items():
        values = rng.normal(size=tensor.shape)
        tensor.copy_(torch.from_numpy(np.exp(values) if name.endswith("_var") else values))
    return made


def some_graphs(sizes, seed=0):
    """Random acyclic graphs with four labels, the first and last of which are the ends'."""
    rng = np.random.default_rng(seed)
    return [
        (np.triu(rng.random((n, n)) < 0.5, 1), np.array([0, *rng.integers(1, 3, n - 2), 3]))
        for n in sizes
    ]


def filled(found):
    """Graphs as tensors, filled up."""
    m = max(len(labels) for _, labels in found)
    edges, labels = np.zeros((len(found), m, m)), np.full((len(found), m), -1)
    for i, (adjacency, numbers) in enumerate(found):
        edges[i, : len(numbers), : len(numbers)] = adjacency
        labels[i, : len(numbers)] = numbers
    return Graphs(torch.from_numpy(edges), torch.from_numpy(labels))


def by_hand(made, adjacency, labels, *, both, virtual_node, mean):
    """What the network says of one graph, node by node."""
    state = {name: tensor.numpy() for name, tensor in made.state().items()}

    def layer(name, values):
        for linear, norm in (("0", "1"), ("3", "4")):
            if linear == "3":
                values = np.maximum(values, 0)
            values = state[f"{name}.{linear}.weight"] @ values + state[f"{name}.{linear}.bias"]
            norm = f"{name}.{norm}."
            values = (values - state[norm + "running_mean"]) / np.sqrt(
                state[norm + "running_var"] + 1e-5
            )
            values = values * state[norm + "weight"] + state[norm + "bias"]
            if linear == "0":
                values = np.maximum(values, 0)
        return values

    n, depth = len(labels), len(state["epsilons"])
    nodes = [state["embedding.weight"][label] for label in labels]
    virtual = state["virtual"][0] if virtual_node else 0.0
    for i in range(depth):
        nodes = [node + virtual for node in nodes]
        after = []
        for j in range(n):
            own = (1 + state["epsilons"][i]) * nodes[j]
            heard = [own + sum((nodes[k] for k in range(n) if adjacency[k, j]), np.zeros(3))]
            if both:
                heard.append(
                    own + sum((nodes[k] for k in range(n) if adjacency[j, k]), np.zeros(3))
                )
            after.append(layer(f"layers.{i}", np.concatenate(heard)))
        if i < depth - 1:
            after = [np.maximum(node, 0) for node in after]
            if virtual_node:
                virtual = np.maximum(layer(f"virtual_layers.{i}", sum(nodes) + virtual), 0)
        nodes = after
    read = sum(nodes) / (n if mean else 1)
    return (state["head.weight"] @ read + state["head.bias"])[0]


@pytest.mark.parametrize("settings", EVERY)
def test_equal_to_a_computation_node_by_node(settings):
    made, found = network(**settings), some_graphs((5, 3, 6, 2))
    with torch.no_grad():
        outputs = made(filled(found)).numpy()
    expected = [by_hand(made, *graph, **settings) for graph in found]
    np.testing.assert_allclose(outputs, expected, rtol=1e-10)


@pytest.mark.parametrize("settings", EVERY)
def test_how_nodes_are_numbered_does_not_matter(settings):
    made, rng = network(**settings), np.random.default_rng(1)
    (adjacency, labels), *_ = found = some_graphs((7,))
    for _ in range(5):
        order = np.array([0, *(1 + rng.permutation(5)), 6])
        found.append((adjacency[np.ix_(order, order)], labels[order]))
    changed = adjacency.copy()
    changed[0, 6] ^= True
    found.append((changed, labels))
    with torch.no_grad():
        outputs = made(filled(found)).numpy()
    np.testing.assert_allclose(outputs[:6], outputs[0], rtol=1e-12)
    assert abs(outputs[6] - outputs[0]) > 1e-6


def test_graphs_of_a_space_whose_graphs_differ_in_size():
    space = NB101()
    archs = np.array([space.sample(random.Random(i)) for i in range(30)])
    numbers, found = vocabulary(space), graphs(space, archs)
    assert list(numbers) == ["conv1x1-bn-relu", "conv3x3-bn-relu", "input", "maxpool3x3", "output"]
    expected = [space.graph(tuple(arch)) for arch in archs.tolist()]
    assert len({len(graph.labels) for graph in expected}) > 1
    together = filled([(g.adjacency, [numbers[x] for x in g.labels]) for g in expected])
    np.testing.assert_array_equal(found.edges, together.edges)
    np.testing.assert_array_equal(found.labels, together.labels)


def test_a_label_that_only_one_graph_has():
    class Odd(type(SPACE)):
        def graph(self, arch):
            graph = super().graph(arch)
            odd = arch == (4, 4, 4, 4, 4, 4)
            return Graph(
                graph.adjacency, ("input", "odd", *graph.labels[2:]) if odd else graph.labels
            )

    with pytest.raises(InvalidArgumentError, match="not in the vocabulary of 'nb201'"):
        graphs(Odd(), np.array([[4, 4, 4, 4, 4, 4]]))


def test_dropout_keeps_the_mean():
    made = network(**EVERY[0], dropout=0.25)
    ones = torch.ones(100, 100, dtype=torch.float64)
    dropped = made._drop(ones, torch.Generator().manual_seed(0))
    assert set(dropped.unique().tolist()) == {0.0, 1 / 0.75}
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)
    assert made._drop(ones, None) is ones


def test_ranking_loss_by_hand():
    model = GIN(SPACE, ranking_margin=0.5)
    outputs, targets = torch.tensor([1.0, 1.2, 0.0, 3.0]), torch.tensor([2.0, 1.0, 1.0, 3.0])
    lacking = [0.5 - (1.0 - 1.2), 0, 0, 0, 0]  # pairs 01, 02, 30, 31, 32; 1 and 2 are equal
    errors = (1.0 + 0.2 + 1.0 + 0.0) / 4
    assert model._loss(outputs, targets).item() == pytest.approx(errors + sum(lacking) / 5)
    assert model._loss(outputs[1:3], targets[1:3]).item() == pytest.approx(1.2 / 2)
    squares = GIN(SPACE, loss="mse")._loss(outputs, targets).item()
    assert squares == pytest.approx((1.0 + 0.04 + 1.0) / 4)


def test_remembers_twenty_examples():
    archs = np.unique(ARCHS[TRAIN], axis=0)[:20]
    targets = np.random.default_rng(1).normal(70, 5, size=20)
    settings = {"epochs": 200, "hidden": 16, "layers": 4, "batch": 20, "weight_decay": 0.0}
    found = fitted(archs=archs, targets=targets, **settings).predict(archs)
    np.testing.assert_allclose(found.mean, targets, atol=1.5)
    np.testing.assert_array_equal(found.std, np.zeros(20))


def test_ranks_unseen_networks():
    train, test = ORDER[:300], ORDER[300:2000]
    ranks = SPACE.rank_many(ARCHS)
    test = test[~np.isin(ranks[test], ranks[train])]
    model = GIN(SPACE, epochs=30, hidden=16).fit(ARCHS[train], TARGETS[train])
    assert kendalltau(model.predict(ARCHS[test]).mean, TARGETS[test]).statistic > 0.6


def test_answers_do_not_depend_on_how_many_are_asked_at_once():
    model = fitted(virtual_node=True)
    many = model.predict(ARCHS[:3000]).mean
    for i in (*range(20), 1023, 1024, 2999):
        assert model.predict(ARCHS[[i]]).mean[0] == many[i]
    assert model.predict(ARCHS[:0]).mean.shape == (0,)


def test_the_seed_alone_decides():
    state = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    first = fitted(2**64 - 1, dropout=0.1).predict(ARCHS[TEST]).mean
    torch.set_num_threads(2)
    try:
        again = fitted(2**64 - 1, dropout=0.1).predict(ARCHS[TEST]).mean
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(again, first)
    assert (fitted(1, dropout=0.1).predict(ARCHS[TEST]).mean != first).any()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_fitting_again_forgets():
    model = fitted()
    before = model.predict(ARCHS[:5]).mean
    model.fit(ARCHS[TEST], -TARGETS[TEST])
    assert (model.predict(ARCHS[:5]).mean < 0).all()
    model.fit(ARCHS[TRAIN], TARGETS[TRAIN])
    np.testing.assert_array_equal(model.predict(ARCHS[:5]).mean, before)


def test_restored_as_it_was(tmp_path):
    model = fitted(virtual_node=True)
    model.save(tmp_path)
    values = kept_hyperparameters(model)
    restored = GIN(SPACE, **json.loads(json.dumps(values))).restore(tmp_path)
    np.testing.assert_array_equal(restored.predict(ARCHS[TEST]), model.predict(ARCHS[TEST]))
    assert [path.name for path in tmp_path.iterdir()] == ["network.npz"]
    with pytest.raises(SurrogateError, match=r"'embedding\.weight' is .* for another space"):
        GIN(NB101(), **values).restore(tmp_path)
    with pytest.raises(SurrogateError, match="cannot read"):
        GIN(SPACE, **values | {"layers": 3}).restore(tmp_path)
    damaged = bytearray((tmp_path / "network.npz").read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (tmp_path / "network.npz").write_bytes(damaged)
    with pytest.raises(SurrogateError, match="cannot read"):
        GIN(SPACE, **values).restore(tmp_path)
    with pytest.raises(SurrogateError, match="cannot read"):
        GIN(SPACE, **values).restore(tmp_path / "nowhere")


def test_published_preset():
    values = hyperparameters(GIN, {"epochs": 4}, "nb301")
    model = GIN(SPACE, **values).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    assert kept_hyperparameters(model) == values == json.loads(json.dumps(values))
    assert np.isfinite(model.predict(ARCHS[TEST]).mean).all()


def test_two_examples():
    model = fitted(archs=ARCHS[[0, -1]], targets=np.array([1.0, 2.0]), virtual_node=True)
    assert np.isfinite(model.predict(ARCHS[:3]).mean).all()


def test_a_space_without_graphs():
    with pytest.raises(InvalidArgumentError, match="'fcnet' has no graph form"):
        GIN(FCNet())


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": 0},
        {"layers": 0},
        {"batch": 1},
        {"epochs": 0},
        {"dropout": 1.0},
        {"messages": "backward"},
        {"readout": "max"},
        {"loss": "gaussian"},
    ],
)
def test_impossible_hyperparameters(changes):
    with pytest.raises(InvalidArgumentError, match=next(iter(changes))):
        GIN(SPACE, **changes)
