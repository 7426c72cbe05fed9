"""A policy that edits architectures, after EAS (Cai et al., 2018, https://arxiv.org/abs/1707.04873).

Path-level EAS (Cai et al., 2018, https://arxiv.org/abs/1806.02639) and N2N learning (Ashok et al.,
2018, https://arxiv.org/abs/1709.06030) use other edits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, pi, sqrt, tan
from typing import Any, ClassVar

from algorithms.parts.edit_policy import EditPolicy
from algorithms.parts.ordered_sum import ordered_sum
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_STARTS = ("best", "random", "first")
_REWARDS = ("loss", "tan")
_MIN_ERROR = 0.01
_MAX_REPEATS = 5
_TRIES = 64


class TransformRL(Algorithm):
    """A policy-gradient agent that edits architectures, after EAS (Cai et al., 2018).

    An episode applies ``steps`` edits to an architecture; the result is trained, and every edit of
    the episode receives the reward. An :class:`EditPolicy` draws the edits. Episodes are sampled in
    batches; after ``batch`` results the policy takes one Adam step along the advantages times the
    gradients of the log-probabilities of the edits.

    An architecture proposed before is not trained again: its known loss counts for the episode, and
    the next episode follows (after five such episodes in a row a random architecture is trained). A
    diverged training counts as the worst finite loss so far. In EAS a network inherits the weights
    of the network it was made from and trains for a few more epochs. A table holds trainings from
    scratch, so every trial costs a whole training here, and the savings of weight inheritance are
    not measured.

    Preset ``eas`` is as in han-cai/EAS, for losses in percent, with the edits of the space instead
    of Net2Wider and Net2Deeper. By default advantages are divided by their running size, so that
    losses may have any unit.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        steps: Edits per episode.
        start: First architecture of an episode: ``"best"``: the best so far; ``"random"``: a new
            random one; ``"first"``: always the same random one.
        batch: Episodes per Adam step, at least 2.
        learning_rate: Learning rate of Adam.
        entropy_weight: Weight of the mean entropy of the edit probabilities, in nats, in the
            objective.
        reward: ``"loss"``: minus the loss; ``"tan"``: ``tan(accuracy * pi / 2)`` for a loss that is
            an error in percent, clipped to [0.01, 100].
        normalize: Whether to divide advantages by the root of the moving average of their squares.
        baseline_momentum: Weight of the past, per batch, in the moving averages, in [0, 1).
        embedding: Size of the embedding of an option.
        units: Units of the LSTM in each direction.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "eas": {
            "steps": 9,
            "start": "first",
            "batch": 10,
            "learning_rate": 0.002,
            "entropy_weight": 1e-5,
            "reward": "tan",
            "normalize": False,
            "baseline_momentum": 0.05,
            "embedding": 16,
            "units": 50,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        steps: int = 3,
        start: str = "best",
        batch: int = 10,
        learning_rate: float = 0.01,
        entropy_weight: float = 0.2,
        reward: str = "loss",
        normalize: bool = True,
        baseline_momentum: float = 0.9,
        embedding: int = 8,
        units: int = 16,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        least = {"steps": 1, "batch": 2, "embedding": 1, "units": 1}
        given = {"steps": steps, "batch": batch, "embedding": embedding, "units": units}
        for name, count in given.items():
            if count < least[name]:
                raise InvalidArgumentError(f"{name} = {count} must be at least {least[name]}")
        if start not in _STARTS:
            raise InvalidArgumentError(f"start = {start!r}{one_of(start, _STARTS)}")
        if reward not in _REWARDS:
            raise InvalidArgumentError(f"reward = {reward!r}{one_of(reward, _REWARDS)}")
        if not 0 < learning_rate < inf:
            raise InvalidArgumentError(
                f"learning_rate = {learning_rate} must be positive and finite"
            )
        if not 0 <= entropy_weight < inf:
            raise InvalidArgumentError(
                f"entropy_weight = {entropy_weight} must be finite, not negative"
            )
        if not 0 <= baseline_momentum < 1:
            raise InvalidArgumentError(f"baseline_momentum = {baseline_momentum} must be in [0, 1)")
        self.steps = steps
        self.start = start
        self.batch = batch
        self.learning_rate = learning_rate
        self.entropy_weight = entropy_weight
        self.reward = reward
        self.loss_unit = "%" if reward == "tan" else None
        self.normalize = normalize
        self.baseline_momentum = baseline_momentum
        self.embedding = embedding
        self.units = units
        self._policy = EditPolicy(
            space,
            embedding=embedding,
            units=units,
            learning_rate=learning_rate,
            seed=int(self.rng.random() * 2**53),
        )
        self._queue: list[_Episode] = []
        self._running: dict[Arch, list[_Episode]] = {}
        self._told: dict[Arch, float] = {}
        self._finished: list[tuple[_Episode, float]] = []
        self._first = self._editable()
        self._best = inf, self._first
        self._worst = -inf
        self._mean = self._square = self._weight = 0.0

    def ask(self) -> Proposal:
        for _ in range(_MAX_REPEATS):
            if not self._queue:
                self._queue = self._episodes()
            episode = self._queue.pop()
            if episode.arch in self._running:
                self._running[episode.arch].append(episode)
            elif episode.arch in self._told:
                self._finish(episode, self._told[episode.arch])
            else:
                self._running[episode.arch] = [episode]
                return Proposal(episode.arch)
        arch = self.space.sample(self.rng)
        self._running.setdefault(arch, [])
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        arch, loss = observation.proposal.arch, observation.losses[0]
        self._told[arch] = loss
        if loss < inf:
            self._worst = max(self._worst, loss)
        if loss < self._best[0] and self._policy.edits(arch).archs:
            self._best = loss, arch
        for episode in self._running.pop(arch, ()):
            self._finish(episode, loss)

    def _episodes(self) -> list["_Episode"]:
        """A batch of episodes, edited in step with each other."""
        episodes = [_Episode(self._first_arch()) for _ in range(self.batch)]
        for _ in range(self.steps):
            moving = [episode for episode in episodes if self._policy.edits(episode.arch).archs]
            if not moving:
                break
            choices = self._policy.sample([episode.arch for episode in moving], self.rng)
            for episode, choice in zip(moving, choices, strict=True):
                episode.visited.append((episode.arch, choice))
                episode.arch = self._policy.edits(episode.arch).archs[choice]
        return episodes

    def _first_arch(self) -> Arch:
        if self.start == "random":
            return self._editable()
        return self._best[1] if self.start == "best" else self._first

    def _editable(self) -> Arch:
        """A random architecture, with edits if one is found."""
        for _ in range(_TRIES):
            arch = self.space.sample(self.rng)
            if self._policy.edits(arch).archs:
                break
        return arch

    def _finish(self, episode: "_Episode", loss: float) -> None:
        """Record the loss of an episode, and learn once the batch is full."""
        if self._worst == -inf:
            return
        self._finished.append((episode, loss))
        if len(self._finished) == self.batch:
            self._learn()
            self._finished = []

    def _learn(self) -> None:
        rewards = [self._reward(min(loss, self._worst)) for _, loss in self._finished]
        archs, choices, weights = [], [], []
        for (episode, _), advantage in zip(self._finished, self._advantages(rewards), strict=True):
            for arch, choice in episode.visited:
                archs.append(arch)
                choices.append(choice)
                weights.append(advantage / self.batch)
        if archs:
            self._policy.learn(archs, choices, weights, self.entropy_weight)

    def _reward(self, loss: float) -> float:
        if self.reward == "loss":
            return -loss
        return tan((1 - min(max(loss, _MIN_ERROR), 100.0) / 100) * pi / 2)

    def _advantages(self, rewards: Sequence[float]) -> list[float]:
        """Rewards minus the moving average of batch means, the current batch included."""
        keep = self.baseline_momentum
        self._weight = keep * self._weight + (1 - keep)
        self._mean = keep * self._mean + (1 - keep) * ordered_sum(rewards) / len(rewards)
        advantages = [reward - self._mean / self._weight for reward in rewards]
        if not self.normalize:
            return advantages
        square = ordered_sum(advantage * advantage for advantage in advantages) / len(advantages)
        self._square = keep * self._square + (1 - keep) * square
        size = sqrt(self._square / self._weight)
        return [advantage / size if size else 0.0 for advantage in advantages]


@dataclass(slots=True)
class _Episode:
    """An episode.

    Attributes:
        arch: Current architecture.
        visited: Earlier architectures, each with the index of the edit applied to it.
    """

    arch: Arch
    visited: list[tuple[Arch, int]] = field(default_factory=list)
