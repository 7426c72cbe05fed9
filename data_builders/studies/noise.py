"""How much of a table's order is noise?

``nasbench study noise lite201-digits`` prints how well one training seed ranks the networks against
another, how validation ranks against test, and how the table ranks the space against a published
one. Each function counts once, so that no network is compared with its twin.
"""

import math
from collections.abc import Iterable
from itertools import combinations
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


def tau_between_seeds(accuracies: NDArray[np.float64]) -> float:
    """Mean Kendall tau over the pairs of seeds, of accuracies of shape ``(n_seeds, n_archs)``."""
    return mean(float(kendalltau(a, b).statistic) for a, b in combinations(accuracies, 2))


def tau_in_top_quarter(accuracies: NDArray[np.float64]) -> float:
    """Kendall's tau between two seeds, within the quarter that a third seed ranks highest.

    A quarter chosen by the mean of the compared seeds would bias it: of pure noise, whatever one
    seed overestimates another must underestimate to stay in the quarter.

    Args:
        accuracies: Shape ``(n_seeds, n_archs)``.

    Returns:
        The mean over all choices of the three seeds; NaN with fewer than three.
    """
    taus = []
    for by, seed in enumerate(accuracies):
        top = np.argsort(-seed, kind="stable")[: accuracies.shape[1] // 4]
        others = np.delete(accuracies, by, axis=0)[:, top]
        taus += [float(kendalltau(a, b).statistic) for a, b in combinations(others, 2)]
    return mean(taus) if taus else math.nan


def sd_between_seeds(accuracies: NDArray[np.float64]) -> float:
    """Root of the mean variance over seeds, of accuracies of shape ``(n_seeds, n_archs)``."""
    return float(np.sqrt(accuracies.var(axis=0, ddof=1).mean()))


def noise_table(benchmark: TableBenchmark, other: TableBenchmark) -> str:
    """A Markdown table of the figures; a table of one seed has none that compare seeds.

    Args:
        benchmark: A table of trainings.
        other: A table of the same space, whose validation accuracies, or test accuracies if it has
            no others, are compared: over the functions, each counted once, and over all cells as
            written, where large classes (mostly simple, weak networks) count more.

    Raises:
        InvalidArgumentError: The tables are of different spaces.
        NasbenchError: A table does not hold all architectures with every seed.
    """
    space = benchmark.space
    check_spaces(space, [other])
    cells = np.array(list(space.archs()))
    own = (space.canonical_many(cells) == cells).all(axis=1)
    archs = cells[own]
    valid, test = (
        np.stack([benchmark.query_many(archs, name, seed=s) for s in benchmark.seeds])
        for name in ("valid_accuracy", "test_accuracy")
    )
    means, test_means = valid.mean(axis=0), test.mean(axis=0)
    chosen = valid.argmax(axis=1)
    metric = "valid_accuracy" if "valid_accuracy" in other.columns else "test_accuracy"
    published = other.query_many(cells, metric)
    theirs = published[own]
    functions = (space.function_many(archs) == archs).all(axis=1)
    distinct = valid[:, functions]
    levels, test_levels = means[functions], test_means[functions]
    top = np.argsort(-levels, kind="stable")[: len(levels) // 4]
    correlations = (
        spearmanr(levels, theirs[functions]),
        spearmanr(benchmark.query_many(cells, "valid_accuracy"), published),
    )
    rows = {
        "classes / functions, seeds": f"{len(archs):,} / {len(levels):,}, {len(benchmark.seeds)}",
        "validation accuracy, lowest / median / highest mean": " / ".join(
            f"{x:.2f}" for x in (means.min(), np.median(means), means.max())
        ),
        "sd between functions, all / top quarter": (
            f"{levels.std(ddof=1):.2f} / {levels[top].std(ddof=1):.2f}"
        ),
    }
    if len(benchmark.seeds) > 1:
        rows |= {
            "sd between seeds, all / top quarter": (
                f"{sd_between_seeds(distinct):.2f} / {sd_between_seeds(distinct[:, top]):.2f}"
            ),
            "Kendall tau between seeds, all / the top quarter of a third seed": taus(distinct),
        }
    rows |= {
        "Kendall tau of mean validation with mean test, all / top quarter": (
            f"{kendalltau(levels, test_levels).statistic:.2f} / "
            f"{kendalltau(levels[top], test_levels[top]).statistic:.2f}"
        ),
        "best mean test accuracy; of the class that one seed's validation chooses": (
            f"{test_means.max():.2f}; {_listed(test_means[chosen])}"
        ),
        f"Spearman correlation with {other.name}, functions / cells as written": " / ".join(
            f"{correlation.statistic:.2f}" for correlation in correlations
        ),
        f"best {metric} of {other.name}; of the class that mean validation chooses; that one "
        "seed's chooses": (
            f"{published.max():.2f}; {theirs[means.argmax()]:.2f}; {_listed(theirs[chosen])}"
        ),
        "highest mean validation": f"`{space.to_text(tuple(archs[means.argmax()].tolist()))}`",
        "highest mean test": f"`{space.to_text(tuple(archs[test_means.argmax()].tolist()))}`",
    }
    return "\n".join(
        ["| what | value |", "|---|---|", *(f"| {k} | {_escape(v)} |" for k, v in rows.items())]
    )


def taus(accuracies: NDArray[np.float64]) -> str:
    """Kendall's tau between seeds, over all and within the top quarter of a third, as text."""
    top = tau_in_top_quarter(accuracies)
    return f"{tau_between_seeds(accuracies):.2f} / {'-' if math.isnan(top) else f'{top:.2f}'}"


def check_spaces(space: SearchSpace, tables: Iterable[TableBenchmark]) -> None:
    """Whether tables are of a space.

    Raises:
        InvalidArgumentError: One is not.
    """
    for table in tables:
        if table.space.name != space.name:
            raise InvalidArgumentError(
                f"{table.name} has space {table.space.name!r}, not {space.name!r}: the same "
                "architectures are compared"
            )


def _listed(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
