"""What became of a fit: how well the surrogate predicts, and how searches on it compare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.benchmarks.surrogate_folder import Description
from surrogates.comparison import Comparison

BASELINE = "nearest neighbours"
NAMES = {
    "r2": "R²",
    "kendall": "Kendall τ",
    "sparse_kendall": "sparse τ",
    "spearman": "Spearman",
    "rmse": "RMSE",
    "kendall_single": "τ with one training",
    "ceiling": "noise ceiling of it",
    "kendall_top": "τ in the best tenth",
    "log_likelihood": "log-likelihood",
    "inside_50": "within 50 %",
    "inside_90": "within 90 %",
}
"""Titles of the figures, in their order."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fitted surrogate, judged.

    Attributes:
        description: What the surrogate says of itself.
        figures: Figures by split, then by epoch of the default objective, then by name.
        baseline: Those of the nearest-neighbour baseline, on unseen networks at the last epoch.
        comparison: Searches on table and surrogate beside each other; None if there were none.
        path: Folder of the surrogate.
    """

    description: Description
    figures: Mapping[str, Mapping[int, Mapping[str, float]]]
    baseline: Mapping[str, float]
    comparison: Comparison | None
    path: Path

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of the judgement at the last epoch, a column for each split."""
        kept, last = self.kept(), self.description.epochs[-1]
        by_split = {name: by_epoch[last] for name, by_epoch in self.figures.items()}
        columns = {**by_split, BASELINE: self.baseline}
        body = [[NAMES[n], *(rounded(f, [n])[0] for f in columns.values())] for n in kept]
        return [self.description.default_objective, *columns], body

    def lines(self) -> list[str]:
        """What searches say of table and surrogate, in sentences; none if they were not run."""
        found = self.comparison
        if found is None:
            return []
        seeds = found.table.finals.shape[1]
        lines = [
            f"{len(found.algorithms)} algorithms, {seeds} seeds each, "
            f"{found.table.values.shape[1]} full trainings, on the table and on the surrogate: "
            f"Kendall τ of their ranks is {found.rank_correlation:.2f}; the table separates "
            f"{len(found.separated)} pairs (disjoint 95 % intervals), of which the surrogate "
            f"reverses and separates {len(found.reversed)}."
        ]
        lines += [f"Reversed: {better} is better than {worse}." for better, worse in found.reversed]
        return lines

    def kept(self) -> list[str]:
        """The figures that there are."""
        found = {name for by in self.figures.values() for f in by.values() for name in f}
        return [name for name in NAMES if name in found]


def rounded(figures: Mapping[str, float], names: Iterable[str]) -> list[str]:
    """Some figures with three decimals; empty where there is none."""
    return [f"{figures[name]:.3f}" if name in figures else "" for name in names]
