"""Searches with graph predictors, and their training beside the plain way, in one run.

``python tests/speed/graph_predictors.py [--trials 150] [--seeds 1]`` prints seconds of processor
time of a search on nb201-cifar10 by each method, and milliseconds of a training step of each
network on one thread, beside the plain way: a forward pass for every graph of the batch on its own,
and PyTorch's Adam.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch

import nasbench
from algorithms.models.networks.graph_inputs import Graphs, graph_inputs
from algorithms.models.networks.graph_network import GIN, DirectedGCN, GlobalGCN, GraphNetwork
from algorithms.models.networks.training import Adam
from nasbench.spaces.nb201 import NB201

METHODS = ("neural_predictor", "npenas", "brp_nas", "bonas")
STEPS = 40


def networks(n_labels: int, seed: int) -> dict[str, tuple[GraphNetwork, int]]:
    """The networks of the defaults and their batch sizes."""
    generator = torch.Generator().manual_seed(seed)
    gcn = DirectedGCN(n_labels, hidden=144, layers=4, head=128, dropout=0.1, generator=generator)
    gin = GIN(
        n_labels, hidden=32, layers=3, head=16, outputs=1, activation="relu", generator=generator
    )
    relation = GlobalGCN(
        n_labels, hidden=64, layers=4, norm="layer", dropout=0.2, generator=generator
    )
    bonas = GlobalGCN(n_labels, hidden=64, layers=4, norm="batch", dropout=0.0, generator=generator)
    return {
        "neural_predictor (GCN)": (gcn, 7),
        "npenas (GIN)": (gin, 16),
        "brp_nas (GCN)": (relation, 32),
        "bonas (GCN)": (bonas, 16),
    }


def milliseconds(step: Callable[[], object]) -> float:
    """Median processor time of a step."""
    found = []
    for number in range(STEPS + 5):
        start = time.thread_time()
        step()
        if number >= 5:  # the first ones warm up
            found.append(time.thread_time() - start)
    return statistics.median(found) * 1e3


def ours(network: GraphNetwork, graphs: Graphs, batch: int) -> Callable[[], None]:
    inputs = network.prepare(graphs)
    generator = torch.Generator().manual_seed(0)
    adam = Adam(
        network, beta1=0.9, beta2=0.999, weight_decay=1e-4, decoupled=False, bias_factor=1.0
    )

    def step() -> None:
        rows = torch.randperm(len(inputs.first), generator=generator)[:batch]
        adam.step(network(inputs.rows(rows), generator).square().mean(), 1e-3)

    return step


def plain(network: GraphNetwork, graphs: Graphs, batch: int) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)
    adam = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-4)

    def step() -> None:
        rows = torch.randperm(len(graphs.nodes), generator=generator)[:batch].tolist()
        outputs = [
            network(network.prepare(Graphs(*(part[row : row + 1] for part in graphs))), generator)
            for row in rows
        ]
        adam.zero_grad()
        torch.autograd.backward(torch.cat(outputs).square().mean())
        adam.step()

    return step


def search_seconds(method: str, trials: int, seed: int) -> tuple[float, float]:
    """Processor time of a search, and its lowest loss on mean values."""
    start = time.process_time()
    (run,) = nasbench.search(
        method,
        "nb201-cifar10",
        seeds=[seed],
        budget=nasbench.Budget(trials=trials),
        replicate="mean",
    )
    return time.process_time() - start, float(run.losses[:, 0].min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    space = NB201()
    inputs = graph_inputs(space)
    rng = random.Random(0)
    graphs = inputs.graphs([space.sample(rng) for _ in range(100)])
    print("| network | batch | ms a step | plain way | ratio |\n|---|---|---|---|---|")
    for (name, (network, batch)), (twin, _) in zip(
        networks(inputs.n_labels, 0).items(), networks(inputs.n_labels, 0).values(), strict=True
    ):
        fast = milliseconds(ours(network, graphs, batch))
        slow = milliseconds(plain(twin, graphs, batch))
        print(f"| {name} | {batch} | {fast:.2f} | {slow:.2f} | {slow / fast:.1f} |", flush=True)
    print(f"\n| method | seconds for {options.trials} trials | lowest loss |\n|---|---|---|")
    for method in METHODS:
        found = [search_seconds(method, options.trials, seed) for seed in range(options.seeds)]
        seconds, losses = zip(*found, strict=True)
        row = f"{statistics.mean(seconds):.1f} | {statistics.mean(losses):.3f}"
        print(f"| {method} | {row} |", flush=True)


if __name__ == "__main__":
    main()
