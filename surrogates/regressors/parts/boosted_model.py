"""What is in a file of XGBoost, checked before XGBoost sees it: it believes every number there.

A child that is no node, or a feature that does not exist, is read from foreign memory by XGBoost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import SurrogateError
from surrogates.regressors.parts.ubjson import decode

_MAX_SCORE = 1e9
"""Largest value of a leaf, and of the score that boosting starts from."""
_PARENTLESS = (2**31 - 1, -1)
_DELETED = 2**31 - 1
"""Feature of a leaf that pruning has deleted."""
_USED = (
    *("left_children", "right_children", "split_indices", "split_conditions", "parents"),
    *("default_left", "split_type"),
)
_PER_NODE = (*_USED, "base_weights", "loss_changes", "sum_hessian")
_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_TREE = {*_PER_NODE, *_CATEGORIES, "id", "tree_param"}
_ENTRIES: Mapping[str, set[str]] = {
    "": {"learner", "version"},
    "learner": {
        *("attributes", "feature_names", "feature_types", "gradient_booster"),
        *("learner_model_param", "objective"),
    },
    "gradient_booster": {"model", "name"},
    "model": {"cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees"},
    "gbtree_model_param": {"num_parallel_tree", "num_trees"},
    "learner_model_param": {
        *("base_score", "boost_from_average", "num_class", "num_feature", "num_target"),
    },
    "objective": {"name", "reg_loss_param"},
    "cats": {"enc", "feature_segments", "sorted_idx"},
    "tree_param": {"num_deleted", "num_feature", "num_nodes", "size_leaf_vector"},
}
_OPTIONAL = {"cats", "boost_from_average", "num_target", "num_parallel_tree", "num_trees"}


class Tree(NamedTuple):
    """Arrays with one entry per node, root first; children of a leaf are -1."""

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    value: NDArray[Any]

    @classmethod
    def leaf(cls, value: float) -> Self:
        """A tree of one leaf."""
        return cls(*np.array([[-1], [-1], [0]]), *np.array([[0.0], [value]]))


@dataclass(frozen=True, eq=False)
class BoostedModel:
    """A model of XGBoost without categorical features.

    Attributes:
        trees: The trees; those of one round follow each other, one for each target.
        starts: What boosting starts from: one number for each target, or one for all.
        n_targets: Number of targets.
        n_features: Number of features.
        attributes: Texts that were kept with the model.
    """

    trees: Sequence[Tree]
    starts: tuple[float, ...]
    n_targets: int
    n_features: int
    attributes: Mapping[str, str]

    @property
    def models(self) -> list[list[Tree]]:
        """The trees of each target, first a leaf with what boosting starts from."""
        starts = self.starts * (self.n_targets // len(self.starts))
        return [
            [Tree.leaf(start), *self.trees[target :: self.n_targets]]
            for target, start in enumerate(starts)
        ]

    @property
    def rounds(self) -> int:
        """Number of rounds of boosting."""
        return len(self.trees) // self.n_targets

    @classmethod
    def read(cls, model: bytes, where: str) -> Self:
        """Read a model in UBJSON.

        Args:
            model: Content of the file.
            where: Name of the file, for messages.

        Raises:
            SurrogateError: It is no such model, or XGBoost could not answer with it.
        """
        try:
            return cls._of(decode(model))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise SurrogateError(
                f"{where} is no model of XGBoost 2.1 to 3.2 that is known here: {error}"
            ) from error

    @classmethod
    def _of(cls, document: Any) -> Self:
        learner = _part(_part({"": document}, ""), "learner")
        _version(document["version"])
        booster = _part(learner, "gradient_booster")
        model, parameters = _part(booster, "model"), _part(learner, "learner_model_param")
        if booster["name"] != "gbtree" or _part(learner, "objective")["name"] != "reg:squarederror":
            raise ValueError("it was not boosted with trees on squared errors")
        if any(len(values) for values in _part(model, "cats").values()) or any(
            len(learner[name]) for name in ("feature_names", "feature_types")
        ):
            raise ValueError("it has categories or names of features")
        n_targets = max(1, _count(parameters.get("num_target", "1")))
        n_features, trees = _count(parameters["num_feature"]), model["trees"]
        shape = _part(model, "gbtree_model_param")
        n_classes, parallel = _count(parameters["num_class"]), shape.get("num_parallel_tree", "1")
        if n_classes or parallel != "1" or _count(shape.get("num_trees", "0")) != len(trees):
            raise ValueError(f"it has {len(trees)} trees and says {shape}")
        n = len(trees)
        if (
            not trees
            or n_features < 1
            or n % n_targets
            or [*model["iteration_indptr"]] != [*range(0, n + 1, n_targets)]
            or [*model["tree_info"]] != [*range(n_targets)] * (n // n_targets)
        ):
            raise ValueError(f"{n} trees are not whole rounds for {n_targets} targets")
        starts = tuple(float(text) for text in parameters["base_score"].strip("[]").split(","))
        if len(starts) not in (1, n_targets) or not all(abs(s) <= _MAX_SCORE for s in starts):
            raise ValueError(f"boosting starts from {starts}")
        attributes = learner["attributes"]
        if not all(isinstance(text, str) for text in attributes.values()):
            raise ValueError("its attributes are not texts")
        return cls(_trees(trees, n_features), starts, n_targets, n_features, attributes)


def _part(outer: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object with the entries that it has in XGBoost, and no other."""
    found = outer.get(name, {}) if name in _OPTIONAL else outer[name]
    if not isinstance(found, dict):
        raise ValueError(f"{name!r} is no object")
    if unknown := sorted(found.keys() - _ENTRIES[name]):
        raise ValueError(f"{name!r} has the unknown entries {unknown}")
    missing = sorted(_ENTRIES[name] - found.keys() - _OPTIONAL)
    if missing and (found or name not in _OPTIONAL):
        raise ValueError(f"{name!r} lacks the entries {missing}")
    return found


def _version(version: Any) -> None:
    if not (
        isinstance(version, list)
        and len(version) == 3
        and all(type(n) is int and 0 <= n < 1000 for n in version)
        and version[0] in (2, 3)
    ):
        raise ValueError(f"its version is {version!r}")


def _count(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(f"{text!r} is no count")
    return int(text)


def _trees(documents: Any, n_features: int) -> list[Tree]:
    sizes, columns = [], {name: list[NDArray[Any]]() for name in _USED}
    for number, tree in enumerate(documents):
        if tree.keys() != _TREE or tree["id"] != number:
            raise ValueError(f"tree {number} has other entries than trees have")
        said, n = tree["tree_param"], len(tree["left_children"])
        if not (
            said.keys() == _ENTRIES["tree_param"]
            and said["num_nodes"] == str(n)
            and said["num_feature"] == str(n_features)
            and said["size_leaf_vector"] in ("0", "1")
            and _count(said["num_deleted"]) < n
            and not any(len(tree[name]) for name in _CATEGORIES)
        ):
            raise ValueError(f"tree {number} of {n} nodes says that it is {said}")
        if {len(tree[name]) for name in _PER_NODE} != {n}:
            raise ValueError(f"tree {number} does not have {n} of everything that nodes have")
        for name, column in columns.items():
            column.append(tree[name])
        sizes.append(n)
    joined = {name: np.concatenate(column) for name, column in columns.items()}
    _check_nodes(joined, np.array(sizes), n_features)
    left, right, feature, threshold = (columns[name] for name in _USED[:4])
    return [*map(Tree, left, right, feature, threshold, threshold)]


def _check_nodes(
    nodes: Mapping[str, NDArray[Any]], sizes: NDArray[np.int64], n_features: int
) -> None:
    """Check the nodes of all trees, one tree after the other."""
    left, right, feature, threshold, parents, default, kind = (nodes[name] for name in _USED)
    if not all(array.dtype.kind in "iu" for array in (left, right, feature, parents)):
        raise ValueError("children, parents or features of nodes are no integers")
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    own = np.arange(len(left)) - first
    inner = left != -1
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    above = np.tile(own[inner], 2)
    size = np.tile(np.repeat(sizes, sizes)[inner], 2)
    if (right[~inner] != -1).any() or not ((above < children) & (children < size)).all():
        raise ValueError("a child of a node does not follow it in its tree")
    places = children + np.tile(first[inner], 2)
    if places.size and np.bincount(places).max() > 1:
        raise ValueError("a node is a child twice")
    if (parents[places] != above).any() or not np.isin(parents[own == 0], _PARENTLESS).all():
        raise ValueError("parents and children do not agree")
    known = (feature >= 0) & (feature < n_features)
    if not known[inner].all() or (feature[~known] != _DELETED).any():
        raise ValueError(f"a node tests a feature that is none of {n_features}")
    if kind.any() or not np.isin(default, (0, 1)).all():
        raise ValueError("a node tests no number")
    if threshold.dtype.kind != "f" or not (np.abs(threshold) <= _MAX_SCORE).all():
        raise ValueError("a threshold or the value of a leaf is not finite, or huge")
