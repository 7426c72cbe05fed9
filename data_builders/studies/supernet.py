"""How well do shared weights rank a space, and what do methods of weight sharing find?

``nasbench study supernet TABLE --method NAME …`` trains supernets and compares the accuracies of
architectures with shared weights, while they train, with those of the table (Sciuto et al., 2020,
https://arxiv.org/abs/1902.08142; Yang, Esperança and Carlucci, 2020,
https://arxiv.org/abs/1912.12522; Bender et al., 2018), and one training of each architecture with
its others. Of methods with gates it shows what they would propose: the share of options without
weights, into which DARTS falls (Zela et al., 2020, https://arxiv.org/abs/1909.09656).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from data_builders.supernets.factory import SupernetFactory
from nasbench import splitmix
from nasbench.algorithm import hyperparameters, make, takes_supernets
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError
from nasbench.siblings import SIBLINGS
from nasbench.space import Arch
from nasbench.supernet import Supernet

MEASURED = "valid_accuracy"
BEST_OF = (10, 100)
"""Numbers of random architectures of which shared weights choose one."""
_GROUPS = 1_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sample:
    """Random classes, and what a table says of them.

    Attributes:
        archs: An architecture of each class.
        accuracies: Their validation accuracies, means over the seeds, in percent.
        best: The largest accuracy of the whole table.
    """

    archs: Sequence[Arch]
    accuracies: NDArray[np.float64]
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a supernet says at one moment of its training.

    Attributes:
        method: Name of the method.
        seed: Seed of the search.
        classes: Classes that were compared.
        epoch: Epochs so far.
        seconds: Simulated seconds so far, without those of this look.
        tau: Kendall's tau-b between shared-weight accuracy and the table's, over the classes.
        upper: The same over the quarter that the table ranks highest.
        spearman: Spearman's correlation over the classes.
        chosen: Mean regret, to the best of the table, of what shared weights choose among some
            random architectures, by their number.
        without_weights: Share of decisions whose largest gate has no weights; NaN without gates.
        eigenvalue: Dominant eigenvalue of the Hessian of the gates, when it was last measured; NaN
            if it never was, or if the search has stopped.
    """

    method: str
    seed: int
    classes: int
    epoch: int
    seconds: float
    tau: float
    upper: float
    spearman: float
    chosen: Mapping[int, float]
    without_weights: float
    eigenvalue: float


def looks(
    benchmark: TableBenchmark,
    method: str,
    seeds: Sequence[int],
    *,
    changes: Mapping[str, Any] | None = None,
    preset: str | None = None,
    classes: int = 300,
    points: int = 4,
    at_end: int | None = None,
) -> list[Look]:
    """Train the supernet of a method, and look at it while it trains.

    A training that diverges has no looks from then on, and is logged.

    Args:
        benchmark: A table that was trained by this suite.
        method: Registered name of a method of weight sharing.
        seeds: Seeds of the searches.
        changes: Hyperparameters of the method.
        preset: A preset of it.
        classes: Random classes to compare, at most all.
        points: Looks at a training, evenly spaced, the last one at its end.
        at_end: Classes of one more look at the end; None for no such look.

    Raises:
        UnknownNameError: There is no such method, preset or hyperparameter.
        InvalidArgumentError: The method trains no supernet, or the table has none.
    """
    kind = SIBLINGS.load("algorithms").load(method)
    if not takes_supernets(kind):
        raise InvalidArgumentError(f"{method!r} trains no supernet")
    values = hyperparameters(kind, changes or {}, preset)
    samples = [sampled(benchmark, n) for n in (classes, at_end) if n is not None]
    found: list[Look] = []
    for seed in seeds:
        search: Any = make(
            kind,
            benchmark.space,
            fidelities=benchmark.fidelities,
            seed=seed,
            hyperparameters=values,
            supernets=SupernetFactory(benchmark, seed=seed),
        )
        found += _watched(search, method, seed, samples, points)
    return found


def _watched(
    search: Any, method: str, seed: int, samples: Sequence[Sample], points: int
) -> list[Look]:
    """Run a search, and look at its supernet in some epochs, with all samples in the last."""
    at = {-(-search.total_epochs * (i + 1) // points) for i in range(points)}
    found: list[Look] = []

    def look(epoch: int) -> None:
        if epoch not in at:
            return
        for sample in samples if epoch == search.total_epochs else samples[:1]:
            shared = _shared_accuracies(search, sample.archs)
            if shared is None:
                return
            found.append(
                Look(
                    method=method,
                    seed=seed,
                    classes=len(sample.archs),
                    epoch=epoch,
                    seconds=search.net.seconds,
                    without_weights=_without_weights(search.net, search.history[-1].get("gates")),
                    eigenvalue=last_eigenvalue(search.history),
                    **ranks(shared, sample.accuracies, sample.best),
                )
            )

    search.watch = look
    search.ask()
    if len({one.epoch for one in found}) < len(at):
        last = min(len(search.history) + 1, search.total_epochs)
        _LOG.warning(
            "%s with seed %d diverged in epoch %d of %d", method, seed, last, search.total_epochs
        )
    return found


def one_training(benchmark: TableBenchmark, classes: int = 300) -> list[dict[str, Any]]:
    """Agreement of single trainings with the table: more than noise leaves to shared weights.

    Accuracies of one seed are compared with the means of all other seeds.

    Args:
        benchmark: The table.
        classes: Random classes to compare, at most all; those of :func:`looks`.

    Returns:
        For every seed what :func:`ranks` says; nothing without two seeds of every architecture.
    """
    seeds = benchmark.complete_seeds
    if len(seeds) < 2:
        return []
    archs = np.array(_mixed_classes(benchmark))
    single = np.array([benchmark.query_many(archs, MEASURED, seed=seed) for seed in seeds], float)
    found = []
    for i, own in enumerate(single[:, :classes]):
        others = np.delete(single, i, axis=0).mean(axis=0)
        found.append(ranks(own, others[:classes], float(others.max())))
    return found


def ranks(shared: NDArray[np.float64], truth: NDArray[np.float64], best: float) -> dict[str, Any]:
    """Agreement of two accuracies of the same architectures, as in :class:`Look`.

    Args:
        shared: Accuracies with shared weights, shape ``(n,)``.
        truth: Accuracies of the table, likewise.
        best: The largest accuracy of the whole table, to which regrets are.
    """
    upper = truth >= np.quantile(truth, 0.75)
    rng = np.random.default_rng(splitmix.key("best of"))
    chosen = {}
    for k in BEST_OF:
        groups = rng.integers(len(truth), size=(_GROUPS, k))
        # Among equal accuracies, the first of the group is as good as any: groups are random.
        winners = groups[np.arange(_GROUPS), shared[groups].argmax(axis=1)]
        chosen[k] = float(best - truth[winners].mean())
    return {
        "tau": float(kendalltau(shared, truth).statistic),
        "upper": float(kendalltau(shared[upper], truth[upper]).statistic),
        "spearman": float(spearmanr(shared, truth).statistic),
        "chosen": chosen,
    }


def supernet_study(
    benchmark: TableBenchmark,
    methods: Sequence[str],
    seeds: Sequence[int],
    changes: Mapping[str, Any],
    *,
    classes: int = 300,
    points: int = 4,
) -> str:
    """A Markdown table: a row for every method and look, means over the seeds that are left.

    The last row, "one training", is the mean of :func:`one_training`.

    Args:
        benchmark: A table that was trained by this suite.
        methods: Registered names.
        seeds: Seeds of the searches.
        changes: Hyperparameters of all methods.
        classes: Random classes to compare.
        points: Looks at every training.

    Raises:
        NasbenchError: See :func:`looks`.
        InvalidArgumentError: All trainings diverge.
    """
    single = one_training(benchmark, classes)
    best = [f"best of {k}" for k in BEST_OF]
    head = ["method", "epoch", "seconds", "seeds", "tau", "upper quarter", "Spearman", *best]
    head += ["without weights, %", "eigenvalue"]
    lines = []
    for method in methods:
        found = looks(benchmark, method, seeds, changes=changes, classes=classes, points=points)
        for epoch in sorted({look.epoch for look in found}):
            here = [look for look in found if look.epoch == epoch]
            seconds = _number([look.seconds for look in here], 1)
            lines.append(
                [
                    *(method, str(epoch), seconds, str(len(here))),
                    *agreement([asdict(look) for look in here]),
                    _number([100 * look.without_weights for look in here], 0),
                    _number([look.eigenvalue for look in here], 2),
                ]
            )
    if not lines:
        raise InvalidArgumentError(
            f"no supernet is left to look at: all trainings of {', '.join(methods)} diverged"
        )
    if single:
        lines.append(["one training", "", "", str(len(single)), *agreement(single), "", ""])
    rows = [head, ["---", *["--:"] * (len(head) - 1)], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def agreement(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Means of what :func:`ranks` says, as cells: tau, upper quarter, Spearman, best of each."""
    columns = [[one[name] for one in found] for name in ("tau", "upper", "spearman")]
    columns += [[one["chosen"][k] for one in found] for k in BEST_OF]
    return [_number(values, 2) for values in columns]


@torch.no_grad()
def _shared_accuracies(search: Any, archs: Sequence[Arch]) -> NDArray[np.float64] | None:
    """Accuracies with shared weights on all examples for gates, charged to nobody.

    None if a loss is no finite number.
    """
    with search.net.uncharged():
        batch = search.net.valid()
        answers = [search.judge(batch, arch) for arch in archs]
    if not all(torch.isfinite(answer.loss) for answer in answers):
        return None
    return np.array([answer.accuracy for answer in answers])


def sampled(benchmark: TableBenchmark, n: int) -> Sample:
    """Random classes of the space that train, the same for all methods.

    Args:
        benchmark: The table.
        n: How many, at most all.
    """
    archs = _mixed_classes(benchmark)
    accuracies = benchmark.query_many(np.array(archs), MEASURED).astype(np.float64)
    return Sample(archs[:n], accuracies[:n], float(accuracies.max()))


def _mixed_classes(benchmark: TableBenchmark) -> list[Arch]:
    """An architecture of every class, in random order, always the same."""
    space = benchmark.space
    archs = sorted({space.canonical(arch) for arch in space.archs()})
    order = splitmix.permutation(splitmix.key("classes of the study"), len(archs))
    return [archs[i] for i in order]


def last_eigenvalue(history: Sequence[Mapping[str, Any]]) -> float:
    """The last eigenvalue of a history that was measured, see :class:`Look`.

    A search that has stopped is charged no seconds any more.
    """
    if len(history) > 1 and history[-1]["seconds"] == history[-2]["seconds"]:
        return float("nan")
    values = [float(row.get("eigenvalue", np.nan)) for row in history]
    return next((value for value in reversed(values) if np.isfinite(value)), float("nan"))


def _without_weights(net: Supernet, gates: Any) -> float:
    if gates is None:
        return float("nan")
    largest = np.reshape(np.asarray(gates), net.shape).argmax(axis=1)
    return float(np.mean([not net.has_weights[option] for option in largest]))


def _number(values: Sequence[float], digits: int) -> str:
    mean = np.mean(values)
    return "" if np.isnan(mean) else f"{mean:.{digits}f}"
