"""A first-order DARTS search beside the plain loop: one Python pass an operation and edge.

``python tests/speed/supernets.py [--table lite201-digits] [--epochs 3] [--rounds 5]`` trains the
same supernet both ways, in turns, and prints processor seconds of a search on one thread and their
ratio; then the share that convolutions, the same in both, take of either; last, what a pass forward
and back of several supernets in one program takes for each, beside one after another.
"""

import argparse
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

import nasbench
from algorithms.oneshot.relaxed.darts import DARTS
from data_builders.supernets.factory import SupernetFactory
from data_builders.supernets.shared201 import SharedCell
from data_builders.supernets.shared_network import Mixture
from nasbench.spaces.nb201 import CONV1, CONV3, EDGES, POOL, SKIP
from nasbench.supernet import Answer, Batch


class PlainCell(nn.Module):
    """A mixed operation an edge, as in the code of the papers."""

    def __init__(self, cell: SharedCell) -> None:
        super().__init__()
        self.cell = cell

    def operation(self, edge: int, option: int, x: Tensor) -> Tensor:
        """What an operation makes of its source."""
        if option == SKIP:
            return x
        if option == POOL:
            return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        if option in (CONV1, CONV3):
            weight = self.cell.weight(edge, option)
            y = F.conv2d(F.relu(x), weight, padding=weight.shape[-1] // 2)
            return F.batch_norm(y, None, None, training=True)
        return x.mul(0.0)

    def forward(self, x: Tensor, mixture: Mixture) -> Tensor:
        """Features of node 3."""
        nodes: list[Any] = [x]
        for node in (1, 2, 3):
            incoming = [(e, i) for e, (i, j) in enumerate(EDGES) if j == node]
            nodes.append(
                sum(
                    sum(
                        mixture.gates[e, option] * self.operation(e, option, nodes[i])
                        for option in range(5)
                    )
                    for e, i in incoming
                )
            )
        result: Tensor = nodes[3]
        return result


class PlainDARTS(DARTS):
    """Goes back to all parameters in either step, as the code of the papers."""

    def descend(self, loss: Tensor) -> None:
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    def learn_weights(self, train: Batch) -> Answer:
        answer = self.answer(train)
        self.optimizer.sgd.zero_grad()
        answer.loss.backward()
        self.optimizer.update()
        return answer


def seconds(table: str, epochs: int, plain: bool) -> tuple[float, float]:
    """Processor seconds of a search, and its last validation loss."""
    benchmark = nasbench.load(table)
    factory = SupernetFactory(benchmark)

    def made(**options: Any) -> Any:
        net = factory(**options)
        if plain:
            shared: Any = net.network
            shared.stages = [[PlainCell(cell) for cell in stage] for stage in shared.stages]
        return net

    search = (PlainDARTS if plain else DARTS)(
        benchmark.space,
        fidelities=benchmark.fidelities,
        seed=0,
        supernets=made,
        epochs=epochs,
    )
    start = process_time()
    search.ask()
    return process_time() - start, search.history[-1]["valid_loss"]


def convolutions(table: str, plain: bool) -> float:
    """Share of the processor time of a search's tensor operations that convolutions take."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        seconds(table, 1, plain)
    spent = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    kernels = ("aten::mkldnn_convolution", "aten::convolution_backward")
    whole = sum(time for name, time in spent.items() if name.startswith("aten::"))
    return float(sum(spent[name] for name in kernels) / whole)


def normalised(
    y: Tensor, mean_so_far: None, variance_so_far: None, weight: Tensor, bias: Tensor, *_: object,
    **__: object,
) -> Tensor:  # fmt: skip
    """What ``F.batch_norm`` does in training, in operations that can be stacked."""
    variance, mean = torch.var_mean(y, (0, 2, 3), correction=0, keepdim=True)
    scale = weight.view(1, -1, 1, 1) * (variance + 1e-5).rsqrt()
    return (y - mean) * scale + bias.view(1, -1, 1, 1)


def passes(table: str, seeds: int, rounds: int) -> tuple[float, float]:
    """Processor seconds of a pass of one of several supernets: one after another, and stacked."""
    factory = SupernetFactory(nasbench.load(table))
    nets = [factory(seed=seed) for seed in range(seeds)]
    network, n_decisions, n_options = nets[0].network, *nets[0].shape
    computed = [[option not in nets[0].nothing for option in range(n_options)]] * n_decisions
    batches = [next(net.train_batches(0)) for net in nets]
    x, y = (torch.stack(part) for part in zip(*batches, strict=True))
    names = [name for name, _ in network.named_parameters()]
    weights = [
        torch.stack(same).detach() for same in zip(*(n.weights() for n in nets), strict=True)
    ]

    def loss(values: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        mixture = Mixture(
            gates=torch.full((n_decisions, n_options), 1 / n_options), active=computed, edges=None,
            ghosts=None, drop_path=0.0, skip_dropout=0.0, generator=nets[0].generator,
        )  # fmt: skip
        given = dict(zip(names, values, strict=True))
        return F.cross_entropy(functional_call(network, given, (x, mixture)), y)

    def one_after_another() -> None:
        for seed in range(seeds):
            own = [value[seed].requires_grad_() for value in weights]
            torch.autograd.grad(loss(own, x[seed], y[seed]), own)

    def stacked() -> None:
        own = [value.clone().requires_grad_() for value in weights]
        with patch.object(F, "batch_norm", normalised):
            torch.autograd.grad(vmap(loss)(own, x, y).sum(), own)

    found = []
    for way in (one_after_another, stacked):
        way()
        start = process_time()
        for _ in range(rounds):
            way()
        found.append((process_time() - start) / rounds / seeds)
    return found[0], found[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="lite201-digits")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stacked", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seconds(given.table, 1, False)
    rounds = [
        (seconds(given.table, given.epochs, False), seconds(given.table, given.epochs, True))
        for _ in range(given.rounds)
    ]
    ours, theirs = median(a[0] for a, _ in rounds), median(b[0] for _, b in rounds)
    print(f"last validation loss: {rounds[0][0][1]:.6f}, plain {rounds[0][1][1]:.6f}")
    print(f"{ours:.2f} s, plain {theirs:.2f} s: {theirs / ours:.2f} times as fast")
    shares = [convolutions(given.table, plain) for plain in (False, True)]
    print(f"convolutions: {shares[0]:.0%} of ours, {shares[1]:.0%} of the plain loop")
    alone, together = passes(given.table, given.stacked, 4 * given.rounds)
    print(
        f"a pass: {1e3 * alone:.2f} ms one after another, {1e3 * together:.2f} ms of "
        f"{given.stacked} stacked: {alone / together:.2f} times as fast"
    )


if __name__ == "__main__":
    main()
