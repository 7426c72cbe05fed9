from itertools import combinations, product

import numpy as np
import pytest
from toys import Layers, OneDecision, Switched, Tiny, drive, rugged, tell

from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.nbgraph import NBGraph

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.models.progressive_search import Growth, neutral  # noqa: E402
from algorithms.predictor.pnas import PNAS  # noqa: E402

SKIP = NB201().decisions[0].labels.index("skip_connect")
SMALL = {"hidden": 4, "embedding": 4, "epochs": 2}


def made(seed=0, space=None, **changes):
    return PNAS(space or NB201(), fidelities=(1,), seed=seed, **changes)


def level(arch):
    """Number of decisions of NAS-Bench-201 that are set."""
    return sum(option != SKIP for option in arch)


def loss_of(arch):
    return 10.0 + 5 * float(np.sum(np.array(arch) == 3)) + rugged(arch) / 100


def test_neutral_options_are_found_by_their_labels():
    assert neutral(NB201()) == (SKIP,) * 6
    skip = NBGraph().decisions[1].labels.index("skip")
    assert neutral(NBGraph()) == (0, skip, skip, skip, skip)
    assert neutral(Tiny()) == (0, 0, 0)


def brute_force_steps(space, arch):
    """All steps, straight from their definition."""
    start = neutral(space)
    changes = [
        (place, option)
        for place, n in enumerate(space.options)
        for option in range(n)
        if arch[place] == start[place] and option != arch[place]
    ]

    def changed(*pairs):
        return tuple([dict(pairs).get(place, option) for place, option in enumerate(arch)])

    def useful(other):
        same = arch in space and space.canonical(other) == space.canonical(arch)
        return other in space and not same

    alone = [change for change in changes if useful(changed(change))]
    others = [change for change in changes if change not in alone]
    pairs = [pair for pair in combinations(others, 2) if pair[0][0] != pair[1][0]]
    both = [changed(*pair) for pair in pairs if useful(changed(*pair))]
    return [changed(change) for change in alone] + both


class Pairs(Tiny):
    """Networks of which the last decision matters only after the first."""

    def canonical(self, arch):
        return (arch[0], 0, arch[2] if arch[0] else 0)


@pytest.mark.parametrize("space", [Tiny(), Layers(), Switched(), OneDecision(), Pairs()])
def test_steps_are_those_of_their_definition(space):
    growth = Growth(space)
    for arch in product(*map(range, space.options)):
        if arch in space or arch == growth.neutral:
            assert list(growth.steps(arch)) == brute_force_steps(space, arch)


def test_two_decisions_are_set_where_one_is_not_legal():
    assert Growth(Switched()).steps((0, 0, 0)) == ((1, 0, 0), (0, 1, 2))


def test_levels_grow_from_what_was_chosen_at_the_level_before(monkeypatch):
    """The search, followed step by step with losses that are known beforehand."""
    offered = []

    def predict(self, archs, objectives):
        offered.append(archs)
        return np.array([[loss_of(arch) for arch in archs]])

    monkeypatch.setattr(PNAS, "predict", predict)
    beam, n = 7, 24 + 7 * 8
    archs = drive(made(beam=beam), loss_of, n)
    space = NB201()
    first = [(SKIP,) * i + (o,) + (SKIP,) * (5 - i) for i in range(6) for o in (0, 2, 3, 4)]
    assert archs[:24] == first
    chosen, done = [first], 24
    for depth in range(1, 6):
        parents, seen = chosen[-1], {space.canonical(arch) for arch in archs[:done]}
        expected = {
            space.canonical((*parent[:i], option, *parent[i + 1 :]))
            for parent in parents
            for i in range(6)
            for option in range(5)
            if parent[i] == SKIP and option != SKIP
        } - seen
        pool = offered[depth - 1]
        assert len({space.canonical(arch) for arch in pool}) == len(pool)
        # two decisions are set where one alone makes no other network, so there may be more
        assert expected <= {space.canonical(arch) for arch in pool}
        assert all(level(arch) >= depth + 1 for arch in pool)
        best = sorted(pool, key=lambda arch: (loss_of(arch), pool.index(arch)))[:beam]
        assert archs[done : done + len(best)] == best
        chosen.append(best)
        done += len(best)


def test_all_architectures_are_found_in_the_end():
    space = Tiny()
    archs = drive(made(space=space, beam=2, first=3, **SMALL), rugged, 20)
    assert len(archs) == len(set(archs)) == 12


def test_a_space_where_nothing_grows_is_searched_at_random_first():
    space = RecordedSpace(NB201(), np.arange(0, 15_625, 997))
    search = made(space=space, first=4, beam=4, **SMALL)
    assert len(set(drive(search, rugged, 30))) == 16
    assert search.fallbacks == 4


def test_the_predictor_learns_which_operations_are_good():
    search = made(members=2, hidden=16, embedding=16, epochs=60)
    archs = [search.space.sample(search.rng) for _ in range(120)]
    for trial, arch in enumerate(archs[:80]):
        tell(search, arch, loss_of(arch), trial)
    predicted = search.predict(archs[80:], [search.examples])[0]
    truth = [loss_of(arch) for arch in archs[80:]]
    assert np.corrcoef(predicted, truth)[0, 1] > 0.8


def test_members_leave_out_different_examples():
    parts = made()._parts(20, 16)
    left_out = [set(range(20)) - set(part) for part in parts.tolist()]
    assert [len(part) for part in left_out] == [4] * 5
    assert set.union(*left_out) == set(range(20))


def test_accuracies_are_predicted_by_the_preset():
    search = made(**(PNAS.presets["paper"] | SMALL))
    for trial, loss in enumerate((10.0, 40.0, np.inf, 120.0)):
        tell(search, (trial,) * 6, loss, trial)
    assert search._targets(search.examples).tolist() == pytest.approx([0.9, 0.6, 0.0, 0.0])
    assert search.loss_unit == "%"
    assert made().loss_unit is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beam": 0}, "beam = 0 must be at least 1"),
        ({"levels": 0}, "levels = 0 must be at least 1"),
        ({"later_rate": 0.0}, "later_rate = 0.0 must be positive"),
        ({"targets": "acuracy"}, "targets = 'acuracy'.*accuracy"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
