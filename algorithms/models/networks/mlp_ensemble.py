"""Ensembles of fully connected networks, all members trained together in NumPy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, one_of

Numbers = NDArray[np.float64]

ACTIVATIONS = ("relu", "tanh")
LOSSES = ("mae", "mse")
INITS = ("glorot", "lecun")

_LARGEST = {"members": 1_000, "layers": 1_000, "width": 10_000}
_EPSILON = 1e-8
_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Training:
    """How networks are made and trained.

    Attributes:
        activation: ``"relu"`` or ``"tanh"``, of the hidden layers.
        loss: ``"mae"`` (mean absolute error) or ``"mse"`` (mean squared error).
        init: Initial weights: ``"glorot"``: uniform with variance 2 / (inputs + outputs of the
            layer), biases zero (Glorot and Bengio, 2010, eq. 16,
            https://proceedings.mlr.press/v9/glorot10a.html), as in Keras; ``"lecun"``: weights and
            biases uniform below 1 / sqrt(inputs), as in PyTorch.
        epochs: Passes over the examples.
        minibatch: Examples of a step; the last step of a pass takes what is left.
        learning_rate: Of Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980).
        beta_1: Decay of Adam's mean gradient.
        beta_2: Decay of Adam's mean squared gradient.
        l1: Penalty on the absolute weights of the output layer.
        l2: Penalty on half the squared weights of all layers; biases are free.

    Raises:
        InvalidArgumentError: A value is impossible.
    """

    activation: str = "relu"
    loss: str = "mae"
    init: str = "glorot"
    epochs: int = 150
    minibatch: int = 32
    learning_rate: float = 0.01
    beta_1: float = 0.9
    beta_2: float = 0.99
    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("activation", ACTIVATIONS), ("loss", LOSSES), ("init", INITS)):
            if (value := getattr(self, name)) not in known:
                raise InvalidArgumentError(f"{name} = {value!r}{one_of(value, known)}")
        for name in ("epochs", "minibatch"):
            if (number := getattr(self, name)) < 1:
                raise InvalidArgumentError(f"{name} = {number} must be at least 1")
        if not 0 < self.learning_rate < inf:
            raise InvalidArgumentError(
                f"learning_rate = {self.learning_rate} must be positive and finite"
            )
        for name in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidArgumentError(f"{name} = {getattr(self, name)} must be in [0, 1)")
        for name in ("l1", "l2"):
            if not 0 <= getattr(self, name) < inf:
                raise InvalidArgumentError(
                    f"{name} = {getattr(self, name)} must be finite, not negative"
                )


class MLPEnsemble:
    """Networks that learn the same examples, each from its own weights and in its own order.

    Members of one shape are one program: every step multiplies stacked matrices, and Adam updates
    one flat vector. Members of other shapes are programs of their own, one after the other.

    Args:
        shapes: Number of hidden layers and of units in each, one pair a member.
        training: How the members are made and trained.

    Raises:
        InvalidArgumentError: There is no member, or a shape is impossible.
    """

    def __init__(self, shapes: Sequence[Sequence[int]], training: Training) -> None:
        check_shapes(shapes)
        self.shapes = tuple([(layers, width) for layers, width in shapes])
        self.training = training
        self._groups: list[Stack] = []
        self._order: list[int] = []

    def fit(self, x: NDArray[np.floating], y: Numbers, rng: Generator) -> None:
        """Train the members, from new initial weights.

        Args:
            x: Features, shape ``(n, d)``.
            y: Targets, shape ``(n,)``.
            rng: Source of randomness.
        """
        groups: dict[tuple[int, int], list[int]] = {}
        for number, shape in enumerate(self.shapes):
            groups.setdefault(shape, []).append(number)
        self._order = np.argsort([number for group in groups.values() for number in group]).tolist()
        self._groups = []
        for (layers, width), group in groups.items():
            sizes = (x.shape[1], *[width] * layers, 1)
            stack = Stack(sizes, len(group), self.training)
            stack.initialize(rng)
            stack.fit(x, y, rng)
            self._groups.append(stack)

    def predict(self, x: NDArray[np.floating]) -> Numbers:
        """Return the predictions of all members, shape ``(n_members, n)``."""
        predicted: Numbers = np.concatenate([stack.outputs(x) for stack in self._groups])
        ordered: Numbers = predicted[self._order]
        return ordered

    def mean_and_std(self, x: NDArray[np.floating]) -> tuple[Numbers, Numbers]:
        """Return mean and standard deviation over the members, each of shape ``(n,)``."""
        predicted = self.predict(x)
        return predicted.mean(axis=0), predicted.std(axis=0)

    def hidden(self, x: NDArray[np.floating]) -> Numbers:
        """Return the last hidden layer of the first member, shape ``(n, width)``."""
        first: Numbers = self._groups[0].hidden(x)[0]
        return first


class Stack:
    """Networks of the same shape.

    Args:
        sizes: Units of each layer: inputs, hidden layers, 1.
        members: Number of networks.
        training: How they are trained.

    Attributes:
        parameters: All weights and biases, one flat vector.
        layers: Views of it for each layer, shape ``(members, outputs, inputs + 1)``; the last
            column is the bias.
    """

    def __init__(self, sizes: Sequence[int], members: int, training: Training) -> None:
        self.sizes = tuple(sizes)
        self.members = members
        self.training = training
        n = sum(members * after * (before + 1) for before, after in pairwise(sizes))
        self.parameters = np.zeros(n)
        self.layers = self._views(self.parameters)
        self._gradient = np.zeros(n)
        self._gradients = self._views(self._gradient)
        self._mean, self._square, self._scratch = np.zeros(n), np.zeros(n), np.zeros(n)
        self._steps = 0
        self._buffers: dict[int, tuple[list[Numbers], list[Numbers]]] = {}

    def initialize(self, rng: Generator) -> None:
        """Draw initial weights."""
        for layer in self.layers:
            after, before = layer.shape[1], layer.shape[2] - 1
            if self.training.init == "glorot":
                bound = sqrt(6 / (before + after))
                layer[:, :, :-1] = rng.uniform(-bound, bound, (self.members, after, before))
                layer[:, :, -1] = 0.0
            else:
                bound = 1 / sqrt(before)
                layer[...] = rng.uniform(-bound, bound, layer.shape)

    def fit(self, x: NDArray[np.floating], y: Numbers, rng: Generator) -> None:
        """Train all networks; every epoch has a new order of examples for each of them."""
        rows = with_ones(x)
        n, batch = len(y), self.training.minibatch
        for _ in range(self.training.epochs):
            order = rng.random((self.members, n)).argsort(axis=1)
            inputs, targets = rows[order], y[order]
            for first in range(0, n, batch):
                part = slice(first, first + batch)
                self.step(inputs[:, part], targets[:, part])

    def step(self, inputs: Numbers, targets: Numbers) -> None:
        """Take one step of Adam.

        Args:
            inputs: Features with a last column of ones, shape ``(members, n, d + 1)``.
            targets: Shape ``(members, n)``.
        """
        self.gradient(inputs, targets)
        training, gradient = self.training, self._gradient
        mean, square, scratch = self._mean, self._square, self._scratch
        self._steps += 1
        # Both averages are kept without their factors 1 - beta.
        mean *= training.beta_1
        mean += gradient
        np.multiply(gradient, gradient, out=scratch)
        square *= training.beta_2
        square += scratch
        weight = (1 - training.beta_1) / (1 - training.beta_1**self._steps)
        root = sqrt((1 - training.beta_2) / (1 - training.beta_2**self._steps))
        np.sqrt(square, out=scratch)
        scratch += _EPSILON / root
        np.divide(mean, scratch, out=scratch)
        scratch *= training.learning_rate * weight / root
        self.parameters -= scratch

    def gradient(self, inputs: Numbers, targets: Numbers) -> Numbers:
        """Return the gradient of every network's loss, flat like ``parameters``.

        It is overwritten by the next call. Arguments as of :meth:`step`.
        """
        n = targets.shape[1]
        states, errors = self._buffers_for(n)
        self._forward(inputs.transpose(0, 2, 1), states)
        relu = self.training.activation == "relu"
        error = errors[-1]
        np.subtract(states[-1][:, 0], targets, out=error[:, 0])
        if self.training.loss == "mae":
            np.sign(error, out=error)
            error /= n
        else:
            error *= 2 / n
        for place in range(len(self.layers) - 1, 0, -1):
            state, layer = states[place - 1], self.layers[place]
            np.matmul(errors[place], state.transpose(0, 2, 1), out=self._gradients[place])
            before = errors[place - 1]
            np.matmul(layer[:, :, :-1].transpose(0, 2, 1), errors[place], out=before)
            active = state[:, :-1]
            if relu:
                before *= active > 0
            else:
                before -= before * active * active
        np.matmul(errors[0], inputs, out=self._gradients[0])
        self._add_penalties()
        return self._gradient

    def outputs(self, x: NDArray[np.floating]) -> Numbers:
        """Return the outputs of all networks, shape ``(members, n)``."""
        return np.concatenate([states[-1][:, 0] for states in self._states(x)], axis=1)

    def hidden(self, x: NDArray[np.floating]) -> Numbers:
        """Return the last hidden layers, shape ``(members, n, width)``."""
        parts = [states[-2][:, :-1] for states in self._states(x)]
        return np.concatenate(parts, axis=2).transpose(0, 2, 1)

    def _states(self, x: NDArray[np.floating]) -> Iterator[list[Numbers]]:
        """The states of all layers, some rows at a time."""
        for first in range(0, max(len(x), 1), _AT_ONCE):
            rows = with_ones(x[first : first + _AT_ONCE])
            states = self._new_states(len(rows))
            self._forward(np.broadcast_to(rows.T, (self.members, *rows.T.shape)), states)
            yield states

    def _forward(self, inputs: Numbers, states: list[Numbers]) -> None:
        """Fill the states of all layers; ``inputs`` has shape ``(members, d + 1, n)``."""
        activate = _ACTIVATE[self.training.activation]
        before = inputs
        for layer, state in zip(self.layers[:-1], states, strict=False):
            active = state[:, :-1]
            np.matmul(layer, before, out=active)
            activate(active)
            before = state
        np.matmul(self.layers[-1], before, out=states[-1])

    def _add_penalties(self) -> None:
        if self.training.l1:
            weights = self.layers[-1][:, :, :-1]
            self._gradients[-1][:, :, :-1] += self.training.l1 * np.sign(weights)
        if self.training.l2:
            for layer, gradient in zip(self.layers, self._gradients, strict=True):
                gradient[:, :, :-1] += self.training.l2 * layer[:, :, :-1]

    def _views(self, flat: Numbers) -> list[Numbers]:
        views, first = [], 0
        for before, after in pairwise(self.sizes):
            shape = (self.members, after, before + 1)
            last = first + self.members * after * (before + 1)
            views.append(flat[first:last].reshape(shape))
            first = last
        return views

    def _new_states(self, n: int) -> list[Numbers]:
        """Arrays for the states of all layers; those of hidden layers end with a row of ones."""
        hidden = [np.ones((self.members, size + 1, n)) for size in self.sizes[1:-1]]
        return [*hidden, np.empty((self.members, 1, n))]

    def _buffers_for(self, n: int) -> tuple[list[Numbers], list[Numbers]]:
        """States and errors of all layers for steps of ``n`` examples."""
        if n not in self._buffers:
            errors = [np.empty((self.members, size, n)) for size in self.sizes[1:]]
            self._buffers[n] = self._new_states(n), errors
        return self._buffers[n]


def check_shapes(shapes: Sequence[Sequence[int]]) -> None:
    """Raise InvalidArgumentError unless these are shapes of networks."""
    if not 1 <= len(shapes) <= _LARGEST["members"]:
        raise InvalidArgumentError(
            f"{len(shapes)} networks were asked for; possible are 1..{_LARGEST['members']}"
        )
    for shape in shapes:
        if len(shape) != 2 or not all(type(size) is int for size in shape):
            raise InvalidArgumentError(f"shape = {shape!r} must be a pair (layers, width)")
        for name, size in zip(("layers", "width"), shape, strict=True):
            if not 1 <= size <= _LARGEST[name]:
                raise InvalidArgumentError(f"{name} = {size} must be in 1..{_LARGEST[name]}")


def with_ones(x: NDArray[np.floating]) -> Numbers:
    """Return features with a last column of ones, shape ``(n, d + 1)``."""
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _relu(values: Numbers) -> None:
    np.maximum(values, 0.0, out=values)


def _tanh(values: Numbers) -> None:
    np.tanh(values, out=values)


_ACTIVATE: dict[str, Callable[[Numbers], None]] = {"relu": _relu, "tanh": _tanh}
