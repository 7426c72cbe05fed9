from itertools import chain
from math import cos, pi, sqrt

import pytest

from nasbench.errors import InvalidArgumentError

torch = pytest.importorskip("torch", reason="small networks need the extra torch")

from algorithms.models.networks.training import Adam, Training  # noqa: E402


def generator():
    return torch.Generator().manual_seed(0)


def test_adam_is_that_of_its_paper():
    """Three steps, with decoupled weight decay and faster biases."""
    network = torch.nn.Linear(2, 1).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[1.0, -2.0]]))
        network.bias.fill_(0.5)
    adam = Adam(network, beta1=0.8, beta2=0.9, weight_decay=0.1, decoupled=True, bias_factor=2.0)
    x = [1.0, -2.0, 0.5]
    first, second = [0.0] * 3, [0.0] * 3
    for t in range(1, 4):
        weight, bias = network.weight, network.bias
        loss = (weight[0, 0] ** 2 + 3 * weight[0, 1] ** 2 + weight[0, 1] * bias[0] ** 3) / t
        slopes = [2 * x[0] / t, (6 * x[1] + x[2] ** 3) / t, 3 * x[1] * x[2] ** 2 / t]
        adam.step(loss, 0.05)
        for k, slope in enumerate(slopes):
            first[k] = 0.8 * first[k] + 0.2 * slope
            second[k] = 0.9 * second[k] + 0.1 * slope**2
            if k < 2:
                x[k] *= 1 - 0.05 * 0.1
            step = first[k] / (1 - 0.8**t) / (sqrt(second[k] / (1 - 0.9**t)) + 1e-8)
            x[k] -= 0.05 * step * (2 if k == 2 else 1)
        assert [*network.weight[0].tolist(), float(network.bias.detach())] == pytest.approx(x)


def test_training_visits_every_example_once_an_epoch_at_a_cosine_rate(monkeypatch):
    visits, rates = [], []
    monkeypatch.setattr(Adam, "step", lambda self, loss, rate: rates.append(rate))
    Training(epochs=4, batch_size=3, learning_rate=1.0).run(
        torch.nn.Linear(1, 1), 8, lambda rows: visits.append(rows.tolist()), generator()
    )
    epochs = [visits[i : i + 3] for i in range(0, 12, 3)]
    assert all(sorted(chain(*batches)) == list(range(8)) for batches in epochs)
    assert [sorted(map(len, batches)) for batches in epochs] == [[2, 3, 3]] * 4
    assert epochs[0] != epochs[1]
    assert rates == pytest.approx([(1 + cos(pi * (i // 3) / 4)) / 2 for i in range(12)])


def test_no_batch_has_a_single_example(monkeypatch):
    sizes = []
    monkeypatch.setattr(Adam, "step", lambda self, loss, rate: None)
    for n in range(2, 12):
        Training(epochs=1, batch_size=1, learning_rate=1.0).run(
            torch.nn.Linear(1, 1), n, lambda rows: sizes.append(len(rows)), generator()
        )
    assert min(sizes) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
        ({"batch_size": 0}, "batch_size = 0 must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be positive"),
        ({"weight_decay": -1.0}, "weight_decay = -1.0 must be finite and not negative"),
    ],
)
def test_impossible_trainings_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Training(**({"epochs": 1, "batch_size": 2, "learning_rate": 0.1} | changes))
