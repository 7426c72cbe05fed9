"""Random forests (Breiman, 2001, https://doi.org/10.1023/A:1010933404324)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import Prediction, Regressor
from nasbench.space import SearchSpace
from surrogates.regressors.parts.features import features, n_columns
from surrogates.regressors.parts.trees import Trees

_FILE = "forest.npz"


class RandomForest(Regressor):
    """Random forest of scikit-learn; ``std`` is the standard deviation between its trees.

    Args:
        space: The search space.
        seed: Seed of the fit.
        trees: Number of trees.
        depth: Maximum depth of a tree; None for no limit.
        leaf: Minimum number of examples in a leaf.
        feature_share: Share of the features considered at each split, in (0, 1].
        encodings: Encodings that are the features, names from :data:`nasbench.encodings.ENCODINGS`;
            None for :func:`~surrogates.regressors.parts.features.default_encodings`.
    """

    family = "random forest"
    takes_columns = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        trees: int = 100,
        depth: int | None = None,
        leaf: int = 1,
        feature_share: float = 0.5,
        encodings: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, seed=seed)
        for name, count in (("trees", trees), ("depth", depth), ("leaf", leaf)):
            if count is not None and count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if not 0 < feature_share <= 1:
            raise InvalidArgumentError(f"feature_share = {feature_share} must be in (0, 1]")
        self.trees = trees
        self.depth = depth
        self.leaf = leaf
        self.feature_share = feature_share
        self.encodings = encodings
        self._trees: Trees

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        forest = RandomForestRegressor(
            self.trees,
            max_depth=self.depth,
            min_samples_leaf=self.leaf,
            max_features=self.feature_share,
            random_state=int(default_rng(self.seed).integers(2**32)),
            n_jobs=1,
        )
        forest.fit(features(self.space, archs, self.encodings, self.columns), targets)
        self._trees = Trees.of_forest(forest)

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        mean, std = np.empty(len(archs)), np.empty(len(archs))
        first = 0
        for block in self._trees.leaves(features(self.space, archs, self.encodings, self.columns)):
            rows = slice(first, first + len(block))
            mean[rows], std[rows] = block.mean(axis=(1, 2)), block.std(axis=(1, 2))
            first += len(block)
        return Prediction(mean, std)

    def save(self, folder: Path) -> None:
        self._trees.save(folder / _FILE)

    def restore(self, folder: Path) -> Self:
        path = folder / _FILE
        trees = Trees.restore(path)
        if trees.n_features != (n := n_columns(self.space, self.encodings)):
            raise SurrogateError(
                f"{path} holds a model of {trees.n_features} features; the encodings of "
                f"{self.space.name!r} have {n}"
            )
        if trees.shape != (1, self.trees):
            raise SurrogateError(
                f"{path} has {trees.shape[0]} x {trees.shape[1]} trees, expected 1 x {self.trees}"
            )
        self._trees = trees
        return self
