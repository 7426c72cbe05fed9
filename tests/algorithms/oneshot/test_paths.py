"""Methods that draw paths, against enumeration, definitions and twins."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="supernets need the extra torch")

from tiny_supernet import TinySupernets  # noqa: E402
from toys import Square  # noqa: E402

from algorithms.distribution.mdenas import MdeNAS  # noqa: E402
from algorithms.oneshot.paths.enas import ENAS  # noqa: E402
from algorithms.oneshot.paths.ghn import GHN, Propagation  # noqa: E402
from algorithms.oneshot.paths.judging import accuracies, best_first  # noqa: E402
from algorithms.oneshot.paths.nao_ws import NAOWS  # noqa: E402
from algorithms.oneshot.paths.nsas import NSAS, Memory, novelty  # noqa: E402
from algorithms.oneshot.paths.random_nas import RandomNAS  # noqa: E402
from algorithms.oneshot.paths.smash import SMASH  # noqa: E402
from algorithms.oneshot.stochastic.bayesnas import IRRELEVANT, BayesNAS, reweighted  # noqa: E402
from algorithms.oneshot.stochastic.mdenas_ws import MdeNASWS  # noqa: E402
from nasbench.algorithm import Observation, hyperparameters  # noqa: E402
from nasbench.errors import InvalidArgumentError  # noqa: E402

PATHS = list(itertools.product(range(3), repeat=3))
SMALL_NAO = {"every": 1, "population": 8, "fresh": 4, "parents": 3, "hidden": 4, "passes": 3}
SMALL_HYPER = {"hidden": 4, "candidates": 9, "rate": 0.01}


def made(kind: Any, supernets: Any = None, **changes: Any) -> Any:
    return kind(
        Square(),
        fidelities=(1,),
        seed=0,
        supernets=supernets or TinySupernets(),
        **{"epochs": 4} | changes,
    )


def started(kind: Any, **changes: Any) -> Any:
    """A search whose supernet exists, untrained."""
    search = made(kind, **changes)
    search.net = TinySupernets()(seed=0)
    search.start()
    return search


def weights(search: Any) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in search.net.weights()])


# ENAS


def test_the_policy_gradient_is_that_of_the_expected_reward() -> None:
    """A baseline of .99 · .5 + .01 · reward leaves .99 of it, on average over all paths."""
    search = started(ENAS, samples=1, entropy=0.0, controller_clip=0.0)
    table = dict(zip(PATHS, np.random.default_rng(0).random(27).tolist(), strict=True))
    search.judged = lambda arch, batch: table[arch]
    search.before.fill_(0.5)
    search.adam.step = lambda: None  # only gradients are looked at
    logs, _ = search.policy.score(search.policy.encode(PATHS))
    probabilities = logs.exp()
    expected_loss = -(probabilities * torch.tensor([table[path] for path in PATHS])).sum()
    exact = torch.autograd.grad(expected_loss, search.policy.parameters)
    total = [torch.zeros_like(part) for part in exact]
    for path, probability in zip(PATHS, probabilities.tolist(), strict=True):
        search.drawn = lambda n, path=path: [path]
        search.learn_controller([None])  # type: ignore[list-item]
        for part, parameter in zip(total, search.policy.parameters, strict=True):
            part += probability * parameter.grad
    for part, whole in zip(total, exact, strict=True):
        torch.testing.assert_close(part, 0.99 * whole, rtol=1e-6, atol=1e-9)


def test_a_controller_finds_the_paths_that_are_rewarded() -> None:
    search = started(ENAS, hidden=8, controller_rate=0.02, baseline="moving", baseline_decay=0.9)
    search.judged = lambda arch, batch: sum(option == 2 for option in arch) / 3
    for _ in range(60):
        search.learn_controller([None] * 20)  # type: ignore[list-item]
    assert sum(arch == (2, 2, 2) for arch in search.drawn(100)) > 80


def test_baselines_are_those_of_the_epoch_before() -> None:
    search = started(ENAS, baseline_decay=0.75, updates=3, samples=4)
    found, rewards = torch.tensor([0.5, 0.25]), torch.tensor([0.6, 0.4])
    assert torch.equal(search.baselines(rewards, found), found)  # the entropy alone is left
    search.before.fill_(0.2)
    expected = torch.tensor([0.3, 0.25], dtype=torch.float64)
    torch.testing.assert_close(search.baselines(rewards.double(), found.double()), expected)
    assert float(search.before) == pytest.approx(0.2)
    row = search.epoch(0)
    assert float(search.before) == pytest.approx(0.75 * 0.2 + 0.25 * row["reward"])


def test_moving_baselines_contain_the_reward() -> None:
    search = started(ENAS, baseline="moving", baseline_decay=0.75)
    rewards = torch.tensor([0.8, 0.4], dtype=torch.float64)
    expected = torch.tensor([0.2, 0.25], dtype=torch.float64)
    torch.testing.assert_close(search.baselines(rewards, rewards), expected)
    assert float(search.before) == pytest.approx(0.25)


def test_the_entropy_is_in_the_reward() -> None:
    search = started(ENAS, samples=5, entropy=0.5)
    search.judged = lambda arch, batch: 0.25
    reward, baseline, accuracy = search.learn_controller([None] * 5)  # type: ignore[list-item]
    assert accuracy == 0.25
    assert baseline == 0.25  # of the first epoch
    assert reward == pytest.approx(0.25 + 0.5 * 3 * math.log(3), rel=1e-3)  # nearly uniform


# NSAS


def test_the_loss_of_the_archive_has_a_gradient() -> None:
    settings = {"momentum": 0.0, "decay": 0.0, "rate": 0.1, "share": 0.3}
    search = started(NSAS, **settings)
    train = next(search.net.train_batches(0))
    archive = [(1, 1, 1), (2, 0, 1)]
    search.memory.add = lambda arch, draws: search.memory.last.append(arch)
    search.memory.archive = archive
    before, seconds = weights(search), search.net.seconds
    search.learn(train)
    (arch,) = search.memory.last
    active = sum(option > 0 for path in (arch, *archive) for option in path)
    assert search.net.seconds - seconds == pytest.approx(3 * 0.01 + active * 0.001)
    again = started(NSAS)
    mean = sum(again.net.path(train, other).loss for other in archive) / 2
    loss = 0.7 * again.net.path(train, arch).loss + 0.3 * mean
    found = torch.autograd.grad(loss, again.net.weights())
    total = torch.cat([part.flatten() for part in found])
    torch.testing.assert_close(weights(search) - before, -0.1 * total)


def test_the_archive_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    memory, plain, last = Memory(4, 6), [], []

    def far(arch: Any, others: Any) -> float:
        differ = [a != b for other in others for a, b in zip(arch, other, strict=True)]
        return float(np.mean(differ)) if others else 0.0

    replaced = 0
    for _ in range(60):
        arch, *draws = (tuple(row) for row in rng.integers(5, size=(4, 5)).tolist())
        memory.add(arch, draws)
        last = [*last, arch][-6:]
        if len(plain) < 4:
            plain.append(draws[int(np.argmax([far(draw, plain) for draw in draws]))])
        else:
            place = int(np.argmin([far(arch, [other]) for other in plain]))
            others = [other for i, other in enumerate(plain) if i != place]
            best = plain[place]
            for other in last:
                if far(other, others) > far(best, others):
                    best, replaced = other, replaced + 1
            plain[place] = best
        assert (memory.archive, memory.last) == (plain, last)
    assert replaced
    assert novelty((0, 1, 2), [(0, 1, 2), (0, 2, 1)]) == pytest.approx(1 / 3)


# NAO with weight sharing


def test_a_population_keeps_the_best_and_gains_new_architectures() -> None:
    search = started(NAOWS, **SMALL_NAO)
    before = list(search.members.archs)
    found = accuracies(search.net, before, [search.net.valid()])
    search.renew()
    after = search.members.archs
    assert after[:4] == best_first(before, found)[:4]
    assert len(set(after)) == 8
    assert not set(after[4:]) & set(before)


def test_ranks_of_shared_accuracies_are_learnt() -> None:
    search = started(NAOWS, population=27, hidden=12, passes=120, passes_rate=0.01)
    found = [0.1 * arch.count(1) + 0.3 * (arch[0] == 2) for arch in PATHS]
    network = search.trained(PATHS, found)
    with torch.no_grad():
        predicted = network.predict(network.encode(network.tokens(PATHS)), None).numpy()
    assert np.corrcoef(predicted, found)[0, 1] < -0.8
    better = network.moved([PATHS[0]], 3, {PATHS[0]})
    values = dict(zip(PATHS, predicted, strict=True))
    assert better
    assert np.mean([values[arch] for arch in better]) < values[PATHS[0]]


def test_a_whole_space_is_a_population() -> None:
    search = made(NAOWS, every=1, population=100, passes=1, finalists=27)
    proposals = [proposal.arch for proposal in iter(search.ask, None)]
    exact = accuracies(search.net, proposals, [search.net.valid()])
    assert sorted(proposals) == PATHS
    assert exact == sorted(exact, reverse=True)


# MdeNAS with shared weights


@pytest.mark.parametrize("samples", [1, 3])
def test_probabilities_move_as_with_results_of_a_table(samples: int) -> None:
    search = started(MdeNASWS, step=0.05, samples=samples)
    twin = MdeNAS(
        Square(), fidelities=(1,), seed=0, learning_rate=0.05, samples=samples, values="last"
    )
    rng = np.random.default_rng(0)
    for trial in range(60):
        arch, error = PATHS[int(rng.integers(27))], float(rng.random())
        search.record(arch, error)
        proposal = twin._proposed(arch, 1, is_sample=True)
        twin.tell(Observation(trial, proposal, (error,), 1.0))
        assert search.choices.weights == twin._choices.weights
    assert search.probabilities.tolist() == search.choices.weights
    assert search.ranking() == [twin._most_likely()]


def test_paths_are_judged_after_their_step_from_the_first_epoch_on() -> None:
    search = started(MdeNASWS, first_epoch=1)
    search.epoch(0)
    assert int(search.counts.sum()) == 0
    search.epoch(1)
    assert search.counts.sum(dim=1).tolist() == [2, 2, 2]


# BayesNAS


def test_relevance_is_that_of_the_largest_evidence() -> None:
    """For ``h / 2 · (w - x)²`` the evidence is largest at variance ``x² - 1 / h``, or at 0."""
    x, h = torch.tensor([2.0, 0.5, -1.0, 0.3]).double(), torch.tensor([1.0, 9.0, 4.0, 5.0]).double()
    variance = torch.ones_like(x)
    for _ in range(3_000):
        _, factor = reweighted(x, variance, h)
        gate = x.sign() * (x.abs() - factor / h).clamp_min(0)  # least penalised loss
        variance, _ = reweighted(gate, variance, h)
    expected = (x.square() - 1 / h).clamp_min(0)
    torch.testing.assert_close(variance, expected, rtol=1e-6, atol=1e-3)


def test_a_posterior_has_the_variance_of_bayes() -> None:
    gate, variance, h = (torch.tensor([value]).double() for value in (0.7, 0.2, 3.0))
    posterior = 1 / (1 / variance + h)
    factor = (1 / variance - posterior / variance**2).sqrt()
    found = reweighted(gate, variance, h)
    torch.testing.assert_close(found, (gate / factor, factor))


def test_curvatures_are_those_of_automatic_differentiation() -> None:
    search = started(BayesNAS)
    batch = next(search.net.valid_batches(0))
    with torch.no_grad():
        search.edges.copy_(torch.tensor([0.5, 1.0, 2.0]))

    def loss(flat: torch.Tensor) -> torch.Tensor:
        return search.net.answer(batch, flat[:9].view(3, 3), edges=flat[9:]).loss  # type: ignore[no-any-return]

    flat = torch.cat([search.alphas.detach().flatten(), search.edges.detach()])
    dense = torch.autograd.functional.hessian(loss, flat).diagonal()
    options, decisions = search.curvatures(batch)
    torch.testing.assert_close(torch.cat([options.flatten(), decisions]), dense)


def test_an_option_goes_with_its_decision() -> None:
    search = started(BayesNAS)
    with torch.no_grad():
        search.edges.copy_(torch.tensor([1.0, 1e-6, 1.0]))
        search.alphas.copy_(torch.tensor([[0.0, 1, 2], [0, 1, 2], [0, 0.01, 0.001]]))
    search.renew(torch.full((3, 3), 4.0).double(), torch.full((3,), 4.0).double())
    factor = math.sqrt(4 / 5)
    expected = 1 / (factor / 1 + factor / 2)  # precisions of gates 1 and 2 are added up
    assert float(search.variances[0, 2]) == pytest.approx(expected)
    assert float(search.variances[1].max()) < IRRELEVANT
    assert float(search.variances[2].max()) < IRRELEVANT
    assert search.ranking() == [(2, 0, 0)]


def test_gates_learn_after_the_warm_up() -> None:
    search = started(BayesNAS, gate_rate=0.1)
    for epoch in range(2):
        search.epoch(epoch)
        assert torch.equal(search.alphas, torch.ones_like(search.alphas))
    row = search.epoch(2)
    assert not torch.equal(search.edges, torch.ones_like(search.edges))
    assert not np.array_equal(row["gates"], np.ones((3, 3)))


# Hypernetworks


@pytest.mark.parametrize("kind", [SMASH, GHN])
def test_made_weights_begin_as_those_of_the_supernet(kind: Any) -> None:
    search = started(kind, **SMALL_HYPER)
    for path in PATHS[:3]:
        for made_weight, weight in zip(search.made(path), search.net.weights(), strict=True):
            assert torch.equal(made_weight, weight)
    proposals = list(search.ranking())
    exact = accuracies(search.net, proposals, [search.net.valid()])
    assert exact == sorted(exact, reverse=True)


@pytest.mark.parametrize("kind", [SMASH, GHN])
def test_gradients_of_a_hypernetwork_are_those_of_the_chain_rule(kind: Any) -> None:
    search = started(kind, **SMALL_HYPER, clip=0.0)
    with torch.no_grad():
        search.slopes.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.1)
    path, train = (1, 2, 1), next(search.net.train_batches(0))
    search.space.sample = lambda rng: path  # the space is this search's own
    search.adam.step = lambda: None
    search.learn(train)
    with torch.no_grad():
        for weight, value in zip(search.net.weights(), search.made(path), strict=True):
            weight.copy_(value)
    slope = torch.autograd.grad(search.net.path(train, path).loss, search.net.weights())
    flat = torch.cat([part.flatten() for part in slope])
    torch.testing.assert_close(search.bias.grad, flat)
    chosen = torch.nn.functional.one_hot(torch.tensor(path), 3).double()
    code = search.code(chosen)
    torch.testing.assert_close(search.slopes.grad, torch.outer(code.detach(), flat))
    parameters = list(search.code.parameters())
    expected = torch.autograd.grad(code, parameters, grad_outputs=search.slopes.detach() @ flat)
    for parameter, part in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, part)


def test_messages_are_those_of_the_definition() -> None:
    """Decision by decision, in plain numbers, on four decisions in three groups."""
    torch_rng, hidden = torch.Generator().manual_seed(0), 3
    net = Propagation((4, 2), [(1,), (0, 3), (2,)], hidden, rounds=2).double()
    with torch.no_grad():
        for value in net.parameters():
            value.normal_(generator=torch_rng)
    w = {name: value.detach().numpy() for name, value in net.named_parameters()}
    before = {0: [1], 1: [], 2: [0, 1, 3], 3: [1]}
    after = {0: [2], 1: [0, 2, 3], 2: [], 3: [2]}

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def changed(message: Any, state: Any) -> Any:
        heard = np.split(w["cell.weight_ih"] @ message + w["cell.bias_ih"], 3)
        own = np.split(w["cell.weight_hh"] @ state + w["cell.bias_hh"], 3)
        reset, kept = sigmoid(heard[0] + own[0]), sigmoid(heard[1] + own[1])
        return (1 - kept) * np.tanh(heard[2] + reset * own[2]) + kept * state

    options = [1, 0, 0, 1]
    states = [w["embed.weight"][:, option] + w["embed.bias"] for option in options]
    for _ in range(2):
        for name, sources in (("forwards", before), ("backwards", after)):
            said = [w[f"{name}.weight"] @ state + w[f"{name}.bias"] for state in states]
            heard = [sum((said[j] for j in sources[i]), np.zeros(hidden)) for i in range(4)]
            states = [changed(message, state) for message, state in zip(heard, states, strict=True)]
    expected = np.tanh(w["code.weight"] @ np.concatenate(states) + w["code.bias"])
    found = net(torch.nn.functional.one_hot(torch.tensor(options), 2).double())
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("kind", [SMASH, GHN])
def test_a_hypernetwork_learns_weights_for_all_architectures(kind: Any) -> None:
    search = made(kind, epochs=30, rate=0.02, candidates=9)
    search.ask()
    losses = [row["train_loss"] for row in search.history]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])
    assert float(search.slopes.detach().abs().max()) > 0.01


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (ENAS, {"baseline": "none"}),
        (ENAS, {"baseline_decay": 1.0}),
        (ENAS, {"temperature": 0.0}),
        (ENAS, {"controller_betas": (0.5,)}),
        (NSAS, {"share": 2.0}),
        (NAOWS, {"every": 0}),
        (MdeNASWS, {"step": 0.0}),
        (BayesNAS, {"strength": 0.0}),
        (BayesNAS, {"warmup": 1.0}),
        (SMASH, {"hidden": 0}),
        (GHN, {"rounds": -1}),
    ],
)
def test_what_is_not_possible_is_refused(kind: Any, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(change))):
        made(kind, **change)


@pytest.mark.parametrize("kind", [RandomNAS, ENAS])
def test_gradients_are_clipped_as_in_the_code_of_each_benchmark(kind: Any) -> None:
    """By RANDOM-NAS.py and ENAS.py of NAS-Bench-201, not by search-cell.py of NATS-Bench."""
    presets = hyperparameters(kind, {}, "nb201"), hyperparameters(kind, {}, "nats")
    assert [preset["clip"] for preset in presets] == [5, 0]
