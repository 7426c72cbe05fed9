"""One training, in the form that NATS-Bench returns."""

from collections.abc import Callable
from typing import Any

from nasbench.compat.nats_bench.records import Records
from nasbench.compat.nats_bench.trainings import TRAIN, mean
from nasbench.spaces.nats_size import CELL

_CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}


class ResultsCount:
    """One training; read-only.

    Left out are the methods that change an object of the original (``update_…``, ``reset_…``,
    ``load_state_dict``) and ``state_dict``.

    Attributes:
        name: The training set.
        seed: The training seed, as a text of four digits.
        epochs: Length of the training in epochs.
        net_state_dict: None, since tables hold no weights.
    """

    net_state_dict = None

    def __init__(self, records: Records, dataset: str, hp: str, index: int, row: int) -> None:
        self._made_of = (records, dataset, hp, index, row)
        self._records, self._index, self._row = records, index, row
        self._trainings = records.trainings(dataset, hp)
        self.name = dataset
        self.seed = f"{self._trainings.seeds[row]:04d}"
        self.epochs = self._trainings.epochs

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._made_of

    @property
    def arch_config(self) -> dict[str, Any]:
        """The configuration that the network was built from."""
        text, classes = self._records.archs[self._index], _CLASSES[self.name]
        if self._records.family.name == "size":
            names = {"name": "infer.shape.tiny", "channels": text, "arch_str": text}
            return {**names, "genotype": CELL, "class_num": classes}
        return {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": classes}

    @property
    def params(self) -> float:
        """Parameters in millions, as published; see :meth:`ArchResults.get_compute_costs`."""
        return self._trainings.published("parameters", self._row)

    @property
    def flop(self) -> float:
        """Multiply-adds in millions, as published."""
        return self._trainings.published("macs", self._row)

    @property
    def latency(self) -> list[float]:
        """Seconds for a batch of 256 images on a GPU."""
        return [self._trainings.published("latency", self._row)]

    @property
    def eval_names(self) -> list[str]:
        """Sets that the network was evaluated on."""
        return list(self._trainings.sets)

    @property
    def train_acc1es(self) -> dict[int, float]:
        """Accuracy on the training set in percent, by epoch."""
        return self._trainings.curve(TRAIN, "accuracy", self._row)

    @property
    def train_acc5es(self) -> dict[int, float] | None:
        """Top-5 accuracy on the training set in percent, by epoch; None if not recorded.

        Raises:
            NoAnswerError: The table is too old to hold it.
        """
        return self._trainings.top5(self._row)

    @property
    def train_losses(self) -> dict[int, float]:
        """Loss on the training set, by epoch."""
        return self._trainings.curve(TRAIN, "loss", self._row)

    @property
    def train_times(self) -> dict[int, float]:
        """Estimated seconds of each epoch of the training."""
        return {i: self._trainings.step(TRAIN, self._row, i) for i in range(self.epochs)}

    @property
    def eval_acc1es(self) -> dict[str, float]:
        """Accuracies in percent, by set and epoch such as ``"x-valid@0"``."""
        return self._evaluations("accuracy")

    @property
    def eval_losses(self) -> dict[str, float]:
        """Losses, by set and epoch."""
        return self._evaluations("loss")

    @property
    def eval_times(self) -> dict[str, float]:
        """Seconds of one evaluation, by set and epoch, including epochs without results."""
        return {
            f"{name}@{i}": self._trainings.step(name, self._row, i)
            for name in self._trainings.sets
            for i in range(self.epochs)
        }

    def get_latency(self) -> float:
        """Return the seconds for a batch of 256 images on a GPU."""
        return mean(self.latency)

    def get_total_epoch(self) -> int:
        """Return the length of the training in epochs."""
        return self.epochs

    def get_eval_set(self) -> list[str]:
        """Return the sets that the network was evaluated on."""
        return self.eval_names

    def get_times(self) -> dict[str, float]:
        """Return the seconds of training and evaluations.

        Keys are ``T-train`` or ``T-`` with the evaluation set, then ``@epoch`` (mean per epoch) or
        ``@total``.
        """
        times = {}
        for name in (TRAIN, *self._trainings.sets):
            seconds = self._trainings.seconds(name, self._row, self.epochs)
            times[f"T-{name}@epoch"] = seconds / self.epochs
            times[f"T-{name}@total"] = seconds
        return times

    def judge_valid(self, iepoch: int) -> None:
        """Check that there is such an epoch.

        Raises:
            NoAnswerError: There is not.
        """
        self._trainings.check_epoch(iepoch)

    def get_train(self, iepoch: int | None = None) -> dict[str, Any]:
        """Return results on the training set after an epoch.

        Args:
            iepoch: Counted from 0; None for the last.

        Returns:
            ``iepoch``, ``loss``, ``accuracy`` in percent, ``cur_time`` and ``all_time`` (seconds of
            this epoch and of all so far).

        Raises:
            NoAnswerError: There is no such epoch.
        """
        return self._measured(TRAIN, iepoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> dict[str, Any]:
        """Return results on an evaluation set, in the form of :meth:`get_train`.

        Args:
            name: The evaluation set; ``"valid"`` is short for ``"x-valid"``.
            iepoch: Counted from 0; None for the last.

        Raises:
            NoAnswerError: There is no such epoch or set, or nothing is recorded there.
        """
        return self._measured("x-valid" if name == "valid" else name, iepoch)

    def get_net_param(self, clone: bool = False) -> None:
        """Return None, whether cloned or not: tables hold no weights."""

    def get_config(self, str2structure: Callable[[str], Any] | None) -> dict[str, Any]:
        """Return the configuration that the network is built from.

        Args:
            str2structure: Converts the text of the cell; None to keep the text.
        """
        config = self.arch_config
        classes = config["class_num"]
        if "genotype" in config:
            cell = config["genotype"]
            return {
                "name": config["name"],
                "channels": config["channels"],
                "genotype": cell if str2structure is None else str2structure(cell),
                "num_classes": classes,
            }
        cell = config["arch_str"]
        return {
            "name": "infer.tiny",
            "C": config["channel"],
            "N": config["num_cells"],
            **({"arch_str": cell} if str2structure is None else {"genotype": str2structure(cell)}),
            "num_classes": classes,
        }

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.name}, arch={self.arch_config['arch_str']}, "
            f"FLOP={self.flop:.2f}M, Param={self.params:.3f}MB, seed={self.seed}, "
            f"{len(self.eval_names)} eval-sets: [{', '.join(self.eval_names)}])"
        )

    def _measured(self, name: str, iepoch: int | None) -> dict[str, Any]:
        i = self._trainings.check_epoch(iepoch)
        loss, accuracy, seconds = self._trainings.measure(name, (self._row,), iepoch)
        return {
            "iepoch": i,
            "loss": loss,
            "accuracy": accuracy,
            "cur_time": self._trainings.step(name, self._row, i),
            "all_time": seconds,
        }

    def _evaluations(self, metric: str) -> dict[str, float]:
        return {
            f"{name}@{i}": value
            for name in self._trainings.sets
            for i, value in self._trainings.curve(name, metric, self._row).items()
        }
