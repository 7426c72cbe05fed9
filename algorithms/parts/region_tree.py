"""A tree of linear regressors that splits a space into good and bad regions, for LaNAS."""

import numpy as np
from numpy.typing import NDArray


class RegionTree:
    """A full binary tree; node k has the children 2k + 1 (good) and 2k + 2 (bad).

    Most nodes are never entered. A node is fitted, and divides its trials and architectures between
    its children, when it is entered for the first time: trials by their losses, architectures by
    their predictions, both at the mean prediction for its trials, which is their mean loss.

    Args:
        height: Levels of the tree.
        columns: Columns that are 1 in the one-hot encoding of each trial, shape ``(d, n_trials)``.
        losses: Losses of the trials, shape ``(n_trials,)``.
        penalty: Matrix added to the normal equations, shape ``(n_columns, n_columns)``.
        listed: Columns that are 1 in the encoding of each architecture of an enumerated space,
            shape ``(d, n)``.
        unseen: Indices into ``listed`` of the architectures not proposed yet.

    Attributes:
        n_inner: Number of inner nodes.
        weights: Weights of the regressors of the inner nodes, shape ``(n_inner, n_columns)``.
        thresholds: Mean prediction at each inner node, shape ``(n_inner,)``; the intercept is left
            out of it and of predictions.
        bags: For each node reached, indices of its trials at the fit.
        counts: Number of trials of each node, including those told since the fit.
        visits: Number of trials of each node, including those still running.
        totals: Sum of the losses of the trials of each node.
        unseen: Number of architectures of an enumerated space in each node that were not proposed.
        routed: For each node reached, indices of the architectures not proposed at the fit.
        regions: For each leaf entered, indices of the architectures not proposed yet.
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
        self._assign(0, np.arange(len(losses)), unseen)

    def split(self, node: int) -> None:
        """Fit an inner node and divide its region between its children, unless done before."""
        if 2 * node + 1 in self.bags:
            return
        bag, inside = self.bags[node], self.routed[node]
        if len(bag):
            self._fit(node, bag)
        losses = self._losses[bag]
        good = losses <= (losses.mean() if len(bag) else 0.0)
        fine = self.is_good(node, self._listed.take(inside, axis=1))
        self._assign(2 * node + 1, bag.compress(good), inside.compress(fine))
        self._assign(2 * node + 2, bag.compress(~good), inside.compress(~fine))

    def _assign(self, node: int, bag: NDArray[np.intp], inside: NDArray[np.intp]) -> None:
        """Assign a node its trials and its architectures of an enumerated space."""
        self.bags[node], self.routed[node] = bag, inside
        self.counts[node] = self.visits[node] = len(bag)
        self.totals[node] = float(self._losses[bag].sum())
        self.unseen[node] = len(inside)

    def _fit(self, node: int, bag: NDArray[np.intp]) -> None:
        codes, losses = self._codes[bag], self._losses[bag]
        middle = codes.mean(axis=0)
        counts = codes.T @ codes  # integers: exact in any order of summation
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
            columns: Columns that are 1 in the encoding of each architecture, shape ``(d, n)``.

        Returns:
            Boolean array of shape ``(n,)``.
        """
        weights = self.weights[node]
        predictions = weights.take(columns[0])
        for row in columns[1:]:
            predictions += weights.take(row)
        good: NDArray[np.bool_] = predictions <= self.thresholds[node]
        return good


def to_root(node: int) -> list[int]:
    """The path from a node to the root, both included."""
    path = [node]
    while node:
        node = (node - 1) // 2
        path.append(node)
    return path


def solved(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve linear equations with a positive definite matrix, by elimination.

    Linear algebra libraries sum in an order that depends on the processor; this does not.
    """
    rows = np.column_stack((matrix, right))
    for k in range(len(rows)):
        factors = rows[:, k] / rows[k, k]
        factors[k] = 0.0
        rows -= factors[:, None] * rows[k]
    solution: NDArray[np.float64] = rows[:, -1] / np.diagonal(rows)
    return solution
