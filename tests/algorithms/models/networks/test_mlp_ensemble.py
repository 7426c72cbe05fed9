import numpy as np
import pytest
from scipy.optimize import check_grad

from algorithms.models.networks.mlp_ensemble import MLPEnsemble, Stack, Training, with_ones
from nasbench.errors import InvalidArgumentError

SETTINGS = [
    Training(minibatch=7),
    Training(loss="mse", l1=0.2, l2=0.05, minibatch=7),
    Training(activation="tanh", init="lecun", beta_2=0.999, minibatch=30),
    Training(activation="tanh", loss="mse", init="lecun", l1=0.1, minibatch=4),
]


def examples(n=23, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=n)


def objective(stack, x, y):
    """The sum of the members' losses, penalties included, written for one network."""
    total = 0.0
    for member in range(stack.members):
        states = x[member]
        for place, layer in enumerate(stack.layers):
            states = states @ layer[member, :, :-1].T + layer[member, :, -1]
            if place < len(stack.layers) - 1:
                relu = stack.training.activation == "relu"
                states = np.maximum(states, 0) if relu else np.tanh(states)
        error = states[:, 0] - y[member]
        total += np.abs(error).mean() if stack.training.loss == "mae" else (error**2).mean()
        total += stack.training.l1 * np.abs(stack.layers[-1][member, :, :-1]).sum()
        for layer in stack.layers:
            total += stack.training.l2 / 2 * (layer[member, :, :-1] ** 2).sum()
    return total


@pytest.mark.parametrize("training", SETTINGS)
def test_the_gradient_is_that_of_finite_differences(training):
    rng = np.random.default_rng(1)
    stack = Stack((6, 5, 5, 1), 3, training)
    stack.initialize(rng)
    x, y = rng.normal(size=(3, 11, 6)), rng.normal(size=(3, 11))
    rows = np.concatenate([x, np.ones((3, 11, 1))], axis=2)

    def at(parameters):
        stack.parameters[:] = parameters
        return objective(stack, x, y)

    def slope(parameters):
        stack.parameters[:] = parameters
        return stack.gradient(rows, y).copy()

    start = stack.parameters + 0.01 * rng.normal(size=len(stack.parameters))
    assert check_grad(at, slope, start) < 1e-5


@pytest.mark.parametrize("training", SETTINGS)
def test_training_is_that_of_one_network_after_the_other(training):
    """A plain loop in PyTorch, with the same initial weights and order of examples."""
    torch = pytest.importorskip("torch", reason="the oracle is a loop in PyTorch")
    x, y = examples()
    epochs, members = 12, 3
    stack = Stack((6, 8, 8, 1), members, Training(**{**fields(training), "epochs": epochs}))
    stack.initialize(np.random.default_rng(2))
    start = [layer.copy() for layer in stack.layers]
    stack.fit(x, y, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    orders = [rng.random((members, len(y))).argsort(axis=1) for _ in range(epochs)]
    activate = torch.relu if training.activation == "relu" else torch.tanh
    for member in range(members):
        weights = [torch.tensor(layer[member, :, :-1]).requires_grad_() for layer in start]
        biases = [torch.tensor(layer[member, :, -1]).requires_grad_() for layer in start]
        adam = torch.optim.Adam(
            [*weights, *biases],
            lr=training.learning_rate,
            betas=(training.beta_1, training.beta_2),
        )
        for order in orders:
            for first in range(0, len(y), training.minibatch):
                chosen = order[member, first : first + training.minibatch]
                states = torch.tensor(x[chosen])
                for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                    states = activate(states @ weight.T + bias)
                errors = (states @ weights[-1].T + biases[-1])[:, 0] - torch.tensor(y[chosen])
                loss = errors.abs().mean() if training.loss == "mae" else errors.square().mean()
                loss = loss + training.l1 * weights[-1].abs().sum()
                for weight in weights:
                    loss = loss + training.l2 / 2 * weight.square().sum()
                adam.zero_grad()
                loss.backward()
                adam.step()
        for layer, weight, bias in zip(stack.layers, weights, biases, strict=True):
            assert np.allclose(layer[member, :, :-1], weight.detach().numpy(), rtol=0, atol=1e-9)
            assert np.allclose(layer[member, :, -1], bias.detach().numpy(), rtol=0, atol=1e-9)


def fields(training):
    return {name: getattr(training, name) for name in training.__slots__}


def test_a_network_learns_a_smooth_function():
    x, _ = examples(200, 3)
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2]
    ensemble = MLPEnsemble([(2, 32)] * 3, Training(loss="mse", epochs=100))
    ensemble.fit(x[:150], y[:150], np.random.default_rng(0))
    mean, std = ensemble.mean_and_std(x[150:])
    assert np.corrcoef(mean, y[150:])[0, 1] > 0.95
    assert np.array_equal(std, ensemble.predict(x[150:]).std(axis=0))


def test_predictions_and_last_layers_are_those_of_the_plain_formula():
    x, y = examples(1100, 4)
    ensemble = MLPEnsemble([(3, 5)], Training(activation="tanh", epochs=1, minibatch=500))
    ensemble.fit(x, y, np.random.default_rng(0))
    states = x
    for layer in ensemble._groups[0].layers[:-1]:
        states = np.tanh(with_ones(states) @ layer[0].T)
    assert np.allclose(ensemble.hidden(x), states)
    last = ensemble._groups[0].layers[-1]
    assert np.allclose(ensemble.predict(x), (with_ones(states) @ last[0].T).T)
    assert ensemble.predict(x[:0]).shape == (1, 0)


def test_members_of_different_shapes_keep_their_places():
    """Each is what it would be in an ensemble of its own with the same random numbers."""
    x, y = examples()
    shapes = [(2, 4), (1, 3), (2, 4)]
    ensemble = MLPEnsemble(shapes, Training(epochs=3))
    ensemble.fit(x, y, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    pair, single = (
        MLPEnsemble([(2, 4)] * 2, Training(epochs=3)),
        MLPEnsemble([(1, 3)], Training(epochs=3)),
    )
    pair.fit(x, y, rng)
    single.fit(x, y, rng)
    first, last = pair.predict(x)
    assert np.array_equal(ensemble.predict(x), [first, single.predict(x)[0], last])
    assert not np.allclose(first, last)


def test_initial_weights_have_the_published_ranges():
    stack = Stack((100, 50, 1), 20, Training())
    stack.initialize(np.random.default_rng(0))
    weights = stack.layers[0][:, :, :-1]
    assert np.abs(weights).max() <= 0.2  # sqrt(6 / 150)
    assert weights.var() == pytest.approx(2 / 150, rel=0.02)
    assert not stack.layers[0][:, :, -1].any()
    stack = Stack((100, 50, 1), 20, Training(init="lecun"))
    stack.initialize(np.random.default_rng(0))
    assert 0.0999 < np.abs(stack.layers[0]).max() <= 0.1
    assert stack.layers[0][:, :, -1].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "rely"}, "activation = 'rely'.*relu"),
        ({"loss": "mea"}, "loss = 'mea'.*mae"),
        ({"init": "zero"}, "init = 'zero'"),
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
        ({"minibatch": 0}, "minibatch = 0 must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be positive and finite"),
        ({"beta_1": 1.0}, r"beta_1 = 1.0 must be in \[0, 1\)"),
        ({"l1": -1.0}, "l1 = -1.0 must be finite, not negative"),
    ],
)
def test_impossible_trainings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Training(**settings)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([], "0 networks were asked for"),
        ([(0, 5)], r"layers = 0 must be in 1\.\.1000"),
        ([(1, 0)], r"width = 0 must be in 1\.\.10000"),
        ([(1, 2, 3)], r"shape = \(1, 2, 3\) must be a pair"),
        ([(1.0, 2)], r"shape = \(1.0, 2\) must be a pair"),
    ],
)
def test_impossible_shapes_are_refused(shapes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        MLPEnsemble(shapes, Training())
