"""How well would a recipe tell architectures apart?

``nasbench study pilot PLAN [--set batch=16] …`` trains a few random classes with several seeds and
compares the spread between classes with the spread between seeds. A recipe is worth an exhaustive
table if single seeds agree on the order of the classes.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from data_builders import NETWORKS
from data_builders.builds.shard_files import Shard
from data_builders.builds.shards import (
    TRAINERS,
    Trainer,
    check_trainer,
    choices,
    classes_a_shard,
    cut,
    sample_classes,
)
from data_builders.plan import load_plan
from data_builders.recipe import Recipe
from data_builders.studies.noise import sd_between_seeds, taus
from data_builders.training.course import Course
from data_builders.training.courses import course_of
from data_builders.training.devices import one_thread
from nasbench.benchmarks.catalogue import open_table
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError
from nasbench.parallel import parallel
from nasbench.space import Arch

PUBLISHED = {"nb201": "nb201-cifar10"}
"""The table whose accuracies a space's are compared with."""
EDGE = 0.02
"""Share of the range of means of classes that is near its ceiling, and near its floor."""
COLUMNS = (
    "changes",
    "valid, %",
    "classes at the ceiling / no better than a guess, %",
    "sd between classes / seeds",
    "the same, top quarter",
    "tau between seeds, all / top quarter of a third",
    "tau valid-test",
    "Spearman with published",
    "s a run",
)


def check_sizes(n_classes: int, n_seeds: int, processes: int) -> None:
    """Raise InvalidArgumentError for fewer classes or seeds than compare, or for no process."""
    if n_classes < 8 or n_seeds < 2:
        raise InvalidArgumentError(
            f"{n_classes} classes with {n_seeds} seeds tell nothing: at least 8 and 2 are needed"
        )
    if processes < 1:
        raise InvalidArgumentError(f"processes = {processes} must be at least 1")


def final_figures(
    trainer: Trainer,
    archs: Sequence[Arch],
    n_seeds: int,
    course: Course,
    manifest: Mapping[str, Any],
    processes: int,
) -> NDArray[np.float64]:
    """Validation accuracy, test accuracy and seconds of a training, each on one thread.

    Args:
        trainer: What trains a shard: one architecture for the reference, else as many as a build's.
        archs: What is trained,
        n_seeds: with each of so many seeds, from 0 on.
        course: How.
        manifest: Of the trainer, with all its choices.
        processes: Shards at a time; on a GPU one.

    Returns:
        Shape ``(n_seeds, n_archs, 3)``.
    """
    size = 1 if manifest["trainer"] == "reference" else classes_a_shard(manifest)
    results = parallel(1 if manifest.get("device") == "cuda" else processes)(
        delayed(_figures)(trainer, shard, course, manifest)
        for shard in cut(archs, range(n_seeds), size)
    )
    return np.concatenate(results).reshape(n_seeds, len(archs), 3)


def _figures(
    trainer: Trainer, shard: Shard, course: Course, manifest: Mapping[str, Any]
) -> NDArray[np.float64]:
    start = perf_counter()
    with one_thread():
        trainings = trainer(shard, course, manifest)
    seconds = (perf_counter() - start) / len(trainings)
    ends = [[run.curves[f"{part}_accuracy"][-1] for part in ("valid", "test")] for run in trainings]
    return np.array([[*end, seconds] for end in ends], dtype=np.float64)


def report(
    recipe: Recipe, n_classes: int, n_seeds: int, processes: int, trainer: str = "reference"
) -> list[str]:
    """The figures of a recipe, in the order of :data:`COLUMNS` without the first.

    Raises:
        InvalidArgumentError: Too few classes or seeds for a comparison, or no process.
        UnknownNameError: There is no such trainer.
    """
    check_sizes(n_classes, n_seeds, processes)
    network = NETWORKS.load(recipe.network)
    archs = sample_classes(network, n_classes)
    check_trainer(trainer)
    course = course_of(recipe)
    manifest = choices({"trainer": trainer}, archs, course)
    figures = final_figures(TRAINERS[trainer], archs, n_seeds, course, manifest, processes)
    valid, test = figures[..., 0], figures[..., 1]
    means = valid.mean(axis=0)
    top = np.argsort(-means, kind="stable")[: n_classes // 4]
    return [
        f"{valid.min():.1f}-{valid.max():.1f}",
        " / ".join(f"{100 * share:.0f}" for share in edges(means, course.guess)),
        f"{means.std(ddof=1):.2f} / {sd_between_seeds(valid):.2f}",
        f"{means[top].std(ddof=1):.2f} / {sd_between_seeds(valid[:, top]):.2f}",
        taus(valid),
        f"{kendalltau(means, test.mean(axis=0)).statistic:.2f}",
        _correlation(network.space, archs, means),
        f"{np.median(figures[..., 2]):.2f}",
    ]


def edges(means: NDArray[np.float64], guess: float) -> tuple[float, float]:
    """Return the shares of classes near the best one, and of those no better than a guess.

    Near is within :data:`EDGE` of the range from worst to best. Where many are, a recipe is too
    easy or too hard for a space: it does not tell them apart.

    Args:
        means: Mean accuracy of every class, in percent.
        guess: That of the best answer that solves nothing; what is near the worst class counts as
            no better in any case.
    """
    low, high = means.min(), means.max()
    near = EDGE * (high - low)
    floor = max(low, guess) + near
    return float((means >= high - near).mean()), float((means <= floor).mean())


def _correlation(space: str, archs: Sequence[Any], means: NDArray[np.float64]) -> str:
    if space not in PUBLISHED:
        return "-"
    published = TableBenchmark(open_table(PUBLISHED[space]))
    theirs = published.query_many(np.array(archs), "valid_accuracy")
    return f"{spearmanr(means, theirs).statistic:.2f}"


def pilot_table(
    plan: str,
    changes: Mapping[str, Any],
    *,
    classes: int,
    seeds: int,
    processes: int,
    trainer: str = "reference",
) -> str:
    """A Markdown table of one row, the figures of :func:`report`.

    Args:
        plan: Id of a shipped plan, or path of a TOML file.
        changes: Hyperparameters of the recipe that differ from the plan's.
        classes: Random classes to train, at least 8.
        seeds: Training seeds of each, at least 2.
        processes: Trainings at a time.
        trainer: ``"reference"``, or ``"batched"`` on a GPU.

    Raises:
        InvalidArgumentError: Too few classes or seeds for a comparison, no process, or an
            impossible value of a hyperparameter.
        UnknownNameError: There is no such plan, hyperparameter or trainer.
    """
    recipe = load_plan(plan).recipe.changed(dict(changes))
    row = report(recipe, classes, seeds, processes, trainer)
    name = ", ".join(f"{key}={value}" for key, value in changes.items()) or "none"
    lines = (COLUMNS, ["---"] * len(COLUMNS), [name, *row])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
