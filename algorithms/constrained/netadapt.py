"""NetAdapt (Yang et al., 2018, https://arxiv.org/abs/1804.03230) as a search of a table."""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any, ClassVar

from algorithms.models.costs import Costs, Untried, varied
from nasbench.algorithm import LARGEST_LOSS, Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_CHOICES = ("ratio", "loss")


class NetAdapt(Algorithm):
    """NetAdapt: shrinks the costliest architecture step by step, with random restarts.

    Each step makes proposals of the current architecture, one decision changed in each, that cost
    less by at least ``delta`` times the cost of the start; of every decision it takes the options
    that save least of those that save enough, all of them if their costs are equal. When all are
    trained, the best becomes the current one. An architecture is trained once: known losses are
    reused.

    A descent ends when the limit is met or no single change saves enough. The next starts from a
    random architecture that was not trained. The search ends when there is none. Architectures
    above the limit are trained on the way down: it says where a descent ends, not what is trained.

    By default a step is that of MobileNetV3 (Howard et al., 2019,
    https://arxiv.org/abs/1905.02244): it takes the proposal that loses the least accuracy for the
    cost that it saves. Preset ``netadapt`` takes the most accurate one, as the paper says, with the
    steps that the code of its authors has by default, which shrink by a factor; preset ``code`` has
    the same steps and chooses as that code does (denru01/netadapt, ``master.py``): by the ratio.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        delta: Least saving of the first step of a descent, as a share of the cost of its start.
        decay: Factor of the least saving from step to step.
        choice: ``"ratio"``: the lowest rise of the loss per saving; ``"loss"``: the lowest loss.
        column: Place of the cost among the known numbers, from 0.
        limit: Cost at which a descent ends, in the unit of the column; None to go on.
        known: Numbers of an architecture; needed. A cost that is not defined counts as infinite.

    Raises:
        InvalidArgumentError: There is no cost, or a hyperparameter has an impossible value.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "netadapt": {"delta": 0.025, "decay": 0.96, "choice": "loss"},
        "code": {"delta": 0.025, "decay": 0.96},
    }
    random_trials = 0

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        delta: float = 0.01,
        decay: float = 1.0,
        choice: str = "ratio",
        column: int = 0,
        limit: float | None = None,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if not 0 <= delta < 1:
            raise InvalidArgumentError(f"delta = {delta} must be in [0, 1)")
        if not 0 < decay <= 1:
            raise InvalidArgumentError(f"decay = {decay} must be in (0, 1]")
        if choice not in _CHOICES:
            raise InvalidArgumentError(f"choice = {choice!r}{one_of(choice, _CHOICES)}")
        self.delta = delta
        self.decay = decay
        self.choice = choice
        self.column = column
        self.limit = limit
        self._costs = Costs(known, column, limit)
        self._untried = Untried(space, self.rng, lambda arch: False)
        self._losses: dict[Arch, float] = {}
        self._queue: list[Arch] = []  # next one last
        self._pending = 0
        self._started = False
        self._current: Arch | None = None
        self._candidates: list[Arch] = []
        self._saving = 0.0

    def ask(self) -> Proposal | None:
        while not self._queue and not self._pending:
            if not self._next_step():
                return None
        if not self._queue:
            return None
        self._pending += 1
        return Proposal(self._queue.pop())

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        self._losses[observation.proposal.arch] = observation.loss

    def _next_step(self) -> bool:
        """Choose among trained candidates and make others; False if there is nothing to do."""
        if self._candidates:
            self._current = min(self._candidates, key=self._key)
            self._candidates = self._proposals(self._current)
            self._saving *= self.decay
        if not self._candidates:
            start = self._start()
            if start is None:
                return False
            cost = self._costs(start)
            self._saving = self.delta * abs(cost) if isfinite(cost) else 0.0
            self._current, self._candidates = None, [start]
        self._queue = [arch for arch in reversed(self._candidates) if arch not in self._losses]
        self._untried.tried.update(self._queue)
        return True

    def _start(self) -> Arch | None:
        if self._started:
            return self._untried.draw()
        self._started = True
        return self._costs.extreme(self.space, self.space.sample(self.rng), sign=1)

    def _proposals(self, current: Arch) -> list[Arch]:
        """Of every decision the costliest changes that save enough."""
        cost, found = self._costs(current), []
        if isfinite(cost) and self.limit is not None and cost <= self.limit:
            return []
        for decision in range(len(current)):
            costs = {arch: self._costs(arch) for _, arch in varied(self.space, current, decision)}
            enough = {a: c for a, c in costs.items() if c < cost and c <= cost - self._saving}
            found += [arch for arch, c in enough.items() if c == max(enough.values())]
        return found

    def _key(self, arch: Arch) -> tuple[float, float]:
        """Sorts candidates, best first."""
        loss = self._losses[arch]
        if self._current is None or self.choice == "loss" or loss == inf:
            return loss, loss
        saved = min(self._costs(self._current) - self._costs(arch), LARGEST_LOSS)
        return (loss - self._losses[self._current]) / saved, loss
