"""Records of NAS-Bench-201 and NATS-Bench: all trainings of one architecture.

A record is ``{schedule: {"arch_index", "arch_str", "dataset_seed", "all_results": {(training set,
seed): training}}}``. A training has curves ``{epoch: number}`` measured while training, and
``{"<part>@<epoch>": number}`` for the evaluation parts of its training set; epochs start at 0.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from reprlib import repr
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_builders.importers.nats.training_sets import SETS, TOP5, TrainingSet
from nasbench.errors import ArchiveError, IllegalArchError, one_of
from nasbench.space import Arch, SearchSpace
from nasbench.spaces.nb201 import CONV1, CONV3, NB201

_BY_NAME = {images.name: images for images in SETS}
_ROUNDING = 1e-2
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Differences between the archives.

    Attributes:
        space: The search space.
        schedules: Epochs by name in the archive.
        exact: Whether every training has times, a latency, and exactly the evaluations of
            NATS-Bench. Otherwise these may be missing, and parts may be evaluated after every epoch
            or only after the last.
    """

    space: SearchSpace
    schedules: Mapping[str, int]
    exact: bool


class TrainingResult(NamedTuple):
    """One training in an archive.

    Attributes:
        schedule: Number of epochs.
        seed: Training seed.
        diverged: Whether the training loss was not finite at the end.
        curves: By column, values after every epoch, only after the last, or none.
        numbers: By column, NaN where not recorded.
    """

    schedule: int
    seed: int
    diverged: bool
    curves: dict[str, NDArray[np.float64]]
    numbers: dict[str, float]


@dataclass(frozen=True, slots=True)
class Record:
    """All trainings of one architecture.

    Attributes:
        index: Number of the architecture in the archive.
        text: The architecture as written there.
        arch: The same as a tuple.
        trainings: Trainings by training set.
        costs: Parameters and multiply-adds by training set.
    """

    index: int
    text: str
    arch: Arch
    trainings: dict[str, list[TrainingResult]]
    costs: dict[str, tuple[int, int]]


def parse(content: object, index: object, layout: Layout, where: str) -> Record:
    """Return a record of the archive.

    Args:
        content: The record as in the archive.
        index: Number of the architecture.
        layout: Layout of the archive.
        where: Name of the file, for messages.

    Raises:
        ArchiveError: The record is not in the layout, or has impossible numbers.
    """
    if type(index) is not int or index < 0:
        raise ArchiveError(f"{where}: {repr(index)} is not the number of an architecture")
    where = f"{where}, architecture {index}"
    states = _dict(content, layout.schedules, where)
    for key in states:
        if key not in layout.schedules:
            possible = one_of(key, layout.schedules)
            raise ArchiveError(f"{where} has an unknown schedule {repr(key)}{possible}")
    trainings: dict[str, list[TrainingResult]] = {name: [] for name in _BY_NAME}
    text = ""
    for key, schedule in layout.schedules.items():
        here = f"{where}, schedule {key}"
        state = _dict(states[key], ("arch_index", "arch_str", "all_results"), here)
        said = state["arch_index"], state["arch_str"]
        text = text or said[1]
        if not isinstance(text, str) or said != (index, text) or not 0 < len(text) < _LONGEST:
            raise ArchiveError(f"{here}: index and architecture are {repr(said)}")
        for name, training in _trainings(state, schedule, layout, here):
            trainings[name].append(training)
    try:
        arch = layout.space.from_text(text)
    except IllegalArchError as error:
        raise ArchiveError(f"{where}: {error}") from error
    costs = {
        name: _costs(arch, _BY_NAME[name], found, layout, f"{where} {text}, {name}")
        for name, found in trainings.items()
        if found
    }
    return Record(index, text, arch, trainings, costs)


def _trainings(
    state: Mapping[str, Any], schedule: int, layout: Layout, where: str
) -> Iterator[tuple[str, TrainingResult]]:
    """Yield the trainings of one schedule, with the names of their training sets."""
    seeds: dict[str, list[int]] = {}
    for key, result in _dict(state["all_results"], (), where).items():
        name, seed = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        if name not in _BY_NAME:
            possible = one_of(name, _BY_NAME)
            raise ArchiveError(f"{where}: unknown training set {repr(name)}{possible}")
        if type(seed) is not int or not 0 <= seed < 2**31:
            raise ArchiveError(f"{where}, {name}: {repr(seed)} is not a training seed")
        seeds[name] = sorted([*seeds.get(name, []), seed])
        here = f"{where}, {name}, seed {seed}"
        result = _dict(result, ("name", "seed", "epochs"), here)
        config = _dict(result.get("arch_config", {}), (), here)
        images, text = _BY_NAME[name], state["arch_str"]
        claims = {
            "name": (result["name"], name),
            "seed": (_seed(result["seed"]), seed),
            "epochs": (result["epochs"], schedule),
            "arch_str": (config.get("arch_str", text), text),
            "class_num": (config.get("class_num", images.classes), images.classes),
        }
        for claim, (found, known) in claims.items():
            if found != known:
                raise ArchiveError(f"{here}: its {claim} is {repr(found)}, not {repr(known)}")
        yield name, _Reader(result, images, schedule, layout, here).training(seed)
    listed = _dict(state.get("dataset_seed", seeds), (), where)
    if {name: found for name, found in listed.items() if found != []} != seeds:
        raise ArchiveError(
            f"{where}: it holds trainings of {repr(seeds)}, but lists {repr(listed)}"
        )


def _seed(said: object) -> object:
    """Return the number in a text with leading zeros."""
    return int(said) if isinstance(said, str) and re.fullmatch("[0-9]{1,10}", said) else said


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one training."""

    result: Mapping[str, Any]
    images: TrainingSet
    schedule: int
    layout: Layout
    where: str

    def training(self, seed: int) -> TrainingResult:
        curves = {
            "train_accuracy": self._curve("train_acc1es"),
            "train_loss": self._curve("train_losses"),
        }
        sizes = {"train_accuracy": self.images.train}
        for part, prefix in self.images.columns.items():
            curves[f"{prefix}_accuracy"] = self._curve("eval_acc1es", part)
            curves[f"{prefix}_loss"] = self._curve("eval_losses", part)
            sizes[f"{prefix}_accuracy"] = self.images.parts[part]
        for metric, keys in (
            ("accuracy", ("train_acc1es", "eval_acc1es")),
            ("loss", ("train_losses", "eval_losses")),
        ):
            values = sum(len(curve) for name, curve in curves.items() if name.endswith(metric))
            entries = sum(len(self.result[key]) for key in keys)
            if values != entries:
                raise ArchiveError(
                    f"{self.where}: {' and '.join(keys)} have {entries} entries, of which {values} "
                    f"belong to {self.schedule} epochs of {', '.join(self.images.parts)}"
                )
        if self.layout.exact and self.result.get("train_acc5es"):
            curves[TOP5], sizes[TOP5] = self._curve("train_acc5es"), self.images.train
        finite = np.flatnonzero(np.isfinite(curves["train_loss"]))
        end = int(finite[-1]) + 1 if finite.size else 0
        for name, curve in curves.items():
            n = max(0, end - self.schedule + len(curve))  # a single value belongs to the end
            if name in sizes:
                self._check_accuracies(curve[:n], sizes[name], name)
            curve[n:] = np.nan
            curve[~np.isfinite(curve)] = np.nan
        seconds, numbers = self._times()
        numbers["published_parameters"] = self._positive(self.result.get("params"), "params")
        numbers["published_macs"] = self._positive(self.result.get("flop"), "flop")
        numbers["published_latency"] = self._latency()
        curves.setdefault(TOP5, np.empty(0))
        curves["seconds"] = seconds
        return TrainingResult(self.schedule, seed, end < self.schedule, curves, numbers)

    def _curve(self, key: str, part: str | None = None) -> NDArray[np.float64]:
        """Return the values after every epoch or, for some evaluation parts, after the last."""
        entries = self._entries(key)
        keys = _keys(part, self.schedule)
        if part is not None and not all(k in entries for k in keys[:-1]):
            keys = keys[-1:]
        if part is not None and self.layout.exact:
            sparse = self.schedule == 200 and part in self.images.sparse
            if len(keys) != (1 if sparse else self.schedule):
                raise ArchiveError(f"{self.where}: {key} lacks the known entries of {part}")
        return self._values(entries, keys, key)

    def _entries(self, key: str) -> Mapping[Any, Any]:
        return _dict(self.result.get(key), (), f"{self.where}, {key}")

    def _values(
        self, entries: Mapping[Any, Any], keys: Iterable[object], what: str
    ) -> NDArray[np.float64]:
        try:
            values = [entries[key] for key in keys]
        except KeyError as error:
            raise ArchiveError(f"{self.where}: {what} has no entry {error.args[0]!r}") from error
        return self._array(values, what)

    def _array(self, values: Sequence[Any], what: str) -> NDArray[np.float64]:
        wrong = [v for v in values if type(v) is not float and not _is_small_int(v)]
        if wrong:
            raise ArchiveError(f"{self.where}: {what} holds {repr(wrong[0])}, not a number")
        return np.array(values, dtype=np.float64)

    def _check_accuracies(self, values: NDArray[np.float64], n: int, name: str) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            right = values * (n / 100)
            possible = (values >= 0) & (values <= 100) & (abs(right - np.rint(right)) < _ROUNDING)
        if not possible.all():
            wrong = values[int(np.argmin(possible))]
            raise ArchiveError(f"{self.where}: a {name} of {wrong} % of {n} images is impossible")

    def _times(self) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Return the seconds up to the end of each epoch, and those to evaluate each part once."""
        columns = self.images.seconds
        if not self.layout.exact and not self.result.get("train_times"):
            return np.empty(0), dict.fromkeys(columns.values(), np.nan)
        times = self._values(self._entries("train_times"), range(self.schedule), "train_times")
        self._check_times(times, "train_times")
        numbers = {}
        entries = self._entries("eval_times")
        for part, column in columns.items():
            keys = _keys(part, self.schedule)
            if not self.layout.exact:
                keys = tuple(key for key in keys if key in entries)
            values = self._values(entries, keys, "eval_times")
            self._check_times(values, "eval_times")
            if self.layout.exact and (values != values[0]).any():
                raise ArchiveError(
                    f"{self.where}: the time to evaluate {part} is not constant: "
                    f"{values.min()} to {values.max()} s"
                )
            numbers[column] = _mean(values)
        return np.array(list(accumulate(times.tolist()))), numbers

    def _check_times(self, values: NDArray[np.float64], what: str) -> None:
        if not ((values >= 0) & (values < 1e9)).all():
            raise ArchiveError(f"{self.where}: {what} holds {values.min()} to {values.max()} s")

    def _positive(self, value: object, what: str) -> float:
        (number,) = self._array([value], what)
        if not 0 < number < 1e9:
            raise ArchiveError(f"{self.where}: {what} is {number}")
        return float(number)

    def _latency(self) -> float:
        listed = self.result.get("latency")
        if not listed and not self.layout.exact:
            return float("nan")
        if not isinstance(listed, list) or not listed:
            raise ArchiveError(f"{self.where}: latency is {repr(listed)}, not a filled list")
        return sum(self._positive(value, "latency") for value in listed) / len(listed)


def _is_small_int(value: object) -> bool:
    return type(value) is int and abs(value) <= 2**53


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean; exactly the value if all are equal, NaN without any values."""
    if not values.size:
        return float("nan")
    return float(values[0]) if (values == values[0]).all() else fmean(values)


@cache
def _keys(part: str | None, schedule: int) -> tuple[int | str, ...]:
    """Return the keys of the entries of all epochs."""
    return tuple(epoch if part is None else f"{part}@{epoch}" for epoch in range(schedule))


def _dict(value: object, keys: Iterable[str], where: str) -> dict[Any, Any]:
    """Return the value, which must be a dict with these keys."""
    if not isinstance(value, dict):
        raise ArchiveError(f"{where} is {repr(value)}, not a dict")
    if missing := [key for key in keys if key not in value]:
        raise ArchiveError(f"{where} has no {missing[0]!r}, only {repr(list(value))}")
    return value


def _costs(
    arch: Arch,
    images: TrainingSet,
    trainings: Sequence[TrainingResult],
    layout: Layout,
    where: str,
) -> tuple[int, int]:
    """Return parameters and multiply-adds of the network.

    For some cells the archives hold those of another cell; a closed form gives the right ones.
    """
    published = [
        {round(1e6 * training.numbers[name]) for training in trainings}
        for name in ("published_parameters", "published_macs")
    ]
    said = [repr(sorted(numbers)) for numbers in published]
    what = f"{where}: parameters are {said[0]}, multiply-adds {said[1]}"
    if not isinstance(layout.space, NB201):
        if any(len(found) > 1 for found in published):
            raise ArchiveError(what)
        return published[0].pop(), published[1].pop()
    known = images.costs[arch.count(CONV1), arch.count(CONV3)]
    for found, right, possible in zip(
        published, known, zip(*images.costs.values(), strict=True), strict=True
    ):
        if not found.issubset(possible) or (layout.exact and right not in found):
            raise ArchiveError(f"{what}; correct are {known}")
    return known
