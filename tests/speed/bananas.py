"""Processor time of BANANAS, beside one PyTorch model after another, in one run.

``python tests/speed/bananas.py [--trials 150] [--every 4]`` searches nb201-cifar10 and prints a
Markdown table. In the same search as by preset ``naszilla``, the plain way trains the same networks
as PyTorch modules one after the other, in single precision as is its default, with its Adam. Of
its fits, every ``--every``-th is measured, and scaled by the number of steps; nothing else of it is
counted.
"""

import argparse
from itertools import pairwise
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

import nasbench
from algorithms.bayesian.bananas import BANANAS

ID = "nb201-cifar10"
Numbers = NDArray[np.float64]


class Watched(BANANAS):
    """The same search, whose examples of every fit are kept."""

    fits: list[tuple[Numbers, Numbers]]

    def fit_and_predict(self, x: Numbers, y: Numbers, candidates: Numbers) -> tuple[Numbers, ...]:
        Watched.fits.append((x, y))
        return super().fit_and_predict(x, y, candidates)


def plain(x: Numbers, y: Numbers) -> None:
    """Train one PyTorch model after the other."""
    inputs, targets = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    for _ in range(5):
        modules: list[torch.nn.Module] = []
        for before, after in pairwise([x.shape[1], *[20] * 10]):
            modules += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        network = torch.nn.Sequential(*modules, torch.nn.Linear(20, 1))
        adam = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.9, 0.99))
        for _ in range(150):
            for chosen in torch.split(torch.randperm(len(y)), 32):
                adam.zero_grad()
                loss = (network(inputs[chosen])[:, 0] - targets[chosen]).abs().mean()
                loss.backward()
                adam.step()


def seconds(algorithm: type[BANANAS], preset: str | None, trials: int) -> float:
    """Processor time of a search."""
    before = process_time()
    budget = nasbench.Budget(trials=trials)
    nasbench.search(algorithm, ID, preset=preset, seeds=[0], budget=budget, replicate="mean")
    return process_time() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--every", type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    seconds(BANANAS, None, 11)  # imports and tables are not measured
    defaults = seconds(BANANAS, None, args.trials)
    Watched.fits = []
    ours = seconds(Watched, "naszilla", args.trials)
    print("| | processor seconds | times faster |\n|---|--:|--:|", flush=True)
    theirs, measured = 0.0, 0
    for x, y in Watched.fits[:: args.every]:
        before = process_time()
        plain(x, y)
        theirs += process_time() - before
        measured += -(-len(y) // 32)
    theirs *= sum(-(-len(y) // 32) for _, y in Watched.fits) / measured
    print(f"| `bananas`, defaults | {defaults:.2f} | {theirs / defaults:.1f} |")
    print(f"| `bananas`, preset `naszilla` | {ours:.2f} | {theirs / ours:.1f} |")
    print(f"| its fits, one PyTorch model after another | {theirs:.1f} | 1.0 |")
    print(f"\nSearches of {args.trials} trials on {ID}.")


if __name__ == "__main__":
    main()
