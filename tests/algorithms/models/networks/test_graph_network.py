"""Networks beside plain readings: one graph after the other, node by node."""

import random

import pytest

from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="graph networks need the extra torch")

from algorithms.models.networks.graph_inputs import GraphInputs, Graphs  # noqa: E402
from algorithms.models.networks.graph_network import GIN, DirectedGCN, GlobalGCN  # noqa: E402
from algorithms.models.networks.training import Training  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def examples(space, n, seed=0):
    rng = random.Random(seed)
    inputs = GraphInputs(space)
    return inputs.graphs([space.sample(rng) for _ in range(n)]), inputs.n_labels


def made(kind, n_labels, seed=0):
    if kind == "gcn":
        return DirectedGCN(
            n_labels, hidden=5, layers=3, head=4, dropout=0.0, generator=generator(seed)
        )
    if kind == "gin":
        return GIN(
            n_labels,
            hidden=5,
            layers=3,
            head=4,
            outputs=2,
            activation="celu",
            generator=generator(seed),
        )
    return GlobalGCN(
        n_labels, hidden=5, layers=3, norm=kind, dropout=0.0, generator=generator(seed)
    )


KINDS = ["gcn", "gin", "layer", "batch"]
SPACES = [NB201(), NB101()]


# Plain readings: a graph is (neighbours to receive from, features) of its own nodes


def taken_apart(graphs):
    """Edges as a list of pairs and features of every graph, without padding."""
    for edges, nodes, present in zip(*graphs, strict=True):
        n = int(present.sum())
        yield [(i, j) for i in range(n) for j in range(n) if edges[i, j]], list(nodes[:n])


def plain_gcn(network, graphs):
    results = []
    for edges, states in taken_apart(graphs):
        n = len(states)
        along = torch.eye(n, dtype=torch.float64)
        for i, j in edges:
            along[i, j] = 1
        along = along / along.sum(1, keepdim=True)
        against = along.T / along.T.sum(1, keepdim=True)
        for weights in network.convolutions:
            one, two = weights.chunk(2, 1)
            states = [
                (
                    torch.relu(sum(along[i, j] * states[j] @ one for j in range(n)))
                    + torch.relu(sum(against[i, j] * states[j] @ two for j in range(n)))
                )
                / 2
                for i in range(n)
            ]
        results.append(network.fc2(network.fc1(sum(states) / n))[0])
    return torch.stack(results)


def normalised(all_states, norm):
    """Batch normalisation by the statistics of all nodes of all graphs."""
    together = torch.stack([state for states in all_states for state in states])
    mean, variance = together.mean(0), together.var(0, unbiased=False)
    return [
        [(s - mean) / torch.sqrt(variance + 1e-5) * norm.weight + norm.bias for s in states]
        for states in all_states
    ]


def plain_gin(network, graphs):
    apart = list(taken_apart(graphs))
    all_edges, all_states = [edges for edges, _ in apart], [states for _, states in apart]
    celu = torch.nn.functional.celu
    for inner, outer, norm in zip(network.inner, network.outer, network.norms, strict=True):
        new = []
        for edges, states in zip(all_edges, all_states, strict=True):
            sums = [
                states[j] + sum((states[i] for i, k in edges if k == j), 0 * states[j])
                for j in range(len(states))
            ]
            new.append([celu(outer(torch.relu(inner(s)))) for s in sums])
        all_states = normalised(new, norm)
    pooled = [sum(states) / len(states) for states in all_states]
    return torch.stack(
        [torch.cat([network.last[k](celu(network.before[k](p))) for k in range(2)]) for p in pooled]
    )


def plain_global(network, graphs, norm_kind):
    """The node that receives from all is the last one here."""
    all_edges, all_states = [], []
    for edges, states in taken_apart(graphs):
        n, zero = len(states), torch.zeros(1, dtype=torch.float64)
        all_states.append(
            [torch.cat([s, zero]) for s in states] + [torch.cat([0 * states[0], zero + 1])]
        )
        pairs = edges if norm_kind == "batch" else [(j, i) for i, j in edges]
        all_edges.append([*pairs, *((i, n) for i in range(n))])
    for linear, norm in zip(network.linears, network.norms, strict=True):
        new = [
            [
                linear(states[j] + sum((states[i] for i, k in edges if k == j), 0 * states[j]))
                for j in range(len(states))
            ]
            for edges, states in zip(all_edges, all_states, strict=True)
        ]
        if norm_kind == "batch":
            new = normalised(new, norm)
        else:
            new = [
                [
                    (s - s.mean()) / torch.sqrt(s.var(unbiased=False) + 1e-5) * norm.weight
                    + norm.bias
                    for s in states
                ]
                for states in new
            ]
        all_states = [[torch.relu(s) for s in states] for states in new]
    return torch.stack([states[-1] for states in all_states])


def plain(kind, network, graphs):
    if kind == "gcn":
        return plain_gcn(network, graphs)
    return plain_gin(network, graphs) if kind == "gin" else plain_global(network, graphs, kind)


@pytest.mark.parametrize("space", SPACES, ids=repr)
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_is_that_of_the_plain_reading(kind, space):
    """Outputs, and all weights after one step of Adam with L2 penalty."""
    graphs, n_labels = examples(space, 4)
    network, twin = made(kind, n_labels), made(kind, n_labels)
    inputs = network.prepare(graphs)

    def loss(outputs):
        return (outputs - torch.arange(4.0).view(4, *[1] * (outputs.ndim - 1))).square().mean()

    outputs, expected = network(inputs, None), plain(kind, twin, graphs)
    torch.testing.assert_close(outputs, expected)
    training = Training(epochs=1, batch_size=4, learning_rate=0.1, weight_decay=0.01)
    training.run(network, 4, lambda rows: loss(network(inputs, None)), generator())
    gradients = torch.autograd.grad(loss(expected), list(twin.parameters()))
    for weight, old, gradient in zip(
        network.parameters(), twin.parameters(), gradients, strict=True
    ):
        slope = gradient + 0.01 * old  # the first step of Adam is that, divided by its size
        step = 0.1 * slope / (slope.abs() + 1e-8)
        sure = slope.abs() > 1e-10  # where the gradient is rounding, its sign is, too
        torch.testing.assert_close(weight[sure], (old - step)[sure], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbering_of_nodes_does_not_matter(kind):
    graphs, n_labels = examples(NB101(), 6)
    order = torch.randperm(graphs.present.shape[1], generator=generator(1))
    shuffled = Graphs(
        graphs.edges[:, order][:, :, order], graphs.nodes[:, order], graphs.present[:, order]
    )
    network = made(kind, n_labels)
    for training in (True, False):
        network.train(training)
        torch.testing.assert_close(
            network(network.prepare(graphs), None), network(network.prepare(shuffled), None)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_do_not_depend_on_other_graphs(kind):
    graphs, n_labels = examples(NB101(), 40)
    network = made(kind, n_labels)
    network(network.prepare(graphs), generator())  # statistics of batch normalisation
    together = network.outputs(network.prepare(graphs))
    for i in range(5):
        k = int(graphs.present[i].sum())
        alone = Graphs(
            graphs.edges[i : i + 1, :k, :k],
            graphs.nodes[i : i + 1, :k],
            graphs.present[:1, :k] * 0 + 1,
        )
        torch.testing.assert_close(network.outputs(network.prepare(alone))[0], together[i])


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_and_dropout_come_from_the_generator(kind):
    before = torch.get_rng_state()
    same, again, other = made(kind, 4), made(kind, 4), made(kind, 4, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    vectors = [torch.nn.utils.parameters_to_vector(n.parameters()) for n in (same, again, other)]
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])


def test_dropout_keeps_the_mean():
    graphs, n_labels = examples(NB201(), 2)
    network = GlobalGCN(
        n_labels, hidden=2000, layers=1, norm="layer", dropout=0.25, generator=generator()
    )
    inputs = network.prepare(graphs)
    whole, dropped = network(inputs, None), network(inputs, generator())
    active = whole > 0
    assert float((dropped[active] == 0).double().mean()) == pytest.approx(0.25, abs=0.05)
    kept = active & (dropped != 0)
    torch.testing.assert_close(dropped[kept], whole[kept] / 0.75)
