"""DARTS: its second-order gradient, and what it does to a supernet."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="supernets need the extra torch")

from tiny_supernet import TinySupernets  # noqa: E402
from torch.func import functional_call  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from algorithms.oneshot.relaxed.darts import DARTS  # noqa: E402
from data_builders.supernets.shared_network import Mixture  # noqa: E402
from nasbench.supernet import Batch  # noqa: E402


def search(**changes: Any) -> DARTS:
    """A search whose supernet exists, untrained."""
    supernets = TinySupernets()
    made = DARTS(
        supernets._space, fidelities=(1,), seed=0, supernets=supernets, **{"epochs": 3} | changes
    )
    made.net = supernets(seed=0)
    made.start()
    return made


def test_second_order_gradient_is_that_of_one_unrolled_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("algorithms.oneshot.relaxed.darts.FINITE_DIFFERENCE", 1e-4)
    darts = search(order=2, momentum=0.0, decay=0.01, rate=0.1)
    train, valid = next(darts.net.train_batches(0)), next(darts.net.valid_batches(0))
    network = darts.net.network
    names = [name for name, _ in network.named_parameters()]

    def loss(weights: Any, alphas: torch.Tensor, batch: Batch) -> torch.Tensor:
        active = [[False, True, True]] * 3
        mixture = Mixture(
            gates=alphas.softmax(dim=1),
            active=active,
            edges=None,
            ghosts=None,
            drop_path=0.0,
            skip_dropout=0.0,
            generator=darts.net.generator,
        )
        logits = functional_call(
            network, dict(zip(names, weights, strict=True)), (batch.x, mixture)
        )
        return F.cross_entropy(logits, batch.y)

    weights = [w.detach().clone().requires_grad_() for w in darts.net.weights()]
    alphas = darts.alphas.detach().clone().requires_grad_()
    gradients = torch.autograd.grad(loss(weights, alphas, train), weights, create_graph=True)
    stepped = [w - 0.1 * (g + 0.01 * w) for w, g in zip(weights, gradients, strict=True)]
    (exact,) = torch.autograd.grad(loss(stepped, alphas, valid), [alphas])

    before = [w.detach().clone() for w in darts.net.weights()]
    answer, found = darts.second_order(train, valid)
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-9)
    assert answer.loss.item() == pytest.approx(loss(stepped, alphas, valid).item(), rel=1e-12)
    for weight, value in zip(darts.net.weights(), before, strict=True):
        assert torch.equal(weight, value)


def test_second_order_step_looks_ahead_with_the_momentum() -> None:
    darts = search(order=2, momentum=0.5, rate=0.1, decay=0.0)
    train, valid = next(darts.net.train_batches(0)), next(darts.net.valid_batches(0))
    darts.learn_weights(train)
    weights = list(darts.net.weights())
    rate = darts.optimizer.rate
    gradients = torch.autograd.grad(darts.answer(train).loss, weights)
    velocities = [darts.optimizer.velocity(w).clone() for w in weights]
    before = [w.detach().clone() for w in weights]
    answer, _ = darts.second_order(train, valid)
    with torch.no_grad():
        for weight, value, g, v in zip(weights, before, gradients, velocities, strict=True):
            weight.copy_(value - rate * (0.5 * v + g))
    assert answer.loss.item() == pytest.approx(darts.answer(valid).loss.item(), rel=1e-12)


def test_the_mixture_favours_what_lowers_the_validation_loss() -> None:
    darts = search(epochs=40, gate_rate=0.05, rate=0.05)
    first = darts.answer(darts.net.valid()).loss.item()
    (arch,) = darts._found()
    assert darts.history[-1]["valid_loss"] < first
    assert arch == tuple(darts.history[-1]["gates"].argmax(axis=1))


def test_a_zero_rate_leaves_the_gates_alone() -> None:
    darts = search(gate_rate=0.0, gate_decay=0.0)
    before = darts.alphas.detach().clone()
    darts.epoch(0)
    assert torch.equal(darts.alphas, before)
