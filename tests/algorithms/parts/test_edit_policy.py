import random

import numpy as np
import pytest
from toys import Ruled, Tiny

from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch")

from algorithms.parts.edit_policy import EditPolicy  # noqa: E402


class Growing(Tiny):
    """Edits of several kinds; one changes two decisions, one nothing, one comes twice."""

    def edits(self, arch):
        yield arch, "nothing"
        for a in range(arch[0] + 1, 3):
            yield (a, 0, arch[2]), "widen"
        if arch[0] < 2 and arch[2] < 3:
            yield (arch[0] + 1, 0, arch[2] + 1), "grow"
        if arch[0] == 1:
            yield (2, 0, arch[2]), "twice"


RECORDED = RecordedSpace(NB201(), np.flatnonzero(np.random.default_rng(0).random(15_625) < 0.2))
SPACES = [Tiny(), Ruled(), Growing(), NB201(), RECORDED]


def make(space, seed=0, *, filled=True, embedding=3, units=2, learning_rate=0.01):
    """A policy, by default with random instead of equal chances."""
    policy = EditPolicy(
        space, embedding=embedding, units=units, learning_rate=learning_rate, seed=seed
    )
    if filled:
        head = policy.network.head.weight
        head.data = torch.from_numpy(np.random.default_rng(seed).normal(size=head.shape))
    return policy


def some(space, n=5):
    """Different architectures that have edits."""
    rng, found = random.Random(2), {}
    while len(found) < n:
        arch = space.sample(rng)
        if any(edited != arch for edited, _ in space.edits(arch)):
            found[arch] = None
    return list(found)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def read(weights, suffix, inputs):
    """States of one direction of an LSTM, from its equations."""
    w, u, b, c = (weights[f"encoder.{name}_l0{suffix}"] for name in PARTS)
    state = memory = np.zeros(u.shape[1])
    states = []
    for x in inputs:
        i, f, g, o = np.split(w @ x + b + u @ state + c, 4)
        memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
        state = sigmoid(o) * np.tanh(memory)
        states.append(state)
    return states


PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def twin(policy, space, arch):
    """Chance of every edited architecture, without batches, padding and torch."""
    weights = {name: w.detach().numpy() for name, w in policy.network.named_parameters()}
    before = [sum(space.options[:i]) for i in range(len(arch))]
    inputs = [weights["embedding.weight"][i + o] for i, o in zip(before, arch, strict=True)]
    forward, backward = read(weights, "", inputs), read(weights, "_reverse", inputs[::-1])[::-1]
    scores = {}
    for edited, _ in space.edits(arch):
        changed = [i for i in range(len(arch)) if edited[i] != arch[i]]
        if changed:
            heads = {i: weights["head.weight"][before[i] + edited[i]] for i in changed}
            scores[edited] = sum(
                heads[i] @ np.concatenate([forward[i], backward[i], [1]]) for i in changed
            )
    total = sum(map(np.exp, scores.values()))
    return {edited: np.exp(score) / total for edited, score in scores.items()}


@pytest.mark.parametrize("space", SPACES)
def test_chances_are_what_the_equations_say(space):
    policy, archs = make(space, seed=1), some(space)
    rows = policy.log_chances(archs).exp().detach().numpy()
    for arch, row in zip(archs, rows, strict=True):
        expected = twin(policy, space, arch)
        edited = policy.edits(arch).archs
        assert list(edited) == list(expected)
        assert row.sum() == pytest.approx(1)
        assert row[: len(edited)] == pytest.approx(list(expected.values()))
        assert not row[len(edited) :].any()


@pytest.mark.parametrize("space", SPACES)
def test_at_first_all_edits_have_equal_chances(space):
    policy, (arch, *_) = make(space, filled=False), some(space)
    n = len(policy.edits(arch).archs)
    assert policy.log_chances([arch]).exp()[0].tolist() == pytest.approx([1 / n] * n)


def test_edits_are_those_of_the_space_and_change_something():
    policy = make(Growing())
    assert policy.edits((2, 0, 1)).archs == ()
    assert policy.edits((1, 0, 1)).archs == ((2, 0, 1), (2, 0, 2))
    tokens = policy.edits((1, 0, 1)).tokens.tolist()
    assert tokens == [[2, 8], [2, 6]]  # options of a: 0 to 2, of b: 3, of c: 4 to 7; 8: none
    with_rules = make(Ruled()).edits((0, 0, 3)).archs
    assert with_rules == ((1, 0, 3), (2, 0, 3), (0, 0, 1), (0, 0, 2))


@pytest.mark.parametrize("space", [Tiny(), Ruled(), Growing()])
def test_the_gradient_is_that_of_the_expected_reward(space):
    policy, archs = make(space, seed=3), some(space, 2)
    reward = {arch: float(np.sin(3.0 * space.rank(arch))) for arch in space.archs()}
    weights = list(policy.network.parameters())

    def expected():
        with torch.no_grad():
            rows = policy.log_chances(archs).exp().tolist()
        return sum(
            chance * reward[edited]
            for arch, row in zip(archs, rows, strict=True)
            for edited, chance in zip(policy.edits(arch).archs, row, strict=False)
        )

    taken, choices, products = [], [], []
    rows = policy.log_chances(archs).exp().tolist()
    for arch, row in zip(archs, rows, strict=True):
        for choice, edited in enumerate(policy.edits(arch).archs):
            taken.append(arch)
            choices.append(choice)
            products.append(row[choice] * reward[edited])
    policy.objective(taken, choices, products, 0.0).backward()
    for weight in weights:
        for place in np.ndindex(*weight.shape):
            value = weight.data[place].item()
            shifted = []
            for step in (1e-5, -1e-5):
                weight.data[place] = value + step
                shifted.append(expected())
            weight.data[place] = value
            numerical = (shifted[0] - shifted[1]) / 2e-5
            assert weight.grad[place].item() == pytest.approx(numerical, abs=1e-8)


def test_the_objective_by_hand():
    """Equal chances of the 5 edits of Tiny: minus ln 5 a choice, and an entropy of ln 5."""
    policy = make(Tiny(), filled=False)
    value = policy.objective([(0, 0, 1), (2, 0, 3)], [4, 0], [0.5, -2.0], 0.1)
    assert value.item() == pytest.approx((1.5 + 0.1) * np.log(5))


def test_a_step_raises_the_chance_of_what_was_good_and_lowers_that_of_what_was_bad():
    policy, archs = make(NB201(), seed=4), some(NB201(), 2)
    before = policy.log_chances(archs).exp().tolist()
    policy.learn(archs, [7, 20], [1.0, -1.0], 0.0)
    after = policy.log_chances(archs).exp().tolist()
    assert after[0][7] > before[0][7]
    assert after[1][20] < before[1][20]


def test_a_step_forgets_the_gradient_of_the_one_before():
    policy = make(Tiny())
    policy.learn([(0, 0, 1)], [2], [1.0], 0.0)
    assert policy.network.head.weight.grad.any()
    policy.learn([(0, 0, 1)], [2], [0.0], 0.0)
    assert not policy.network.head.weight.grad.any()


def test_entropy_alone_makes_chances_equal():
    policy = make(Tiny(), learning_rate=0.05)
    archs = list(Tiny().archs())
    for _ in range(300):
        policy.learn(archs, [0] * 12, [0.0] * 12, 1.0)
    assert policy.log_chances(archs).exp().flatten().tolist() == pytest.approx([0.2] * 60, abs=0.01)


def test_edits_are_as_frequent_as_their_chances():
    policy, archs, rng, n = make(Ruled(), seed=5), some(Ruled(), 2), random.Random(0), 4000
    rows = policy.log_chances(archs).exp().tolist()
    choices = np.array(policy.sample([arch for arch in archs for _ in range(n)], rng))
    for row, drawn in zip(rows, choices.reshape(2, n), strict=True):
        for choice, chance in enumerate(row):
            error = np.sqrt(chance * (1 - chance) / n)
            assert abs((drawn == choice).mean() - chance) <= 4.5 * error


def test_weights_come_from_the_seed_and_no_global_generator():
    before = torch.get_rng_state()
    states = [make(NB201(), seed, filled=False).network.state_dict() for seed in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["embedding.weight"], states[2]["embedding.weight"])
    assert {weight.dtype for weight in states[0].values()} == {torch.float64}
