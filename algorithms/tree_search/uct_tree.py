"""A tree of decisions that is searched by upper confidence bounds (UCT).

Kocsis and Szepesvári (2006, https://doi.org/10.1007/11871842_29).
"""

from math import inf, log, sqrt
from random import Random

from algorithms.parts.choices import LegalOptions, completed
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


class Node(_Statistics):
    """A prefix of decisions; ``children`` is None until a trial passes through it."""

    __slots__ = ("children",)

    def __init__(self) -> None:
        super().__init__()
        self.children: dict[int, Node] | None = None


_NOTHING = _Statistics()


class UctTree:
    """Chooses architectures by the losses of those that begin with the same decisions.

    A trial follows the child with the highest ``mean reward + exploration * sqrt(2 ln(visits of the
    node) / visits of the child)``, where unvisited children come first and ties are broken at
    random. It expands one node and chooses among its children; the remaining decisions are uniform
    over the options that can become legal. Rewards are negated losses divided by ``scale``; a
    diverged training counts as the worst finite loss so far. Running trials count as visits but not
    in the mean.

    Args:
        space: The search space.
        legal: Its legal options.
        exploration: Factor of the confidence bound, in units of reward.
        scale: Difference in loss worth a reward of one; None for the difference between the worst
            and the best finite loss so far.
        sharing: Weight, in visits, of an option's mean over all branches.

    Attributes:
        root: The empty prefix.
    """

    def __init__(
        self,
        space: SearchSpace,
        legal: LegalOptions,
        *,
        exploration: float,
        scale: float | None,
        sharing: float = 0.0,
    ) -> None:
        self.root = Node()
        self._space = space
        self._legal = legal
        self._exploration = exploration
        self._scale = scale
        self._sharing = sharing
        self._shared = [[_Statistics() for _ in range(n)] for n in space.options]
        self._best, self._worst = inf, -inf

    def draw(self, rng: Random) -> tuple[Arch, list[Node]]:
        """Return an architecture and its nodes in the tree, whose trial now runs."""
        node, grown = self.root, False
        prefix: Arch = ()
        path = [node]
        while len(prefix) < len(self._space.options) and not grown:
            if node.children is None:
                node.children = {option: Node() for option in self._legal(prefix)}
                grown = True
            option = self._choose(node, node.children, len(prefix), rng)
            node, prefix = node.children[option], (*prefix, option)
            path.append(node)
        for node in path:
            node.running += 1
        return completed(self._space, prefix, self._legal, rng), path

    def add(self, arch: Arch, path: list[Node], loss: float) -> None:
        """Learn the loss of what :meth:`draw` returned; ``inf`` if the training diverged."""
        if loss < inf:
            self._best, self._worst = min(self._best, loss), max(self._worst, loss)
        for node in path:
            node.running -= 1
            node.add(loss)
        if self._sharing:
            for options, option in zip(self._shared, arch, strict=True):
                options[option].add(loss)

    def _choose(self, node: Node, children: dict[int, Node], position: int, rng: Random) -> int:
        """The option with the highest bound; ties are broken at random."""
        worst = self._worst if self._worst > -inf else 0.0
        scale = self._scale or (self._worst - self._best if self._worst > self._best else 1.0)
        spread = self._exploration * scale * sqrt(2 * log(max(node.finished + node.running, 1)))
        expected = self._mean(node, worst) if node.finished else worst
        highest, tied = (False, -inf), []
        for option, child in children.items():
            visits = child.finished + child.running
            mean = self._mean(child, worst) if child.finished else expected
            shared = self._shared[position][option] if self._sharing else _NOTHING
            if shared.finished:
                weight = self._sharing / (self._sharing + child.finished)
                mean += weight * (self._mean(shared, worst) - mean)
            if visits:
                bound = (False, spread / sqrt(visits) - mean)
            else:
                bound = (True, -mean if shared.finished else inf)
            if bound > highest:
                highest, tied = bound, [option]
            elif bound == highest:
                tied.append(option)
        return tied[int(rng.random() * len(tied))] if len(tied) > 1 else tied[0]

    @staticmethod
    def _mean(statistics: _Statistics, worst: float) -> float:
        return (statistics.total + statistics.diverged * worst) / statistics.finished


def check_scale(scale: float | None) -> None:
    """Raise InvalidArgumentError unless a scale is None, or positive and finite."""
    if scale is not None and (type(scale) not in (int, float) or not 0 < scale < inf):
        raise InvalidArgumentError(f"scale = {scale!r} must be positive and finite, or None")
