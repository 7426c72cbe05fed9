from math import cos, pi

import numpy as np
import pytest
import torch

from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import read_numbers, write_arrays
from surrogates.regressors.parts.network_training import (
    Scale,
    Trainer,
    one_thread,
    single_precision,
)


def run(n=10, **changes):
    """A parameter after training with a slope of 1 everywhere, and the batches that were seen."""
    settings = {"epochs": 3, "batch": 4, "learning_rate": 0.1, "schedule": "constant"}
    parameter, seen = torch.zeros(1, dtype=torch.float64, requires_grad=True), []

    def loss(rows):
        seen.append(rows.tolist())
        return parameter.sum()

    generator = torch.Generator().manual_seed(0)
    Trainer(**{"weight_decay": 0.0} | settings | changes).run([parameter], loss, n, generator)
    return parameter.item(), seen


def test_every_epoch_shows_every_example_once_in_another_order():
    _, seen = run(n=11)
    assert [len(rows) for rows in seen] == [6, 5] * 3
    orders = [seen[i] + seen[i + 1] for i in (0, 2, 4)]
    assert all(sorted(order) == list(range(11)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize(("n", "batch", "sizes"), [(3, 4, [3]), (8, 4, [4, 4]), (2, 1, [1, 1])])
def test_no_batch_is_smaller_than_asked_unless_examples_lack(n, batch, sizes):
    assert [len(rows) for rows in run(n, batch=batch, epochs=1)[1]] == sizes


def test_steps_of_adam_along_a_constant_slope_are_the_learning_rates():
    assert run()[0] == pytest.approx(-6 * 0.1)
    rates = [0.1 * (1 + cos(pi * k / 6)) / 2 for k in range(6)]
    assert run(schedule="cosine")[0] == pytest.approx(-sum(rates))
    decayed = 0.0
    for rate in rates:
        decayed = decayed * (1 - 0.5 * rate) - rate
    assert run(schedule="cosine", weight_decay=0.5)[0] == pytest.approx(decayed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
        ({"batch": 0}, "batch = 0 must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be positive"),
        ({"weight_decay": -1.0}, "weight_decay = -1.0 must be at least 0"),
        ({"schedule": "cosin"}, "schedule = 'cosin'; did you mean 'cosine'"),
    ],
)
def test_impossible_settings(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        run(**changes)


def test_standardised_numbers():
    values = np.array([[1.0, 0.1], [3.0, 0.1], [8.0, 0.1]], dtype=np.float32)
    scale = Scale.of(values)
    standardised = scale.standardise(values)
    np.testing.assert_allclose(standardised[:, 0].mean(), 0.0, atol=1e-15)
    np.testing.assert_allclose(standardised[:, 0].std(), 1.0)
    np.testing.assert_allclose(standardised[:, 1], 0.0, atol=1e-15)
    assert scale.standardise(np.array([[4.0, 1.1]]))[0, 1] == pytest.approx(1.0)
    assert (Scale.of(np.array([1.0, 5.0])).mean, Scale.of(np.array([1.0, 5.0])).std) == (3.0, 2.0)


def test_threads_are_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_single_precision():
    values = np.array([1 / 3, np.nextafter(1 / 3, 1), 0.5])
    rounded = single_precision(values)
    assert rounded.dtype == np.float64
    assert rounded[0] == rounded[1] == np.float32(1 / 3)
    assert rounded[2] == 0.5


def test_reading_arrays_of_known_shapes(tmp_path):
    path = tmp_path / "arrays.npz"
    write_arrays(path, {"a": np.ones((2, 3)), "b": np.array(4.0)})
    arrays = read_numbers(path, {"a": (2, 3), "b": ()})
    np.testing.assert_array_equal(arrays["a"], np.ones((2, 3)))
    with pytest.raises(
        SurrogateError, match=r"'a' is float64 of shape \(2, 3\), expected .* \(3, 2\)"
    ):
        read_numbers(path, {"a": (3, 2)})
    with pytest.raises(SurrogateError, match="cannot read"):
        read_numbers(path, {"c": ()})
    write_arrays(path, {"a": np.ones(2, dtype=np.float32)})
    with pytest.raises(SurrogateError, match="'a' is float32"):
        read_numbers(path, {"a": (2,)})
