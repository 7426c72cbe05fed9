"""Opening a benchmark by name, whether a table or a surrogate."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nasbench.benchmarks.catalogue import find, is_surrogate, require_file
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError, shown
from nasbench.tables.table import Table

if TYPE_CHECKING:
    from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark

AnyBenchmark: TypeAlias = "TableBenchmark | SurrogateBenchmark"


def load(
    id_or_path: str | Path,
    *,
    objectives: Sequence[str] | None = None,
    known: Sequence[str] = (),
    constraints: Sequence[str] = (),
) -> AnyBenchmark:
    """Open a benchmark.

    Only its description is read; numbers are read when they are first needed.

    >>> import nasbench
    >>> benchmark = nasbench.load("lite201-digits", objectives=["valid_accuracy", "parameters"])
    >>> [round(loss, 2) for loss in benchmark.evaluate((3, 3, 3, 1, 3, 2)).losses]
    [3.07, 51506.0]
    >>> small = nasbench.load("lite201-digits", constraints=["parameters<=10000"])
    >>> small.space.size, (3, 3, 3, 1, 3, 2) in small.space
    (5504, False)

    Args:
        id_or_path: An id (its newest version) such as ``"nb201-cifar10"``, an exact version such as
            ``"nb201-cifar10@1"``, or the path of a table's file or a surrogate's folder.
        objectives: Columns that a search optimises; default: the benchmark's own objective.
        known: Columns of architectures that a search may see before training.
        constraints: What an architecture of ``space`` has to meet, all of it, such as
            ``["parameters<=500000"]``: bounds, by ``<=`` or ``>=``, of columns of architectures.
            An architecture without the number does not meet them. Other architectures are refused,
            except by ``query_many`` and ``to_xy``, which read the whole table.

    Raises:
        UnknownNameError: There is no such benchmark or column.
        InvalidArgumentError: A column cannot be known before training; a list of columns is a text
            or empty; a constraint is malformed, met by no architecture, or put on a surrogate.
        NotRecordedError: The table holds no trainings.
        TableError: The file is damaged or not a table.
        SurrogateError: The folder is damaged.
    """
    path = find(id_or_path)
    if is_surrogate(path):
        from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark

        if constraints:
            raise InvalidArgumentError(
                f"constraints = {shown(constraints)}: {path.name!r} is a surrogate and has no "
                "columns of architectures"
            )
        return SurrogateBenchmark(path, objectives, known)
    return TableBenchmark(Table(require_file(path)), objectives, known, constraints)
