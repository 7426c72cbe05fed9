"""Answers of NATS-Bench that combine numbers of several sets or architectures."""

from collections.abc import Iterable
from functools import lru_cache
from math import isnan
from typing import Any

from nasbench.column import SPLITS
from nasbench.compat.nats_bench.arch_results import agreed
from nasbench.compat.nats_bench.records import Records
from nasbench.compat.nats_bench.trainings import TRAIN, DatasetTrainings, mean

_KEYS = {
    split: tuple(f"{split}-{number}" for number in ("loss", "accuracy", "per-time", "all-time"))
    for split in SPLITS
}
_IMAGES = {"cifar10-valid": "train set", "cifar10": "train+valid sets"}
_COMMENT = (
    "In this dict, train-loss/accuracy/time is the metric on the {images} of CIFAR-10. The "
    "test-loss/accuracy/time is the performance of the CIFAR-10 test set after training on the "
    "{images} by {hp} epochs. The per-time and total-time indicate the per epoch and total time "
    "costs, respectively."
)


def more_info(
    trainings: DatasetTrainings, index: int, iepoch: int | None, seed: object, hp: object
) -> dict[str, Any]:
    """Return the answer of :meth:`NATSBench.get_more_info`.

    Args:
        trainings: The trainings on the training set under the recipe.
        index: The architecture.
        iepoch: Counted from 0; None for the last.
        seed: A training seed; None for the mean over the seeds.
        hp: The recipe as given, for the comment.

    Raises:
        NoAnswerError: There is no such training, epoch or seed.
    """
    rows = trainings.required(index)
    if seed is not None:
        row = trainings.row(index, seed)
        rows = range(row, row + 1)
    n = trainings.check_epoch(iepoch) + 1
    info: dict[str, Any] = {}
    for name in trainings.recorded(iepoch):
        found = trainings.measure(name, rows, iepoch)
        loss, accuracy, per_time, all_time = _KEYS[trainings.split(name)]
        info[loss] = found.loss
        info[accuracy] = found.accuracy
        info[per_time] = found.seconds / n
        info[all_time] = found.seconds
        if name == TRAIN and trainings.dataset in _IMAGES:
            info["comment"] = _comment(_IMAGES[trainings.dataset], str(hp))
    return info


def remap_dataset_set_names(
    dataset: str, metric_on_set: str, verbose: bool = False
) -> tuple[str, str]:
    """Return training set and evaluation set behind ``"valid"`` and ``"test"``.

    Args:
        dataset: The training set; ``"cifar10"`` with ``"valid"`` means cifar10-valid.
        metric_on_set: ``"valid"`` or ``"test"``; anything else stays.
        verbose: Whether to print them.
    """
    names = {
        ("cifar10", "valid"): ("cifar10-valid", "x-valid"),
        ("cifar10", "test"): ("cifar10", "ori-test"),
    }
    names |= {
        (halved, split): (halved, f"x-{split}")
        for halved in ("cifar100", "ImageNet16-120")
        for split in ("valid", "test")
    }
    found = names.get((dataset, metric_on_set), (dataset, metric_on_set))
    if verbose:
        print(f"{dataset}, {metric_on_set}: {found[0]}, {found[1]}")
    return found


def best(
    records: Records,
    indices: Iterable[int],
    dataset: str,
    metric_on_set: str,
    *,
    flop_max: float | None,
    param_max: float | None,
    hp: str,
) -> tuple[int, float | None]:
    """Return the answer of :meth:`NATSBench.find_best` for the architectures ``indices``.

    Raises:
        NoAnswerError: There is no such training or set.
    """
    dataset, metric_on_set = remap_dataset_set_names(dataset, metric_on_set)
    metric_on_set = "x-valid" if metric_on_set == "valid" else metric_on_set
    limits = [
        (name, most)
        for name, most in (("macs", flop_max), ("parameters", param_max))
        if most is not None
    ]
    trainings = records.trainings(dataset, hp)
    winner, highest = -1, None
    for index in indices:
        rows = trainings.required(index)
        if limits:
            seeds = [trainings.seeds[row] for row in rows]
            costs = ([trainings.published(name, row) for row in rows] for name, _ in limits)
            if any(
                mean(agreed(cost, seeds)) > most
                for cost, (_, most) in zip(costs, limits, strict=True)
            ):
                continue
        accuracy = trainings.measure(metric_on_set, rows).accuracy
        if not isnan(accuracy) and (highest is None or highest < accuracy):
            winner, highest = index, accuracy
    return winner, highest


@lru_cache
def _comment(images: str, hp: str) -> str:
    return _COMMENT.format(images=images, hp=hp)
