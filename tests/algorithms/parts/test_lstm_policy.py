import math
import sys
from itertools import product
from random import Random

import numpy as np
import pytest
from toys import OneDecision, Ruled, Tiny, scored

from nasbench.errors import MissingExtraError
from nasbench.registry import Registry

torch = pytest.importorskip("torch")
from algorithms.parts.lstm_policy import Adam, LSTMPolicy  # noqa: E402

SPACES = (Tiny(), Ruled(), OneDecision())
SHAPES = (
    {"layers": 1},
    {"layers": 2},
    {"layers": 2, "temperature": 0.5, "tanh_constant": 1.5},
)


def make(space, seed=0, *, layers=1, hidden=5, initial_range=2.0, **settings):
    rng = Random(seed)
    return LSTMPolicy(
        space, rng, layers=layers, hidden=hidden, initial_range=initial_range, **settings
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(policy, space, arch, *, layers, temperature=1.0, tanh_constant=None):
    """Log-probability and entropy of one architecture, gate by gate."""
    embeddings, weights, biases, *gates = [p.detach().numpy() for p in policy.parameters]
    hidden = embeddings.shape[1]
    states = [(np.zeros(hidden), np.zeros(hidden)) for _ in range(layers)]
    row, total, entropy = 0, 0.0, 0.0
    for position, option in enumerate(arch):
        x = embeddings[row]
        for layer in range(layers):
            from_x, from_h, bias_x, bias_h = gates[4 * layer : 4 * layer + 4]
            h, c = states[layer]
            i, f, g, o = np.split(from_x @ x + bias_x + from_h @ h + bias_h, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            x = sigmoid(o) * np.tanh(c)
            states[layer] = x, c
        logits = (x @ weights[position] + biases[position, 0]) / temperature
        if tanh_constant:
            logits = tanh_constant * np.tanh(logits)
        legal = space.legal_options(arch[:position])
        shares = np.exp(logits[list(legal)])
        shares /= shares.sum()
        total += math.log(shares[legal.index(option)])
        entropy -= shares @ np.log(shares)
        row = 1 + sum(space.options[:position]) + option
    return total, entropy


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_computes_what_the_gates_give_by_hand(space, shape):
    policy, archs = make(space, **shape), list(space.archs())
    expected = [by_hand(policy, space, arch, **shape) for arch in archs]
    np.testing.assert_allclose(np.transpose(scored(policy, archs)), expected, rtol=1e-12)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_sum_to_one_and_entropies_to_that_of_the_whole(space, shape):
    """The entropy of a chain of choices is the expected sum of theirs."""
    logarithms, entropies = scored(make(space, **shape), list(space.archs()))
    shares = np.exp(logarithms)
    assert np.ptp(shares) > 0.05
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ entropies == pytest.approx(-shares @ logarithms, abs=1e-12)


def test_illegal_architectures_have_no_chance():
    space = Ruled()
    archs = list(product(*map(range, space.options)))
    possible = [arch for arch in archs if arch[0] != 2 or arch[1] == 0]
    logarithms, _ = scored(make(space), possible)
    assert [math.isfinite(x) for x in logarithms] == [arch in space for arch in possible]


def test_an_architecture_scores_the_same_in_any_batch():
    policy, archs = make(Ruled()), list(Ruled().archs())
    together = np.transpose(scored(policy, archs))
    alone = [np.ravel(scored(policy, [arch])) for arch in archs]
    np.testing.assert_allclose(alone, together, rtol=1e-12)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_architectures_are_as_frequent_as_they_are_likely(space):
    policy, n = make(space, layers=2, temperature=1.5), 20_000
    drawn = policy.sample(n, Random(1))
    legal = list(space.archs())
    logarithms = dict(zip(legal, scored(policy, legal)[0], strict=True))
    archs = [arch for arch, _ in drawn]
    for arch in product(*map(range, space.options)):
        expected = math.exp(logarithms[arch]) if arch in space else 0.0
        error = math.sqrt(expected * (1 - expected) / n)
        assert abs(archs.count(arch) / n - expected) <= 4.5 * error
    stated = [logarithm for _, logarithm in drawn]
    np.testing.assert_allclose(stated, [logarithms[arch] for arch in archs], rtol=1e-12)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_finite_differences(space, shape):
    policy = make(space, hidden=3, **shape)
    batch = policy.encode(list(space.archs()))
    assert torch.autograd.gradcheck(lambda *_: policy.score(batch), tuple(policy.parameters))


def test_initial_values_come_from_the_generator_of_the_search_alone():
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    policies = [make(Tiny(), seed, hidden=40, initial_range=0.1) for seed in (0, 0, 1)]
    first, second, other = (
        np.concatenate([p.detach().numpy().ravel() for p in policy.parameters])
        for policy in policies
    )
    policies[0].sample(10, Random(0))
    assert (first == second).all()
    assert (first != other).all()
    assert abs(first).max() < 0.1
    assert first.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_the_number_of_threads_changes_nothing():
    threads, drawn = torch.get_num_threads(), []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            policy = make(Ruled(), hidden=64, layers=2)
            adam = Adam(policy.parameters, 0.01)
            for _ in range(5):
                archs = [arch for arch, _ in policy.sample(32, Random(0))]
                adam.ascend(policy.score(policy.encode(archs))[0].sum())
            drawn.append(policy.sample(200, Random(0)))
    finally:
        torch.set_num_threads(threads)
    assert [arch for arch, _ in drawn[0]] == [arch for arch, _ in drawn[1]]


@pytest.mark.parametrize("clip_norm", [None, 5.0])
def test_it_steps_as_adam_of_torch_does(clip_norm):
    ours, theirs = make(Tiny()), make(Tiny())
    adam = Adam(ours.parameters, 0.02, epsilon=1e-4, clip_norm=clip_norm)
    reference = torch.optim.Adam(theirs.parameters, 0.02, eps=1e-4)
    norms = []
    for arch in list(Tiny().archs()) * 2:
        adam.ascend(3 * ours.score(ours.encode([arch]))[0].sum())
        reference.zero_grad()
        (-3 * theirs.score(theirs.encode([arch]))[0].sum()).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(theirs.parameters, clip_norm or 1e9)))
        reference.step()
    for mine, other in zip(ours.parameters, theirs.parameters, strict=True):
        np.testing.assert_allclose(mine.detach(), other.detach(), rtol=1e-5, atol=1e-9)
    assert min(norms) < 5.0 < max(norms)


def test_a_gradient_of_zero_moves_nothing():
    policy = make(Tiny())
    before = [p.detach().clone() for p in policy.parameters]
    adam = Adam(policy.parameters, 0.1, clip_norm=1.0)
    adam.ascend(0 * policy.score(policy.encode([(0, 0, 0)]))[0].sum())
    assert all(map(torch.equal, before, policy.parameters))


@pytest.mark.parametrize("target", ["reinforce_lstm:ReinforceLSTM", "ppo_lstm:PPOLSTM"])
def test_without_torch_the_message_says_what_to_install(monkeypatch, target):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("algorithms.")]:
        if "lstm" in name:
            monkeypatch.delitem(sys.modules, name)
    registry = Registry(
        "nasbench.algorithms", "algorithm", {"name": f"algorithms.reinforcement.{target}"}
    )
    with pytest.raises(MissingExtraError, match=r'pip install -e "\.\[torch\]"'):
        registry.load("name")


def test_weight_decay_adds_to_the_gradient():
    weights = torch.nn.Parameter(torch.tensor([3.0, -2.0], dtype=torch.float64))
    expected = torch.nn.Parameter(weights.detach().clone())
    ours, theirs = (
        Adam([weights], 0.1, weight_decay=0.5),
        torch.optim.Adam([expected], lr=0.1, weight_decay=0.5),
    )
    for _ in range(4):
        ours.ascend(-(weights * torch.tensor([1.0, 2.0])).sum())
        theirs.zero_grad()
        (expected * torch.tensor([1.0, 2.0])).sum().backward()
        theirs.step()
    assert weights.tolist() == pytest.approx(expected.tolist(), rel=1e-9)
