"""MetaQNN, Q-learning over architectures (Baker et al., 2017, https://arxiv.org/abs/1611.02167)."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import inf
from typing import Any, ClassVar, TypeAlias

from algorithms.parts.choices import legal_options
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_Walk: TypeAlias = list[tuple[list[float], int]]
"""For each decision, last first: the values of its state and the chosen option."""

_STATES = ("prefix", "last")
_EPSILONS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
_STEP_ENDS = tuple(accumulate((1500, 100, 100, 100, 150, 150, 150, 150, 150, 150)))
_MAX_REPEATS = 20


class MetaQNN(Algorithm):
    """MetaQNN: tabular Q-learning over decisions with experience replay (Baker et al., 2017).

    An architecture is a walk through the decisions. Each step is random with probability epsilon,
    and otherwise takes the option with the best value, ties broken at random. The reward comes at
    the end and is not discounted. After each trial, trials sampled with replacement from the memory
    are replayed, each backwards from its last decision. A walk to an architecture proposed before
    is not trained again: it enters the memory once more, and another walk starts (after 20 such
    walks the architecture is trained again). Epsilon falls from 1 to 0.1 in the steps of the paper,
    stretched to ``schedule`` trials, and then stays. Values are kept as expected losses; a diverged
    training counts as the worst finite loss so far.

    Preset ``baker`` is as in bowenbaker/metaqnn (``state_space_parameters.py``, ``q_learner.py``),
    for losses in percent, except that a state is the whole prefix of choices instead of a layer's
    size and depth. We tuned the defaults for a few hundred trials.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        schedule: Trials over which epsilon falls; it is 0.1 in the last eighteenth of them.
        learning_rate: Learning rate of the values, in (0, 1].
        replay: Trials replayed after each trial.
        initial_loss: Initial values of a new state; None for the mean of the finite losses so far.
        state: What the values of a decision depend on: ``"prefix"``: all earlier choices;
            ``"last"``: the previous choice and the set of legal options.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "baker": {
            "schedule": 2700,
            "learning_rate": 0.01,
            "replay": 128,
            "initial_loss": 50.0,
            "state": "prefix",
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        schedule: int = 150,
        learning_rate: float = 0.3,
        replay: int = 16,
        initial_loss: float | None = None,
        state: str = "last",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, count in (("schedule", schedule), ("replay", replay)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if not 0 < learning_rate <= 1:
            raise InvalidArgumentError(f"learning_rate = {learning_rate} must be in (0, 1]")
        if initial_loss is not None and (
            type(initial_loss) not in (int, float) or not abs(initial_loss) < inf
        ):
            raise InvalidArgumentError(
                f"initial_loss = {initial_loss!r} must be a finite number, or None"
            )
        if state not in _STATES:
            raise InvalidArgumentError(f"state = {state!r}{one_of(state, _STATES)}")
        self.schedule = schedule
        self.learning_rate = learning_rate
        self.replay = replay
        self.initial_loss = initial_loss
        self.loss_unit = "%" if initial_loss == 50 else None
        self.state = state
        self._legal = legal_options(space)
        self._values: dict[tuple[object, ...], list[float]] = {}
        self._proposed = 0
        self._told: dict[Arch, tuple[_Walk, float]] = {}
        self._running: dict[Arch, int] = {}
        self._memory: list[tuple[_Walk, float]] = []
        self._worst, self._total, self._finite = -inf, 0.0, 0

    def ask(self) -> Proposal:
        arch = self._walk()
        for _ in range(_MAX_REPEATS):
            if arch in self._running:
                self._running[arch] += 1
            elif arch in self._told:
                self._remember(*self._told[arch])
            else:
                break
            arch = self._walk()
        self._running.setdefault(arch, 1)
        self._proposed += 1
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        arch, loss = observation.proposal.arch, observation.losses[0]
        if loss < inf:
            self._worst = max(self._worst, loss)
            self._total += loss
            self._finite += 1
        if not self._finite:
            self._running.pop(arch, None)
            return
        walk = [(self._state(arch[:i]), option) for i, option in enumerate(arch)][::-1]
        self._told[arch] = (walk, loss)
        for _ in range(self._running.pop(arch, 1)):
            self._remember(walk, loss)

    def _epsilon(self) -> float:
        for epsilon, models in zip(_EPSILONS, _STEP_ENDS, strict=True):
            if self._proposed * _STEP_ENDS[-1] < models * self.schedule:
                return epsilon
        return _EPSILONS[-1]

    def _walk(self) -> Arch:
        """An architecture whose decisions follow the epsilon-greedy rule."""
        epsilon, draw = self._epsilon(), self.rng.random
        arch: Arch = ()
        for _ in self.space.options:
            options = self._legal(arch)
            if draw() >= epsilon and self._finite:
                values = self._state(arch)
                best = values[-1]
                options = tuple([option for option in options if values[option] == best])
            arch = (*arch, options[int(draw() * len(options))])
        return arch

    def _state(self, prefix: Arch) -> list[float]:
        """Values of the options of the next decision, followed by the lowest of them.

        Illegal options have infinite values.
        """
        legal = self._legal(prefix)
        key = prefix if self.state == "prefix" else (len(prefix), prefix[-1:], legal)
        values = self._values.get(key)
        if values is None:
            start = self.initial_loss
            if start is None:
                start = self._total / self._finite
            values = [inf] * self.space.options[len(prefix)] + [start]
            for option in legal:
                values[option] = start
            self._values[key] = values
        return values

    def _remember(self, walk: _Walk, loss: float) -> None:
        """Add a result to the memory and learn from a sample of it."""
        memory, draw, rate, worst = self._memory, self.rng.random, self.learning_rate, self._worst
        memory.append((walk, loss))
        n = len(memory)
        for _ in range(self.replay):
            steps, target = memory[int(draw() * n)]
            if target > worst:
                target = worst
            for values, option in steps:
                old, lowest = values[option], values[-1]
                new = values[option] = old + rate * (target - old)
                if new <= lowest:
                    values[-1] = lowest = new
                elif old == lowest:
                    values[-1] = inf
                    values[-1] = lowest = min(values)
                target = lowest
