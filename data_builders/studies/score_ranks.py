"""How do zero-cost scores rank a space?

``nasbench study ranks SCORES BENCHMARK`` prints, for every score in a table that
:mod:`data_builders.builds.score_table` made, its Spearman correlation over the classes with the
final validation accuracies of a benchmark and of a published one.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from data_builders.studies.noise import check_spaces
from data_builders.zero_cost import SCORES
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.tables.table import Table

SIZES = ("parameters", "macs")


def rank_table(scores: Table, benchmarks: Sequence[TableBenchmark]) -> str:
    """A Markdown table of the figures.

    Args:
        scores: Numbers of architectures as written; only representatives of classes count.
        benchmarks: Of the same space; mean validation accuracies over their seeds.

    Raises:
        InvalidArgumentError: The tables are of different spaces.
        NasbenchError: A benchmark does not hold an architecture.
    """
    check_spaces(scores.space, benchmarks)
    archs = scores.written_archs
    own = (scores.space.canonical_many(archs) == archs).all(axis=1)
    accuracies = [b.query_many(archs[own], "valid_accuracy") for b in benchmarks]
    names = [name for name in (*SCORES, *SIZES) if name in scores.arch_columns]
    head = ["score", "classes", *(b.name for b in benchmarks), "median ms"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    for name in names:
        values = scores.arch_numbers(name)[own]
        defined = np.isfinite(values)
        row = [f"`{name}`", f"{defined.sum():,}"]
        row += [f"{spearmanr(values[defined], a[defined]).statistic:.3f}" for a in accuracies]
        if name in SCORES:
            milliseconds = 1000 * scores.arch_numbers(f"{name}_seconds")[own][defined]
            row.append(f"{np.median(milliseconds):.0f}")
        else:
            row.append("")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)
