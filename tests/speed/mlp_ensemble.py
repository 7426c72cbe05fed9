"""Ensembles of networks: processor time of a search's fits, beside one PyTorch model at a time.

``python tests/speed/mlp_ensemble.py`` makes the 14 fits of a BANANAS search of 150 queries: five
networks of ten layers of 20 units, 150 epochs, on 10, 20, … 140 architectures of nb201. The plain
way builds the same networks as PyTorch modules, in single precision as is its default, and trains
one after the other with its Adam; it is measured for every ``--every``-th fit and scaled by the
number of steps.
"""

import argparse
from itertools import pairwise
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from algorithms.models.features import Features
from algorithms.models.networks.mlp_ensemble import MLPEnsemble, Training
from nasbench.spaces.nb201 import NB201

SIZES = range(10, 150, 10)
SHAPES = [(10, 20)] * 5
TRAINING = Training()


def plain(x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Train one PyTorch model after the other."""
    inputs, targets = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    for layers, width in SHAPES:
        sizes = [x.shape[1], *[width] * layers]
        modules: list[torch.nn.Module] = []
        for before, after in pairwise(sizes):
            modules += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        network = torch.nn.Sequential(*modules, torch.nn.Linear(width, 1))
        adam = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.9, 0.99))
        for _ in range(TRAINING.epochs):
            for chosen in torch.split(torch.randperm(len(y)), TRAINING.minibatch):
                adam.zero_grad()
                loss = (network(inputs[chosen])[:, 0] - targets[chosen]).abs().mean()
                loss.backward()
                adam.step()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    space, rng = NB201(), np.random.default_rng(0)
    archs = list(space.archs())
    features = Features(space, "path", 40)
    ensemble = MLPEnsemble(SHAPES, TRAINING)
    ours = theirs = 0.0
    steps = measured = 0
    for number, n in enumerate(SIZES):
        x = features([archs[i] for i in rng.permutation(len(archs))[:n].tolist()])
        y = rng.standard_normal(n)
        fit_steps = -(-n // TRAINING.minibatch)
        before = process_time()
        ensemble.fit(x, y, rng)
        ours += process_time() - before
        steps += fit_steps
        if number % args.every == 0:
            before = process_time()
            plain(x, y)
            theirs += process_time() - before
            measured += fit_steps
    theirs *= steps / measured
    print("| 14 fits of five networks | processor time |\n|---|--:|")
    print(f"| all members together, NumPy, double precision | {ours:.2f} s |")
    print(f"| one PyTorch model at a time, single precision | {theirs:.1f} s |")
    print(f"| ratio | {theirs / ours:.1f} |")


if __name__ == "__main__":
    main()
