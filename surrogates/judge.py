"""How well a surrogate predicts trainings that it has not seen."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm, spearmanr

from nasbench.tables.schema import Column
from surrogates.examples import Examples
from surrogates.predictor import Predictor

_TOP = 0.1
_SMALLEST = 20


def r2(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Coefficient of determination; 1 is perfect, 0 as good as the mean of ``truth``."""
    return float(1 - np.square(truth - predicted).sum() / np.square(truth - truth.mean()).sum())


def kendall(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(a, b).statistic)


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; not a number if one side is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def sparse_kendall(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Kendall's tau with predictions rounded to 0.1 %: differences below that are no mistakes.

    As NAS-Bench-301 defines it (Zela et al., 2022, https://arxiv.org/abs/2008.09777).
    """
    return kendall(truth, np.round(predicted, 1))


def noise_ceiling(examples: Examples, place: int) -> float | None:
    """Kendall's tau between two trainings of every architecture that has two; None if none has.

    No prediction can agree better with one training than trainings agree with each other, on
    average over pairs of them.
    """
    first, second = _pairs(examples, place)
    return kendall(first, second) if len(first) > 1 else None


def judge(predictor: Predictor, examples: Examples, place: int) -> dict[str, float]:
    """Figures of one metric at one epoch.

    Args:
        predictor: Fitted to other architectures.
        examples: What to judge by.
        place: Which value of the vectors.

    Returns:
        ``r2``, ``kendall``, ``spearman``, ``rmse`` and, of percentages, ``sparse_kendall`` of the
        predicted means with the means over trainings; ``kendall_single`` with one training of each;
        ``ceiling``, see :func:`noise_ceiling`, where there is one; ``kendall_top`` within the best
        tenth, if it holds 20 architectures; ``log_likelihood``, mean over single trainings under
        the predicted normal distribution; ``inside_50`` and ``inside_90``, the share of them within
        the central half and nine tenths of it.
    """
    answers = predictor.predict(examples.archs)
    predicted, truth = answers.values[:, place], examples.means[:, place]
    single = examples.runs[:, place]
    std = np.hypot(predictor.noise_std(answers.values)[:, place], answers.std[:, place])
    std = np.maximum(std, 1e-9)[examples.owner]
    z = (single - predicted[examples.owner]) / std
    top = _best(examples, place)
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
    if top.sum() >= _SMALLEST:
        figures["kendall_top"] = kendall(truth[top], predicted[top])
    if (ceiling := noise_ceiling(examples, place)) is not None:
        figures["ceiling"] = ceiling
    return figures


def harder_splits(
    examples: Examples, place: int, smallest: int = _SMALLEST
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.int64]]]:
    """Splits that ask for more than interpolation.

    Args:
        examples: All of them.
        place: The value that says how good an architecture is.
        smallest: Fewest architectures on either side.

    Yields:
        A name, the architectures to learn from, and those to judge by: the best tenth from the
        others; the proposals of each optimizer from those of the others.
    """
    parts = [("the best tenth", _best(examples, place))]
    if examples.origin is not None:
        origins = [set(filter(None, text.split(", "))) for text in examples.origin.tolist()]
        for name in sorted(set().union(*origins)):
            parts.append((f"without {name}", np.array([name in by for by in origins])))
    for name, outside in parts:
        test = np.flatnonzero(outside)
        train = np.flatnonzero(~np.isin(examples.ranks, examples.ranks[test]))
        if min(len(train), len(test)) >= smallest:
            yield name, train, test


def _column(examples: Examples, place: int) -> Column:
    return examples.columns[place // len(examples.epochs)]


def _best(examples: Examples, place: int) -> NDArray[np.bool_]:
    """Which architectures are the best tenth."""
    truth = examples.means[:, place]
    quality = truth if _column(examples, place).goal == "max" else -truth
    best: NDArray[np.bool_] = quality >= np.quantile(quality, 1 - _TOP)
    return best


def _pairs(examples: Examples, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first two trainings of every architecture that has two."""
    first = examples.first[examples.counts > 1]
    return examples.runs[first, place], examples.runs[first + 1, place]
