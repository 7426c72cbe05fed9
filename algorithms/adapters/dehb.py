"""DEHB of automl (Awad et al., 2021, https://arxiv.org/abs/2105.09821); our own is ``dehb``."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import loguru

from algorithms.adapters.adapter import Adapter, Asked, adapted, quiet, refusals
from algorithms.adapters.budgets import Budgets
from nasbench.algorithm import LARGEST_LOSS, Observation
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import SearchSpace


@contextmanager
def _unconfigured() -> Iterator[None]:
    """An import cannot replace the user's handlers of loguru."""
    kind: Any = type(loguru.logger)
    configure = kind.configure
    kind.configure = lambda self, **settings: []
    try:
        yield
    finally:
        kind.configure = configure


with quiet(), _unconfigured():
    import dehb

_LEFT_OUT = (
    *("cs", "f", "dimensions", "min_fidelity", "max_fidelity", "configspace", "max_age"),
    *("n_workers", "client", "save_freq", "resume"),
)
_ONE_RUNG = 20  # members, as in the package's own differential evolution
_DIVERGED = 10 * LARGEST_LOSS  # of finite fitness, or a rung without any could promote nothing


class _Adjusted(dehb.DEHB):  # type: ignore[misc]
    """DEHB that adds no file to the handlers of loguru, and can clip its rungs.

    It passes their clipped sizes to ConfigSpace, which takes no integers of NumPy.
    """

    def _setup_logger(self, kwargs: dict[str, Any]) -> None:
        self.output_path = Path(kwargs["output_path"])
        self.logger = logging.getLogger(__name__)

    def get_next_iteration(self, iteration: int) -> tuple[list[int], Any]:
        sizes, fidelities = super().get_next_iteration(iteration)
        return [int(size) for size in sizes], fidelities


class DehbSearch(Adapter):
    """DEHB, asked and told, on a space of ConfigSpace.

    The search is the loop ``job = dehb.ask()``, ``dehb.tell(job, {"fitness": loss, "cost": …})``. A
    fidelity is trained to the nearest epoch on offer; a configuration that is promoted continues
    its training where the benchmark allows it. A diverged training has a fitness that is finite,
    but greater than any other.

    Where the epochs on offer are less than a factor ``eta`` apart, there is one rung, and the
    search is differential evolution with 20 members.

    Args:
        space: The search space.
        fidelities: Epochs on offer: the least and the greatest fidelity.
        seed: Seed of DEHB and of the space.
        objectives: Number of objectives, which must be one.
        resumable: Whether a training can be continued.
        min_clip: Least number of trainings in a rung.
        max_clip: Greatest number of trainings in a rung; only together with ``min_clip``.

    Raises:
        InvalidArgumentError: DEHB refuses an argument, or there are several objectives.
    """

    packages = ("DEHB", "ConfigSpace")

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        resumable: bool = True,
        min_clip: int | None = None,
        max_clip: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, **settings)
        self.require_one(objectives)
        if max_clip is not None and (min_clip is None or max_clip < min_clip):
            raise InvalidArgumentError(
                f"max_clip = {max_clip} needs a min_clip that is not greater, not {min_clip}"
            )
        self.min_clip = min_clip
        self.max_clip = max_clip
        self._budgets = Budgets(self.fidelities, resumable=resumable)
        with self.theirs(), refusals():
            self._dehb = self._made(min_clip, max_clip, seed, settings)
            if self._dehb.max_SH_iter == 1 and min_clip is None:
                self._dehb = self._made(_ONE_RUNG, _ONE_RUNG, seed, settings)

    def _made(
        self, min_clip: int | None, max_clip: int | None, seed: int, settings: dict[str, Any]
    ) -> Any:
        low, high = self.fidelities[0], self.fidelities[-1]
        with tempfile.TemporaryDirectory() as folder:
            return _Adjusted(
                cs=self.space.to_configspace(seed),
                min_fidelity=low if low < high else 0.99 * high,
                max_fidelity=high,
                min_clip=min_clip,
                max_clip=max_clip,
                seed=seed,
                n_workers=1,
                save_freq="end",
                output_path=folder,
                **settings,
            )

    def propose(self) -> Asked | None:
        job = self._dehb.ask()
        training = self._budgets.training(job["config_id"], job["fidelity"])
        return Asked(job, self.legal(dict(job["config"])), *training)

    def learn(self, token: Any, observation: Observation) -> None:
        self._budgets.ended(token["config_id"], observation)
        fitness = min(observation.loss, _DIVERGED)
        self._dehb.tell(token, {"fitness": fitness, "cost": observation.seconds})


@cache
def __getattr__(name: str) -> type[DehbSearch]:
    """Make the algorithm, called as the class of the package."""
    if name != "DEHB":
        raise AttributeError(f"dehb has no {name!r}{one_of(name, ['DEHB'])}")
    return adapted(DehbSearch, dehb.DEHB, module=__name__, leave_out=_LEFT_OUT)
