"""The methods that both search spaces of NATS-Bench share."""

import os
import random
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasbench.compat.nats_bench.answers import best, more_info
from nasbench.compat.nats_bench.arch_results import ArchResults, ResultsByIndex
from nasbench.compat.nats_bench.architectures import Architectures
from nasbench.compat.nats_bench.report import print_information
from nasbench.compat.nats_bench.trainings import SETS, NoAnswerError
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.storage.locks import MemberLock

_REMEMBERED = 2**15
_PLAIN = (int, type(None))


class NATSBench(Architectures):
    """Base class of both search spaces.

    ``index`` is the official number of an architecture; where the original accepts other forms, it
    may be the text or an object with a method ``tostr``. ``dataset`` is a training set:
    ``"cifar10-valid"`` (25,000 images of CIFAR-10, validated on the other 25,000), ``"cifar10"``
    (all 50,000 images, no validation), ``"cifar100"`` or ``"ImageNet16-120"``. ``hp`` is the recipe
    as a text: ``"12"`` or ``"200"`` epochs (topology), ``"01"``, ``"12"`` or ``"90"`` (size). Its
    default is the short ``"12"``; the numbers in papers need ``hp="200"`` or ``"90"``. ``iepoch``
    counts from 0; epoch 11 of a long recipe differs from the end of ``"12"``, since their learning
    rates differ.

    Several threads may use one object; they share its clock, the architectures that count as
    loaded, and the global generator. A copy or pickle has its own, and opens the tables again.

    Questions without an answer raise ``NoAnswerError``, which is a ``KeyError`` and a
    ``ValueError``.

    Args:
        file_path_or_dict: As in :func:`nasbench.compat.nats_bench.create`.
        fast_mode: As in ``create``.
        verbose: As in ``create``.
    """

    def __init__(
        self,
        file_path_or_dict: str | Path | None = None,
        fast_mode: bool = False,
        verbose: bool = True,
    ) -> None:
        super().__init__(file_path_or_dict, fast_mode, verbose)
        self._answers: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._lock = MemberLock()
        self.reset_time()
        self._tell("opened", self)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_answers": {}}

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        is_random: bool | int = True,
    ) -> dict[str, Any]:
        """Return results of an architecture after an epoch.

        By default, these are the results of *one* training, whose seed is drawn from Python's
        global generator ``random``. Give ``is_random=False`` for the mean over the seeds, as in the
        paper, or give a seed. Prefer
        ``nasbench.load("nats-tss-cifar100").query(text, schedule=200, epoch=…, seed=…)``, which has
        one column per split.

        Args:
            index: The architecture.
            dataset: The training set.
            iepoch: Counted from 0; None for the last.
            hp: The recipe; the default is the short one.
            is_random: True, False or a seed.

        Returns:
            ``…-loss``, ``…-accuracy`` in percent, ``…-per-time`` and ``…-all-time`` (seconds of one
            epoch and of all so far) for ``train``, ``valid`` (x-valid), ``test`` (x-test; for
            CIFAR-10 ori-test) and ``valtest`` (the union of both; for cifar100 and ImageNet16-120).
            What is not recorded at this epoch is absent: with ``hp="200"``, ``valid`` and ``test``
            of cifar100 and ImageNet16-120 and ``test`` of cifar10-valid exist only at the end.

        Raises:
            NoAnswerError: There is no such architecture, training, epoch or seed.
        """
        if self.verbose:
            self._tell("get_more_info", index, dataset, iepoch, hp, is_random)
        if type(index) is not int:
            index = self._index(index)
        if is_random is True:
            is_random = random.choice(self._seeds(index, dataset, hp))
        seed = None if is_random is False else is_random  # as a key of a dict, False equals seed 0
        answer = self._answers.get((index, dataset, iepoch, hp, seed))
        is_plain = type(iepoch) in _PLAIN and type(seed) in _PLAIN  # 1.0 and True equal 1 as keys
        if answer is None or not is_plain:
            trainings = self._records.trainings(dataset, str(hp))
            answer = more_info(trainings, self._load(index), iepoch, seed, hp)
            self._remember((index, dataset, iepoch, hp, seed), answer)
        return answer.copy()

    def simulate_train_eval(
        self,
        arch: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        account_time: bool = True,
    ) -> tuple[float, float, float, float]:
        """Return what a search learns from one training, its seed drawn from the global generator.

        Three traps: ``"cifar10"`` means cifar10-valid here. At the epochs at which ``hp="200"`` has
        no validation of cifar100 and ImageNet16-120 (all but the last), the accuracy is that of
        *validation and test images together*, so a search that uses it has seen the test set. And
        the clock is part of this object. Prefer :func:`nasbench.replay`, or
        ``nasbench.load(…).evaluate(arch, epoch=…, seed=…)``.

        Args:
            arch: The architecture.
            dataset: ``"cifar10"``, ``"cifar100"`` or ``"ImageNet16-120"``.
            iepoch: Counted from 0; None for the last.
            hp: The recipe.
            account_time: Whether to add the cost to :attr:`used_time`.

        Returns:
            Validation accuracy in percent; latency in seconds; seconds of the training and one
            validation; :attr:`used_time`.

        Raises:
            NoAnswerError: There is no such architecture, training or epoch.
        """
        possible = [name for name in SETS if name != "cifar10-valid"]
        index = self._index(arch)
        if dataset not in possible:
            raise NoAnswerError(f"there is no dataset {dataset!r}{one_of(dataset, possible)}")
        trained_on = "cifar10-valid" if dataset == "cifar10" else dataset
        info = self.get_more_info(index, trained_on, iepoch, hp)
        if "valid-accuracy" in info:
            accuracy, validation = info["valid-accuracy"], info["valid-per-time"]
        else:
            accuracy = info["valtest-accuracy"]
            validation = self.get_more_info(index, dataset, None, hp)["valid-per-time"]
        seconds = info["train-all-time"] + validation
        latency = self.get_latency(index, dataset, hp)
        with self._lock:
            if account_time:
                self._used_time += seconds
            return accuracy, latency, seconds, self._used_time

    @property
    def used_time(self) -> float:
        """Seconds of all :meth:`simulate_train_eval` calls since the last :meth:`reset_time`."""
        return self._used_time

    def reset_time(self) -> None:
        """Reset :attr:`used_time` to 0."""
        with self._lock:
            self._used_time: float = 0

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """Return the architecture with the highest final accuracy, as a mean over the seeds.

        Architectures with a training whose loss became NaN are left out. (The original returns NaN
        if one comes first.)

        Args:
            dataset: The training set; ``"cifar10"`` with ``"valid"`` means cifar10-valid.
            metric_on_set: ``"train"``, ``"valid"``, ``"test"``, or an evaluation set such as
                ``"ori-test"``.
            flop_max: Maximum multiply-adds in millions.
            param_max: Maximum number of parameters in millions.
            hp: The recipe; the default is the short one.
            enforce_all: Whether to compare all recorded architectures instead of those that count
                as loaded; default: only in fast mode. (The original fails for an incomplete
                archive.)

        Returns:
            Index and accuracy in percent; (-1, None) if there is nothing to compare.

        Raises:
            NoAnswerError: There is no such training or set.
        """
        self._tell("find_best", dataset, metric_on_set, flop_max, param_max, hp, enforce_all)
        if self.fast_mode if enforce_all is None else enforce_all:
            self.evaluated_indexes |= self._recorded
        return best(
            self._records,
            self._loaded(),
            dataset,
            metric_on_set,
            flop_max=flop_max,
            param_max=param_max,
            hp=hp,
        )

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """Count the architectures that count as loaded, by their number of trainings.

        Raises:
            NoAnswerError: There is no such training set or recipe.
        """
        self._tell("statistics", dataset, hp)
        trainings = self._records.trainings(dataset, str(hp))
        return dict(Counter(len(trainings.rows(index)) for index in self._loaded()))

    # Costs

    def get_cost_info(self, index: int, dataset: str, hp: str = "12") -> dict[str, Any]:
        """Return the costs of an architecture, see :meth:`ArchResults.get_compute_costs`.

        Raises:
            NoAnswerError: There is no such architecture or training.
        """
        if self.verbose:
            self._tell("get_cost_info", index, dataset, hp)
        answer = self._answers.get((index, dataset, hp))
        if answer is None:
            answer = self._results(index, hp).get_compute_costs(dataset)
            self._remember((index, dataset, hp), answer)
        return answer.copy()

    def get_latency(self, index: int, dataset: str, hp: str = "12") -> float:
        """Return the seconds for a batch of 256 images on a GPU.

        Raises:
            NoAnswerError: There is no such architecture or training.
        """
        latency: float = self.get_cost_info(index, dataset, hp)["latency"]
        return latency

    # Objects and texts

    @property
    def arch2infos_dict(self) -> Mapping[int, dict[str, ArchResults]]:
        """Results by index, then by recipe, of architectures that count as loaded; read-only."""
        return ResultsByIndex(self._records, self.evaluated_indexes)

    def query_meta_info_by_index(self, arch_index: int, hp: str = "12") -> ArchResults:
        """Return all trainings of an architecture under a recipe.

        Raises:
            NoAnswerError: There is no such architecture or recipe.
        """
        self._tell("query_meta_info_by_index", arch_index, hp)
        return self._results(arch_index, hp)

    def query_by_index(self, arch_index: int, dataname: str | None = None, hp: str = "12") -> Any:
        """Return all trainings of an architecture, or those on one training set as a dict by seed.

        Raises:
            NoAnswerError: There is no such architecture, recipe or training set.
        """
        self._tell("query_by_index", arch_index, dataname, hp)
        results = self._results(arch_index, hp)
        return results if dataname is None else results.query(dataname)

    def query_by_arch(self, arch: Any, hp: str) -> str | None:
        """Call :meth:`query_info_str_by_arch`; this is its older name."""
        return self.query_info_str_by_arch(arch, hp)

    def query_info_str_by_arch(self, arch: Any, hp: str = "12") -> str | None:
        """Return costs and final results of an architecture as text.

        Returns:
            The text; None, with a warning, if nothing is recorded for the architecture.

        Raises:
            NoAnswerError: There is no such architecture or recipe.
        """
        self._tell("query_info_str_by_arch", arch, hp)
        index = self._check(self._index(arch))
        if index not in self._recorded:
            warnings.warn(f"no training of architecture {index} is recorded", stacklevel=2)
            return None
        results = self._results(index, hp)
        return "\n".join(print_information(results, extra_info=f"arch-index={index}"))

    def show(self, index: int = -1) -> None:
        """Print costs and final results of an architecture, or of all that count as loaded.

        Args:
            index: The architecture; any negative number for all. (The original fails then.)
        """
        if index < 0:
            print(self)
            loaded = self._loaded()
            for number, each in enumerate(loaded):
                dashes = "-" * 10
                title = f"The ({number:5d}/{len(loaded):5d}) {each:06d}-th architecture!"
                print(f"\n{dashes} {title} {dashes}")
                print(f"arch : {self.meta_archs[each]}")
                self._show(each)
        elif index >= len(self):
            print(f"This index ({index}) is out of range (0~{len(self)}).")
        elif index not in self._recorded:
            print(f"The {index}-th architecture has not been evaluated or not saved.")
        else:
            self._show(self._load(index))

    def get_net_config(self, index: int, dataset: str) -> dict[str, Any]:
        """Return the configuration that a network is built from.

        Raises:
            NoAnswerError: There is no such architecture or training set.
        """
        self._tell("get_net_config", index, dataset)
        results = self._results(index, self._records.recipes(self._load(index))[0])
        config: dict[str, Any] = next(iter(results.query(dataset).values())).get_config(None)
        return config

    # Weights, which tables do not hold

    def get_net_param(
        self, index: int, dataset: str, seed: int | None, hp: str = "12"
    ) -> dict[int, None] | None:
        """Return None, or a dict of None by seed, as for an archive without weights.

        Raises:
            NoAnswerError: There is no such training.
        """
        self._tell("get_net_param", index, dataset, seed, hp)
        return self._results(index, hp).get_net_param(dataset, seed)

    def clear_params(self, index: int, hp: str | None = None) -> None:
        """Do nothing but check the arguments: tables hold no weights.

        Raises:
            NoAnswerError: The architecture has no training under this recipe.
        """
        self._tell("clear_params", index, hp)
        if index not in self.evaluated_indexes:
            warnings.warn(f"architecture {index} does not count as loaded", stacklevel=2)
        elif hp is not None:
            self._results(index, str(hp))

    def reload(self, archive_root: str | None = None, index: int | None = None) -> None:
        """Count an architecture, or all, as loaded; the numbers remain those of the tables.

        Args:
            archive_root: A folder, which is not read; the original takes weights from it.
            index: The architecture; None for all recorded ones.

        Raises:
            InvalidArgumentError: The folder does not exist.
            NoAnswerError: There is no such architecture.
        """
        self._tell("reload", archive_root, index)
        if archive_root is not None and not os.path.isdir(archive_root):
            raise InvalidArgumentError(f"archive_root = {archive_root!r} is not a folder")
        for each in self._recorded if index is None else [index]:
            self._load(each)

    def _results(self, index: int, hp: str) -> ArchResults:
        results = ArchResults(self._records, self._load(index), str(hp))
        if not results.dataset_seed:
            raise NoAnswerError(
                f"architecture {index} was not trained with hp = {hp!r}"
                f"{one_of(hp, self._records.recipes(index))}"
            )
        return results

    def _seeds(self, index: int, dataset: str, hp: str) -> list[int]:
        trainings = self._records.trainings(dataset, str(hp))
        return [trainings.seeds[row] for row in trainings.required(self._load(index))]

    def _remember(self, key: tuple[Any, ...], answer: dict[str, Any]) -> None:
        if len(self._answers) >= _REMEMBERED:
            self._answers.clear()
        self._answers[key] = answer

    def _show(self, index: int) -> None:
        for hp in self._records.recipes(index):
            print(f"{'>' * 40} {self.family.recipes[hp]:03d} epochs {'>' * 40}")
            print_information(ArchResults(self._records, index, hp), show=True)
        print(f"{'<' * 40}------------{'<' * 40}")
