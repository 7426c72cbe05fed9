"""Steps of methods of weight sharing against definitions, finite differences and each other."""

import itertools
import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="supernets need the extra torch")

from scipy.stats import chi2  # noqa: E402
from tiny_supernet import TinySupernets  # noqa: E402
from toys import Square  # noqa: E402

from algorithms.oneshot import gates  # noqa: E402
from algorithms.oneshot.hessian import dominant_eigenvalue, hessian  # noqa: E402
from algorithms.oneshot.paths.fairnas import FairNAS  # noqa: E402
from algorithms.oneshot.paths.judging import (  # noqa: E402
    accuracies,
    answer_path,
    evolved,
    judging_batches,
)
from algorithms.oneshot.paths.random_nas import RandomNAS  # noqa: E402
from algorithms.oneshot.relaxed.darts import DARTS  # noqa: E402
from algorithms.oneshot.relaxed.darts_ada import DARTSADA, Looks  # noqa: E402
from algorithms.oneshot.relaxed.darts_es import DARTSES, turning_point  # noqa: E402
from algorithms.oneshot.relaxed.darts_pt import DARTSPT  # noqa: E402
from algorithms.oneshot.relaxed.i_darts import IDARTS  # noqa: E402
from algorithms.oneshot.relaxed.p_darts import PDARTS  # noqa: E402
from algorithms.oneshot.relaxed.pc_darts import PCDARTS  # noqa: E402
from algorithms.oneshot.relaxed.r_darts import RDARTS  # noqa: E402
from algorithms.oneshot.relaxed.sdarts import SDARTS, _weights  # noqa: E402
from algorithms.oneshot.relaxed.sgas import SGAS  # noqa: E402
from algorithms.oneshot.relaxed.xnas import XNAS  # noqa: E402
from algorithms.oneshot.stochastic.data_egs import DataEGS  # noqa: E402
from algorithms.oneshot.stochastic.drnas import DrNAS  # noqa: E402
from algorithms.oneshot.stochastic.fbnet import FBNet  # noqa: E402
from algorithms.oneshot.stochastic.gdas import GDAS  # noqa: E402
from algorithms.oneshot.stochastic.parsec import Parsec  # noqa: E402
from algorithms.oneshot.stochastic.proxyless import Proxyless  # noqa: E402
from algorithms.oneshot.stochastic.setn import SETN  # noqa: E402
from algorithms.oneshot.stochastic.snas import SNAS  # noqa: E402
from data_builders.supernets.table_supernet import TableSupernet  # noqa: E402
from nasbench.supernet import Answer, Batch  # noqa: E402

PATHS = list(itertools.product(range(3), repeat=3))


def started(kind: Any, **changes: Any) -> Any:
    """A search whose supernet exists, untrained."""
    supernets = TinySupernets()
    search = kind(Square(), fidelities=(1,), seed=0, supernets=supernets, **{"epochs": 3} | changes)
    search.net = supernets(seed=0)
    search.start()
    return search


def finished(kind: Any, **changes: Any) -> Any:
    """A search after its first question."""
    search = kind(
        Square(), fidelities=(1,), seed=0, supernets=TinySupernets(), **{"epochs": 3} | changes
    )
    search.first = search.ask()
    return search


def batches(search: Any) -> tuple[Batch, Batch]:
    return next(search.net.train_batches(0)), next(search.net.valid_batches(0))


def weights(search: Any) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in search.net.weights()])


def slopes(
    loss: Callable[[torch.Tensor], float], at: torch.Tensor, h: float = 1e-5
) -> torch.Tensor:
    """Central differences."""
    found = torch.zeros_like(at)
    for place in np.ndindex(*at.shape):
        step = torch.zeros_like(at)
        step[place] = h
        found[place] = (loss(at + step) - loss(at - step)) / (2 * h)
    return found


def path_losses(search: Any, batch: Batch) -> dict[tuple[int, ...], float]:
    with torch.no_grad():
        return {path: search.net.path(batch, path).loss.item() for path in PATHS}


# What equals DARTS


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (PCDARTS, {"parts": 1, "edge_normalization": False}),
        (SDARTS, {"first_distance": 0.0, "last_distance": 0.0}),
        (PDARTS, {"stages": 1, "dropout": 0.0}),
        (DARTSES, {"earliest": 99}),
        (DARTSPT, {"tuning": 0}),
    ],
)
def test_methods_without_what_is_theirs_train_as_darts(kind: Any, changes: Any) -> None:
    theirs, darts = finished(kind, **changes), finished(DARTS)
    for name in ("train_loss", "valid_loss", "gates"):
        for a, b in zip(theirs.history, darts.history, strict=True):
            np.testing.assert_allclose(a[name], b[name], rtol=1e-12)
    if kind not in (DARTSPT, PDARTS):  # which choose otherwise
        assert theirs.first == darts.first


def test_an_attack_from_nowhere_is_darts_up_to_its_cost() -> None:
    quiet = finished(SDARTS, perturbation="adversarial", first_distance=0.0, last_distance=0.0)
    darts = finished(DARTS)
    np.testing.assert_allclose(quiet.history[-1]["gates"], darts.history[-1]["gates"])
    assert quiet.net.seconds > 3 * darts.net.seconds


# Gradients against finite differences and enumeration


def test_the_gradient_of_snas_is_that_of_the_expected_loss() -> None:
    """With common random numbers, the mean over draws is differentiable in the parameters."""
    search = started(SNAS, first_temperature=0.7, last_temperature=0.7)
    search.begin(0)
    train, _ = batches(search)
    state = search.net.generator.get_state()

    def mean_loss(alphas: torch.Tensor) -> torch.Tensor:
        search.net.generator.set_state(state)
        drawn = [gates.soft_gumbel(search.net, alphas, 0.7) for _ in range(6)]
        return torch.stack([search.net.answer(train, z).loss for z in drawn]).mean()

    alphas = search.alphas.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(mean_loss(alphas), [alphas])
    with torch.no_grad():
        expected = slopes(lambda a: mean_loss(a).item(), alphas.detach())
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_one_draw_and_one_loss_of_snas_move_gates_and_weights() -> None:
    search = started(SNAS, decay=0.0)
    search.begin(0)
    train, valid = batches(search)
    state = search.net.generator.get_state()
    drawn = gates.soft_gumbel(search.net, search.alphas, search.temperature)
    loss = search.net.answer(train, drawn).loss
    found = torch.autograd.grad(loss, [search.alphas, *search.net.weights()])
    search.net.generator.set_state(state)
    before = weights(search)
    search.adam.step = lambda: None  # only the gradient is looked at
    assert search.learn_gates(train, valid) is None
    torch.testing.assert_close(search.alphas.grad, found[0])
    assert torch.equal(weights(search), before)
    search.learn_weights(train)
    step = (1 + search.momentum) * search.rate  # Nesterov's first
    moved = torch.cat([slope.flatten() for slope in found[1:]])
    torch.testing.assert_close(before - weights(search), step * moved)


def test_hard_gates_are_drawn_with_the_probabilities_of_the_softmax() -> None:
    search = started(GDAS)
    alphas = torch.tensor([[1.0, 0.0, -1.0]] * 3, dtype=torch.float64)
    n = 4_000
    counts = sum(gates.hard_gumbel(search.net, alphas, 5.0)[1].double() for _ in range(n))
    expected = n * alphas.softmax(dim=1)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    assert statistic < chi2.ppf(1 - 1e-6, df=6)


def test_the_gradient_of_gdas_is_that_of_the_relaxation_at_the_path() -> None:
    search = started(GDAS, first_temperature=2.0)
    search.begin(0)
    _, valid = batches(search)
    state = search.net.generator.get_state()
    answer = search.answer(valid)
    (found,) = torch.autograd.grad(answer.loss, [search.alphas])
    search.net.generator.set_state(state)
    noise = gates.gumbels(search.net, search.alphas)
    logits = search.alphas.detach().log_softmax(dim=1)
    soft = ((logits + noise) / 2.0).softmax(dim=1)
    options = soft.argmax(dim=1)
    assert answer.loss.item() == pytest.approx(
        search.net.path(valid, tuple(options.tolist())).loss.item(), rel=1e-12
    )

    def loss(binary: torch.Tensor) -> float:
        active = gates.one_hot(options, soft).bool()
        with torch.no_grad():
            return search.net.answer(valid, binary, active=active, ghosts=True).loss.item()

    slope = slopes(loss, gates.one_hot(options, soft))
    inner = soft * (slope - (slope * soft).sum(dim=1, keepdim=True)) / 2.0
    expected = inner - search.alphas.detach().softmax(dim=1) * inner.sum(dim=1, keepdim=True)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)


def test_binary_gates_learn_as_the_softmax_of_their_slopes() -> None:
    search = started(Proxyless)
    _, valid = batches(search)
    answer, found = search.gradient(valid)
    losses = path_losses(search, valid)
    assert min(abs(answer.loss.item() - loss) for loss in losses.values()) < 1e-12
    path = min(losses, key=lambda p: abs(losses[p] - answer.loss.item()))

    def loss(binary: torch.Tensor) -> float:
        with torch.no_grad():
            return search.net.answer(valid, binary).loss.item()

    slope = slopes(loss, gates.one_hot(torch.tensor(path), search.alphas.detach()))
    p = search.alphas.detach().softmax(dim=1)
    expected = p * (slope - (slope * p).sum(dim=1, keepdim=True))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_two_binary_gates_leave_the_other_options_alone() -> None:
    search = started(Proxyless, update="two")
    _, valid = batches(search)
    before = search.net.seconds
    _, found = search.gradient(valid)
    assert search.net.seconds - before <= 0.01 + 2 * 3 * 0.001 + 1e-12
    assert ((found != 0).sum(dim=1) <= 2).all()
    torch.testing.assert_close(found.sum(dim=1), torch.zeros(3, dtype=torch.float64))


def test_what_two_gates_learn_leaves_other_probabilities_as_they_are() -> None:
    search = started(Proxyless, update="two", gate_rate=0.1)
    train, valid = batches(search)
    for _ in range(5):
        before = search.alphas.detach().clone()
        search.learn_gates(train, valid)
        still = search.alphas.detach() == before
        assert (still.sum(dim=1) >= 1).all()
        assert not still.all()
        old, new = before.softmax(dim=1), search.alphas.detach().softmax(dim=1)
        torch.testing.assert_close(new[still], old[still], rtol=1e-9, atol=0)


def test_the_policy_gradient_is_that_of_the_expected_reward() -> None:
    search = started(Proxyless, update="reinforce", paths=4_000)
    _, valid = batches(search)
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[0.5, 0.0, -0.5]] * 3, dtype=torch.float64))
        rewards = {path: search.net.path(valid, path).accuracy for path in PATHS}
    search.adam.step = lambda: None  # only the gradient is looked at
    search.reinforce(valid)

    def expected_reward(alphas: torch.Tensor) -> float:
        p = alphas.softmax(dim=1)
        return sum(
            reward * math.prod(float(p[d, o]) for d, o in enumerate(path))
            for path, reward in rewards.items()
        )

    exact = -slopes(expected_reward, search.alphas.detach())
    assert (search.alphas.grad - exact).abs().max() < 0.02
    assert (
        float(torch.corrcoef(torch.stack([search.alphas.grad.flatten(), exact.flatten()]))[0, 1])
        > 0.9
    )


def test_importance_weights_are_those_of_the_likelihood() -> None:
    search = started(Parsec, samples=500)
    _, valid = batches(search)
    losses = path_losses(search, valid)
    search.learn_gates(*batches(search))
    drawn = [tuple(path.tolist()) for path in search._paths]
    likelihood = np.exp([-len(valid.x) * losses[path] for path in drawn])
    np.testing.assert_allclose(search._importance.numpy(), likelihood / likelihood.sum(), rtol=1e-9)


def test_the_gates_of_parsec_go_to_the_paths_that_count_most() -> None:
    search = started(Parsec, samples=20, gate_decay=0.0)
    search.adam.step = lambda: None  # only the gradient is looked at
    search.learn_gates(*batches(search))
    expected = torch.zeros(3, 3, dtype=torch.float64)
    for path, share in zip(search._paths, search._importance, strict=True):
        expected[torch.arange(3), path] += share
    found = search.alphas.detach().softmax(dim=1) - expected  # of minus the weighted logarithms
    torch.testing.assert_close(search.alphas.grad, found)


def test_parsec_draws_new_paths_for_every_step_of_the_weights_alone() -> None:
    search = started(Parsec, samples=3, first_epoch=2)
    seen = set()
    for _ in range(12):
        search.learn_weights(batches(search)[0])
        seen.update(tuple(path.tolist()) for path in search._paths)
    assert len(seen) > 10


def test_dirichlet_gates_have_the_mean_of_the_concentrations() -> None:
    search = started(DrNAS)
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[1.0, 0.0, -0.5]] * 3, dtype=torch.float64))
    seen = []
    search.net.answer = lambda batch, drawn: seen.append(drawn.detach())
    for _ in range(3_000):
        search.answer(None)
    torch.testing.assert_close(
        torch.stack(seen).mean(dim=0), search.weighed().detach(), rtol=0, atol=0.02
    )
    torch.testing.assert_close(search.concentrations()[0, 0].item(), 2.0)


def test_dirichlet_gates_are_differentiable_in_the_concentrations() -> None:
    """The mean of a gate is its concentration over their sum, and so is its derivative."""
    search = started(DrNAS)
    drawn: list[Any] = []
    search.net.answer = lambda batch, weighed: drawn.append(weighed)
    for _ in range(4_000):
        search.answer(None)
    (found,) = torch.autograd.grad(torch.stack(drawn)[:, 0, 0].mean(), [search.alphas])
    (expected,) = torch.autograd.grad(search.weighed()[0, 0], [search.alphas])
    torch.testing.assert_close(found, expected, rtol=0, atol=0.02)
    assert float(expected[0, 0]) > 0.1


# What methods promise


def test_the_gradients_of_fair_paths_are_added_up() -> None:
    search = started(FairNAS, momentum=0.0, decay=0.0, rate=0.1)
    train, _ = batches(search)
    before, state = weights(search), search.net.generator.get_state()
    search.learn(train)
    moved = weights(search) - before
    again = started(FairNAS)
    again.net.generator.set_state(state)
    draws = torch.rand(3, 3, generator=again.net.generator)
    total = torch.zeros_like(before)
    for options in draws.argsort(dim=1).T:
        loss = answer_path(again.net, train, options).loss
        found = torch.autograd.grad(loss, again.net.weights())
        total += torch.cat([g.flatten() for g in found])
    torch.testing.assert_close(moved, -0.1 * total)


def test_several_draws_share_the_weight_of_a_decision() -> None:
    search = started(DataEGS, draws=5)
    search.begin(0)
    seen: list[Any] = []
    search.net.answer = lambda batch, values, active: seen.append((values.detach(), active))
    for _ in range(20):
        search.answer(None)
    for values, active in seen:
        n = active.sum(dim=1, keepdim=True)
        torch.testing.assert_close(values, active / n.double())
    assert max(int(active.sum(dim=1).max()) for _, active in seen) > 1


def test_latency_favours_options_that_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = torch.zeros(3, 3, dtype=torch.float64)
    costs[:, 1:] = 1e-3
    monkeypatch.setattr(TableSupernet, "costs", costs)
    plain, slow = (
        started(FBNet, gate_rate=0.05, power=power, factor=5.0, epochs=9) for power in (0.0, 8.0)
    )
    for search in (plain, slow):
        for epoch in range(9):
            search.epoch(epoch)
    assert (slow.alphas[:, 0] > plain.alphas[:, 0]).all()


def test_the_most_probable_and_drawn_architectures_are_proposed() -> None:
    search = started(FBNet, finalists=200)
    alphas = torch.tensor([[2.0, 0, 1], [0, 3, 1], [0, 0, 1]], dtype=torch.float64)
    with torch.no_grad():
        search.alphas.copy_(alphas)
    logs = alphas.log_softmax(dim=1)

    def likely(path: Sequence[int]) -> float:
        return float(sum(logs[d, o] for d, o in enumerate(path)))

    found = list(search.ranking())
    assert found[0] == gates.best(alphas)
    assert len(found) == len(set(found))
    totals = [likely(path) for path in found]
    assert totals == sorted(totals, reverse=True)
    # What is likely to be among 200 draws is there; rare ones are missing
    assert {path for path in PATHS if likely(path) > math.log(0.1)} <= set(found)
    assert len(found) < len(PATHS)
    search = started(FBNet, finalists=1)
    assert list(search.ranking()) == [gates.best(search.alphas)]


def test_an_attack_raises_the_loss_within_its_distance() -> None:
    search = started(SDARTS, perturbation="adversarial", first_distance=0.2, last_distance=0.2)
    search.begin(0)
    train, _ = batches(search)
    weighed = search.weighed().detach()
    attacked = search._attacked(train, weighed, weighed.clone())
    assert (attacked - weighed).abs().max() <= 0.2 + 1e-12
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    with torch.no_grad():
        losses = [search.net.answer(train, g).loss.item() for g in (weighed, attacked)]
        for _ in range(20):
            shaken = search._shaken(weighed)
            torch.testing.assert_close(shaken.sum(dim=1), torch.ones(3, dtype=torch.float64))
            assert search.net.answer(train, shaken).loss.item() < losses[1]


def test_an_attack_that_fails_leaves_the_gates_alone() -> None:
    search = started(SDARTS, perturbation="adversarial", first_distance=0.2, last_distance=0.2)
    search.begin(0)
    train, _ = batches(search)
    weighed, true = search.weighed().detach(), search.net.answer

    def lowest_at_home(batch: Batch, values: torch.Tensor) -> Any:
        answer = true(batch, values)
        return answer._replace(loss=-(values - weighed).abs().sum())

    search.net.answer = lowest_at_home
    assert torch.equal(search._attacked(train, weighed, search._shaken(weighed)), weighed)


def test_gates_that_all_leave_their_range_are_one_option() -> None:
    values = torch.tensor([[-0.1, -0.2], [0.5, 1.5], [-0.3, 0.2]], dtype=torch.float64)
    expected = torch.tensor([[1, 0], [1 / 3, 2 / 3], [0, 1]], dtype=torch.float64)
    torch.testing.assert_close(_weights(values), expected)


def test_the_hessian_is_that_of_automatic_differentiation() -> None:
    search = started(DARTS)
    _, valid = batches(search)
    flat = search.alphas.detach().flatten()

    def loss(values: torch.Tensor) -> torch.Tensor:
        return search.net.answer(valid, values.view(3, 3).softmax(dim=1)).loss

    dense = torch.autograd.functional.hessian(loss, flat)
    answer = search.answer(valid)
    torch.testing.assert_close(hessian(answer.loss, search.alphas), dense)
    largest = float(torch.linalg.eigvalsh(dense)[-1])
    assert dominant_eigenvalue(search.answer(valid).loss, search.alphas) == pytest.approx(largest)


def test_the_search_stops_before_the_first_sharp_rise() -> None:
    flat = [1.0] * 12
    assert turning_point(flat, 1.3, 0) is None
    rising = [1.0] * 6 + [1.0, 9.0, 9.0, 9.0]
    # The average of looks 3 to 7 is that of look 5, known at look 7, compared with that of look 1.
    assert turning_point(rising[:7], 1.3, 0) is None
    assert turning_point(rising[:8], 1.3, 0) == 1
    assert turning_point(rising, 1.3, 2) == 2
    assert turning_point([1.0, 1.0], 1.3, 0) is None


def test_early_stopping_returns_earlier_gates_and_pays_no_more() -> None:
    search = started(DARTSES, epochs=20, earliest=2)
    values = iter([1.0] * 6 + [5.0] * 9)
    search.eigenvalue = lambda epoch: next(values)
    spent = []
    for epoch in range(20):
        search.history.append({"epoch": epoch + 1, "seconds": 0.0, **search.epoch(epoch)})
        spent.append(search.net.seconds)
    look = search.stopped()
    assert look is not None
    (arch,) = search.ranking()
    assert arch == gates.best(torch.tensor(search.history[2 * look]["gates"]))
    assert spent[-1] == spent[-5]
    ran = spent.index(spent[-1]) + 1
    measured = [math.isfinite(row["eigenvalue"]) for row in search.history]
    assert measured == [epoch < ran and epoch % 2 == 0 for epoch in range(20)]


def test_what_goes_back_is_as_it_was_and_decays_faster() -> None:
    tensor = torch.zeros(2)
    looks = Looks([tensor])
    for value in (1.0, 2.0, 3.0):
        tensor.fill_(value)
        looks.add(value)
    looks.go_back(1)
    assert tensor.tolist() == [2.0, 2.0]
    assert looks.values == [1.0, 2.0]
    search = started(DARTSADA, epochs=30, earliest=2, decay=1e-3)
    values = iter([1.0] * 6 + [5.0] * 9)
    search.eigenvalue = lambda epoch: next(values)
    decays = [search.epoch(epoch)["decay"] for epoch in range(30)]
    assert sorted(set(decays)) == pytest.approx([1e-3, 0.01, 0.03])
    assert decays == sorted(decays)


def test_a_decay_that_is_the_largest_up_to_rounding_goes_back_no_more() -> None:
    search = started(DARTSADA, epochs=60, earliest=2, decay=3e-4)
    values = iter(1.5**i for i in range(30))
    search.eigenvalue = lambda epoch: next(values)
    back: list[int] = []
    go_back = search.looks.go_back
    search.looks.go_back = lambda look: back.append(look) or go_back(look)
    for epoch in range(60):
        search.epoch(epoch)
    assert len(back) == 2  # 3e-4, 3e-3, 3e-2


def test_robust_darts_proposes_what_every_strength_finds() -> None:
    for regularization in ("l2", "drop_path"):
        search = finished(RDARTS, regularization=regularization, gate_rate=0.1)
        assert len(search.history) == 12
        proposals = [search.first, *iter(search.ask, None)]
        assert 1 <= len(proposals) <= 4
        assert proposals[-1].arch == gates.best(search.weighed())


def test_robust_darts_has_four_strengths() -> None:
    search = started(RDARTS, epochs=3)
    decays = []
    for epoch in range(12):
        search.begin(epoch)
        decays.append(search.optimizer.decay)
    assert decays == [x for x in (3e-4, 9e-4, 27e-4, 81e-4) for _ in range(3)]
    search = started(RDARTS, epochs=3, regularization="drop_path")
    asked: list[float] = []
    true = search.net.answer

    def watched(batch: Batch, weighed: torch.Tensor, *, drop_path: float = 0.0) -> Answer:
        asked.append(drop_path)
        return true(batch, weighed, drop_path=drop_path)

    search.net.answer = watched
    for epoch in range(12):
        search.begin(epoch)
        search.learn_weights(batches(search)[0])
    expected = [share * most for most in (0.0, 0.2, 0.4, 0.6) for share in (0, 0.5, 1)]
    assert asked == pytest.approx(expected)


def test_gates_begin_to_learn_in_the_same_epoch_of_every_run() -> None:
    search = started(RDARTS, epochs=4, first_epoch=2)
    learned: list[int] = []
    learn = search.learn_gates
    for epoch in range(16):
        search.learn_gates = lambda train, valid, e=epoch: learned.append(e) or learn(train, valid)
        search.epoch(epoch)
    assert sorted(set(learned)) == [e for e in range(16) if e % 4 >= 2]


def test_copies_are_dropped_less_and_less_twice() -> None:
    search = started(PDARTS, stages=1, epochs=4, weights_only=2, dropout=0.4)
    found = []
    for epoch in range(4):
        search.begin(epoch)
        found.append(search.skip_dropout)
    assert found == pytest.approx([0.3, 0.2, 0.4, 0.4 * math.exp(-0.2)])


def test_stages_keep_fewer_options_and_few_copies() -> None:
    search = finished(PDARTS, stages=3)
    assert search.active.sum(dim=1).tolist() == [1, 1, 1]
    search = started(PDARTS, most_copies=1)
    search._copies = lambda: [0]
    search.net.nothing = ()
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[3.0, 0, 1], [4, 0, 1], [5, 1, 0]], dtype=torch.float64))
    assert list(search.ranking()) == [(2, 2, 0)]


def test_the_last_stage_chooses_what_contributes_and_copies_give_way_to_it() -> None:
    """Option 0 contributes nothing, option 1 copies."""
    search = started(PDARTS, most_copies=1)
    search._copies = lambda: [1]
    search.active[2] = torch.tensor([True, True, False])
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[9.0, 0, 1], [9, 8, 1], [9, 1, 0]], dtype=torch.float64))
    assert list(search.ranking()) == [(2, 1, 2)]
    search.active[0] = torch.tensor([True, False, False])  # nothing else entered the stage
    ((first, *_),) = search.ranking()
    assert first != 0


def test_an_option_is_kept_if_the_mixture_misses_it_most() -> None:
    search = started(DARTSPT)
    active = torch.ones(3, 3, dtype=torch.bool)
    with torch.no_grad():
        weighed = search.weighed()
        found = []
        for option in range(3):
            others = active.clone()
            others[1, option] = False
            found.append(
                sum(
                    search.net.answer(batch, weighed * others, active=others).accuracy
                    for batch in search.net.valid_batches(search.epochs)
                )
            )
    assert search.missed_most(active, 1) == int(np.argmin(found))


def test_what_is_kept_has_a_gate_of_one_and_others_go_on_learning() -> None:
    search = started(DARTSPT, tuning=1)
    active = torch.ones(3, 3, dtype=torch.bool)
    active[1] = torch.tensor([False, False, True])
    seen: list[Any] = []
    true = search.net.answer

    def watched(batch: Batch, values: torch.Tensor, *, active: torch.Tensor) -> Any:
        seen.append(values.detach())
        return true(batch, values, active=active)

    search.net.answer = watched
    before = search.alphas.detach().clone()
    search.tune(active, [0])
    assert all(values[1].tolist() == [0, 0, 1] for values in seen)
    assert (search.alphas[0] != before[0]).all()


def test_experts_that_cannot_win_leave() -> None:
    search = started(XNAS, epochs=4)
    with torch.no_grad():
        search.alphas[0] = torch.tensor([0.0, 100.0, 0.0])
    search.learn_gates(*batches(search))
    assert search.active[0].tolist() == [False, True, False]
    assert search.active[1:].all()
    left = finished(XNAS, epochs=2)
    assert int(left.left) == 0
    best = left.alphas.amax(dim=1, keepdim=True)
    assert torch.equal(left.active, left.alphas == best)


def test_the_surest_decision_is_made_first_and_all_in_the_end() -> None:
    search = started(SGAS)
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[0, 1, 0], [0, 9, 0], [0, 0, 1]], dtype=torch.float64))
    search.decide()
    assert search.active.sum(dim=1).tolist() == [3, 1, 3]
    assert search.active[1].tolist() == [False, True, False]
    done = finished(SGAS, epochs=8, warmup=2)
    assert done.active.sum(dim=1).tolist() == [1, 1, 1]
    assert not done.active[:, 0].any(), "what does nothing is never chosen"


def test_stability_is_the_overlap_of_what_contributes() -> None:
    search = started(SGAS)
    assert search.stability().tolist() == [1, 1, 1]
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[9.0, 0, 0]] * 3, dtype=torch.float64))
    search.past[-1] = torch.tensor([[0.0, 0.8, 0.2]] * 3, dtype=torch.float64)
    assert search.stability().tolist() == pytest.approx([0.7] * 3)


def test_options_of_a_node_compete() -> None:
    search = started(IDARTS, edges=1)
    weighed = search.weighed().detach()
    assert [float(weighed[list(group)].sum()) for group in search.net.groups] == pytest.approx(
        [1, 1]
    )
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[0, 1, 0], [0, 2, 0], [0, 0, 3]], dtype=torch.float64))
    assert list(search.ranking()) == [(1, 0, 2)]


# Judging


def test_judging_ranks_all_paths_by_their_accuracy() -> None:
    search = finished(RandomNAS, candidates=27, batches=2, finalists=27)
    proposals = [search.first.arch, *(p.arch for p in iter(search.ask, None))]
    found = accuracies(search.net, proposals, [search.net.valid()])
    assert sorted(proposals) == PATHS
    assert found == sorted(found, reverse=True)


def test_what_judges_is_the_whole_half_in_parts() -> None:
    net = started(RandomNAS).net
    parts = judging_batches(net)
    assert len(parts) == net.steps
    assert torch.equal(torch.cat([part.x for part in parts]), net.valid().x)
    assert torch.equal(torch.cat([part.y for part in parts]), net.valid().y)


@pytest.mark.parametrize("kind", [RandomNAS, SETN])
def test_no_augmented_example_judges_what_is_proposed(kind: Any) -> None:
    search = started(kind)
    search.net.valid_batches = None
    assert list(search.ranking())


def test_evolution_finds_the_best_path_of_a_tiny_supernet() -> None:
    search = started(RandomNAS)
    found = evolved(search, population=6, generations=8, parents=4, mutation=0.3)
    exact = accuracies(search.net, PATHS, [search.net.valid()])
    assert len(set(found)) == len(found)
    assert accuracies(search.net, found[:1], [search.net.valid()]) == [max(exact)]


def test_a_generation_is_half_mutants_half_crossovers() -> None:
    search = started(RandomNAS)
    made = {"crossover": 0}

    def crossover(a: Any, b: Any, rng: Any) -> Any:
        made["crossover"] += 1
        return (2, 2, 9 + made["crossover"])

    search.space = SimpleNamespace(
        crossover=crossover, sample=search.space.sample, is_legal=search.space.is_legal
    )
    search.net.path = lambda batch, arch: Answer(torch.zeros(()), 0.0)
    found = evolved(search, population=4, generations=3, parents=4, mutation=0.5)
    assert made["crossover"] == 4
    assert len(set(found)) == len(found) == 12


def test_the_most_likely_are_those_of_enumeration() -> None:
    logs = torch.tensor(np.random.default_rng(0).normal(size=(3, 3))).log_softmax(dim=1)

    def total(path: Sequence[int]) -> float:
        return float(sum(logs[d, o] for d, o in enumerate(path)))

    expected = sorted(PATHS, key=lambda path: -total(path))
    assert gates.most_likely(logs, 10) == expected[:10]


# Schedules


def test_the_learning_rate_falls_from_the_first_to_the_last() -> None:
    search = started(DARTS, rate=0.1, last_rate=0.02, epochs=3)
    rates = []
    for _ in range(6):  # two batches an epoch
        rates.append(search.optimizer.rate)
        search.learn_weights(batches(search)[0])
    rates.append(search.optimizer.rate)
    expected = [0.06 + 0.04 * math.cos(math.pi * k / 6) for k in range(7)]
    assert rates == pytest.approx(expected)
    assert rates[-1] == pytest.approx(0.02)


def test_what_changes_with_time_goes_from_its_first_to_its_last_value() -> None:
    assert [gates.between(10.0, 0.1, epoch, 4) for epoch in range(4)] == pytest.approx(
        [10.0, 6.7, 3.4, 0.1]
    )
    assert gates.between(10.0, 0.1, 0, 1) == 10.0
    search = started(FBNet, epochs=3, first_temperature=5.0, cooling=0.045)
    found = []
    for epoch in range(3):
        search.begin(epoch)
        found.append(search.temperature)
    assert found == pytest.approx([5.0, 5.0 * math.exp(-0.045), 5.0 * math.exp(-0.09)])
    search = started(SDARTS, epochs=3, first_distance=0.1, last_distance=0.3)
    found = []
    for epoch in range(3):
        search.begin(epoch)
        found.append(search.distance)
    assert found == pytest.approx([0.1, 0.1 + 0.2 / 3, 0.1 + 0.4 / 3])  # as in the authors' code


def test_weights_of_decisions_are_a_softmax_over_what_is_added_up() -> None:
    search = started(PCDARTS)  # groups: decision 0, and decisions 1 and 2
    with torch.no_grad():
        search.others[0].copy_(torch.tensor([3.0, 0.0, math.log(3)], dtype=torch.float64))
    torch.testing.assert_close(
        search.edges().detach(), torch.tensor([1.0, 0.25, 0.75], dtype=torch.float64)
    )


def test_setn_proposes_the_best_of_the_most_likely() -> None:
    search = started(SETN, candidates=5)
    with torch.no_grad():
        search.alphas.copy_(torch.tensor([[2.0, 0, 1], [0, 3, 1], [1, 0, 0.5]]))
    logs = search.alphas.detach().log_softmax(dim=1)
    likely = sorted(PATHS, key=lambda path: -sum(float(logs[d, o]) for d, o in enumerate(path)))[:5]
    batch, _ = judging_batches(search.net)
    with torch.no_grad():
        accuracies_of = {path: search.net.path(batch, path).accuracy for path in likely}
    (found,) = search.ranking()
    assert found in likely
    assert accuracies_of[found] == max(accuracies_of.values())
