import random
from math import cos, pi, sqrt

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.gaussian_process.kernels import Matern as SklearnMatern
from toys import Layers, OneDecision, Unequal

from algorithms.models.processes.arc import Activity, Arc
from algorithms.models.processes.kernels import Matern
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.space import Decision, SearchSpace
from nasbench.spaces.darts import Darts
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import CONV1, CONV3, NB201, NONE, POOL, SKIP, live_edges
from nasbench.spaces.seqmix import ATTENTION, IDENTITY, MLP, SeqMix

SOME = RecordedSpace(NB201(), np.arange(0, 15_625, 97))


class Depth(SearchSpace):
    """One or two layers of a kind and a width; the second has no meaning where there is none."""

    name = "depth"
    decisions = (
        Decision("depth", ("1", "2"), "ordinal"),
        Decision("kind", ("a", "b", "c")),
        Decision("width", ("1", "2", "4", "8", "16"), "numeric", (1.0, 2.0, 4.0, 8.0, 16.0)),
    )

    def to_text(self, arch):
        return repr(arch)

    def from_text(self, text):
        return self.check([int(x) for x in text.strip("()").split(",")])

    def canonical(self, arch):
        return arch if arch[0] else (0, 0, 0)


def drawn(space, n=40, seed=0):
    rng = random.Random(seed)
    return list(dict.fromkeys(space.sample(rng) for _ in range(n)))


def logs_of(kernel, seed=0):
    low, high = np.maximum(np.array(kernel.bounds), -2).T
    return np.random.default_rng(seed).uniform(low, np.minimum(high, 0.7))


def gram(kernel, a, b, logs):
    return kernel.gram(kernel.compare(a, b), logs)


def test_edges_without_signal_are_inactive_in_nb201():
    space = NB201()
    activity = Activity(space)
    for arch in space.archs():
        representative, active = activity(arch)
        assert representative == space.canonical(arch)
        assert active == live_edges(representative)


def test_edges_that_do_nothing_change_no_similarity():
    kernel = Arc(NB201())
    one = (CONV3, NONE, NONE, CONV1, NONE, NONE)  # node 1 leads nowhere
    other = (POOL, NONE, NONE, CONV1, NONE, NONE)
    assert gram(kernel, [one], [other], logs_of(kernel)) == pytest.approx(1.0)
    assert gram(Matern(NB201()), [one], [other], np.zeros(6)) < 0.9


def test_layers_that_are_not_there_are_inactive_in_seqmix():
    active = Activity(SeqMix())
    assert active((ATTENTION, MLP, IDENTITY, IDENTITY))[1] == (True, True, False, False)
    assert active((IDENTITY, ATTENTION, IDENTITY, MLP)) == active((ATTENTION, MLP, 0, 0))


def test_operations_on_no_path_are_inactive_in_nb101():
    space = NB101()
    activity = Activity(space)
    for arch in drawn(space, 60):
        representative, active = activity(arch)
        n_inner = len(space.graph(representative).labels) - 2
        assert active[21:] == tuple(v < n_inner for v in range(5))
        assert active[:21] == tuple(option == 1 for option in representative[:21])


@pytest.mark.parametrize("space", [FCNet(), NATSSize(), Layers(), Unequal()], ids=lambda s: s.name)
def test_all_decisions_are_active_where_each_makes_another_network(space):
    active = Activity(space)
    assert all(all(active(arch)[1]) for arch in drawn(space, 20))


def test_what_a_decision_before_makes_meaningless_is_inactive():
    active = Activity(Depth())
    assert active((0, 2, 3)) == ((0, 0, 0), (True, False, False))
    assert active((1, 2, 3)) == ((1, 2, 3), (True, True, True))


def test_distances_are_those_of_the_paper():
    kernel = Arc(Depth())
    radii, angles = (0.7, 1.3, 0.4), (0.9, 0.35)
    logs = np.log([*radii, *angles])

    def similarity(*squares):
        r = sqrt(5 * sum(squares))
        return (1 + r + r * r / 3) * np.exp(-r)

    def arc(radius, angle, difference):
        return radius**2 * (2 - 2 * cos(pi * angle * difference))

    depth = arc(0.7, 0.9, 1)  # between depths 1 and 2
    shallow, deep, wide, other = (0, 1, 4), (1, 0, 0), (1, 0, 4), (1, 1, 1)
    found = gram(kernel, [shallow, deep], [(0, 0, 0), deep, wide, other], logs)
    expected = [
        [1.0, *[similarity(depth, 1.3**2, 0.4**2)] * 3],  # the same network; one active
        [
            similarity(depth, 1.3**2, 0.4**2),
            1.0,
            similarity(arc(0.4, 0.35, 1)),
            similarity(2 * 1.3**2, arc(0.4, 0.35, 1 / 4)),
        ],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "space",
    [NB201(), NB101(), SeqMix(), FCNet(), NATSSize(), Darts(), Depth(), Layers(), Unequal(), SOME],
    ids=lambda s: s.name,
)
def test_gram_matrices_are_positive_semi_definite(space):
    kernel = Arc(space)
    archs = drawn(space)
    for seed in range(3):
        found = gram(kernel, archs, archs, logs_of(kernel, seed))
        np.testing.assert_array_equal(found, found.T)
        np.testing.assert_array_equal(np.diag(found), 1.0)
        assert np.linalg.eigvalsh(found).min() > -1e-10 * len(archs)


def test_it_is_matern_where_all_is_active_and_categorical():
    space = NB201()
    archs = [arch for arch in drawn(space, 200) if NONE not in space.canonical(arch)]
    archs = [arch for arch in archs if space.canonical(arch) == arch]
    assert len(archs) > 20
    logs = np.random.default_rng(0).uniform(-1, 1, 6)
    arc, matern = Arc(space), Matern(space)
    assert SKIP in np.array(archs)
    expected = gram(matern, archs[:9], archs, -logs)
    np.testing.assert_allclose(gram(arc, archs[:9], archs, logs), expected, rtol=1e-12)


def test_short_arcs_are_matern_of_numbers():
    space, archs = NATSSize(), drawn(NATSSize(), 20)
    kernel, radius, angle = Arc(space), 50.0, 1e-4
    logs = np.log([*[radius] * 5, *[angle] * 5])
    matern = SklearnMatern(1 / (radius * pi * angle), nu=2.5)
    expected = matern(np.array(archs) / 7)
    np.testing.assert_allclose(gram(kernel, archs, archs, logs), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "space", [NB201(), FCNet(), Depth(), Unequal(), OneDecision()], ids=lambda s: s.name
)
def test_slopes_are_derivatives(space):
    kernel, archs = Arc(space), drawn(space, 15)
    weights = np.random.default_rng(1).standard_normal((len(archs), len(archs)))
    compared, logs = kernel.compare(archs, archs), logs_of(kernel)
    expected = approx_fprime(logs, lambda x: np.vdot(weights, kernel.gram(compared, x)), 1e-7)
    np.testing.assert_allclose(kernel.slopes(compared, logs, weights), expected, atol=1e-5)
    assert len(kernel.start) == len(kernel.bounds) == len(logs)
