import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.models.networks.embedding_kernels import EmbeddingKernels  # noqa: E402

ALPHA, BETA, OPTIONS = 0.3, 0.05, (3, 2, 4)
ARCHS = [(a, b, c) for a in range(3) for b in range(2) for c in range(4)]


def made(members=2, layers=2, hidden=4, options=OPTIONS, seed=0, alpha=ALPHA):
    generator = torch.Generator().manual_seed(seed)
    return EmbeddingKernels(
        options,
        members=members,
        layers=layers,
        hidden=hidden,
        alpha=alpha,
        beta=BETA,
        generator=generator,
    )


def torch_embedding(kernels, member, arch, options, layers, hidden):
    """By the LSTM of PyTorch with one-hot options, which has the same gates in another order."""
    lstm = torch.nn.LSTM(sum(options), hidden, layers, bidirectional=True, dtype=torch.float64)
    order = np.concatenate([np.arange(hidden) + k * hidden for k in (1, 0, 3, 2)])
    with torch.no_grad():
        for layer in range(layers):
            for direction, suffix in enumerate(("", "_reverse")):
                inputs, recurrent, biases = (
                    p[2 * member + direction].T[order]
                    for p in kernels.parameters[3 * layer : 3 * layer + 3]
                )
                getattr(lstm, f"weight_ih_l{layer}{suffix}").copy_(inputs)
                getattr(lstm, f"weight_hh_l{layer}{suffix}").copy_(recurrent)
                getattr(lstm, f"bias_ih_l{layer}{suffix}").copy_(biases[:, 0])
                getattr(lstm, f"bias_hh_l{layer}{suffix}").zero_()
        one_hot = torch.zeros(len(arch), sum(options), dtype=torch.float64)
        for place, option in enumerate(arch):
            one_hot[place, sum(options[:place]) + option] = 1
        mean = lstm(one_hot)[0].mean(0)
        return (mean / mean.norm()).numpy()


@pytest.mark.parametrize("layers", [1, 3])
def test_embeddings_are_those_of_pytorch(layers):
    kernels = made(layers=layers)
    tokens = kernels.tokens(ARCHS[:7]).expand(2, -1, -1)
    found = kernels.embed(tokens).detach().numpy()
    for member in range(2):
        for i, arch in enumerate(ARCHS[:7]):
            expected = torch_embedding(kernels, member, arch, OPTIONS, layers, 4)
            np.testing.assert_allclose(found[member, i], expected, rtol=1e-10)


def plain(kernels, member, archs, targets, new):
    """Mean and standard deviation of a new target with noise, from the joint distribution."""
    tokens = kernels.tokens([*archs, new]).expand(2, -1, -1)
    e = kernels.embed(tokens)[member].detach().numpy()
    squares = ((e[:, None] - e) ** 2).sum(axis=2)
    gram = np.exp(-squares / (2 * ALPHA)) + BETA * np.eye(len(e))
    weights = np.linalg.solve(gram[:-1, :-1], gram[:-1, -1])
    return weights @ targets, math.sqrt(gram[-1, -1] - weights @ gram[:-1, -1])


def examples(kernels, sizes=(9, 6)):
    """Different examples of both members, and what fills the second one's up."""
    rng = np.random.default_rng(0)
    n = max(sizes)
    rows = np.array([rng.permutation(len(ARCHS))[:n] for _ in sizes])
    targets = rng.standard_normal((len(sizes), n))
    kept = np.arange(n) < np.array(sizes)[:, None]
    tokens = kernels.tokens(ARCHS)[torch.from_numpy(rows)]
    return rows, targets, (tokens, torch.from_numpy(targets), torch.from_numpy(kept))


def test_predictions_are_those_of_the_joint_distribution():
    kernels = made()
    rows, targets, given = examples(kernels)
    means, deviations = kernels.predict(*given, ARCHS)
    for member, size in enumerate((9, 6)):
        archs = [ARCHS[i] for i in rows[member, :size]]
        for i, new in enumerate(ARCHS):
            mean, std = plain(kernels, member, archs, targets[member, :size], new)
            assert means[member, i] == pytest.approx(mean, rel=1e-8, abs=1e-8)
            assert deviations[member, i] == pytest.approx(std, rel=1e-8)


def test_densities_leave_each_example_out():
    kernels = made()
    rows, targets, given = examples(kernels)
    found = kernels.densities(*given).tolist()
    for member, size in enumerate((9, 6)):
        archs, own = [ARCHS[i] for i in rows[member, :size]], targets[member, :size]
        logs = []
        for i in range(size):
            others = archs[:i] + archs[i + 1 :]
            mean, std = plain(kernels, member, others, np.delete(own, i), archs[i])
            logs.append(norm.logpdf(own[i], mean, std))
        assert found[member] == pytest.approx(np.mean(logs), rel=1e-8)


def test_densities_of_two_examples_are_conditional_ones():
    kernels = made(members=1)
    tokens, y = kernels.tokens(ARCHS[:2])[None], np.array([0.3, -1.2])
    kept = torch.ones(1, 2, dtype=torch.bool)
    e = kernels.embed(tokens)[0].detach().numpy()
    k = math.exp(-((e[0] - e[1]) ** 2).sum() / (2 * ALPHA))
    joint = multivariate_normal([0, 0], [[1 + BETA, k], [k, 1 + BETA]]).logpdf(y)
    alone = norm.logpdf(y, 0, math.sqrt(1 + BETA))
    found = kernels.densities(tokens, torch.from_numpy(y)[None], kept).item()
    assert found == pytest.approx(np.mean(joint - alone[::-1]), rel=1e-9)


def fitted(kernels, given, **changes):
    settings = {"steps": 30, "tolerance": 0.0, "learning_rate": 0.03, "weight_decay": 0.0}
    return kernels.fit(*given, **(settings | changes))


def test_members_learn_apart_from_each_other():
    kernels = made()
    _, _, given = examples(kernels)
    before = kernels.densities(*given)
    assert fitted(kernels, given) == [30, 30]
    assert (kernels.densities(*given) > before + 0.05).all()
    other = made()
    tokens, targets, kept = given
    fitted(other, (tokens, torch.stack([targets[0], -3 * targets[1]]), kept))
    for one, two in zip(kernels.parameters, other.parameters, strict=True):
        torch.testing.assert_close(one[:2], two[:2])
        assert not torch.equal(one[2:], two[2:])


def test_a_member_stops_where_its_objective_stands_still():
    kernels = made()
    tokens, targets, kept = examples(kernels)[2]
    flat = torch.stack([0 * targets[0], targets[1]])  # nothing to learn but to be alike
    steps = fitted(kernels, (tokens, flat, kept), tolerance=0.004, steps=60)
    assert 7 <= steps[0] < steps[1]
    again = made()
    fitted(again, (tokens, flat, kept), steps=steps[0])
    for one, two in zip(kernels.parameters, again.parameters, strict=True):
        torch.testing.assert_close(one[:2], two[:2])


def test_what_is_learned_in_nb201_holds_for_other_cells():
    space = NB201()
    rng = np.random.default_rng(1)
    archs = [space.unrank(int(i)) for i in rng.permutation(15_625)[:120]]
    truth = np.array([np.sum(np.array(arch) == 3) for arch in archs], dtype=float)
    truth = (truth - truth.mean()) / truth.std()
    kernels = made(options=space.options, members=1, layers=1, hidden=8, alpha=0.05)
    tokens, kept = kernels.tokens(archs[:80])[None], torch.ones(1, 80, dtype=torch.bool)
    given = tokens, torch.from_numpy(truth[:80])[None], kept
    fitted(kernels, given, steps=60)
    means, deviations = kernels.predict(*given, archs[80:])
    assert np.corrcoef(means[0], truth[80:])[0, 1] > 0.8
    assert (np.abs(means[0] - truth[80:]) < 3 * deviations[0]).mean() > 0.8
