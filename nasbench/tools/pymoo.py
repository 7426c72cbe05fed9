"""A benchmark as a problem of pymoo with integer variables.

Blank and Deb (2020), https://doi.org/10.1109/ACCESS.2020.2990567.

>>> import nasbench
>>> benchmark = nasbench.load("lite201-digits", objectives=["valid_accuracy", "parameters"])
>>> Problem(benchmark).evaluate([[3, 3, 3, 1, 3, 2], [0, 0, 0, 1, 0, 0]]).round(2).tolist()
[[3.07, 51506.0], [36.5, 1218.0]]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark, check_benchmark
from nasbench.errors import IllegalArchError
from nasbench.registry import require
from nasbench.space import Arch

_Base: Any = require("pymoo.core.problem", "a problem of pymoo").Problem


class Problem(_Base):  # type: ignore[misc]
    """The losses of a benchmark; a variable is the number of the option of a decision.

    Variables that are no integers are rounded. For mixed-variable algorithms, which know options
    by their names, ``space.to_pymoo()`` gives the variables.

    Args:
        benchmark: The benchmark; every objective is minimised.
        epoch: One of its fidelities; default: the last.
        seed: A recorded training seed; default: the mean over the recorded seeds.

    Attributes:
        benchmark: As given.

    Raises:
        NotRecordedError: The benchmark has no objective.
    """

    def __init__(
        self, benchmark: Benchmark, *, epoch: int | None = None, seed: int | None = None
    ) -> None:
        check_benchmark(benchmark)
        benchmark.require_objectives()
        options = np.array(benchmark.space.options)
        super().__init__(
            n_var=len(options),
            n_obj=len(benchmark.objectives),
            xl=np.zeros_like(options),
            xu=options - 1,
            vtype=int,
        )
        self.benchmark = benchmark
        self._asked = {"epoch": epoch, "seed": seed}

    def arch(self, x: NDArray[Any]) -> Arch:
        """Return the architecture that a vector of variables stands for.

        Raises:
            IllegalArchError: A variable is no number, or outside of its bounds.
        """
        space = self.benchmark.space
        try:
            rounded = np.rint(np.asarray(x, dtype=np.float64))
        except (TypeError, ValueError):
            rounded = np.full(1, np.nan)
        if rounded.shape != self.xl.shape or not ((rounded >= 0) & (rounded <= self.xu)).all():
            raise IllegalArchError(
                f"{x!r:.200} are no variables of {space.name!r}, from 0 to {self.xu.tolist()}"
            )
        arch = tuple(rounded.astype(int).tolist())
        return arch if space.is_legal(arch) else space.repair(arch)

    def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        evaluate = self.benchmark.evaluate
        out["F"] = np.array([evaluate(self.arch(row), **self._asked).losses for row in x])
