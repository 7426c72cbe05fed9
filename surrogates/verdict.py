"""The result of a fit: how well the surrogate predicts, and how searches on it compare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.benchmarks.surrogate.folder import Description
from surrogates.comparison import Comparison
from surrogates.exploits import Exploits

BASELINE = "nearest neighbours"
NAMES = {
    "r2_log": "R² of logarithms",
    "r2": "R²",
    "kendall": "Kendall τ",
    "sparse_kendall": "sparse τ",
    "spearman": "Spearman",
    "rmse_log": "RMSE of logarithms",
    "rmse": "RMSE",
    "attainable": "τ of a perfect predictor",
    "kendall_single": "τ with one training",
    "attainable_single": "τ of a perfect predictor with one training",
    "between": "τ between two trainings",
    "kendall_top": "τ in the best tenth",
    "log_likelihood": "log-likelihood",
    "inside_50": "within 50 %",
    "inside_90": "within 90 %",
}
"""Titles of the figures, in display order."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fitted and judged surrogate.

    Attributes:
        description: Description of the surrogate.
        figures: Figures by split, then by epoch of the judged column, then by name.
        learned_from: Number of architectures that were learned from, by split.
        baseline: Figures of the nearest-neighbour baseline on unseen networks at the last epoch.
        comparison: Searches on the table and on the surrogate; None if there were none.
        exploits: Which of the searches on the surrogate its errors led astray; None as above.
        path: Folder of the surrogate.
    """

    description: Description
    figures: Mapping[str, Mapping[int, Mapping[str, float]]]
    learned_from: Mapping[str, int]
    baseline: Mapping[str, float]
    comparison: Comparison | None
    exploits: Exploits | None
    path: Path

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of the figures at the last epoch, one column per split."""
        kept, last = self.kept(), self.description.epochs[-1]
        by_split = {name: by_epoch[last] for name, by_epoch in self.figures.items()}
        columns = {**by_split, BASELINE: self.baseline}
        body = [[NAMES[n], *(rounded(f, [n])[0] for f in columns.values())] for n in kept]
        return [self.description.judged_column, *columns], body

    def lines(self) -> list[str]:
        """Sentences on searches: whether they exploit the surrogate, and how they rank."""
        found, exploits = self.comparison, self.exploits
        if found is None or exploits is None:
            return [
                "No search has tested the surrogate: whether its errors mislead one is unknown."
            ]
        seeds = found.table.finals.shape[1]
        lines = [
            f"{exploits}.",
            f"{len(found.algorithms)} algorithms searched the table and the surrogate, with "
            f"{seeds} seeds of {found.table.values.shape[1]} full trainings each. Kendall τ "
            f"between their rankings is {found.rank_correlation:.2f}. The table separates "
            f"{len(found.separated)} pairs of algorithms (disjoint 95 % intervals); the surrogate "
            f"separates {len(found.reversed)} of these the other way round.",
        ]
        lines += [
            f"Reversed: on the table, {better} is better than {worse}."
            for better, worse in found.reversed
        ]
        return lines

    def kept(self) -> list[str]:
        """Names of the figures that were computed, in display order."""
        found = {name for by in self.figures.values() for f in by.values() for name in f}
        return [name for name in NAMES if name in found]


def rounded(figures: Mapping[str, float], names: Iterable[str]) -> list[str]:
    """Figures with three decimals; empty text for missing ones."""
    return [f"{figures[name]:.3f}" if name in figures else "" for name in names]
