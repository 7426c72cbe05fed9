"""The class ``NASBench`` of google-research/nasbench, answering from a table."""

import copy
import random
from collections.abc import KeysView, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from nasbench.compat.nasbench101.config import build_config
from nasbench.compat.nasbench101.model_spec import ModelSpec, OutOfDomainError, UnknownModuleError
from nasbench.compat.nasbench101.opening import METRICS, open_cells
from nasbench.compat.nasbench101.records import Records
from nasbench.compat.nasbench101.statistics import Compact, Statistics, made, no_module
from nasbench.errors import IllegalArchError, NotRecordedError, one_of
from nasbench.space import Arch
from nasbench.spaces.nb101 import from_matrix
from nasbench.storage.locks import MemberLock

_REMEMBERED = 2**20


class NASBench:
    """The benchmark with the counters and the hidden random choices of the original.

    Several threads may use one object; their queries share its counters and the global generator.
    A copy or pickle has its own counters and statistics, and opens the table again.

    Args:
        dataset_file: Id or path of a table made by the importer ``nb101``; or the published
            ``.tfrecord``, which is imported into the user's folder of tables on first use.
        seed: Seed for Python's global generator ``random``, from which :meth:`query` draws repeats.
            Prefer ``nasbench.load("nb101-cifar10").query(arch, seed=k)``.

    Attributes:
        config: See :func:`build_config`.
        history: An empty dict for the caller, as in the original.
        valid_epochs: Lengths of the recorded trainings in epochs.
        training_time_spent: Seconds of all queries since the last reset.
        total_epochs_spent: Epochs of all queries since the last reset.

    Raises:
        UnknownNameError: There is no such table.
        SchemaError: The table is of another space or lacks columns of the published file.
        TableError: The table is damaged.
        ArchiveError: The published file is damaged.
        InvalidArgumentError: There is no such file, or importing it would replace the table of
            another file.
    """

    def __init__(self, dataset_file: str | Path, seed: Any = None) -> None:
        random.seed(seed)
        self.config = build_config()
        self._records = Records(open_cells(Path(dataset_file)))
        self._archs: dict[tuple[bytes, tuple[str, ...]], Arch] = {}
        self._lock = MemberLock()
        self.valid_epochs = set(self._records.table.schedules)
        self.history: dict[Any, Any] = {}
        self.reset_budget_counters()

    def query(
        self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False
    ) -> dict[str, Any]:
        """Return one recorded training of a cell, drawn from its repeats; the counters pay for it.

        The first ``config["num_repeats"]`` repeats are drawn from.
        The draw is that of the original: after the same seed, and if nothing else draws from the
        global generator, it is the same repeat. For the mean of the repeats or a chosen one, use
        ``nasbench.load("nb101-cifar10").query(arch, seed=k)`` without or with ``seed``.

        Args:
            model_spec: The cell.
            epochs: One of ``valid_epochs``; these are separate trainings, not points of one
                training.
            stop_halfway: Whether to return the numbers in the middle of that training.

        Returns:
            ``module_adjacency`` (int8 array) and ``module_operations`` (list), both as published,
            ``trainable_parameters``, ``training_time`` in seconds, and ``train_accuracy``,
            ``validation_accuracy`` and ``test_accuracy`` in 0..1.

        Raises:
            OutOfDomainError: The cell is not in the space, or ``epochs`` was not trained.
            UnknownModuleError: The cell, or this training of it, is not recorded.
        """
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(
                f"epochs = {epochs!r} was not trained{one_of(epochs, sorted(self.valid_epochs))}"
            )
        position = self._position(model_spec)
        records, computed, fixed = self._records, None, None
        if "computed_statistics" in vars(self):
            computed = made(self.computed_statistics, records.name(position))
        repeats: Sequence[Any] = (
            records.rows(position, epochs) if computed is None else computed.get(epochs, ())
        )
        if not repeats:
            name = records.name(position)
            raise UnknownModuleError(f"{name} has no training of {epochs} epochs")
        drawn = repeats[random.randint(0, min(len(repeats), self.config["num_repeats"]) - 1)]
        if computed is None:
            trained = records.trained(drawn, epochs, 0 if stop_halfway else 1)
        else:
            moment = "halfway" if stop_halfway else "final"
            trained = {name: drawn[f"{moment}_{name}"] for name in METRICS}
        if "fixed_statistics" in vars(self):
            fixed = made(self.fixed_statistics, records.name(position))
        data = (records.fixed(position) if fixed is None else copy.deepcopy(fixed)) | trained
        with self._lock:
            self.training_time_spent += data["training_time"]
            self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return data

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Return whether a cell, after pruning, is in the space."""
        try:
            self._arch(model_spec)
        except OutOfDomainError:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Return training seconds and epochs of all queries since the last reset."""
        with self._lock:
            return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Reset both counters to zero."""
        with self._lock:
            self.training_time_spent = 0.0
            self.total_epochs_spent = 0

    def evaluate(self, model_spec: ModelSpec, model_dir: str) -> dict[str, Any]:
        """Raise an error; the original trains the cell here.

        Raises:
            NotRecordedError: Always.
        """
        raise NotRecordedError(
            "live training is not supported: query(model_spec) answers from recorded trainings"
        )

    def hash_iterator(self) -> KeysView[str]:
        """Return the names of all recorded modules, in the order of the published file."""
        return self.fixed_statistics.keys()

    def get_metrics_from_hash(
        self, module_hash: str
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Return a copy of everything recorded for a module; the counters do not change.

        Returns:
            A dict with ``module_adjacency``, ``module_operations`` and ``trainable_parameters``;
            and, by number of epochs, a list with one dict per repeat, which holds
            ``training_time``, ``train_accuracy``, ``validation_accuracy`` and ``test_accuracy``,
            each with the prefixes ``halfway_`` and ``final_``.

        Raises:
            UnknownModuleError: No module has this name.
        """
        return self._metrics(module_hash, self._records.positions.get(module_hash))

    def get_metrics_from_spec(
        self, model_spec: ModelSpec
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Return :meth:`get_metrics_from_hash` of a cell.

        Raises:
            OutOfDomainError: The cell is not in the space.
            UnknownModuleError: The cell is not recorded.
        """
        position = self._position(model_spec)
        return self._metrics(self._records.name(position), position)

    @cached_property
    def fixed_statistics(self) -> dict[str, dict[str, Any]]:
        """First result of :meth:`get_metrics_from_hash` by module; answers follow its changes."""
        return self._statistics("fixed")

    @cached_property
    def computed_statistics(self) -> dict[str, dict[int, list[dict[str, float]]]]:
        """Second result of :meth:`get_metrics_from_hash` by module; answers follow its changes."""
        return self._statistics("computed")

    def __getstate__(self) -> dict[str, Any]:
        state = {
            name: Compact(value) if isinstance(value, Statistics) else value
            for name, value in vars(self).items()
        }
        return state | {"_archs": {}}

    def _statistics(self, kind: str) -> Statistics:
        with self._lock:  # all threads change the same
            known: Statistics = vars(self).setdefault(
                f"{kind}_statistics", Statistics(self._records, kind)
            )
        return known

    def _metrics(self, module: str, position: int | None) -> tuple[Any, Any]:
        found = []
        for kind in ("fixed", "computed"):
            known = vars(self).get(f"{kind}_statistics")
            value = None if known is None else made(known, module)
            if value is None and position is None:
                raise no_module(module)
            own = getattr(self._records, kind)(position) if value is None else copy.deepcopy(value)
            found.append(own)
        return found[0], found[1]

    # From a spec to its position

    def _check_spec(self, model_spec: ModelSpec) -> None:
        """Do nothing if a cell, after pruning, is in the space; scripts call this.

        Raises:
            OutOfDomainError: It is not.
        """
        self._arch(model_spec)

    def _hash_spec(self, model_spec: ModelSpec) -> str:
        """Return the name of a cell in the published file; scripts call this."""
        return model_spec.hash_spec(self.config["available_ops"])

    def _arch(self, model_spec: ModelSpec) -> Arch:
        """Return the architecture of a spec.

        Raises:
            OutOfDomainError: The cell is not in the space. (For too many vertices, the original
                raises a TypeError because of a bug in its message.)
        """
        matrix, ops = model_spec.matrix, model_spec.ops
        if not model_spec.valid_spec or matrix is None or ops is None:
            raise OutOfDomainError("no path leads from the input to the output of this spec")
        key = (matrix.tobytes(), tuple(ops))
        arch = self._archs.get(key)
        if arch is None:
            try:
                arch = from_matrix(matrix.tolist(), ops)
            except IllegalArchError as error:
                raise OutOfDomainError(str(error)) from error
            if len(self._archs) >= _REMEMBERED:
                self._archs.clear()
            self._archs[key] = arch
        return arch

    def _position(self, model_spec: ModelSpec) -> int:
        arch = self._arch(model_spec)
        try:
            return self._records.position[arch]
        except NotRecordedError as error:
            raise UnknownModuleError(str(error)) from error
