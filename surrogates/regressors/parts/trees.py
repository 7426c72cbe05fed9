"""Forests of regression trees as flat arrays, evaluated in NumPy: fast for one architecture.

A call to a library takes about half a millisecond, once per model of an ensemble. Here all trees of
all models are walked at once, level by level. The hundred thousand nodes of an ensemble fitted to
encodings share only some hundred distinct conditions of the form "feature >= threshold". They are
evaluated first, and then every step of every walk is ``node = child[node] +
answer[condition[node]]``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import read_arrays, write_arrays
from surrogates.regressors.parts.boosted_model import BoostedModel, Tree

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

_WALKS = 2**14  # walks at once; larger arrays do not fit the cache
_INTEGERS = ("child", "condition", "feature")


@dataclass(frozen=True, eq=False)
class Trees:
    """The trees of one or more models.

    Nodes are stored level by level, starting with the roots of the first model. The two children of
    a node are adjacent; a leaf is its own child.

    Attributes:
        shape: Number of models, and of trees per model; a model with fewer trees is padded with
            leaves of value 0.
        n_features: Number of features.
        child: Child of a node if its condition does not hold, shape ``(n_nodes,)``; the other child
            is the next node.
        condition: Index of the condition of a node, shape ``(n_nodes,)``; that of a leaf never
            holds.
        value: Value of a leaf, float32 or float64 of shape ``(n_nodes,)``.
        feature: Feature that a condition tests, shape ``(n_conditions,)``.
        threshold: A condition holds if its feature is at least this, float32 of shape
            ``(n_conditions,)``.
        depth: Number of steps from a root to the deepest leaf.
    """

    shape: tuple[int, int]
    n_features: int
    child: NDArray[np.intp]
    condition: NDArray[np.intp]
    value: NDArray[np.floating]
    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    depth: int

    @classmethod
    def of_boosters(cls, boosters: Sequence[BoostedModel]) -> Self:
        """The trees of models of XGBoost; each target of one becomes a model of its own."""
        models = [trees for booster in boosters for trees in booster.models]
        return cls._of_models(models, boosters[0].n_features, np.float32)

    @classmethod
    def of_forest(cls, forest: "RandomForestRegressor") -> Self:
        """The trees of a scikit-learn forest with one target, as one model."""
        trees = []
        for estimator in forest.estimators_:
            tree = estimator.tree_
            # scikit-learn goes left if x <= threshold in float64, this class if x < threshold in
            # float32
            rounded = tree.threshold.astype(np.float32)
            above = np.nextafter(rounded, np.float32(np.inf))
            threshold = np.where(rounded <= tree.threshold, above, rounded)
            trees.append(
                Tree(
                    tree.children_left,
                    tree.children_right,
                    tree.feature,
                    threshold,
                    tree.value[:, 0, 0],
                )
            )
        return cls._of_models([trees], forest.n_features_in_, np.float64)

    @classmethod
    def _of_models(
        cls, models: Sequence[Sequence[Tree]], n_features: int, dtype: type[np.floating]
    ) -> Self:
        most = max(len(trees) for trees in models)
        padded = [[*trees, *[Tree.leaf(0.0)] * (most - len(trees))] for trees in models]
        flat = [tree for trees in padded for tree in trees]
        sizes = [len(tree.left) for tree in flat]
        level = np.cumsum([0, *sizes[:-1]])
        shifts = np.repeat(level, sizes)
        left, right, feature, threshold, value = (
            np.concatenate(arrays) for arrays in zip(*flat, strict=True)
        )
        is_leaf = left < 0
        # A condition as one integer: the feature in the upper bits, the threshold in the lower
        bits = np.where(is_leaf, np.inf, threshold).astype(np.float32).view(np.uint32)
        conditions = np.where(is_leaf, 0, feature).astype(np.int64) << 32 | bits

        order, child, n, depth = [], [], 0, -1
        while len(level):
            order.append(level)
            inner = ~is_leaf[level]
            first = n + np.arange(len(level))
            n += len(level)
            first[inner] = n + 2 * np.arange(inner.sum())
            child.append(first)
            parents = level[inner]
            pairs = np.stack([left[parents], right[parents]], axis=1)
            level = (pairs + shifts[parents, None]).ravel()
            depth += 1
        nodes = np.concatenate(order)
        distinct, number = np.unique(conditions[nodes], return_inverse=True)
        return cls(
            shape=(len(models), most),
            n_features=n_features,
            child=np.concatenate(child),
            condition=number.astype(np.intp),
            value=np.where(is_leaf, value, 0)[nodes].astype(dtype),
            feature=(distinct >> 32).astype(np.intp),
            threshold=distinct.astype(np.uint32).view(np.float32),
            depth=depth,
        )

    def leaves(self, x: NDArray[np.float32]) -> Iterator[NDArray[np.floating]]:
        """Values of the leaves that rows of features end in.

        Args:
            x: Finite features of shape ``(n, n_features)``.

        Yields:
            Blocks of shape ``(n_rows, n_models, n_trees)``, with as many rows as fit the cache.

        Raises:
            InvalidArgumentError: The number of features is wrong, or one is not finite.
        """
        if x.shape[1:] != (self.n_features,):
            raise InvalidArgumentError(
                f"features have shape {x.shape}; the trees need (n, {self.n_features})"
            )
        if not (finite := np.isfinite(x)).all():
            raise InvalidArgumentError(f"{(~finite).sum()} of {x.size} features are not finite")
        roots, n_conditions = np.arange(self.shape[0] * self.shape[1]), len(self.feature)
        n_rows = max(1, _WALKS // len(roots))
        for first in range(0, len(x), n_rows):
            block = x[first : first + n_rows]
            answer = (block[:, self.feature] >= self.threshold).astype(np.intp)
            shift = n_conditions * np.arange(len(block))[:, None]
            node = np.tile(roots, (len(block), 1))
            for _ in range(self.depth):
                node = self.child.take(node) + answer.take(self.condition.take(node) + shift)
            yield self.value.take(node).reshape(-1, *self.shape)

    def sums(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Sums over the trees of each model, added one after the other as XGBoost does.

        Args:
            x: Finite features of shape ``(n, n_features)``.

        Returns:
            Shape ``(n, n_models)``.

        Raises:
            InvalidArgumentError: The number of features is wrong, or one is not finite.
        """
        sums = np.empty((len(x), self.shape[0]), dtype=self.value.dtype)
        first = 0
        for block in self.leaves(x):
            sums[first : first + len(block)] = block.cumsum(axis=2)[:, :, -1]
            first += len(block)
        return sums

    def save(self, path: Path) -> None:
        """Write the forest to an ``.npz`` file."""
        integers = {name: getattr(self, name).astype(np.int32) for name in _INTEGERS}
        numbers = np.array([*self.shape, self.n_features, self.depth])
        arrays = {"numbers": numbers, "value": self.value, "threshold": self.threshold}
        write_arrays(path, arrays | integers)

    @classmethod
    def restore(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            SurrogateError: The file is missing, damaged, or does not hold a forest.
        """
        arrays = read_arrays(path, ("numbers", "value", "threshold", *_INTEGERS))
        child, condition, feature = (arrays[name] for name in _INTEGERS)
        value, threshold, numbers = arrays["value"], arrays["threshold"], arrays["numbers"]
        n, place = child.size, np.arange(child.size)
        if not (
            all(array.dtype.kind == "i" for array in (child, condition, feature, numbers))
            and value.dtype in (np.float32, np.float64)
            and threshold.dtype == np.float32
            and child.shape == condition.shape == value.shape == (n,)
            and feature.shape == threshold.shape == (feature.size,)
            and numbers.shape == (4,)
            and (numbers[:3] > 0).all()
            and numbers[0] * numbers[1] <= n
            and 0 <= numbers[3] < n
            and ((child == place) | (place < child) & (child < n - 1)).all()
            and 0 <= condition.min() <= condition.max() < feature.size
            and 0 <= feature.min() <= feature.max() < numbers[2]
            and np.isfinite(value).all()
        ):
            raise SurrogateError(f"{path} does not hold a forest")
        n_models, n_trees, n_features, depth = numbers.tolist()
        return cls(
            shape=(n_models, n_trees),
            n_features=n_features,
            child=child.astype(np.intp),
            condition=condition.astype(np.intp),
            value=value,
            feature=feature.astype(np.intp),
            threshold=threshold,
            depth=depth,
        )
