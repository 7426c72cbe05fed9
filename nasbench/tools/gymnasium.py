"""A benchmark as an environment of Gymnasium: an episode decides on one architecture.

Towers et al. (2024), https://arxiv.org/abs/2407.17032. The sequence of decisions as a Markov
process, with a reward at the end, is that of Zoph and Le (2017),
https://arxiv.org/abs/1611.01578.

>>> import nasbench
>>> environment = Environment(nasbench.load("nb201-cifar10"))
>>> observation, info = environment.reset(seed=0)
>>> for option in (3, 3, 3, 1, 3, 2):
...     observation, reward, terminated, truncated, info = environment.step(option)
>>> observation.tolist(), terminated, info["arch"], info["training_seed"], round(reward, 2)
([4, 4, 4, 2, 4, 3], True, (3, 3, 3, 1, 3, 2), 2, -8.58)
"""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark, check_benchmark
from nasbench.errors import AlgorithmError, IllegalArchError, InvalidArgumentError, one_of
from nasbench.registry import require
from nasbench.space import Arch

gymnasium = require("gymnasium", "an environment of Gymnasium")
_Base: Any = gymnasium.Env

_LARGEST_SEED = 2**63 - 1


class Environment(_Base):  # type: ignore[misc]
    """One step chooses the option of one decision, in the order of the space.

    * Action: the number of an option. ``info["action_mask"]`` says with ones which options leave a
      legal architecture, shape ``(most options,)``, int8, as ``action_space.sample(mask)`` takes
      it. An action that it forbids changes nothing and earns nothing.
    * Observation: for every decision 0 until it is made, then one more than the number of its
      option, shape ``(n_decisions,)``.
    * Reward: 0 until the last decision, then the negative loss of one training. The first objective
      counts. The last ``info`` holds ``arch``, all ``losses``, ``seconds`` (of training and
      validation) and ``training_seed`` (None for a mean).

    Args:
        benchmark: The benchmark.
        epoch: One of its fidelities; default: the last.
        replicate: ``"draw"``: each episode draws one of the recorded training seeds, from the
            generator that ``reset(seed=…)`` seeds. ``"mean"``: the mean over them.

    Attributes:
        benchmark: As given.

    Raises:
        NotRecordedError: The benchmark has no objective.
        InvalidArgumentError: ``replicate`` is neither.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(
        self,
        benchmark: Benchmark,
        *,
        epoch: int | None = None,
        replicate: Literal["draw", "mean"] = "draw",
    ) -> None:
        check_benchmark(benchmark)
        benchmark.require_objectives()
        if replicate not in ("draw", "mean"):
            raise InvalidArgumentError(
                f"replicate = {replicate!r}{one_of(replicate, ('draw', 'mean'))}"
            )
        self.benchmark = benchmark
        self.action_space = gymnasium.spaces.Discrete(max(benchmark.space.options))
        self.observation_space = gymnasium.spaces.MultiDiscrete(
            [n + 1 for n in benchmark.space.options]
        )
        self._epoch = epoch
        self._draws = replicate == "draw"
        self._prefix: Arch = ()
        self._legal: tuple[int, ...] = ()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.int64], dict[str, Any]]:
        """Begin an architecture; no option is used."""
        super().reset(seed=seed)
        self._go_to(())
        return self._observation(), self._info()

    def step(self, action: int) -> tuple[NDArray[np.int64], float, bool, bool, dict[str, Any]]:
        """Choose an option of the next decision.

        Raises:
            AlgorithmError: The architecture is complete, or none has been begun.
            IllegalArchError: The action is not in the action space.
        """
        if not self._legal:
            raise AlgorithmError("no architecture is being decided on: call reset first")
        if not self.action_space.contains(action):
            raise IllegalArchError(f"action {action!r} is none of 0..{self.action_space.n - 1}")
        reward, ending = 0.0, {}
        if int(action) in self._legal:
            self._go_to((*self._prefix, int(action)))
            if not self._legal:
                ending = self._evaluate()
                reward = -ending["losses"][0]
        return self._observation(), reward, not self._legal, False, self._info() | ending

    def _go_to(self, prefix: Arch) -> None:
        space = self.benchmark.space
        self._prefix = prefix
        self._legal = space.legal_options(prefix) if len(prefix) < len(space.options) else ()

    def _observation(self) -> NDArray[np.int64]:
        observation = np.zeros(len(self.benchmark.space.options), dtype=np.int64)
        observation[: len(self._prefix)] = np.array(self._prefix, dtype=np.int64) + 1
        return observation

    def _info(self) -> dict[str, Any]:
        mask = np.zeros(self.action_space.n, dtype=np.int8)
        mask[list(self._legal)] = 1
        return {"action_mask": mask}

    def _evaluate(self) -> dict[str, Any]:
        seed = None
        if self._draws:
            seeds = self.benchmark.trainings(self._prefix, self._epoch).seeds
            drawn = int(self.np_random.integers(len(seeds) or _LARGEST_SEED))
            seed = seeds[drawn] if seeds else drawn
        found = self.benchmark.evaluate(self._prefix, epoch=self._epoch, seed=seed)
        return {
            "arch": self._prefix,
            "losses": found.losses,
            "seconds": found.seconds,
            "training_seed": seed,
        }
