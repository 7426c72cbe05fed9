"""Read and check the records of NAS-Bench-101 files, one training each, in blocks."""

import json
from array import array
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from math import isqrt
from reprlib import repr
from struct import Struct
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.archives.damage import reason
from data_builders.importers.nb101.protobuf import fields
from data_builders.importers.nb101.tfrecord import records
from nasbench.errors import ArchiveError, NasbenchError, one_of
from nasbench.space import Arch
from nasbench.spaces.nb101 import NB101, from_matrix, prune
from nasbench.spaces.nb101_hash import module_hash
from nasbench.tables.columns import list_items

BUDGETS: Mapping[int, list[int]] = {4: [2, 4], 12: [6, 12], 36: [18, 36], 108: [54, 108]}
METRICS = ("seconds", "train_accuracy", "valid_accuracy", "test_accuracy")
END = b"end"
_LONGEST = 1 << 16
_TOLD_EVERY = 4096
_EVALUATION, _PARAMETERS = 0x0A, 0x10  # tags of ModelMetrics
_NUMBERS = (0x11, 0x19, 0x21, 0x29)  # tags of EvaluationData, in the order of METRICS
_DOUBLES = Struct(f"<{2 * len(_NUMBERS)}d")
_ARCH = pa.list_(pa.uint8(), len(NB101.decisions))
COLUMNS: Mapping[str, Any] = {
    "cell": pa.int32(),
    "epochs": pa.int32(),
    **dict.fromkeys(METRICS, pa.list_(pa.float64(), 2)),
    # Set only in the first row of a new cell, else null
    "module_hash": pa.string(),
    "module_adjacency": pa.string(),
    "module_operations": pa.string(),
    "parameters": pa.int64(),
    "arch": _ARCH,
}


class Cells:
    """The distinct cells of a file, numbered in order of appearance.

    Attributes:
        modules: Hash of every cell.
        adjacency: Adjacency matrix of every cell as published, row after row.
        operations: Operations of every cell as published.
        parameters: Trainable parameters of every cell's network.
    """

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.adjacency: list[str] = []
        self.operations: list[str] = []
        self.parameters = array("q")
        self._archs = bytearray()
        self._numbers: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._space = NB101()

    def __len__(self) -> int:
        return len(self.modules)

    @property
    def archs(self) -> NDArray[np.uint8]:
        """Representative of every cell, shape ``(n_cells, n_decisions)``."""
        return np.frombuffer(bytes(self._archs), np.uint8).reshape(-1, _ARCH.list_size)

    def find(self, module: str, adjacency: str, operations: str, parameters: int) -> int:
        """Return the number of a record's cell; check the cell if it is new or written anew.

        Raises:
            ArchiveError: The record contradicts itself or an earlier one.
            IllegalArchError: The record's cell is not in the space.
        """
        number = self._numbers.get(module)
        if number is None:
            arch = self._representative(module, adjacency, operations)
            self._add(module, adjacency, operations, parameters, bytes(arch))
            return len(self) - 1
        if adjacency != self.adjacency[number] or operations != self.operations[number]:
            self._representative(module, adjacency, operations)
        if parameters != self.parameters[number]:
            raise ArchiveError(
                f"the module {module} has {parameters} parameters, but "
                f"{self.parameters[number]} in an earlier record"
            )
        return number

    def recall(self, block: pa.Table) -> None:
        """Add the new cells of a block that an earlier import has read."""
        new = block.select(list(COLUMNS)[-5:]).drop_null().combine_chunks()
        archs = list_items(new.column("arch").combine_chunks()).reshape(-1, _ARCH.list_size)
        published = (column.to_pylist() for column in new.columns[:-1])
        for module, adjacency, operations, parameters, arch in zip(*published, archs, strict=True):
            if module not in self._numbers:
                self._add(module, adjacency, operations, parameters, arch.tobytes())

    def _add(
        self, module: str, adjacency: str, operations: str, parameters: int, arch: bytes
    ) -> None:
        self._numbers[module] = len(self)
        self.modules.append(module)
        self.adjacency.append(self._texts.setdefault(adjacency, adjacency))
        self.operations.append(self._texts.setdefault(operations, operations))
        self.parameters.append(parameters)
        self._archs += arch

    def _representative(self, module: str, adjacency: str, operations: str) -> Arch:
        """Return the architecture that represents the class of a record's cell."""
        n, names = isqrt(len(adjacency)), operations.split(",")
        if n * n != len(adjacency) or set(adjacency) - {"0", "1"}:
            raise ArchiveError(f"the adjacency {repr(adjacency)} is not a square of digits 0 and 1")
        digits = list(map(int, adjacency))
        matrix = [digits[n * x : n * x + n] for x in range(n)]
        arch = from_matrix(matrix, names)
        if prune(matrix, names) != (matrix, names):
            raise ArchiveError(
                f"the cell {adjacency} {operations} has a vertex on no path from input to output, "
                "but published cells are pruned"
            )
        if (found := module_hash(matrix, names)) != module:
            raise ArchiveError(
                f"the cell {adjacency} {operations} has the hash {found}, not {repr(module)}"
            )
        return self._space.canonical(arch)


def read_block(
    file: BinaryIO,
    where: str,
    cells: Cells,
    *,
    start: int,
    first: int,
    limit: int,
    tell: Callable[[int], None],
) -> pa.Table:
    """Read the next records of a file.

    Args:
        file: The file.
        where: Name of the file, for messages.
        cells: Cells of all earlier blocks; the cells of this block are added.
        start: Position of the first record of the block.
        first: Number of that record in the file.
        limit: Most records to read.
        tell: Called with the position from time to time.

    Returns:
        Rows with the columns ``COLUMNS``: half-way and final values of ``METRICS``, accuracies in
        0..1. The metadata hold the position of the next block under ``END``.

    Raises:
        ArchiveError: The file is damaged, or a record is impossible.
    """
    owners, epochs, numbers = array("i"), array("i"), array("d")
    known, new = len(cells), array("i")
    file.seek(start)
    for end, payload in records(file, where, longest=_LONGEST):
        try:
            module, length, adjacency, operations, encoded = _parse(payload)
            parameters, values = _metrics(encoded)
            cell = cells.find(module, adjacency, operations, parameters)
        except NasbenchError as error:
            raise ArchiveError(f"{where}, record {first + len(owners)}: {error!s:.500}") from error
        if cell == known + len(new):
            new.append(len(owners))
        owners.append(cell)
        epochs.append(length)
        numbers.extend(values)
        start = end
        if not len(owners) % _TOLD_EVERY:
            tell(end)
        if len(owners) == limit:
            break
    table = np.array(numbers).reshape(-1, 2, len(METRICS))
    _check(table, f"{where}, record", first)
    return pa.table(
        {
            "cell": pa.array(np.array(owners)),
            "epochs": pa.array(np.array(epochs)),
            **{name: lists(table[:, :, k]) for k, name in enumerate(METRICS)},
            **_cell_columns(cells, known, np.array(new), len(owners)),
        }
    ).replace_schema_metadata({END: str(start)})


def _parse(payload: bytes) -> tuple[str, int, str, str, str]:
    """Return module hash, epochs, adjacency, operations and encoded metrics of a record."""
    try:
        row = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{repr(payload)} is not JSON: {reason(error)}") from error
    match row:
        case [str(module), int(epochs), str(adjacency), str(operations), str(encoded)]:
            if epochs not in BUDGETS:
                raise ArchiveError(f"a training of {epochs} epochs{one_of(epochs, BUDGETS)}")
            return module, epochs, adjacency, operations, encoded
    raise ArchiveError(
        f"{repr(row)} is not a list of module hash, epochs, adjacency, operations, metrics"
    )


def _metrics(encoded: str) -> tuple[int, tuple[float, ...]]:
    """Return parameters, then half-way and final ``METRICS``, of an encoded ``ModelMetrics``."""
    try:
        message = fields(a2b_base64(encoded))
    except ValueError as error:
        raise ArchiveError(f"the metrics {repr(encoded)} are not base64: {error}") from error
    parameters = dict(message).get(_PARAMETERS, 0)
    evaluations = [value for tag, value in message if tag == _EVALUATION]
    if len(evaluations) != 3 or not 0 < parameters < 1 << 31:
        raise ArchiveError(
            f"the metrics hold {len(evaluations)} evaluations and {parameters} parameters, but "
            "must hold 3 (before, half-way and after the training) and at least 1 parameter"
        )
    values = []
    for evaluation in evaluations[1:]:
        found = dict(fields(evaluation))
        for tag, name in zip(_NUMBERS, METRICS, strict=True):
            if tag not in found:
                raise ArchiveError(f"an evaluation in the metrics has no {name}")
            values.append(found[tag])
    return parameters, _DOUBLES.unpack(b"".join(values))


def _check(numbers: NDArray[np.float64], where: str, first: int) -> None:
    """Refuse impossible numbers of trainings, shape ``(n, 2, n_metrics)``."""
    seconds, accuracies = numbers[:, :, 0], numbers[:, :, 1:]
    missing = np.isnan(accuracies)
    failed = np.any(missing, axis=2)
    outside = ~((accuracies >= 0) & (accuracies <= 1) | missing)
    complete = (np.all(missing, axis=2) == failed) & (failed <= failed[:, 1:])
    ascending = (seconds[:, 0] >= 0) & (seconds[:, 0] <= seconds[:, 1]) & (seconds[:, 1] < np.inf)
    wrong = {
        "accuracies {0}, possible are 0 to 1": np.any(outside, axis=(1, 2)),
        "accuracies {0}, of which only some are NaN": ~np.all(complete, axis=1),
        "training times {1}, which must be >= 0 and must not decrease": ~ascending,
    }
    for problem, rows in wrong.items():
        if rows.any():
            row = int(rows.argmax())
            text = problem.format(accuracies[row].tolist(), seconds[row].tolist())
            raise ArchiveError(f"{where} {first + row}: {text}")


def lists(values: NDArray[Any]) -> Any:
    """Return an array of shape ``(n, d)`` as an Arrow array of lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _cell_columns(cells: Cells, known: int, rows: NDArray[np.int32], n: int) -> dict[str, Any]:
    """Return columns about the cells from number ``known`` on, which first occur in ``rows``."""
    places = np.full(n, -1)
    places[rows] = np.arange(len(rows))
    indices = pa.array(places, mask=places < 0)
    values = (
        pa.array(cells.modules[known:], pa.string()),
        pa.array(cells.adjacency[known:], pa.string()),
        pa.array(cells.operations[known:], pa.string()),
        pa.array(cells.parameters[known:], pa.int64()),
        lists(cells.archs[known:]),
    )
    names = list(COLUMNS)[-len(values) :]
    return {name: array.take(indices) for name, array in zip(names, values, strict=True)}
