"""What the tables of sequence models show: figures and tables of ``seqmix.md``.

``python docs/scripts/seqmix.py [--seeds 100]`` writes both from the tables alone; the two searches
take some seconds. Needs the extra ``leaderboard`` and matplotlib.
"""

import argparse
from functools import cached_property
from itertools import combinations, product

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pages import DOCS, fill, markdown_table, save, style
from scipy.stats import kendalltau, rankdata, spearmanr

import nasbench
from data_builders.plan import load_plan
from data_builders.studies.noise import tau_between_seeds, tau_in_top_quarter
from data_builders.studies.pilot import edges
from data_builders.training.courses import course_of
from data_builders.training.task_course import SCORED
from leaderboard.courses import Course
from leaderboard.fronts import FrontLandscape
from leaderboard.statistics import interval
from nasbench.benchmarks.catalogue import open_table
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.spaces.seqmix import IDENTITY, LAYERS, MIXERS

PAGE = DOCS / "seqmix.md"
TASKS = ("copy", "recall", "state")
"""Tasks whose tables ship."""
MIXING = MIXERS[1:]
SHORT = {
    "attention": "attention",
    "window_attention": "window",
    "linear_attention": "linear",
    "gated_convolution": "convolution",
    "gated_recurrence": "recurrence",
    "mlp": "MLP",
}
TRIALS = 150
OBJECTIVES = ("valid_accuracy", "macs")


class Results:
    """The numbers of one table, a row an architecture class."""

    def __init__(self, task: str) -> None:
        self.task = task
        self.benchmark = TableBenchmark(open_table(f"seqmix-{task}"))
        space = self.benchmark.space
        tuples = np.array(list(space.archs()))
        self.archs = tuples[(space.canonical_many(tuples) == tuples).all(axis=1)]

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.benchmark.seeds

    def by_seed(self, metric: str) -> NDArray[np.float64]:
        """Shape ``(n_seeds, n_classes)``."""
        return np.stack([self.benchmark.query_many(self.archs, metric, seed=s) for s in self.seeds])

    @cached_property
    def valid(self) -> NDArray[np.float64]:
        means: NDArray[np.float64] = self.by_seed("valid_accuracy").mean(axis=0)
        return means

    @cached_property
    def test(self) -> NDArray[np.float64]:
        means: NDArray[np.float64] = self.by_seed("test_accuracy").mean(axis=0)
        return means

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Rows from the best validation accuracy on; of equal ones, from the lowest loss on."""
        losses = self.by_seed("valid_loss").mean(axis=0)
        return np.lexsort((losses, -self.valid))

    @cached_property
    def guess(self) -> float:
        """Validation accuracy, in percent, of the best guess that solves nothing of the task."""
        return course_of(load_plan(self.benchmark.name).recipe).guess

    def column(self, name: str) -> NDArray[np.float64]:
        """A number of the architecture."""
        return self.benchmark.query_many(self.archs, name)

    def text(self, row: int) -> str:
        names = [MIXERS[option] for option in self.archs[row] if option != IDENTITY]
        return f"`{'-'.join(names)}`"


def grid(results: list[Results]) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each table, two in a row, as wide as a phone can show."""
    rows = -(-len(results) // 2)
    figure, panels = plt.subplots(
        rows, 2, figsize=(6.8, 2.9 * rows), squeeze=False, layout="constrained"
    )
    used, unused = panels.flat[: len(results)], panels.flat[len(results) :]
    for axes in unused:
        axes.set_visible(False)
    return figure, list(used)


def noise(results: list[Results]) -> str:
    """How far classes and seeds differ."""
    rows = []
    for each in results:
        by_seed = each.by_seed("valid_accuracy")
        means = by_seed.mean(axis=0)
        top, floor = edges(means, each.guess)
        rows.append(
            [
                each.task,
                f"{means.min():.1f} to {means.max():.1f}",
                f"{means.std(ddof=1):.2f}",
                f"{np.sqrt(by_seed.var(axis=0, ddof=1).mean()):.2f}",
                f"{tau_between_seeds(by_seed):.2f}",
                f"{tau_in_top_quarter(by_seed):.2f}",
                f"{kendalltau(each.valid, each.test).statistic:.2f}",
                f"{100 * top:.0f}",
                f"{each.guess:.1f}",
                f"{100 * floor:.0f}",
            ]
        )
    names = ["accuracy, %", "sd between classes", "sd between seeds", "tau between seeds"]
    names += ["in the top quarter of a third seed", "tau valid-test", "at the ceiling, %"]
    names += ["best guess, %", "classes no better, %"]
    return column_a_task("", names, rows)


def column_a_task(label: str, names: list[str], tasks: list[list[str]]) -> str:
    """A table of rows with these names, from a list for each task: its name, then its values."""
    head, *rows = zip([label, *names], *tasks, strict=True)
    return markdown_table(head, rows)


def effects(results: list[Results]) -> str:
    """Mean accuracy by mixer and layer, over the 1,296 networks of four layers; a picture."""
    figure, panels = grid(results)
    rows = []
    for axes, each in zip(panels, results, strict=True):
        deep = (each.archs != IDENTITY).all(axis=1)
        archs, test = each.archs[deep], each.test[deep]
        means = np.array(
            [
                [test[archs[:, layer] == option].mean() for layer in range(LAYERS)]
                for option in range(1, len(MIXERS))
            ]
        )
        axes.imshow(means, aspect="auto", cmap="viridis")
        axes.set(title=f"{each.task}, mean test accuracy, %", xlabel="layer")
        axes.set_xticks(range(LAYERS), [str(layer + 1) for layer in range(LAYERS)])
        axes.set_yticks(range(len(MIXING)), [SHORT[name] for name in MIXING])
        middle = (means.min() + means.max()) / 2
        for (i, j), value in np.ndenumerate(means):
            colour = "black" if value > middle else "white"
            axes.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour)
        for side in axes.spines.values():
            side.set_visible(False)
        gains = [" / ".join(f"{gain:+.1f}" for gain in row) for row in inserted(each)]
        rest = each.by_seed("test_accuracy")[:, deep].var(axis=0, ddof=1).mean() / len(each.seeds)
        shares = [additive(archs, test), rest / test.var()]
        rows.append([each.task, *gains, *(f"{100 * share:.0f}" for share in shares)])
    save(figure, "seqmix-effects")
    names = [*(SHORT[name] for name in MIXING), "sum of effects, %", "noise of the mean, %"]
    return column_a_task("mixer", names, rows)


def inserted(results: Results) -> NDArray[np.float64]:
    """What a mixer adds to a network of three layers as its layer 1, 2, 3 or 4.

    Returns:
        Points of test accuracy, mean over all 216 networks, shape ``(n_mixers, LAYERS)``.
    """
    test = dict(zip(map(tuple, results.archs.tolist()), results.test.tolist(), strict=True))
    shallow = list(product(range(1, len(MIXERS)), repeat=LAYERS - 1))
    before = np.mean([test[*arch, IDENTITY] for arch in shallow])
    after = [
        [
            np.mean([test[*a[:layer], option, *a[layer:]] for a in shallow])
            for layer in range(LAYERS)
        ]
        for option in range(1, len(MIXERS))
    ]
    gains: NDArray[np.float64] = np.array(after) - before
    return gains


def additive(archs: NDArray[np.integer], values: NDArray[np.float64]) -> float:
    """Share of the variance that a sum of one effect per mixer and layer explains.

    All combinations occur once, so that effects are means.
    """
    centred = values - values.mean()
    fitted = np.zeros(len(values))
    for layer in range(archs.shape[1]):
        for option in np.unique(archs[:, layer]):
            rows = archs[:, layer] == option
            fitted[rows] += centred[rows].mean()
    return float(1 - (centred - fitted).var() / centred.var())


def best(results: list[Results]) -> str:
    """The networks that validation ranks first: on each task, and over all by mean rank."""
    ranks = np.mean([rankdata(-each.valid) for each in results], axis=0)
    chosen = [(each.task, int(each.order[0])) for each in results]
    if len(results) > 1:
        chosen.append(("all, by mean rank", int(np.argmin(ranks))))
    pure = (results[0].archs != IDENTITY).all(axis=1)
    pure &= (results[0].archs == results[0].archs[:, :1]).all(axis=1)
    mean_rank = np.where(pure, ranks, np.inf)
    chosen.append(("one mixer only", int(np.argmin(mean_rank))))
    rows = [
        [label, results[0].text(row), *(f"{each.test[row]:.1f}" for each in results)]
        for label, row in chosen
    ]
    return markdown_table(["chosen on", "network", *(f"{t}, %" for t in TASKS)], rows)


def correlation(results: list[Results]) -> str:
    """Kendall's tau between tasks, all classes and those in the top quarter of the first.

    Then, in percent, how much of the top quarter of either is in that of the other.
    """
    rows = []
    for a in results:
        row = [a.task]
        top = a.order[: len(a.valid) // 4]
        for b in results:
            if a is b:
                row.append("-")
                continue
            both = kendalltau(a.valid, b.test).statistic
            within = kendalltau(a.valid[top], b.test[top]).statistic
            shared = np.isin(top, b.order[: len(top)]).mean()
            row.append(f"{both:.2f} / {within:.2f} / {100 * shared:.0f}")
        rows.append(row)
    return markdown_table(["validation on", *(f"test on {task}" for task in TASKS)], rows)


def transfer(results: list[Results]) -> str:
    """Test accuracy of what another task's validation chooses, beside the best and the mean."""
    rows = []
    for target in results:
        row = [target.task]
        for source in results:
            ten = target.test[source.order[:10]].mean()
            row.append(f"{target.test[source.order[0]]:.1f} / {ten:.1f}")
        row += [f"{target.test.max():.1f}", f"{target.test.mean():.1f}"]
        rows.append(row)
    head = ["test on", *(f"chosen on {task}" for task in TASKS), "best", "mean"]
    return markdown_table(head, rows)


def scores(results: list[Results]) -> str:
    """Spearman correlation of scores and costs with test accuracy."""
    names = [*SCORED, "parameters", "macs"]
    rows = []
    for each in results:
        deep = (each.archs != IDENTITY).all(axis=1)
        row = [each.task]
        for name in names:
            values = each.column(name)
            both = spearmanr(values, each.test, nan_policy="omit").statistic
            within = spearmanr(values[deep], each.test[deep], nan_policy="omit").statistic
            row.append(f"{both:.2f} / {within:.2f}")
        rows.append(row)
    return markdown_table(["task", *names], rows)


def fronts(results: list[Results], seeds: int) -> str:
    """Two searches with two objectives: error and multiply-adds; a picture of the whole front."""
    figure, panels = grid(results)
    rows = []
    for axes, each in zip(panels, results, strict=True):
        name = each.benchmark.name
        benchmark = TableBenchmark(open_table(name), objectives=OBJECTIVES)
        scale = FrontLandscape(benchmark, "mean", judged_by=OBJECTIVES)
        row = [each.task]
        for algorithm in ("random_search", "nsga2"):
            runs = nasbench.search(
                algorithm,
                name,
                seeds=range(seeds),
                budget=nasbench.Budget(trials=TRIALS),
                replicate="mean",
                objectives=OBJECTIVES,
            )
            ends = np.array([1 - scale.regrets(Course.of(run))[-1] for run in runs])
            (low,), (high,) = interval(ends[:, None])
            row.append(f"{100 * ends.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})")
        rows.append(row)
        macs = each.column("macs")
        axes.scatter(macs / 1e3, each.valid, s=3, color="0.7", linewidths=0, rasterized=True)
        order = np.lexsort((-each.valid, macs))
        front = [i for i, top in _rising(each.valid[order]) if top]
        on = order[front]
        axes.step(macs[on] / 1e3, each.valid[on], where="post", color="C0", linewidth=1.2)
        axes.set(title=each.task, xlabel="thousand multiply-adds a sequence")
        axes.set_ylabel("validation accuracy, %")
    save(figure, "seqmix-fronts")
    return markdown_table(["task", "random search", "NSGA-II"], rows)


def _rising(values: NDArray[np.float64]) -> list[tuple[int, bool]]:
    """Which values are above all before them."""
    before = np.concatenate([[-np.inf], np.maximum.accumulate(values)[:-1]])
    return list(enumerate((values > before).tolist()))


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    seeds = parser.parse_args().seeds
    style()
    results = [Results(task) for task in TASKS]
    for a, b in combinations(results, 2):
        assert (a.archs == b.archs).all()
    between = (correlation, transfer) if len(results) > 1 else ()
    for part in (noise, effects, best, *between, scores):
        fill(PAGE, part.__name__, part(results))
    fill(PAGE, "fronts", fronts(results, seeds))


if __name__ == "__main__":
    main()
