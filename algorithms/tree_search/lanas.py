"""LaNAS, latent action neural architecture search (Wang et al., 2019, https://arxiv.org/abs/1906.06832)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import inf, log, prod, sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.parts.growing_array import GrowingArray
from algorithms.parts.ordered_sum import ordered_sum
from algorithms.parts.region_tree import RegionTree, to_root
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_LISTED = 100_000
_DRAWS = 200


class LaNAS(Algorithm):
    """LaNAS: learns a tree of good and bad regions and searches it by UCB (Wang et al., 2019).

    The regions are the leaves of a full binary tree. Each inner node fits a ridge regression of the
    loss on the one-hot options to its trials. Trials with losses at or below their mean go to its
    good child, and so do architectures not proposed yet whose predictions are at or below that
    mean; the others go to its bad child. The search descends to a leaf by upper confidence bounds
    on the mean loss, ``2 * exploration * sqrt(2 ln(trials of the node) / trials
    of the child)``, and draws a random architecture of that leaf that was not proposed before. The
    tree is refitted after every ``selections`` trials; running trials count only in the bounds. A
    diverged training counts as the worst finite loss so far.

    Spaces of up to 100,000 tuples are enumerated, so empty regions are known and never entered. In
    larger spaces, architectures are drawn until one lies in the region: up to 200 random ones, then
    up to 200 mutants of trials in the region and of the draw that got furthest down the path, and
    finally that draw itself. The search ends when an enumerated space is exhausted.

    Preset ``lamcts`` has the settings of facebookresearch/LaMCTS (``LaNAS/LaNAS_NASBench101``), for
    accuracies in percent and with the regressors solved exactly instead of by gradient steps.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        selections: Trials between two fits of the tree.
        height: Levels of the tree, which has ``2 ** (height - 1)`` leaves.
        exploration: Factor of the confidence bound, in units of ``scale``.
        scale: Difference in loss that counts as one; None for the difference between the worst and
            the best finite loss so far.
        ridge: Penalty on the squared weights of a regressor, in trials; at least 1e-6.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "lamcts": {
            "initial": 10,
            "selections": 20,
            "height": 5,
            "exploration": 0.1,
            "scale": 100.0,
        }
    }
    families = ("linear",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        selections: int = 20,
        height: int = 5,
        exploration: float = 0.05,
        scale: float | None = None,
        ridge: float = 1.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, count in (("initial", initial), ("selections", selections)):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if not 2 <= height <= 12:
            raise InvalidArgumentError(f"height = {height} must be in 2..12")
        if not 0 <= exploration < inf:
            raise InvalidArgumentError(f"exploration = {exploration} must be finite, not negative")
        if scale is not None and (type(scale) not in (int, float) or not 0 < scale < inf):
            raise InvalidArgumentError(f"scale = {scale!r} must be positive and finite, or None")
        if not 1e-6 <= ridge < inf:
            raise InvalidArgumentError(f"ridge = {ridge} must be finite, at least 1e-6")
        self.initial = initial
        self.selections = selections
        self.height = height
        self.exploration = exploration
        self.scale = scale
        self.loss_unit = "%" if scale == 100 else None
        self.ridge = ridge
        self.random_trials = initial
        self._offsets = np.cumsum((0, *space.options[:-1]))
        self._penalty = ridge * np.eye(sum(space.options))
        self._columns, self._numbers = _listed(space)
        self._unseen = np.ones(len(self._numbers), dtype=np.bool_)
        self._proposed: set[Arch] = set()
        self._told: list[tuple[Arch, float]] = []
        self._told_columns = GrowingArray(np.intp, len(space.options))
        self._told_losses = GrowingArray(np.float64)
        self._best, self._worst = inf, -inf
        self._tree: RegionTree | None = None
        self._selected = 0
        self._paths: dict[Arch, tuple[RegionTree, int]] = {}

    def ask(self) -> Proposal | None:
        if self._numbers and len(self._proposed) == len(self._numbers):
            return None
        if len(self._proposed) < self.initial or self._worst == -inf:
            return self._propose(self._random())
        if self._tree is None or self._selected >= self.selections:
            self._tree, self._selected = self._rooted(), 0
        self._selected += 1
        leaf = self._leaf(self._tree)
        draw = self._draw_listed if self._numbers else self._draw
        arch = draw(self._tree, leaf)
        self._paths[arch] = self._tree, leaf
        for node in to_root(leaf):
            self._tree.visits[node] += 1
        return self._propose(arch)

    def tell(self, observation: Observation) -> None:
        arch, loss = observation.proposal.arch, observation.losses[0]
        if loss < inf:
            self._best, self._worst = min(self._best, loss), max(self._worst, loss)
        self._told.append((arch, loss))
        self._told_columns.append(arch + self._offsets)
        self._told_losses.append(loss)
        tree, leaf = self._paths.pop(arch, (None, 0))
        if tree is not None and tree is self._tree:
            for node in to_root(leaf):
                tree.counts[node] += 1
                tree.totals[node] += min(loss, self._worst)

    def _propose(self, arch: Arch) -> Proposal:
        self._proposed.add(self._key(arch))
        if self._numbers:
            self._unseen[self._numbers[arch]] = False
        return Proposal(arch)

    def _key(self, arch: Arch) -> Arch:
        """What is proposed once: a tuple of an enumerated space, else what results belong to."""
        return arch if self._numbers else self.space.key(arch)

    def _random(self) -> Arch:
        """A random architecture that was not proposed before, if one is left."""
        for _ in range(_DRAWS):
            arch = self.space.sample(self.rng)
            if self._key(arch) not in self._proposed:
                return arch
        unseen = np.flatnonzero(self._unseen)
        return (
            self._listed_arch(unseen[int(self.rng.random() * len(unseen))]) if len(unseen) else arch
        )

    def _listed_arch(self, number: int) -> Arch:
        return tuple((self._columns[:, number] - self._offsets).tolist())

    def _rooted(self) -> RegionTree:
        """A tree of all trials so far; its nodes are split when the search enters them."""
        columns = self._told_columns.rows.T.copy()
        losses = np.minimum(self._told_losses.rows, self._worst)
        return RegionTree(
            self.height, columns, losses, self._penalty, self._columns, np.flatnonzero(self._unseen)
        )

    def _leaf(self, tree: RegionTree) -> int:
        """The leaf reached by following the highest bounds; ties are broken at random."""
        scale = self.scale or (self._worst - self._best if self._worst > self._best else 1.0)
        node = 0
        while node < tree.n_inner:
            tree.split(node)
            children = [2 * node + 1, 2 * node + 2]
            if self._numbers:
                children = [child for child in children if tree.unseen[child]]
            factor = 2 * self.exploration * scale * sqrt(2 * log(max(tree.visits[node], 1)))
            bounds = [
                factor / sqrt(tree.visits[child]) - tree.totals[child] / tree.counts[child]
                if tree.counts[child]
                else inf
                for child in children
            ]
            best = max(bounds)
            tied = [child for child, bound in zip(children, bounds, strict=True) if bound == best]
            node = tied[int(self.rng.random() * len(tied))] if len(tied) > 1 else tied[0]
        return node

    def _draw_listed(self, tree: RegionTree, leaf: int) -> Arch:
        """A random new architecture in a region of an enumerated space."""
        region = tree.regions.get(leaf)
        if region is None:
            region = tree.regions[leaf] = tree.routed[leaf].tolist()
        place = int(self.rng.random() * len(region))
        region[place], region[-1] = region[-1], region[place]
        for node in to_root(leaf):
            tree.unseen[node] -= 1
        return self._listed_arch(region.pop())

    def _draw(self, tree: RegionTree, leaf: int) -> Arch:
        """A new architecture in, or near, a region of a large space."""
        near = [self._told[number][0] for number in tree.bags[leaf]]
        furthest, chosen = -1, self._random()
        offsets, path = self._offsets.tolist(), to_root(leaf)[::-1]
        splits = [
            (tree.weights[node].tolist(), float(tree.thresholds[node]), child == 2 * node + 1)
            for node, child in pairwise(path)
        ]
        for attempt in range(2 * _DRAWS):
            if attempt < _DRAWS:
                arch = self.space.sample(self.rng)
            else:
                number = int(self.rng.random() * 2 * len(near))
                arch = self.space.mutate(near[number] if number < len(near) else chosen, self.rng)
            if self._key(arch) in self._proposed:
                continue
            columns = [first + option for first, option in zip(offsets, arch, strict=True)]
            depth = 0
            for weights, threshold, good in splits:
                if (ordered_sum([weights[column] for column in columns]) <= threshold) != good:
                    break
                depth += 1
            if depth >= furthest:
                furthest, chosen = depth, arch
            if depth == len(splits):
                break
        return chosen


@lru_cache(2)
def _listed(space: SearchSpace) -> tuple[NDArray[np.intp], dict[Arch, int]]:
    """One-hot columns of all architectures, shape ``(d, n)``, and their numbers.

    Both are empty if the space is too large to enumerate.
    """
    few = prod(space.options) <= _LISTED or (space.size or inf) <= _LISTED
    archs = list(space.archs()) if few else []
    offsets = np.cumsum((0, *space.options[:-1]))
    rows = np.array(archs, dtype=np.intp).reshape(len(archs), len(offsets)) + offsets
    return np.ascontiguousarray(rows.T), {arch: number for number, arch in enumerate(archs)}
