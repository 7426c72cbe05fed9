"""Figures of how well a surrogate predicts trainings that it has not seen."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm, spearmanr

from nasbench.column import Column
from surrogates.examples import Examples
from surrogates.predictor import Predictor

_TOP = 0.1
_MIN_SIZE = 20


def r2(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Coefficient of determination: 1 is perfect, 0 is as good as the mean of ``truth``."""
    return float(1 - np.square(truth - predicted).sum() / np.square(truth - truth.mean()).sum())


def kendall(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(a, b).statistic)


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; NaN if one side is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def sparse_kendall(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Kendall's tau with predictions rounded to 0.1 %, which forgives smaller differences.

    Defined by NAS-Bench-301 (Zela et al., 2022, https://arxiv.org/abs/2008.09777).
    """
    return kendall(truth, np.round(predicted, 1))


def noise_ceiling(examples: Examples, place: int) -> float | None:
    """Kendall's tau between two trainings of each architecture that has two; None if none has.

    On average over pairs, no prediction can agree with one training better than two trainings agree
    with each other.
    """
    first, second = _pairs(examples, place)
    return kendall(first, second) if len(first) > 1 else None


def judge(predictor: Predictor, examples: Examples, place: int) -> dict[str, float]:
    """Figures for one metric at one epoch.

    Args:
        predictor: Fitted to other architectures.
        examples: Examples to judge by.
        place: Index of the value in the vectors.

    Returns:
        Figures by name. ``r2``, ``kendall``, ``spearman``, ``rmse`` and, for percentages,
        ``sparse_kendall`` compare predicted means with means over trainings; ``kendall_single``
        compares them with one training each, ``ceiling`` is its :func:`noise_ceiling` if there is
        one; ``kendall_top`` is within the best tenth, if that holds at least 20 architectures;
        ``log_likelihood`` is the mean over single trainings under the predicted normal
        distribution; ``inside_50`` and ``inside_90`` are the shares of single trainings within its
        central 50 % and 90 %.
    """
    answers = predictor.predict(examples.archs)
    predicted, truth = answers.values[:, place], examples.means[:, place]
    single = examples.runs[:, place]
    std = np.hypot(predictor.noise_std(answers.values)[:, place], answers.std[:, place])
    std = np.maximum(std, 1e-9)[examples.owner]
    z = (single - predicted[examples.owner]) / std
    top = _best_tenth(examples, place)
    figures = {
        "r2": r2(truth, predicted),
        "kendall": kendall(truth, predicted),
        "spearman": spearman(truth, predicted),
        "rmse": float(np.sqrt(np.square(truth - predicted).mean())),
        "kendall_single": kendall(single[examples.first], predicted),
        "log_likelihood": float((norm.logpdf(z) - np.log(std)).mean()),
        "inside_50": float((np.abs(z) < norm.ppf(0.75)).mean()),
        "inside_90": float((np.abs(z) < norm.ppf(0.95)).mean()),
    }
    if _column(examples, place).unit == "%":
        figures["sparse_kendall"] = sparse_kendall(truth, predicted)
    if top.sum() >= _MIN_SIZE:
        figures["kendall_top"] = kendall(truth[top], predicted[top])
    if (ceiling := noise_ceiling(examples, place)) is not None:
        figures["ceiling"] = ceiling
    return figures


def harder_splits(
    examples: Examples, place: int, smallest: int = _MIN_SIZE
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.int64]]]:
    """Splits that require extrapolation.

    Args:
        examples: All examples.
        place: Index of the value that says how good an architecture is.
        smallest: Minimum number of architectures on either side.

    Yields:
        Name, indices of architectures to learn from, and indices of those to judge by: the best
        tenth, learned from the others; the proposals of each optimizer, learned from those of the
        others.
    """
    parts = [("the best tenth", _best_tenth(examples, place))]
    if examples.origin is not None:
        origins = [set(filter(None, text.split(", "))) for text in examples.origin.tolist()]
        for name in sorted(set().union(*origins)):
            parts.append((f"without {name}", np.array([name in by for by in origins])))
    for name, outside in parts:
        test = np.flatnonzero(outside)
        train = np.flatnonzero(~np.isin(examples.functions, examples.functions[test]))
        if min(len(train), len(test)) >= smallest:
            yield name, train, test


def _column(examples: Examples, place: int) -> Column:
    return examples.columns[place // len(examples.epochs)]


def _best_tenth(examples: Examples, place: int) -> NDArray[np.bool_]:
    """Mask of the best tenth of the architectures."""
    truth = examples.means[:, place]
    quality = truth if _column(examples, place).goal == "max" else -truth
    best: NDArray[np.bool_] = quality >= np.quantile(quality, 1 - _TOP)
    return best


def _pairs(examples: Examples, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first two trainings of each architecture that has two."""
    first = examples.first[examples.counts > 1]
    return examples.runs[first, place], examples.runs[first + 1, place]
