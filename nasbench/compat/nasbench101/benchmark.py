"""The class ``NASBench`` of google-research/nasbench, answering from a table."""

import random
from collections.abc import Callable, Iterator, KeysView, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.benchmarks.lookup import Lookup, view
from nasbench.compat.nasbench101.fractions import published
from nasbench.compat.nasbench101.model_spec import ModelSpec, OutOfDomainError, UnknownModuleError
from nasbench.compat.nasbench101.opening import METRICS, TEXTS, open_cells
from nasbench.errors import IllegalArchError, NotRecordedError, SchemaError, one_of
from nasbench.space import Arch
from nasbench.spaces.nb101 import from_matrix
from nasbench.tables.columns import open_file, read_column
from nasbench.tables.schema import archs_file

_REMEMBERED = 2**20


class NASBench:
    """The benchmark with the counters and the hidden random choices of the original.

    Args:
        dataset_file: Id or path of a table made by the importer ``nb101``; or the published
            ``.tfrecord``, which is imported into the user's folder of tables on first use.
        seed: Seed for Python's global generator ``random``, from which :meth:`query` draws repeats.
            Prefer ``nasbench.load("nb101-cifar10").query(arch, seed=k)``.

    Attributes:
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
        self._table = open_cells(Path(dataset_file))
        self._lookup = Lookup(self._table)
        self._archs: dict[tuple[bytes, tuple[str, ...]], Arch] = {}
        self._numbers: dict[int, list[tuple[memoryview, float]]] = {}
        self._firsts: dict[int, memoryview] = {}
        self.valid_epochs = set(self._table.schedules)
        self.reset_budget_counters()

    def query(
        self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False
    ) -> dict[str, Any]:
        """Return one recorded training of a cell, drawn from its repeats; the counters pay for it.

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
        rows = self._rows(position, epochs)
        if not rows:
            raise UnknownModuleError(f"{self._name(position)} has no training of {epochs} epochs")
        row = rows[random.randint(0, len(rows) - 1)]
        data = self._fixed(position) | self._trained(row, epochs, 0 if stop_halfway else 1)
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
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Reset both counters to zero."""
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
        """Return the names of all recorded modules, in the order of the table.

        The published file has another order.
        """
        return self._positions.keys()

    def get_metrics_from_hash(
        self, module_hash: str
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Return everything recorded for a module; the counters do not change.

        Returns:
            A dict with ``module_adjacency``, ``module_operations`` and ``trainable_parameters``;
            and, by number of epochs, a list with one dict per repeat, which holds
            ``training_time``, ``train_accuracy``, ``validation_accuracy`` and ``test_accuracy``,
            each with the prefixes ``halfway_`` and ``final_``.

        Raises:
            UnknownModuleError: No module has this name.
        """
        position = self._positions.get(module_hash)
        if position is None:
            raise UnknownModuleError(f"no module has the hash {module_hash!r}")
        return self._fixed(position), self._computed(position)

    def get_metrics_from_spec(
        self, model_spec: ModelSpec
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Return :meth:`get_metrics_from_hash` of a cell.

        Raises:
            OutOfDomainError: The cell is not in the space.
            UnknownModuleError: The cell is not recorded.
        """
        position = self._position(model_spec)
        return self._fixed(position), self._computed(position)

    @cached_property
    def fixed_statistics(self) -> Mapping[str, dict[str, Any]]:
        """First result of :meth:`get_metrics_from_hash`, by module."""
        return _ByModule(self._positions, self._fixed)

    @cached_property
    def computed_statistics(self) -> Mapping[str, dict[int, list[dict[str, float]]]]:
        """Second result of :meth:`get_metrics_from_hash`, by module."""
        return _ByModule(self._positions, self._computed)

    # From a spec to the position of its class among the keys of the table

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
            return self._lookup.position[arch]
        except NotRecordedError as error:
            raise UnknownModuleError(str(error)) from error

    @cached_property
    def _positions(self) -> dict[str, int]:
        """Position by name of the module, in the order of the positions."""
        hashes = self._texts["module_hash"].to_pylist()
        return {hashes[row]: position for position, row in enumerate(self._written)}

    # From a position to numbers

    @cached_property
    def _written(self) -> memoryview:
        """Row in the file of architectures, by position."""
        table, keys = self._table, self._lookup.keys
        rows = np.searchsorted(table.written_ranks, keys)
        missing = np.flatnonzero(np.append(table.written_ranks, -1)[rows] != keys)
        if missing.size:
            arch = table.space.unrank(int(keys[missing[0]]))
            raise SchemaError(
                f"{archs_file(table.path)} has no row for {table.space.to_text(arch)}, which has "
                "trainings"
            )
        return view(rows)

    @cached_property
    def _texts(self) -> dict[str, Any]:
        """Texts of architectures as Arrow arrays, from which single texts can be read."""
        path = archs_file(self._table.path)
        file = open_file(path)
        return {name: read_column(file, path, name) for name in TEXTS}

    @cached_property
    def _parameters(self) -> memoryview:
        return view(self._table.arch_numbers("parameters"))

    def _name(self, position: int) -> str:
        return str(self._texts["module_hash"][self._written[position]].as_py())

    def _fixed(self, position: int) -> dict[str, Any]:
        row = self._written[position]
        operations = self._texts["module_operations"][row].as_py().split(",")
        digits = self._texts["module_adjacency"][row].as_py().encode()
        adjacency = np.frombuffer(digits, dtype=np.int8) - np.int8(ord("0"))
        return {
            "module_adjacency": adjacency.reshape(len(operations), len(operations)),
            "module_operations": operations,
            "trainable_parameters": int(self._parameters[row]),
        }

    def _computed(self, position: int) -> dict[int, list[dict[str, float]]]:
        return {
            epochs: [
                {
                    f"{moment}_{name}": value
                    for index, moment in enumerate(("halfway", "final"))
                    for name, value in self._trained(row, epochs, index).items()
                }
                for row in rows
            ]
            for epochs in self._table.schedules
            if (rows := self._rows(position, epochs))
        }

    def _rows(self, position: int, epochs: int) -> range:
        """Return the rows of the repeats, in the order in which they were published."""
        first = self._firsts.get(epochs)
        if first is None:
            first = self._firsts[epochs] = view(self._lookup.runs(epochs).first)
        return range(first[position], first[position + 1])

    def _trained(self, row: int, epochs: int, index: int) -> dict[str, float]:
        """Return the numbers of a training, half-way (0) or at its end (1)."""
        columns = self._numbers.get(epochs)
        if columns is None:
            found = (published(self._table, name, epochs) for name in METRICS.values())
            columns = self._numbers[epochs] = [(view(curves), unit) for curves, unit in found]
        return {
            name: curves[row, index] / unit
            for name, (curves, unit) in zip(METRICS, columns, strict=True)
        }


class _ByModule(Mapping[str, Any]):
    """A mapping from modules to answers that are computed on access.

    Args:
        positions: Position by module.
        answer: Computes the answer for a position.
    """

    def __init__(self, positions: Mapping[str, int], answer: Callable[[int], Any]) -> None:
        self._positions = positions
        self._answer = answer

    def __getitem__(self, module: str) -> Any:
        return self._answer(self._positions[module])

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)
