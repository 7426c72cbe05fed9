"""Whether searches do as well where architectures have other names.

Every chosen seed is run on a hidden instance of its own (:mod:`nasbench.benchmarks.relabelled`).
What it chose is compared with what the recorded run of the same seed chose, by the loss of the
choice at full training as a mean over the recorded trainings; with several objectives, by the
hypervolume that the front of a run dominates. Of a search that learns from its observations alone
both come from one distribution, so that the mean difference is noise; what remembers good
architectures by their numbers loses them. The names of operations move along with their numbers: a
method that remembers those is not found out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaderboard.command import ranges
from leaderboard.submissions.report import told
from leaderboard.submissions.rerun import chosen, run_again
from leaderboard.submissions.sent import Sent
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.relabelled import Relabelled
from nasbench.errors import NasbenchError, RecordError
from nasbench.registry import require
from nasbench.runs.audit import Auditor
from nasbench.runs.run import Run
from nasbench.space import Arch
from nasbench.splitmix import key

FEWEST = 5
"""Fewest seeds that are run on hidden instances."""
ERROR = 0.01
"""Chance that any record of a submission of honest searches is said to drop, and its opposite."""
_MARGIN = 0.1


def faults(
    sent: Sequence[Sent],
    n: int,
    choice: int,
    modules: Sequence[str | Path],
    progress: Callable[[int, int], None],
) -> Iterator[str]:
    """Yield the records whose searches are worse on hidden instances; findings keep the numbers.

    Args:
        sent: The records.
        n: Number of seeds of a record.
        choice: Number by which seeds and instances are chosen.
        modules: Files of the sender's algorithms.
        progress: Called with the numbers of finished and of all records.
    """
    some = chosen(sent, n, choice, {})
    level = 1 - ERROR / len(sent)
    progress(0, len(sent))
    for number, one in enumerate(sent):
        seeds = some[one.said.folder]
        instances = {seed: key("hidden", choice, one.finding.rows, seed) for seed in seeds}
        try:
            worse = _differences(one, instances, modules)
        except (NasbenchError, OSError) as error:
            yield f"{one.where}: cannot be run on hidden instances: {told(error)}"
        else:
            low, high = interval(worse, level)
            mean = float(worse.mean())
            one.finding.relabelled = {
                "seeds": ranges(seeds),
                "difference": mean,
                "low": low,
                "high": high,
                "level": level,
            }
            if low > 0:
                yield (
                    f"{one.where}: on hidden instances the choices of {len(seeds)} seeds are worse "
                    f"by {mean:.4g} ({low:.4g} to {high:.4g})"
                )
        progress(number + 1, len(sent))


def interval(differences: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return the interval of the mean of paired differences, by Student's t.

    Where nothing distinguishes the sides of a pair, differences are symmetric, so that skewed
    scores do no harm.

    Args:
        differences: Shape ``(n,)``, at least 2.
        level: Confidence level.
    """
    mean, error = float(differences.mean()), float(stats.sem(differences))
    if error == 0.0:
        return mean, mean
    low, high = stats.t.interval(level, len(differences) - 1, loc=mean, scale=error)
    return float(low), float(high)


def _differences(
    one: Sent, instances: dict[int, int], modules: Sequence[str | Path]
) -> NDArray[np.float64]:
    """Return by how much every seed is worse on its hidden instance, shape ``(n_seeds,)``."""
    by_seed = {run.seed: run for run in one.runs}
    manifest, benchmark = one.records.manifest, one.benchmark
    pairs: dict[int, tuple[list[Arch], list[Arch]]] = {}
    with run_again(manifest, list(instances.items()), modules) as made:
        records = {record.manifest.content_hash: record for record in made}
        for seed, instance in instances.items():
            hidden = Relabelled(benchmark, instance)
            expected = replace(
                manifest, benchmark=hidden.name, content_hash=hidden.content_hash
            ).encode()
            record = records.get(hidden.content_hash)
            if record is None or record.manifest.encode() != expected:
                raise RecordError(f"seed {seed} recorded no run on its instance")
            (run,) = record.runs(verify=True)
            Auditor(cast(Benchmark, hidden)).check(
                record.manifest, [run], f"seed {seed} on a hidden instance"
            )
            pairs[seed] = _chosen(by_seed[seed]), [hidden.whole(arch) for arch in _chosen(run)]
    sides = _scores(benchmark, [*pairs.values()])
    return sides[:, 1] - sides[:, 0]


def _chosen(run: Run) -> list[Arch]:
    """Return the architectures that a run chose: its front, or its last incumbent."""
    if run.losses.shape[1] > 1:
        return [trial.proposal.arch for trial in run.front()]
    return [tuple(run.archs[i].tolist()) for i in run.incumbent_trials()[-1:]]


def _scores(
    benchmark: Benchmark, pairs: Sequence[tuple[list[Arch], list[Arch]]]
) -> NDArray[np.float64]:
    """Return a score of every choice, lower is better, shape ``(n, 2)``."""
    losses = {
        arch: benchmark.evaluate(arch).losses
        for arch in sorted({arch for pair in pairs for side in pair for arch in side})
    }
    values = np.array(list(losses.values())).reshape(len(losses), -1)
    finite = values[np.isfinite(values).all(axis=1)]
    if not len(finite):
        raise RecordError("no choice has a finite loss")
    low, high = finite.min(axis=0), finite.max(axis=0)
    if len(low) == 1:
        of = {arch: min(loss[0], float(high[0])) for arch, loss in losses.items()}
        worst = float(high[0])
        return np.array([[min((of[a] for a in side), default=worst) for side in p] for p in pairs])
    volume: Any = require("moocore", "hidden instances with several objectives").hypervolume
    width = np.where(high > low, high - low, 1.0)
    reference = np.full(len(low), 1 + _MARGIN)

    def lost(side: list[Arch]) -> float:
        points = (np.array([losses[arch] for arch in side]).reshape(-1, len(low)) - low) / width
        points = points[(points < reference).all(axis=1)]
        return -float(volume(points, ref=reference)) if len(points) else 0.0

    return np.array([[lost(side) for side in pair] for pair in pairs])
