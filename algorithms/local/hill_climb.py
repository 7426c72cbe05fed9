"""Hill climbing after NASH (Elsken, Metzen and Hutter, 2018, https://arxiv.org/abs/1711.04528)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_TRIES = 10


class HillClimb(Algorithm):
    """Hill climbing by random edits of the best architecture, after NASH (Elsken et al., 2018).

    A climb starts from a random architecture. Each generation trains children of the current best,
    made by random edits (``space.edits``), and the best of parent and children becomes the next
    parent. After the last generation the best is trained to the last fidelity, and a new climb
    starts.

    In NASH the edits are network morphisms: a child inherits its parent's weights and trains for a
    few more epochs. A table holds trainings from scratch. So parent and children of generation
    ``g`` are compared after ``epochs * (g + 1)`` epochs (rounded up to the next fidelity, at most
    the last), the total training that an heir would have behind it, and a child pays for all of
    them: the savings of weight inheritance are not measured. With a single fidelity everything is
    trained in full.

    Preset ``nash`` has the numbers of the paper as public re-implementations report them.

    Args:
        space: The search space.
        fidelities: Epochs on offer, ascending.
        seed: Seed of the search.
        children: Children per generation, including the unchanged parent, which is trained again
            only if it has not been trained as far as the children.
        edits: Number of random edits, applied one after the other, that make a child.
        steps: Generations per climb.
        epochs: Training epochs that each generation adds.
        resume: If True, a parent continues its own training and pays only for the added epochs; if
            False, it trains from scratch. Needs fidelities that are points of one training.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nash": {"children": 8, "edits": 5, "steps": 5, "epochs": 17},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        children: int = 8,
        edits: int = 1,
        steps: int = 5,
        epochs: int = 17,
        resume: bool = False,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        least = {"children": 2, "edits": 1, "steps": 1, "epochs": 1}
        given = {"children": children, "edits": edits, "steps": steps, "epochs": epochs}
        for name, value in given.items():
            if value < least[name]:
                raise InvalidArgumentError(f"{name} = {value} must be at least {least[name]}")
        self.children = children
        self.edits = edits
        self.steps = steps
        self.epochs = epochs
        self.resume = resume
        self._queue: list[Proposal] = []
        self._pending = 0
        self._trained: list[_Trained] = []
        self._generation = 0
        self._ended = True

    def ask(self) -> Proposal | None:
        while not self._queue and not self._pending:
            self._next_generation()
        if not self._queue:
            return None
        self._pending += 1
        return self._queue.pop()

    def tell(self, observation: Observation) -> None:
        self._pending -= 1
        arch, epoch, _ = observation.proposal
        self._trained.append(
            _Trained(observation.losses[0], observation.trial, arch, epoch or self.fidelities[-1])
        )

    def _next_generation(self) -> None:
        """Once all results are in, breed the next generation, finish the climb, or start again."""
        if self._ended:
            self._trained, self._generation, self._ended = [], 0, False
            self._queue = [Proposal(self.space.sample(self.rng), self._epoch())]
            return
        parent = min(self._trained)
        self._generation += 1
        children = self._edited(parent.arch) if self._generation <= self.steps else []
        self._ended = not children
        epoch = self._epoch() if children else self.fidelities[-1]
        self._queue = [Proposal(child, epoch) for child in reversed(children)]
        self._trained = []
        if parent.epoch == epoch:
            self._trained = [parent]
        else:
            continued = parent.trial if self.resume else None
            self._queue.append(Proposal(parent.arch, epoch, continued))

    def _epoch(self) -> int:
        """The epoch to which this generation is trained."""
        epochs = self.epochs * (self._generation + 1)
        return next((epoch for epoch in self.fidelities if epoch >= epochs), self.fidelities[-1])

    def _edited(self, parent: Arch) -> list[Arch]:
        """Edited children, each another network; empty if the architecture has no edits."""
        draw, key = self.rng.random, self.space.key
        near: dict[Arch, list[Arch]] = {}
        found: dict[Arch, Arch] = {}  # by key
        for _ in range(_TRIES * self.children):
            arch = parent
            for _ in range(self.edits):
                if arch not in near:
                    near[arch] = [edited for edited, _ in self.space.edits(arch)]
                if not near[arch]:
                    break
                arch = near[arch][int(draw() * len(near[arch]))]
            if key(arch) != key(parent):
                found.setdefault(key(arch), arch)
            if len(found) == self.children - 1:
                break
        return list(found.values())


class _Trained(NamedTuple):
    """A finished trial; sorts by loss, then by trial number."""

    loss: float
    trial: int
    arch: Arch
    epoch: int
