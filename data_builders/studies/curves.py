"""How well does the beginning of a learning curve predict its end?

``nasbench study curves TABLE`` extrapolates the validation accuracies of random trainings from
their first epochs, and compares what it predicts with the last one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from nasbench import splitmix
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError, one_of
from nasbench.siblings import SIBLINGS

Numbers = NDArray[np.float64]

MEASURED, TRAINED = "valid_accuracy", "train_loss"
SIZES = ("parameters", "macs")
_MOST_EPOCHS = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """Learning curves of ``n`` trainings, all recorded after the same ``k`` epochs.

    Attributes:
        epochs: Ascending, shape ``(k,)``.
        valid: Validation errors in percent, shape ``(n, k)``; ``inf`` once a training diverged.
        train: Training losses, likewise; NaN where not recorded.
        numbers: Logarithms of sizes of the networks, shape ``(n, p)``.
    """

    epochs: Numbers
    valid: Numbers
    train: Numbers
    numbers: Numbers

    def rows(self, chosen: NDArray[np.int64]) -> Self:
        """Return some of the trainings.

        Args:
            chosen: Their numbers.
        """
        valid, train, numbers = (x[chosen] for x in (self.valid, self.train, self.numbers))
        return replace(self, valid=valid, train=train, numbers=numbers)

    def until(self, epoch: int) -> Self:
        """Return the beginnings of all curves.

        Args:
            epoch: The last epoch of the beginnings.
        """
        seen = self.epochs <= epoch
        return replace(
            self, epochs=self.epochs[seen], valid=self.valid[:, seen], train=self.train[:, seen]
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How predictions from the beginnings of curves agree with their ends.

    Attributes:
        method: Name of the extrapolator.
        epoch: Last epoch that it sees.
        kendall: Kendall's tau-b, mean over the seeds; None where it is not defined.
        kendall_error: Standard error of the mean over the seeds; None for one seed.
        points: Mean absolute error in percentage points of the trainings that did not diverge; None
            where the method does not predict a value.
        points_error: Standard error of the mean over the seeds; None for one seed.
    """

    method: str
    epoch: int
    kendall: float | None
    kendall_error: float | None
    points: float | None
    points_error: float | None


def curve_study(
    benchmark: TableBenchmark,
    *,
    methods: Sequence[str] = (),
    epochs: Sequence[int] = (),
    seeds: Sequence[int] = (0, 1, 2),
    archs: int = 100,
    examples: int = 100,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Agreement]:
    """Compare predictions from the first epochs of trainings with their ends.

    Args:
        benchmark: A table with learning curves.
        methods: Names of extrapolators; all by default.
        epochs: Last epochs that they see; by default all before the last one, or ten of them.
        seeds: Each draws a sample of architectures and one training of each.
        archs: Architectures whose ends are predicted, at least 2.
        examples: Others, whose complete curves a method may learn from.
        progress: Told how many predictions of how many are done.

    Returns:
        One row for each method and epoch.

    Raises:
        UnknownNameError: There is no such method.
        NotRecordedError: The table has no curves of validation accuracy, or not at an epoch.
        InvalidArgumentError: There are too few or too many architectures.
    """
    known: Mapping[str, Any] = SIBLINGS.load("extrapolators")
    for name in methods:
        if name not in known:
            raise UnknownNameError(f"no extrapolator is called {name!r}{one_of(name, known)}")
    sample, first = _trainings(benchmark)
    wanted = _checked_epochs(benchmark.name, sample, epochs)
    _check_counts(benchmark.name, len(first) - 1, archs, examples)
    names = list(methods or known)
    for name in names:
        if examples < known[name].examples:
            raise InvalidArgumentError(
                f"examples = {examples}: {name} learns from at least {known[name].examples} "
                "complete curves"
            )
    taus = np.empty((len(names), len(wanted), len(seeds)))
    errors = np.empty_like(taus)
    for s, seed in enumerate(seeds):
        drawn = _drawn(first, archs + examples, seed)
        judged, complete = sample.rows(drawn[:archs]), sample.rows(drawn[archs:])
        for e, epoch in enumerate(wanted):
            for m, name in enumerate(names):
                predicted = known[name].predict(judged.until(epoch), complete)
                taus[m, e, s], errors[m, e, s] = agreement(predicted, judged.valid[:, -1])
                if not known[name].is_loss:
                    errors[m, e, s] = np.nan
                progress((s * len(wanted) + e) * len(names) + m + 1, taus.size)
    return [
        Agreement(name, epoch, *_mean(taus[m, e]), *_mean(errors[m, e]))
        for m, name in enumerate(names)
        for e, epoch in enumerate(wanted)
    ]


def agreement(predicted: Numbers, truth: Numbers) -> tuple[float, float]:
    """Return Kendall's tau-b and the mean absolute error of predictions.

    Args:
        predicted: Shape ``(n,)``; NaN where nothing is said, ``inf`` for diverged trainings.
        truth: Final losses, likewise.

    Returns:
        Over the trainings of which something is said, and over those of them that are finite; NaN
        where that is not defined.
    """
    said = ~np.isnan(predicted) & ~np.isnan(truth)
    finite = np.isfinite(predicted) & np.isfinite(truth)
    tau = float(kendalltau(predicted[said], truth[said]).statistic) if said.sum() > 1 else np.nan
    distances = np.abs(predicted[finite] - truth[finite])
    return tau, float(distances.mean()) if len(distances) else np.nan


def curve_table(rows: Sequence[Agreement]) -> str:
    """A Markdown table: a row for every method, a column for every epoch.

    Args:
        rows: Of :func:`curve_study`.
    """
    epochs = sorted({row.epoch for row in rows})
    cells = {(row.method, row.epoch): row for row in rows}
    lines = [f"| epoch | {' | '.join(map(str, epochs))} |", f"|---|{'--:|' * len(epochs)}"]
    for method in dict.fromkeys(row.method for row in rows):
        texts = [_cell(cells[method, epoch]) for epoch in epochs]
        lines.append(f"| {method} | {' | '.join(texts)} |")
    return "\n".join(lines)


def curve_data(rows: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Rows as JSON.

    Args:
        rows: Of :func:`curve_study`.
    """
    return [asdict(row) for row in rows]


def _trainings(benchmark: TableBenchmark) -> tuple[Sample, NDArray[np.int64]]:
    """All trainings of the longest schedule, and the first row of each architecture, and the end.

    Raises:
        NotRecordedError: There is no curve of validation accuracy.
    """
    table, schedule = benchmark.table, benchmark.schedules[-1]
    of_schedule = table.schedule == schedule
    archs, ranks = table.archs[of_schedule], table.ranks[of_schedule]
    benchmark.curve(tuple(archs[0].tolist()), MEASURED)
    valid = 100 - table.curves(MEASURED, schedule).astype(np.float64)
    failed = table.diverged[of_schedule][:, None] & np.isnan(valid)
    epochs = table.epochs(MEASURED, schedule)
    train = np.full_like(valid, np.nan)
    if TRAINED in table.columns and table.epochs(TRAINED, schedule) == epochs:
        train = table.curves(TRAINED, schedule).astype(np.float64)
    first = np.flatnonzero(np.diff(ranks, prepend=-1))
    sizes = [benchmark.query_many(archs, name) for name in SIZES if name in table.arch_columns]
    numbers = [np.log1p(x) for x in sizes if np.isfinite(x).all() and (x >= 0).all()]
    return (
        Sample(
            epochs=np.array(epochs, dtype=np.float64),
            valid=np.where(failed, np.inf, valid),
            train=np.where(failed, np.inf, train),
            numbers=np.array(numbers, dtype=np.float64).reshape(-1, len(archs)).T,
        ),
        np.append(first, len(archs)),
    )


def _checked_epochs(name: str, sample: Sample, epochs: Sequence[int]) -> list[int]:
    before = [int(epoch) for epoch in sample.epochs[:-1]]
    if not epochs:
        places = np.linspace(0, len(before) - 1, min(len(before), _MOST_EPOCHS)).round()
        return [before[int(place)] for place in places]
    for epoch in epochs:
        if epoch not in before:
            raise NotRecordedError(
                f"{name!r} records no epoch {epoch} before its last, {sample.epochs[-1]:.0f}"
                f"{one_of(epoch, before)}"
            )
    return sorted(set(epochs))


def _check_counts(name: str, recorded: int, archs: int, examples: int) -> None:
    if archs < 2 or examples < 1:
        raise InvalidArgumentError(
            f"archs = {archs} and examples = {examples} must be at least 2 and 1"
        )
    if archs + examples > recorded:
        raise InvalidArgumentError(
            f"archs = {archs} and examples = {examples} are more than the {recorded:,} "
            f"architectures of {name!r}"
        )


def _drawn(first: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """One random training of each of ``n`` random architectures."""
    key = splitmix.key("curves of the study", seed)
    chosen = splitmix.permutation(key, len(first) - 1)[:n]
    shares = splitmix.uniform(splitmix.key("trainings of the study", seed), n)
    counts = first[chosen + 1] - first[chosen]
    return first[chosen] + (shares * counts).astype(np.int64)


def _mean(values: Numbers) -> tuple[float | None, float | None]:
    """Mean and its standard error; None where they are not defined."""
    if np.isnan(values).any():
        return None, None
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return float(values.mean()), error


def _cell(row: Agreement) -> str:
    tau = "-" if row.kendall is None else f"{row.kendall:.2f}"
    return tau if row.points is None else f"{tau} / {row.points:.1f}"
