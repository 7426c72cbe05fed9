"""Figures of how well a surrogate predicts trainings that it has not seen."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm, spearmanr

from nasbench.column import Column
from surrogates.examples import Examples
from surrogates.predictor import Answers, Predictor

_TOP = 0.1
_MIN_SIZE = 20


def r2(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Coefficient of determination: 1 is perfect, 0 is as good as the mean of ``truth``."""
    return float(1 - np.square(truth - predicted).sum() / np.square(truth - truth.mean()).sum())


def rmse(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.square(truth - predicted).mean()))


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


def tau_between_trainings(examples: Examples, place: int) -> float | None:
    """Kendall's tau between two trainings of each architecture that has two; None if none has.

    It is no limit for predictions: both trainings are noisy, a prediction need not be. See
    :func:`attainable_tau`.
    """
    first, second = _pairs(examples, place)
    return kendall(first, second) if len(first) > 1 else None


def attainable_tau(between: float, trainings: float = 1.0) -> float:
    """Kendall's tau of a perfect predictor of the mean with the mean of some trainings.

    An estimate for means and noise that are normal on some monotone scale: then Kendall's tau is
    ``2 / pi * asin(r)`` of the correlation ``r`` (Greiner, 1909), the reliability of one training
    is the correlation of two, that of ``k`` trainings follows by Spearman (1910) and Brown (1910),
    and the true mean correlates with them by its square root.

    Args:
        between: Kendall's tau between two trainings.
        trainings: How many trainings are averaged; of differing numbers, the harmonic mean.
    """
    single = np.sin(np.pi / 2 * max(between, 0.0))
    reliability = single / (single + (1 - single) / trainings)
    return float(2 / np.pi * np.arcsin(np.sqrt(reliability)))


def judge(
    predictor: Predictor, answers: Answers, examples: Examples, place: int
) -> dict[str, float]:
    """Figures for one metric at one epoch.

    Args:
        predictor: Fitted to other architectures.
        answers: What it predicts for the architectures of the examples.
        examples: Examples to judge by.
        place: Index of the value in the vectors.

    Returns:
        Figures by name. ``r2``, ``kendall``, ``spearman``, ``rmse`` and, for percentages,
        ``sparse_kendall`` compare predicted means, clipped to possible values as a benchmark
        answers them, with means over trainings, ``r2_log`` and ``rmse_log`` their logarithms if
        these were learned; ``kendall_single`` compares predicted means with one training each.
        ``between`` is :func:`tau_between_trainings`, if at least 20 architectures have two;
        ``attainable`` and ``attainable_single`` are what :func:`attainable_tau` makes of it for
        ``kendall`` and ``kendall_single``. ``kendall_top`` is within the :func:`best_tenth`, if
        that holds at least 20 architectures; ``log_likelihood`` is the mean over single trainings
        under the predicted normal distribution; ``inside_50`` and ``inside_90`` are the shares of
        single trainings within its central 50 % and 90 %. Where logarithms were learned, these
        three are of logarithms.
    """
    column = _column(examples, place)
    predicted, truth = column.clip(answers.values[:, place]), examples.means[:, place]
    single = examples.runs[:, place]
    logged = predictor.logged[place]
    std = answers.std[:, place] / (answers.values[:, place] if logged else 1.0)
    std = np.hypot(predictor.noise_std(answers.centers)[:, place], std)
    std = np.maximum(std, 1e-9)[examples.owner]
    learned = _log(single) if logged else single
    z = (learned - answers.centers[examples.owner, place]) / std
    top, seen = best_tenth(examples, place)
    figures = {
        "r2": r2(truth, predicted),
        "kendall": kendall(truth, predicted),
        "spearman": spearman(truth, predicted),
        "rmse": rmse(truth, predicted),
        "kendall_single": kendall(single[examples.first], predicted),
        "log_likelihood": float((norm.logpdf(z) - np.log(std)).mean()),
        "inside_50": float((np.abs(z) < norm.ppf(0.75)).mean()),
        "inside_90": float((np.abs(z) < norm.ppf(0.95)).mean()),
    }
    if column.unit == "%":
        figures["sparse_kendall"] = sparse_kendall(truth, predicted)
    if logged:
        figures["r2_log"] = r2(_log(truth), _log(predicted))
        figures["rmse_log"] = rmse(_log(truth), _log(predicted))
    if len(top) >= _MIN_SIZE:
        figures["kendall_top"] = kendall(seen.means[:, place], predicted[top])
    between = tau_between_trainings(examples, place)
    if between is not None and (examples.counts > 1).sum() >= _MIN_SIZE:
        figures["between"] = between
        figures["attainable"] = attainable_tau(between, 1 / (1 / examples.counts).mean())
        figures["attainable_single"] = attainable_tau(between)
    return figures


def best_tenth(examples: Examples, place: int) -> tuple[NDArray[np.int64], Examples]:
    """The tenth of the architectures that one training ranks best, and their other trainings.

    Choosing and judging by the same training would understate every agreement: what stands high by
    luck must fall. So only architectures with several trainings are considered, chosen by the first
    and left with the others. If these are fewer than 200, all are considered, chosen by the mean of
    their trainings and left with all.

    Returns:
        Indices into ``examples``, ascending, and their examples.
    """
    several = np.flatnonzero(examples.counts > 1)
    if round(_TOP * len(several)) < _MIN_SIZE:
        top = _best(examples.means[:, place], examples, place)
        return top, examples.of(top)
    top = several[_best(examples.runs[examples.first[several], place], examples, place)]
    return top, examples.of(top).without_first()


def harder_splits(
    examples: Examples, place: int, smallest: int = _MIN_SIZE
) -> Iterator[tuple[str, NDArray[np.int64], Examples]]:
    """Splits that require extrapolation.

    Args:
        examples: All examples.
        place: Index of the value that says how good an architecture is.
        smallest: Minimum number of architectures on either side.

    Yields:
        Name, indices of architectures to learn from, and examples to judge by: the
        :func:`best_tenth`, learned from the others; the proposals of each optimizer, learned from
        those of the others.
    """
    parts = [("the best tenth", *best_tenth(examples, place))]
    if examples.origin is not None:
        origins = [set(filter(None, text.split(", "))) for text in examples.origin.tolist()]
        for name in sorted(set().union(*origins)):
            test = np.flatnonzero([name in by for by in origins])
            parts.append((f"without {name}", test, examples.of(test)))
    for name, test, judged in parts:
        train = np.flatnonzero(~np.isin(examples.functions, examples.functions[test]))
        if min(len(train), len(test)) >= smallest:
            yield name, train, judged


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms; of zero, which can be among what was not learned from, a very low one."""
    return np.log(np.maximum(values, np.finfo(np.float64).tiny))


def _column(examples: Examples, place: int) -> Column:
    return examples.columns[place // len(examples.epochs)]


def _best(values: NDArray[np.float64], examples: Examples, place: int) -> NDArray[np.int64]:
    """Indices of the best tenth of some values, ascending."""
    quality = values if _column(examples, place).goal == "max" else -values
    return np.flatnonzero(quality >= np.quantile(quality, 1 - _TOP))


def _pairs(examples: Examples, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first two trainings of each architecture that has two."""
    first = examples.first[examples.counts > 1]
    return examples.runs[first, place], examples.runs[first + 1, place]
