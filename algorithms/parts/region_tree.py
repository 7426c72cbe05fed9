"""A tree of linear regressors that splits a space into good and bad regions, for LaNAS."""

import numpy as np
from numpy.typing import NDArray


class RegionTree:
    """A full binary tree; the children of node k are 2k + 1, the good one, and 2k + 2.

    Most of its nodes are never entered. One is fitted and gives its children what they have when it
    is entered for the first time.

    Args:
        height: Levels of nodes.
        columns: Where the ones of the encoded trials are, shape ``(d, n_trials)``.
        losses: Losses of the trials.
        penalty: Matrix that is added to the normal equations, shape ``(n_columns, n_columns)``.
        listed: Where the ones of a listed space's architectures are, shape ``(d, n)``.
        unseen: Numbers of those that were not proposed.

    Attributes:
        n_inner: Number of nodes that have children.
        weights: Those of the regressors of the inner nodes, shape ``(n_inner, n_columns)``.
        thresholds: Mean predictions, shape ``(n_inner,)``; the constants of the regressors are left
            out on both sides.
        bags: For each node that has them, the places in the list of trials of those in its region.
        counts: Trials of each node, those told since the fit included.
        visits: The same, those still running included.
        totals: Sums of the losses of the trials of each node.
        unseen: Architectures of a listed space in each node that were not proposed.
        routed: Their numbers at the fit.
        regions: The same of the leaves that were entered, those proposed since left out.
    """

    def __init__(
        self,
        height: int,
        columns: NDArray[np.intp],
        losses: NDArray[np.float64],
        penalty: NDArray[np.float64],
        listed: NDArray[np.intp],
        unseen: NDArray[np.intp],
    ) -> None:
        n, self.n_inner = 2**height - 1, 2 ** (height - 1) - 1
        self._told, self._losses, self._penalty, self._listed = columns, losses, penalty, listed
        self._codes = np.zeros((len(losses), len(penalty)))
        np.put_along_axis(self._codes, columns.T, 1.0, axis=1)
        self.weights = np.zeros((self.n_inner, len(penalty)))
        self.thresholds = np.zeros(self.n_inner)
        self.bags: dict[int, NDArray[np.intp]] = {}
        self.counts, self.visits = [0] * n, [0] * n
        self.totals = [0.0] * n
        self.unseen = [0] * n
        self.routed: dict[int, NDArray[np.intp]] = {}
        self.regions: dict[int, list[int]] = {}
        self._give(0, np.arange(len(losses)), unseen)

    def split(self, node: int) -> None:
        """Fit an inner node and divide its region, unless that is done."""
        if 2 * node + 1 in self.bags:
            return
        bag, inside = self.bags[node], self.routed[node]
        if len(bag):
            self._fit(node, bag)
        good = self.is_good(node, self._told.take(bag, axis=1))
        fine = self.is_good(node, self._listed.take(inside, axis=1))
        self._give(2 * node + 1, bag.compress(good), inside.compress(fine))
        self._give(2 * node + 2, bag.compress(~good), inside.compress(~fine))

    def _give(self, node: int, bag: NDArray[np.intp], inside: NDArray[np.intp]) -> None:
        """A node gets its trials and its architectures of a listed space."""
        self.bags[node], self.routed[node] = bag, inside
        self.counts[node] = self.visits[node] = len(bag)
        self.totals[node] = float(self._losses[bag].sum())
        self.unseen[node] = len(inside)

    def _fit(self, node: int, bag: NDArray[np.intp]) -> None:
        codes, losses = self._codes[bag], self._losses[bag]
        middle = codes.mean(axis=0)
        counts = codes.T @ codes  # exact, in whichever order it is summed
        gram = counts - len(bag) * middle[:, None] * middle + self._penalty
        told = self._told[:, bag]
        deviations = np.tile(losses - losses.mean(), len(told))
        sums = np.bincount(told.ravel(), deviations, len(middle))
        self.weights[node] = solved(gram, sums.astype(np.float64))
        self.thresholds[node] = (middle * self.weights[node]).sum()

    def is_good(self, node: int, columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of ``n`` architectures go to the good child.

        Args:
            node: An inner node.
            columns: Where the ones of the encoded architectures are, shape ``(d, n)``.
        """
        weights = self.weights[node]
        predictions = weights.take(columns[0])
        for row in columns[1:]:
            predictions += weights.take(row)
        good: NDArray[np.bool_] = predictions <= self.thresholds[node]
        return good


def to_root(node: int) -> list[int]:
    """The node, its parent, …, the root."""
    path = [node]
    while node:
        node = (node - 1) // 2
        path.append(node)
    return path


def solved(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solves linear equations with a positive definite matrix, by elimination.

    Libraries for linear algebra add in an order that depends on the processor.
    """
    rows = np.column_stack((matrix, right))
    for k in range(len(rows)):
        factors = rows[:, k] / rows[k, k]
        factors[k] = 0.0
        rows -= factors[:, None] * rows[k]
    solution: NDArray[np.float64] = rows[:, -1] / np.diagonal(rows)
    return solution
