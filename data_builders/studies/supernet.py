"""How well do shared weights rank a space, and what do methods of weight sharing find?

``nasbench study supernet TABLE --method NAME …`` trains supernets and compares the accuracies of
architectures with shared weights, while they train, with those of the table (Sciuto et al., 2020,
https://arxiv.org/abs/1902.08142; Yang, Esperança and Carlucci, 2020,
https://arxiv.org/abs/1912.12522; Bender et al., 2018). Of methods with gates it shows what they
would propose: the share of options without weights, into which DARTS falls (Zela et al., 2020,
https://arxiv.org/abs/1909.09656).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a supernet says at one moment of its training.

    Attributes:
        method: Name of the method.
        seed: Seed of the search.
        epoch: Epochs so far.
        seconds: Simulated seconds so far, without those of this look.
        tau: Kendall's tau-b between shared-weight accuracy and the table's, over the classes.
        upper: The same over the quarter that the table ranks highest.
        spearman: Spearman's correlation over the classes.
        chosen: Mean regret of the architecture that shared weights choose among some random ones,
            by their number.
        without_weights: Share of decisions whose largest gate has no weights; NaN without gates.
        eigenvalue: Dominant eigenvalue of the Hessian of the gates; NaN if it was not measured.
    """

    method: str
    seed: int
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
) -> list[Look]:
    """Train the supernet of a method, and look at it while it trains.

    Args:
        benchmark: A table that was trained by this suite.
        method: Registered name of a method of weight sharing.
        seeds: Seeds of the searches.
        changes: Hyperparameters of the method.
        preset: A preset of it.
        classes: Random classes to compare, at most all.
        points: Looks at a training, evenly spaced, the last one at its end.

    Raises:
        UnknownNameError: There is no such method, preset or hyperparameter.
        InvalidArgumentError: The method trains no supernet, or the table has none.
    """
    kind = SIBLINGS.load("algorithms").load(method)
    if not takes_supernets(kind):
        raise InvalidArgumentError(f"{method!r} trains no supernet")
    values = hyperparameters(kind, changes or {}, preset)
    archs = sampled_classes(benchmark, classes)
    truth = benchmark.query_many(np.array(archs), MEASURED).astype(np.float64)
    found: list[Look] = []
    for seed in seeds:
        factory = SupernetFactory(benchmark, seed=seed)
        search: Any = make(
            kind,
            benchmark.space,
            fidelities=benchmark.fidelities,
            seed=seed,
            hyperparameters=values,
            supernets=factory,
        )
        at = {-(-search.total_epochs * (i + 1) // points) for i in range(points)}

        def look(epoch: int, search: Any = search, at: set[int] = at, seed: int = seed) -> None:
            if epoch in at:
                shared = _shared_accuracies(search.net, archs)
                row = search.history[-1]
                gates = row.get("gates")
                found.append(
                    Look(
                        method=method,
                        seed=seed,
                        epoch=epoch,
                        seconds=search.net.seconds,
                        without_weights=_without_weights(search.net, gates),
                        eigenvalue=float(row.get("eigenvalue", np.nan)),
                        **ranks(shared, truth),
                    )
                )

        search.watch = look
        search.ask()
    return found


def ranks(shared: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, Any]:
    """Agreement of two accuracies of the same architectures, as in :class:`Look`.

    Args:
        shared: Accuracies with shared weights, shape ``(n,)``.
        truth: Accuracies of the table, likewise.
    """
    upper = truth >= np.quantile(truth, 0.75)
    rng = np.random.default_rng(splitmix.key("best of"))
    chosen = {}
    for k in BEST_OF:
        groups = rng.integers(len(truth), size=(_GROUPS, k))
        # Among equal accuracies, the first of the group is as good as any: groups are random.
        winners = groups[np.arange(_GROUPS), shared[groups].argmax(axis=1)]
        chosen[k] = float(truth.max() - truth[winners].mean())
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
    """A Markdown table: a row for every method and look, means over the seeds.

    Args:
        benchmark: A table that was trained by this suite.
        methods: Registered names.
        seeds: Seeds of the searches.
        changes: Hyperparameters of all methods.
        classes: Random classes to compare.
        points: Looks at every training.

    Raises:
        NasbenchError: See :func:`looks`.
    """
    best = [f"best of {k}" for k in BEST_OF]
    head = ["method", "epoch", "seconds", "tau", "upper quarter", "Spearman", *best]
    head += ["without weights, %", "eigenvalue"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    for method in methods:
        found = looks(benchmark, method, seeds, changes=changes, classes=classes, points=points)
        for epoch in sorted({look.epoch for look in found}):
            here = [look for look in found if look.epoch == epoch]
            cells = [method, str(epoch), f"{np.mean([x.seconds for x in here]):.1f}"]
            for values in (
                [x.tau for x in here],
                [x.upper for x in here],
                [x.spearman for x in here],
                *([x.chosen[k] for x in here] for k in BEST_OF),
            ):
                cells.append(_number(values, 2))
            cells.append(_number([100 * x.without_weights for x in here], 0))
            cells.append(_number([x.eigenvalue for x in here], 2))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@torch.no_grad()
def _shared_accuracies(net: Supernet, archs: Sequence[Arch]) -> NDArray[np.float64]:
    """Accuracies with shared weights on all examples for gates, charged to nobody."""
    before, state = net.seconds, net.generator.get_state()
    batch = net.valid()
    found = np.array([net.path(batch, arch).accuracy for arch in archs])
    net.generator.set_state(state)
    net.seconds = before  # type: ignore[misc]
    return found


def sampled_classes(benchmark: TableBenchmark, n: int) -> list[Arch]:
    """Random classes of the space that train, the same for all methods."""
    space = benchmark.space
    archs = sorted({space.canonical(arch) for arch in space.archs()})
    order = splitmix.permutation(splitmix.key("classes of the study"), len(archs))
    return [archs[i] for i in order[: min(n, len(archs))]]


def _without_weights(net: Supernet, gates: Any) -> float:
    if gates is None:
        return float("nan")
    largest = np.reshape(np.asarray(gates), net.shape).argmax(axis=1)
    return float(np.mean([not net.has_weights[option] for option in largest]))


def _number(values: Sequence[float], digits: int) -> str:
    mean = np.mean(values)
    return "" if np.isnan(mean) else f"{mean:.{digits}f}"
