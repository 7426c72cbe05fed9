import math
from collections import Counter
from itertools import permutations

import pytest
from scipy.stats import binom, chi2
from toys import drive_proposals

import nasbench
from algorithms.multi_fidelity.dehb import DEHB, _lower_edge, population_sizes
from algorithms.multi_fidelity.hyperband import Hyperband
from algorithms.parts.rungs import Bracket, brackets
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

RUNGS = (1, 3, 9, 27)


@pytest.fixture(scope="module")
def table():
    return nasbench.load("lite201-digits")


def test_it_keeps_the_contract_with_more_brackets(table):
    check_algorithm(DEHB, table, seed=2, changes={"eta": 2})


def by_rank(proposal):
    return float(NB201().rank(proposal.arch))


def sphere(proposal):
    """The best architecture has option 3 everywhere."""
    return float(sum(abs(option - 3) for option in proposal.arch))


@pytest.mark.parametrize(
    ("n_rungs", "eta", "expected"),
    [(4, 3, [27, 9, 6, 4]), (2, 3, [3, 2]), (5, 3, [81, 27, 9, 6, 5]), (4, 2, [8, 4, 4, 4])],
)
def test_a_population_is_as_large_as_the_widest_bracket(n_rungs, eta, expected):
    sizes = brackets(n_rungs, eta, "hpbandster")
    assert population_sizes(sizes) == expected
    search = DEHB(NB201(), fidelities=tuple(eta**i for i in range(n_rungs)), seed=0, eta=eta)
    assert [len(population) for population in search._populations] == expected


def test_its_brackets_are_those_of_hyperband():
    epochs = []
    for method in (DEHB, Hyperband):
        search = method(NB201(), fidelities=RUNGS, seed=0)
        epochs.append([proposal.epoch for proposal in drive_proposals(search, by_rank, 200)])
    assert epochs[0] == epochs[1]


def test_after_the_first_cycle_rungs_train_in_full_whatever_diverges():
    finite = DEHB(NB201(), fidelities=RUNGS, seed=0)
    whole = [proposal.epoch for proposal in drive_proposals(finite, by_rank, 200)]
    cycle = sum(map(sum, brackets(4, 3, "hpbandster")))
    search, epochs = DEHB(NB201(), fidelities=RUNGS, seed=0), []
    for trial in range(200):
        proposal = search.ask()
        epochs.append(proposal.epoch)
        loss = by_rank(proposal) if trial < cycle or trial % 10 == 0 else math.inf
        search.tell(Observation(trial, proposal, (loss,), 1.0))
    assert epochs == whole


def test_the_first_bracket_trains_random_members_and_promotes_the_best():
    search = DEHB(NB201(), fidelities=RUNGS, seed=0)
    random = [member.individual.arch for member in search._populations[0]]
    proposals = drive_proposals(search, by_rank, 27 + 9 + 3 + 1)
    assert [proposal.arch for proposal in proposals[:27]] == random
    best = sorted(range(27), key=lambda trial: (by_rank(proposals[trial]), trial))
    for first, n in ((27, 9), (36, 3), (39, 1)):
        promoted = proposals[first : first + n]
        assert [p.arch for p in promoted] == [proposals[trial].arch for trial in best[:n]]
    assert [p.resumes for p in proposals[27:36]] == best[:9]
    assert [p.resumes for p in proposals[36:]] == [27, 28, 29, 36]


def test_the_first_cycle_fills_all_populations():
    search = DEHB(NB201(), fidelities=RUNGS, seed=0)
    proposals = drive_proposals(search, by_rank, 40 + 13 + 8 + 4)
    for population in search._populations:
        assert all(member.trial >= 0 for member in population)
    assert sum(p.resumes is not None for p in proposals) == (9 + 3 + 1) + (3 + 1) + 2
    assert all(
        p.resumes is None for p in drive_proposals(search, by_rank, 130)
    )  # it only evolves now


def test_promotions_skip_who_is_there_already():
    search = DEHB(NB201(), fidelities=RUNGS, seed=0)
    proposals = drive_proposals(search, by_rank, 40 + 9 + 3)
    there = [member.individual for member in search._populations[2][:3]]
    later = proposals[-3:]
    assert {p.epoch for p in later} == {9}
    vectors = {member.individual for member in search._populations[2][3:]}
    assert not vectors & set(there)


@pytest.mark.parametrize(("resume", "first"), [(True, 92), (False, 120)])
def test_epochs_that_are_paid(table, resume, first):
    """The first cycle pays what Hyperband's does, see there; all later ones start from scratch."""
    n = 15 + 7 + 6 + 4
    for epochs, expected in ((first, n), (first - 1, n - 1), (first + 120, 2 * n)):
        search = DEHB(table.space, fidelities=table.fidelities, seed=0, eta=2, resume=resume)
        assert len(replay(search, table, budget=Budget(epochs=epochs))) == expected


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_coordinates_taken_from_the_mutant_are_binomial(rate):
    search = DEHB(NB201(), fidelities=RUNGS, seed=0, crossover=rate)
    target, (a, b, c) = (0.0,) * 6, ((0.5,) * 6,) * 3
    counts = Counter(sum(x == 0.5 for x in search._cross(target, a, b, c)) for _ in range(20_000))
    expected = {k: 20_000 * binom.pmf(k, 6, rate) for k in range(7)}
    expected[1] += expected.pop(0)
    statistic = sum((counts[k] - n) ** 2 / n for k, n in expected.items())
    assert counts[0] == 0
    assert statistic < chi2.ppf(0.999, 5)


def test_parents_are_different_and_any_three_are_as_likely():
    search = DEHB(NB201(), fidelities=RUNGS, seed=0)
    pool = [(float(i),) for i in range(4)]
    counts = Counter(search._three_distinct(pool) for _ in range(24_000))
    assert counts.keys() == set(permutations(pool, 3))
    assert sum((n - 1000) ** 2 / 1000 for n in counts.values()) < chi2.ppf(0.999, 23)


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_mutants_stay_in_the_cube(factor):
    search = DEHB(NB201(), fidelities=RUNGS, seed=0, crossover=1.0, mutation_factor=factor)
    inside = search._cross((0.0,) * 2, (0.2, 0.1), (0.3, 0.4), (0.3, 0.2))
    assert inside == pytest.approx((0.2, 0.1 + factor * 0.2))
    assert search._mutant((0.2, 0.1), (0.3, 0.4), (0.3, 0.2)) == pytest.approx(inside)
    drawn = [search._cross((0.0,), (0.9,), (1.0,), (0.0,))[0] for _ in range(4000)]
    assert min(drawn) >= 0
    assert max(drawn) <= 1
    counts = Counter(int(10 * x) for x in drawn)  # uniform
    assert sum((n - 400) ** 2 / 400 for n in counts.values()) < chi2.ppf(0.999, 9)


def test_offspring_mix_the_target_with_the_best_of_the_population_below():
    """Every coordinate is the target's, or that of a mutant of three of the nine best below."""
    search = DEHB(NB201(), fidelities=RUNGS, seed=0)
    drive_proposals(search, by_rank, 65 + 27)
    bracket = Bracket(4, (27, 9, 3, 1), RUNGS)
    bracket.rung = 1
    best = [member.individual.vector for member in sorted(search._populations[0])[:9]]
    target = search._populations[1][0].individual.vector
    pool = [vector for vector in best if vector != target]
    changed = 0
    for _ in range(50):
        child = search._offspring(bracket, 1, target)
        differing = [i for i in range(6) if child.vector[i] != target[i]]
        changed += len(differing)
        outside = []
        for a, b, c in permutations(pool, 3):
            mutant = [x + 0.5 * (y - z) for x, y, z in zip(a, b, c, strict=True)]
            wrong = [i for i in differing if child.vector[i] != mutant[i]]
            outside.append(all(not 0 <= mutant[i] <= 1 for i in wrong))
        assert any(outside)
    assert changed > 100


def small_populations():
    """Three members at epoch 1 and two at 3, all trained; a child is close to one of the pool."""
    search = DEHB(NB201(), fidelities=(1, 3), seed=0)
    drive_proposals(search, by_rank, 6 + 60)
    search.crossover, search.mutation_factor = 1.0, 1e-12
    assert [len(population) for population in search._populations] == [3, 2]
    return search, [[m.individual.vector for m in sorted(p)] for p in search._populations]


def shares(search, bracket, rung, target, points, n=8000):
    """How often a child is next to each of the points, and how often elsewhere."""
    counts = Counter()
    for _ in range(n):
        child = search._offspring(bracket, rung, target).vector
        counts[next((p for p in points if child == pytest.approx(p, abs=1e-9)), None)] += 1
    return [counts[point] / n for point in (*points, None)]


def test_three_parents_without_the_target_are_filled_with_a_random_point():
    search, (low, _) = small_populations()
    found = shares(search, Bracket(6, (3, 1), (1, 3)), 0, low[1], low)
    assert found == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.02)


def test_fewer_parents_are_made_four_by_mutants_of_all():
    """One of four is the best below; the others are next to any but the target, as likely."""
    search, (low, high) = small_populations()
    bracket = Bracket(6, (3, 1), (1, 3))
    bracket.rung = 1
    points = list(dict.fromkeys([*low, *high]))
    others = [v for v in [*low, *high] if v != high[1]]
    expected = [(v == low[0]) / 4 + 3 / 4 * others.count(v) / len(others) for v in points]
    found = shares(search, bracket, 1, high[1], points)
    assert found == pytest.approx([*expected, 0], abs=0.02)


def test_options_have_equal_parts_of_their_interval():
    search = DEHB(NATSSize(), fidelities=RUNGS, seed=0)
    for _ in range(200):
        vector, arch = search._random()
        assert arch == tuple(int(8 * x) for x in vector)
    counts = Counter(int(80 * search._random().vector[2]) for _ in range(8000))
    assert sum((n - 100) ** 2 / 100 for n in counts.values()) < chi2.ppf(0.999, 79)


def test_a_child_replaces_its_target_if_it_is_not_worse():
    search = DEHB(NB201(), fidelities=(9,), seed=0)
    drive_proposals(search, lambda p: 5.0, 20)
    before = list(search._populations[0])
    for trial, loss in ((20, 5.0), (21, 5.1), (22, math.inf), (23, 4.9)):
        search.tell(Observation(trial, search.ask(), (loss,), 1.0))
    after = search._populations[0]
    assert [a.trial for a in after[:4]] == [20, 1, 2, 23]
    assert after[4:] == before[4:]


def test_one_fidelity_is_differential_evolution_of_twenty():
    search = DEHB(NB201(), fidelities=(9,), seed=0)
    random = [member.individual.arch for member in search._populations[0]]
    proposals = drive_proposals(search, sphere, 400)
    assert [proposal.arch for proposal in proposals[:20]] == random
    means = [sum(map(sphere, proposals[i : i + 20])) / 20 for i in (0, 380)]
    assert means[1] < means[0] / 2


def test_with_a_configspace_points_start_at_the_lower_edge_of_their_option():
    """The package gives option ``o`` of ``n`` the coordinate ``o / n``."""
    search = DEHB(NB201(), fidelities=RUNGS, seed=0, **DEHB.presets["configspace"])
    for population in search._populations:
        for member in population:
            vector, arch = member.individual
            assert vector == tuple(option / 5 for option in arch)
    pool = [search._random().vector]
    assert all(x * 5 == int(x * 5) for vector in search._others(pool, pool[0]) for x in vector)


def test_edges_decode_to_their_option_also_where_division_rounds():
    assert int(1 / 49 * 49) == 0
    for n in range(1, 200):
        assert all(int(_lower_edge(option, n) * n) == option for option in range(n))


def test_it_finds_what_random_search_does_not():
    best = {}
    for name, method in (("dehb", DEHB), ("hyperband", Hyperband)):
        losses = [
            min(
                map(
                    sphere,
                    drive_proposals(method(NATSSize(), fidelities=RUNGS, seed=seed), sphere, 400),
                )
            )
            for seed in range(8)
        ]
        best[name] = sum(losses) / 8
    assert best["dehb"] < best["hyperband"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mutation_factor": 0.0}, r"mutation_factor = 0.0 must be in \(0, 2\]"),
        ({"mutation_factor": 2.5}, r"mutation_factor = 2.5 must be in \(0, 2\]"),
        ({"crossover": -0.1}, r"crossover = -0.1 must be in \[0, 1\]"),
        ({"eta": 0}, "eta = 0 must be at least 2"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        DEHB(NB201(), fidelities=(1, 3), seed=0, **settings)
