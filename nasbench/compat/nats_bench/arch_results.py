"""All trainings of an architecture, in the form that NATS-Bench returns."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from nasbench.compat.nats_bench.records import Records
from nasbench.compat.nats_bench.results_count import ResultsCount
from nasbench.compat.nats_bench.trainings import TRAIN, NoAnswerError, mean
from nasbench.errors import one_of

_TRUSTED_SEED = 888


class ArchResults:
    """All trainings of an architecture under one recipe; read-only.

    Left out are the methods that change an object of the original (``update``, ``reset_…``,
    ``load_state_dict``), ``state_dict``, ``create_from_state_dict`` and ``debug_test``.

    Attributes:
        arch_index: The official index.
        dataset_seed: Training seeds by training set, ascending.
        clear_net_done: True, since tables hold no weights.
    """

    clear_net_done = True

    def __init__(self, records: Records, index: int, hp: str) -> None:
        self._records, self._hp = records, hp
        self._trainings = records.of(index, hp)
        self.arch_index = index
        self.dataset_seed = {
            dataset: [trainings.seeds[row] for row in trainings.rows(index)]
            for dataset, trainings in self._trainings.items()
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._records, self.arch_index, self._hp)

    @property
    def arch_str(self) -> str:
        """The architecture as text."""
        return self._records.archs[self.arch_index]

    @property
    def of_size(self) -> bool:
        """Whether the architecture belongs to the size space."""
        return self._records.family.name == "size"

    @cached_property
    def all_results(self) -> dict[tuple[str, int], ResultsCount]:
        """Every training, by training set and seed."""
        return {
            (dataset, trainings.seeds[row]): ResultsCount(
                self._records, dataset, self._hp, self.arch_index, row
            )
            for dataset, trainings in self._trainings.items()
            for row in trainings.rows(self.arch_index)
        }

    def get_compute_costs(self, dataset: str) -> dict[str, Any]:
        """Return the costs of a network and of its training.

        For 204 architectures of the topology space, the trainings disagree on ``params`` and
        ``flops``. Then those of seed 888 are returned or, where the original fails because there is
        no seed 888, those of the second training. Prefer the columns ``parameters`` and ``macs`` of
        the table.

        Returns:
            ``flops`` (multiply-adds) and ``params`` in millions, ``latency``, ``T-…@epoch`` and
            ``T-…@total`` in seconds, each as a mean over the seeds.

        Raises:
            NoAnswerError: The architecture was not trained on this data set.
        """
        results = self._results(dataset)
        seeds = self.dataset_seed[dataset]
        times = [result.get_times() for result in results]
        return {
            "flops": mean(agreed([result.flop for result in results], seeds)),
            "params": mean(agreed([result.params for result in results], seeds)),
            "latency": mean([result.get_latency() for result in results]),
            **{key: mean([each[key] for each in times]) for key in times[0]},
        }

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> dict[str, Any]:
        """Return results after an epoch.

        Args:
            dataset: The training set.
            setname: ``"train"``, ``"x-valid"``, ``"x-test"`` or ``"ori-test"``. For cifar100 and
                ImageNet16-120, ``"ori-test"`` is the union of ``"x-valid"`` and ``"x-test"``.
            iepoch: Counted from 0; None for the last.
            is_random: False for the mean over the seeds, a seed for its training, or True for a
                training drawn from Python's global generator ``random``. Prefer a seed.

        Returns:
            The entries of :meth:`ResultsCount.get_train`; in a mean, ``iepoch`` is a float.

        Raises:
            NoAnswerError: There is no such training set, evaluation set, epoch or seed, or nothing
                is recorded there.
        """
        results = self._results(dataset)
        found = [
            result.get_train(iepoch) if setname == TRAIN else result.get_eval(setname, iepoch)
            for result in results
        ]
        if is_random is True:
            return found[random.randint(0, len(found) - 1)]
        if is_random is False:
            return {key: mean([each[key] for each in found]) for key in found[0]}
        return found[self._place(dataset, is_random)]

    def get_dataset_names(self) -> list[str]:
        """Return the training sets."""
        return list(self.dataset_seed)

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """Return the training seeds, ascending.

        Raises:
            NoAnswerError: The architecture was not trained on this data set.
        """
        self._results(dataset)
        return list(self.dataset_seed[dataset])

    def get_net_param(self, dataset: str, seed: int | None = None) -> dict[int, None] | None:
        """Return None for a training, or a dict of None by seed: tables hold no weights.

        Raises:
            NoAnswerError: There is no such training.
        """
        found = self.query(dataset, seed)
        return dict.fromkeys(found) if isinstance(found, dict) else None

    def get_latency(self, dataset: str) -> float:
        """Return the mean seconds for a batch of 256 images on a GPU.

        Raises:
            NoAnswerError: The architecture was not trained on this data set.
        """
        return mean([result.get_latency() for result in self._results(dataset)])

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Return the length of the trainings in epochs.

        Raises:
            NoAnswerError: The architecture was not trained on this data set.
        """
        if dataset is not None:
            self._results(dataset)
        return self._records.family.recipes[self._hp]

    def query(self, dataset: str, seed: int | None = None) -> Any:
        """Return the training with a seed, or a dict of all trainings by seed.

        Raises:
            NoAnswerError: There is no such training.
        """
        results = self._results(dataset)
        if seed is None:
            return dict(zip(self.dataset_seed[dataset], results, strict=True))
        return results[self._place(dataset, seed)]

    def arch_idx_str(self) -> str:
        """Return the index as six digits."""
        return f"{self.arch_index:06d}"

    def clear_params(self) -> None:
        """Do nothing: tables hold no weights."""

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(arch-index={self.arch_index}, arch={self.arch_str}, "
            f"{len(self.all_results)} runs, clear={self.clear_net_done})"
        )

    def _results(self, dataset: str) -> list[ResultsCount]:
        """Return the trainings on a data set, by ascending seed.

        Raises:
            NoAnswerError: The architecture was not trained on this data set.
        """
        if dataset not in self._trainings:
            raise NoAnswerError(
                f"architecture {self.arch_index} was not trained on {dataset!r} with "
                f"hp={self._hp!r}{one_of(dataset, self._trainings)}"
            )
        return [self.all_results[dataset, seed] for seed in self.dataset_seed[dataset]]

    def _place(self, dataset: str, seed: object) -> int:
        """Return the place of a seed's training among those on a data set."""
        trainings = self._trainings[dataset]
        return trainings.row(self.arch_index, seed) - trainings.rows(self.arch_index).start


class ResultsByIndex(Mapping[int, dict[str, ArchResults]]):
    """Results by index and recipe, made on access."""

    def __init__(self, records: Records, loaded: set[int]) -> None:
        self._records, self._loaded = records, loaded

    def __getitem__(self, index: int) -> dict[str, ArchResults]:
        if index not in self._loaded:
            raise NoAnswerError(f"architecture {index!r} does not count as loaded")
        recipes = self._records.recipes(index)
        return {hp: ArchResults(self._records, index, hp) for hp in recipes}

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._loaded))

    def __len__(self) -> int:
        return len(self._loaded)


def agreed(values: Sequence[float], seeds: Sequence[int]) -> Sequence[float]:
    """Return the values, or only the trusted one if they disagree."""
    if len({f"{value:.5f}" for value in values}) == 1:
        return values
    return [values[seeds.index(_TRUSTED_SEED) if _TRUSTED_SEED in seeds else 1]]
