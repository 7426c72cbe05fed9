from itertools import combinations, product

import numpy as np
import pytest

import nasbench
from leaderboard.courses import Course
from leaderboard.landscape import Landscape
from leaderboard.searches import Search, step_values
from nasbench.benchmarks.loading import load
from nasbench.errors import InvalidArgumentError, NotRecordedError
from nasbench.spaces.nb201 import NB201


def rows(cells, values, column="valid_accuracy", **more):
    return [
        {"arch": cell, "seed": seed, column: value, **more}
        for cell, seeds in zip(cells, values, strict=True)
        for seed, value in enumerate(seeds)
    ]


def test_test_column_judges_where_there_is_one(small_table):
    landscape = Landscape(load(small_table.id), "draw")
    assert landscape.measure == "test regret"
    assert landscape.observed.column.name == "valid_accuracy"
    assert landscape.reported.column.name == "test_accuracy"
    assert landscape.reported.name == "test accuracy"
    assert (landscape.reported.optimum, landscape.reported.mean) == (88, 72.5)
    assert landscape.reported.random_regret == 15.5
    assert landscape.reported.value(3.0) == 85
    assert landscape.full_seconds == 10
    assert not landscape.selected_on_test


def test_floor_is_the_regret_of_what_validation_ranks_first(small_table):
    assert Landscape(load(small_table.id), "draw").exhaustive_mean == 88 - 80


def test_validation_judges_without_a_test_column(home, cells):
    home.table(rows(cells[:2], [[50, 60], [70]], seconds=4, validation_seconds=1))
    landscape = Landscape(load("toy"), "draw")
    assert landscape.measure == "validation regret"
    assert landscape.reported is landscape.observed
    assert landscape.reported.regrets(np.array(cells[:2])).tolist() == [15, 0]
    assert landscape.full_seconds == 5
    assert landscape.exhaustive_mean == 0


def test_test_objective_is_marked(home, cells):
    home.table(rows(cells, [[50]] * 4, column="test_accuracy"), default_objective=None)
    landscape = Landscape(load("toy", objectives=["test_accuracy"]), "draw")
    assert landscape.selected_on_test
    assert landscape.measure == "test regret"
    assert landscape.full_seconds == 0


def test_losses_are_minimised(home, cells):
    home.table(rows(cells[:2], [[3.0], [1.0]], "valid_loss"), default_objective="valid_loss")
    landscape = Landscape(load("toy"), "draw")
    assert landscape.reported.optimum == 1
    assert landscape.reported.regrets(np.array(cells[:2])).tolist() == [2, 0]
    assert landscape.reported.value(2.0) == 3


def test_numbers_of_architectures_can_be_searched_by(home, cells):
    numbers = [{"arch": list(cell), "parameters": 10 * i} for i, cell in enumerate(cells)]
    home.table(rows(cells, [[1]] * 4), archs=numbers)
    landscape = Landscape(load("toy", objectives=["parameters"]), "draw")
    assert landscape.measure == "regret"
    assert landscape.reported.random_regret == 15
    assert landscape.exhaustive_once is None
    assert landscape.random_search([1, 10**6]) == pytest.approx([15, 0])


def test_whole_space_is_the_scale(home, whole):
    landscape = Landscape(load(whole), "draw")
    assert landscape.complete
    assert len(landscape.archs) == 15_625
    assert landscape.reported.optimum == 30 + 2 * 23
    assert landscape.reported.mean == pytest.approx(30 + 2 * 12 - 18 / 15_625)
    assert landscape.exhaustive_mean == 76 - 60
    assert landscape.full_seconds == pytest.approx(22)


def test_part_of_a_space_is_its_own_scale(small_table):
    landscape = Landscape(load(small_table.id), "draw")
    assert not landscape.complete
    assert len(landscape.archs) == 4


def test_classes_count_as_often_as_they_have_members(home):
    space = NB201()
    nothing, skip = (0,) * 6, space.canonical((0, 0, 0, 1, 0, 0))
    home.table(rows([nothing, skip], [[10], [90]]), key="class")
    landscape = Landscape(load("toy"), "draw")
    owners = [space.canonical(arch) for arch in space.archs()]
    n, m = owners.count(nothing), owners.count(skip)
    assert n != m
    assert len(landscape.archs) == n + m
    expected = [80 * n / (n + m), 80 * (n / (n + m)) ** 2]
    assert landscape.random_search([1, 2]) == pytest.approx(expected)
    with pytest.raises(InvalidArgumentError, match="no two architectures"):
        landscape.random_search([1], replacement=False)


def test_only_the_longest_schedule_counts(home, cells):
    short = [row | {"schedule": 1} for row in rows(cells[:3], [[99], [98], [97]])]
    home.table(short + rows(cells[:2], [[50], [60]]))
    landscape = Landscape(load("toy"), "draw")
    assert len(landscape.archs) == 2
    assert landscape.reported.optimum == 60
    assert landscape.random_search([1]) == pytest.approx([5])


def test_diverged_training_makes_an_architecture_the_worst(home, cells):
    table = rows(cells[:3], [[50, 60], [70, float("nan")], [80, 90]])
    table[3]["status"] = "diverged"
    home.table(table)
    landscape = Landscape(load("toy"), "draw")
    assert landscape.reported.n_failed == 1
    assert landscape.reported.values(np.array(cells[:3])).tolist() == [55, 55, 85]
    assert landscape.reported.random_regret == 20
    finite = [(50, 30), (60, 30), (70, 30), (80, 0), (90, 0)]
    pairs = [*((100 - v, u) for v, u in finite), (np.inf, 20)]
    expected = np.mean([min(draws)[1] for draws in product(pairs, repeat=3)])
    assert landscape.random_search([3]) == pytest.approx([expected])


def test_search_of_few_architectures_can_pass_exhaustive_search(home, cells, run):
    # One network is always good; three others look better in one of ten trainings.
    table = [
        {
            "arch": cell,
            "seed": seed,
            "valid_accuracy": 80 if cell == cells[0] else 100 if seed == 0 else 10,
            "test_accuracy": 80 if cell == cells[0] else 50,
        }
        for cell in cells
        for seed in range(10)
    ]
    home.table(table)
    landscape = Landscape(load("toy"), "draw")
    assert landscape.exhaustive_once == pytest.approx(30 * (1 - 0.9**3))
    search = Search(Course.of(run([(cells[0], 20.0, 0.0, 10.0)])), landscape, (1.0, 2.0))
    assert search.regret == 0 < landscape.exhaustive_once


NAN = float("nan")


def test_test_column_that_ends_before_the_training_is_not_used(home, cells):
    table = rows(cells[:2], [[[40, 50]], [[40, 60]]])
    home.table([row | {"test_accuracy": [30, NAN]} for row in table])
    assert Landscape(load("toy"), "draw").measure == "validation regret"
    with pytest.raises(NotRecordedError, match="test_accuracy"):
        Landscape(load("toy", objectives=["test_accuracy"]), "draw")


VALUES = [[50, 90], [70, 72], [60, 95]]


def brute(replicate):
    """(loss, regret, chance) of what one trial of random search can see."""
    means = [np.mean(seeds) for seeds in VALUES]
    regrets = [max(means) - mean for mean in means]
    if replicate == "draw":
        return [(-v, u, 1 / 6) for seeds, u in zip(VALUES, regrets, strict=True) for v in seeds]
    seen = means if replicate == "mean" else [seeds[replicate] for seeds in VALUES]
    return [(-v, u, 1 / 3) for v, u in zip(seen, regrets, strict=True)]


@pytest.mark.parametrize("replicate", ["draw", "mean", 0, 1])
def test_random_search_sees_what_the_policy_shows(home, cells, replicate):
    home.table(rows(cells[:3], VALUES))
    found = Landscape(load("toy"), replicate).random_search([1, 2, 4])
    items = brute(replicate)
    expected = [
        sum(
            min(draws)[1] * np.prod([chance for *_, chance in draws])
            for draws in product(items, repeat=k)
        )
        for k in (1, 2, 4)
    ]
    np.testing.assert_allclose(found, expected)


def simulated(name, replicate, replacement, at):
    """Mean regret of 300 random searches after numbers of trials, and its standard error."""
    runs = nasbench.search(
        "random_search",
        name,
        seeds=range(300),
        budget=nasbench.Budget(trials=max(at)),
        hyperparameters={"replacement": replacement},
        replicate=replicate,
    )
    landscape = Landscape(load(name), replicate)
    searches = [Search(Course.of(run), landscape, (1.0, 2.0)) for run in runs]
    found = [step_values(s.evaluations, np.append(0.0, s.regrets), np.array(at)) for s in searches]
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(len(runs))


@pytest.mark.parametrize(
    ("name", "replicate"), [("lite201-digits", "draw"), ("fcnet-slice", "mean")]
)
def test_simulated_random_search_agrees_with_the_exact_curve(name, replicate):
    at = [4, 16, 64]
    mean, error = simulated(name, replicate, True, at)
    exact = Landscape(load(name), replicate).random_search(at)
    assert (np.abs(mean - exact) < 3.5 * error).all()


def test_without_replacement_every_architecture_is_found(home):
    networks = [(0, 0, 0, option, 0, 0) for option in (2, 3, 4)]
    home.table(rows(networks, VALUES), complete=False)
    exact = Landscape(load("toy"), "mean").random_search([1, 2, 3, 4], replacement=False)
    regrets = [regret for *_, regret, _ in brute("mean")]
    pairs = np.mean([min(pair) for pair in combinations(regrets, 2)])
    np.testing.assert_allclose(exact, [np.mean(regrets), pairs, 0, 0], atol=1e-12)
    mean, error = simulated("toy", "mean", False, [1, 2, 3])
    assert (np.abs(mean - exact[:3]) <= 3.5 * error).all()


def test_without_replacement_is_refused_where_there_is_no_closed_form(home, cells):
    home.table(rows(cells[:3], VALUES))
    with pytest.raises(InvalidArgumentError, match="one training to draw"):
        Landscape(load("toy"), "draw").random_search([1], replacement=False)
    with pytest.raises(InvalidArgumentError, match="no two architectures"):
        Landscape(load("nb201-cifar10"), "mean").random_search([1], replacement=False)


def test_architectures_are_drawn_evenly_however_often_they_were_trained(home, cells):
    home.table(rows(cells[:2], [[50], [60, 70, 40]]))
    found = Landscape(load("toy"), "draw").random_search([1, 2])
    regret = (60 + 70 + 40) / 3 - 50
    items = [(50, regret, 1 / 2), *((value, 0.0, 1 / 6) for value in (60, 70, 40))]
    twice = sum(max(pair)[1] * pair[0][2] * pair[1][2] for pair in product(items, repeat=2))
    assert found == pytest.approx([regret / 2, twice])


def test_ceiling_is_what_one_training_of_every_architecture_allows(home, cells):
    home.table(rows(cells[:3], VALUES))
    benchmark = load("toy")
    means = [np.mean(seeds) for seeds in VALUES]
    outcomes = [max(means) - means[int(np.argmax(shown))] for shown in product(*VALUES)]
    assert Landscape(benchmark, "draw").exhaustive_once == pytest.approx(np.mean(outcomes))
    assert Landscape(benchmark, "mean").exhaustive_once is None
