"""Monte Carlo tree search over decisions (UCT), as in DeepArchitect.

UCT: Kocsis and Szepesvári (2006, https://doi.org/10.1007/11871842_29); DeepArchitect: Negrinho and
Gordon (2017, https://arxiv.org/abs/1704.08792).
"""

from collections.abc import Mapping, Sequence
from math import inf, log, sqrt
from typing import Any, ClassVar

from algorithms.parts.choices import completed, legal_options
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class _Statistics:
    """Results of the trials that took one option.

    Attributes:
        finished: Number of trials told.
        diverged: Number of those that diverged.
        running: Number of trials not told yet.
        total: Sum of the finite losses.
    """

    __slots__ = ("diverged", "finished", "running", "total")

    def __init__(self) -> None:
        self.finished = self.diverged = self.running = 0
        self.total = 0.0

    def add(self, loss: float) -> None:
        self.finished += 1
        if loss == inf:
            self.diverged += 1
        else:
            self.total += loss


class _Node(_Statistics):
    """A prefix of decisions; ``children`` is None until a trial passes through it."""

    __slots__ = ("children",)

    def __init__(self) -> None:
        super().__init__()
        self.children: dict[int, _Node] | None = None


_NOTHING = _Statistics()


class MctsUct(Algorithm):
    """Monte Carlo tree search (UCT) over decisions, as DeepArchitect (Negrinho and Gordon, 2017).

    A node is a prefix of an architecture. Every trial follows the child with the highest ``mean
    reward + exploration * sqrt(2 ln(visits of the node) / visits of the child)``, where unvisited
    children come first and ties are broken at random. It expands one node and chooses among its
    children; the remaining decisions are uniform over the options that can become legal. Rewards
    are negated losses divided by ``scale``; a diverged training counts as the worst finite loss so
    far. Running trials count as visits but not in the mean, so parallel workers spread out.

    With ``sharing``, the mean of a child is mixed with the mean over all trials that chose the same
    option for the same decision anywhere in the tree, weighted as that many visits, and unvisited
    children are tried in the order of that mean (all moves as first: Gelly and Silver, 2007,
    https://doi.org/10.1145/1273496.1273531).

    Preset ``deep_architect`` is as in negrinho/deep_architect (``searchers/mcts.py``), without its
    surrogate model and with accuracies as fractions. ``alphax`` takes its constants from
    linnanwang/AlphaX-NASBench101 (``MCTS.py``; Wang et al., 2020,
    https://arxiv.org/abs/1903.11059), without its accuracy-predicting network and with one decision
    per level of the tree. ``wistuba`` is after Wistuba (2017, https://arxiv.org/abs/1712.07420),
    who shares information between branches; the way of sharing and the numbers are our reading.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        exploration: Factor of the confidence bound, in units of reward.
        scale: Difference in loss worth a reward of one; None for the difference between the worst
            and the best finite loss so far.
        sharing: Weight, in visits, of an option's mean over all branches.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "deep_architect": {"exploration": 1.0, "scale": 100.0, "sharing": 0.0},
        "wistuba": {"exploration": 0.1, "scale": 100.0, "sharing": 10.0},
        "alphax": {"exploration": 4.0, "scale": 100.0, "sharing": 0.0},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        exploration: float = 0.1,
        scale: float | None = None,
        sharing: float = 0.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, value in (("exploration", exploration), ("sharing", sharing)):
            if not 0 <= value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be finite and not negative")
        if scale is not None and (type(scale) not in (int, float) or not 0 < scale < inf):
            raise InvalidArgumentError(f"scale = {scale!r} must be positive and finite, or None")
        self.exploration = exploration
        self.scale = scale
        self.sharing = sharing
        self.loss_unit = "%" if scale == 100 else None
        self._legal = legal_options(space)
        self._root = _Node()
        self._shared = [[_Statistics() for _ in range(n)] for n in space.options]
        self._paths: dict[Arch, list[list[_Node]]] = {}
        self._best, self._worst = inf, -inf

    def ask(self) -> Proposal:
        node, grown = self._root, False
        prefix: Arch = ()
        path = [node]
        while len(prefix) < len(self.space.options) and not grown:
            if node.children is None:
                node.children = {option: _Node() for option in self._legal(prefix)}
                grown = True
            option = self._choose(node, node.children, len(prefix))
            node, prefix = node.children[option], (*prefix, option)
            path.append(node)
        arch = completed(self.space, prefix, self._legal, self.rng)
        for node in path:
            node.running += 1
        self._paths.setdefault(arch, []).append(path)
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        loss, arch = observation.losses[0], observation.proposal.arch
        if loss < inf:
            self._best, self._worst = min(self._best, loss), max(self._worst, loss)
        path = self._paths[arch].pop(0)
        for node in path:
            node.running -= 1
            node.add(loss)
        if not self._paths[arch]:
            del self._paths[arch]
        if self.sharing:
            for options, option in zip(self._shared, arch, strict=True):
                options[option].add(loss)

    def _choose(self, node: _Node, children: dict[int, _Node], position: int) -> int:
        """The option with the highest bound; ties are broken at random."""
        worst = self._worst if self._worst > -inf else 0.0
        scale = self.scale or (self._worst - self._best if self._worst > self._best else 1.0)
        spread = self.exploration * scale * sqrt(2 * log(max(node.finished + node.running, 1)))
        expected = self._mean(node, worst) if node.finished else worst
        highest, tied = (False, -inf), []
        for option, child in children.items():
            visits = child.finished + child.running
            mean = self._mean(child, worst) if child.finished else expected
            shared = self._shared[position][option] if self.sharing else _NOTHING
            if shared.finished:
                weight = self.sharing / (self.sharing + child.finished)
                mean += weight * (self._mean(shared, worst) - mean)
            if visits:
                bound = (False, spread / sqrt(visits) - mean)
            else:
                bound = (True, -mean if shared.finished else inf)
            if bound > highest:
                highest, tied = bound, [option]
            elif bound == highest:
                tied.append(option)
        return tied[int(self.rng.random() * len(tied))] if len(tied) > 1 else tied[0]

    @staticmethod
    def _mean(statistics: _Statistics, worst: float) -> float:
        return (statistics.total + statistics.diverged * worst) / statistics.finished
