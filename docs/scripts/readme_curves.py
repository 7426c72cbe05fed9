"""The picture of the README: regret curves of six algorithms, one of each kind.

``python docs/scripts/readme_curves.py [--seeds 500] [--processes 2] [--runs runs/results/single]``
runs what the folder of records does not hold yet and draws ``docs/readme-curves.svg``. The records
are some of those of ``docs/scripts/results.py``. Needs the extra ``leaderboard`` and matplotlib.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from pages import save, style

import nasbench
from leaderboard import curves
from leaderboard.scores import rank
from nasbench.runs.records import Records
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Setup

BENCHMARK = "nb201-cifar10"
BUDGET = nasbench.Budget(trials=300)
COLOURS = {
    "random_search": "#737373",
    "mcts_uct": "#CC79A7",
    "regularized_evolution": "#D55E00",
    "reinforce": "#E69F00",
    "local_search": "#0072B2",
    "cross_entropy": "#009E73",
}
"""Colours of Okabe and Ito, which colour-blind readers tell apart."""


def searched(seeds: int, processes: int, out: Path) -> list[Records]:
    """The records of the six; what the folder holds already is not run again."""
    setups = [Setup(algorithm=name, benchmark=BENCHMARK, budget=BUDGET) for name in COLOURS]
    return [record_seeds(setup, range(seeds), out, processes=processes) for setup in setups]


def label_ends(axes: Axes, ends: Mapping[str, float], x: float, gap: float) -> None:
    """Names beside the ends of their curves, moved apart where they would touch.

    Args:
        axes: With a logarithmic ordinate.
        ends: Last value of every curve.
        x: Where the curves end.
        gap: Least ratio of the heights of two names.
    """
    height = 0.0
    for name, value in sorted(ends.items(), key=lambda end: end[1]):
        height = max(value, height * gap)
        axes.text(x * 1.06, height, name.replace("_", " "), color=COLOURS[name], va="center")


def draw(records: list[Records], seeds: int) -> None:
    """One panel: mean regret over trials, with the 95 % interval over seeds."""
    (board,) = rank(records)
    drawn = curves.drawn(board)["evaluations"]
    figure, axes = plt.subplots(figsize=(7.2, 4.4))
    ends = {}
    for name, colour in COLOURS.items():
        line = drawn[name]
        axes.fill_between(line.at, line.low, line.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(line.at, line.mean, color=colour, linewidth=2.2, solid_capstyle="round")
        ends[name] = float(line.mean[-1])
    trials = float(line.at[-1])
    axes.set(xscale="log", yscale="log", xlim=(8, trials), ylim=(0.04, 2.2))
    axes.set(xticks=[10, 30, 100, 300], xticklabels=["10", "30", "100", "300"])
    axes.set(
        yticks=[0.05, 0.1, 0.2, 0.5, 1, 2], yticklabels=["0.05", "0.1", "0.2", "0.5", "1", "2"]
    )
    axes.minorticks_off()
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("trials, each the training of one architecture")
    axes.set_title(
        f"{BENCHMARK}: percentage points of validation accuracy\n"
        f"below the best cell, mean of {seeds:,} searches",
        fontsize=13,
        pad=12,
    )
    label_ends(axes, ends, trials, gap=1.24)
    figure.subplots_adjust(left=0.085, right=0.715, top=0.845, bottom=0.125)
    save(figure, "readme-curves")


def main() -> None:
    """Parse the command line, run, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/results/single"))
    given = parser.parse_args()
    style()
    mpl.rcParams.update({"font.size": 12.5, "svg.fonttype": "path", "axes.edgecolor": "0.5"})
    draw(searched(given.seeds, given.processes, given.runs), given.seeds)


if __name__ == "__main__":
    main()
