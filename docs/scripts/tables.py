"""Pictures of the tables that this suite trained: ``python docs/scripts/tables.py``.

For each, beside ``tables.md``: how accuracies are distributed, accuracy against multiplications,
and the same classes as published in NAS-Bench-201. Needs matplotlib.
"""

import argparse

import numpy as np
from matplotlib import pyplot as plt
from pages import save, style
from scipy.stats import spearmanr

from nasbench.benchmarks.catalogue import catalogue, open_table
from nasbench.benchmarks.table_benchmark import TableBenchmark

PUBLISHED = "nb201-cifar10"


def draw(id_: str) -> None:
    """Three panels for one table, a point an architecture class."""
    benchmark, published = (TableBenchmark(open_table(name)) for name in (id_, PUBLISHED))
    ranks = np.unique(benchmark.table.ranks)
    archs = np.array([benchmark.space.unrank(rank) for rank in ranks.tolist()])
    valid, test, macs = (
        benchmark.query_many(archs, name) for name in ("valid_accuracy", "test_accuracy", "macs")
    )
    known = published.query_many(archs, "valid_accuracy")
    distinct = (benchmark.space.function_many(archs) == archs).all(axis=1)
    low = np.quantile(valid, 0.02)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    bins = np.linspace(low, max(valid.max(), test.max()), 80)
    for values, label in ((valid, "validation"), (test, "test")):
        left.hist(values, bins, histtype="step", label=label)
    left.set(title=f"{id_}: {len(archs):,} classes", xlabel="accuracy, %", ylabel="classes")
    left.legend(loc="upper left")
    dots = {"s": 2, "linewidths": 0, "alpha": 0.5, "rasterized": True}
    middle.scatter(macs / 1e6, valid, **dots)
    middle.set(xlabel="million multiplications an image", ylabel="validation accuracy, %")
    middle.set(ylim=(low, bins[-1]))
    right.scatter(known, valid, **dots)
    correlation = spearmanr(known[distinct], valid[distinct]).statistic
    right.set(title=f"Spearman {correlation:.2f}", xlabel=f"{PUBLISHED}, %")
    right.set(xlim=(np.quantile(known, 0.08), known.max() + 0.5), ylim=(low, bins[-1]))
    save(figure, f"tables-{id_}")


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    ours = [name for name in catalogue() if name.startswith("lite201-")]
    parser.add_argument("--table", choices=ours, help="only this table")
    only = parser.parse_args().table
    style()
    for id_ in [only] if only else ours:
        draw(id_)


if __name__ == "__main__":
    main()
