"""A surrogate as it is used: opening it, asking it, searching it; seconds of the processor.

``python tests/speed/surrogate_search.py`` fits the default surrogate (ten members of 300 trees of
depth 6, for accuracy and for seconds) to 1,000 architectures of nb201-cifar100.
"""

import random
import tempfile
from pathlib import Path
from time import process_time, sleep

import numpy as np

import nasbench
from surrogates.fit import fit

TRIALS, ROUNDS = 1000, 5


def least(do, rounds: int = ROUNDS) -> float:
    """The least seconds of several rounds."""
    found = []
    for _ in range(rounds):
        start = process_time()
        do()
        found.append(process_time() - start)
        sleep(0.1)
    return min(found)


def main() -> None:
    """Fit, measure and print a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        path = fit("nb201-cifar100", Path(folder), train=1000, searches=0).path
        arch = (3, 3, 3, 1, 3, 2)
        rng = random.Random(0)

        def opened():
            benchmark = nasbench.load(path)
            benchmark.query(arch)
            return benchmark

        def new_architectures():
            benchmark = opened()
            archs = [benchmark.space.sample(rng) for _ in range(TRIALS)]
            return least(lambda: [benchmark.evaluate(a, seed=1) for a in archs], 1)

        benchmark = opened()
        every = np.array(list(benchmark.space.archs()))
        budget = nasbench.Budget(trials=TRIALS)
        cold = min(new_architectures() for _ in range(ROUNDS)) / TRIALS
        batch = least(lambda: benchmark.query_many(every, "valid_accuracy"))
        search = least(lambda: nasbench.search("regularized_evolution", path, budget=budget))
        rows = {
            "opening and the first answer": f"{least(opened):.2f} s",
            "a new architecture, one training with its seconds": f"{cold * 1e6:.0f} µs",
            f"all {len(every):,} architectures at once": f"{len(every) / batch:,.0f} a second",
            f"regularized evolution, {TRIALS:,} trials, opening included": f"{search:.2f} s",
        }
    print("| what | measured |\n|---|---|")
    for what, measured in rows.items():
        print(f"| {what} | {measured} |")


if __name__ == "__main__":
    main()
