import numpy as np
import pytest
import scipy.stats

from leaderboard import statistics
from leaderboard.curves import RANDOM, axes
from leaderboard.landscape import SPAN, TARGETS, spaced_targets
from leaderboard.scores import rank
from leaderboard.targets import attainments, ecdf, random_evaluations
from nasbench.runs.budget import Budget


@pytest.fixture(scope="module")
def shared(whole_space, home_in, tmp_path_factory):
    """Random search with a training drawn for each trial, on the table of all cells."""
    with pytest.MonkeyPatch.context() as patch:
        home = home_in(tmp_path_factory.mktemp("targets"))
        (home.tables / whole_space.name).symlink_to(whole_space)
        patch.setenv("NASBENCH_HOME", str(home.tables))
        record = home.search("random_search", "toy-whole", 200, budget=Budget(trials=30))
        other = home.search("local_search", "toy-whole", 20, budget=Budget(trials=30))
        yield rank([record]).boards[0], rank([record, other]).boards[0]


def first(search, target, axis):
    """When a run reached a target, the slow way."""
    steps = {"seconds": search.times, "evaluations": search.evaluations, "epochs": search.epochs}
    for at, regret in zip(steps[axis], search.regrets, strict=True):
        if regret <= target:
            return float(at)
    return np.inf


def test_targets_are_a_function_of_the_regrets_of_the_space():
    regrets = np.array([0.0, 0.5, 2.0, 4.0])
    found = spaced_targets(1.6, regrets)
    assert (len(found), found[0], found[-1]) == (TARGETS, 1.6, 0.5)
    np.testing.assert_allclose(np.diff(np.log(found)), np.log(0.5 / 1.6) / (TARGETS - 1))
    assert spaced_targets(1.6, np.append(regrets, 1e-9))[-1] == pytest.approx(1.6 / SPAN)
    assert not spaced_targets(0.0, np.zeros(3)).size


def test_measures_are_those_of_the_definitions(shared):
    board, _ = shared
    (row,) = board.rows
    found = attainments(board)
    assert {one.axis for one in found} == {"seconds", "evaluations", "epochs"} == set(axes(board))
    assert [one.target for one in found[: TARGETS + 1]] == [*board.landscape.targets, 0.0]
    for one in found[::17]:
        times = np.array([first(search, one.target, one.axis) for search in row.searches])
        end = {"seconds": 0.0, "evaluations": 30.0, "epochs": 60.0}[one.axis]
        ends = [end or search.course.paid.seconds for search in row.searches]
        hits = int(np.isfinite(times).sum())
        ci = scipy.stats.binomtest(hits, len(times)).proportion_ci(method="wilson")
        assert one.hits.mean == hits / len(times)
        assert [one.hits.low, one.hits.high] == pytest.approx([ci.low, ci.high], abs=1e-12)
        paid = sum(min(time, last) for time, last in zip(times, ends, strict=True))
        assert one.runtime == pytest.approx(paid / hits if hits else np.inf)
    assert found[0].hits.mean > 0.9
    assert found[TARGETS].hits.mean < 0.1


def test_random_search_is_as_quick_as_its_expectation(shared):
    board, _ = shared
    speedups = [one.speedup for one in attainments(board) if one.target >= 10]
    assert len(speedups) > 40
    assert np.median(speedups) == pytest.approx(1, abs=0.1)


def test_another_entry_changes_no_measure_of_a_row(shared):
    alone, together = shared
    label = alone.rows[0].label
    assert len(together.rows) == 2
    mine = [one for one in attainments(together) if one.label == label]
    np.testing.assert_equal(mine, attainments(alone))


def test_random_evaluations_are_where_the_expectation_reaches_a_regret(shared):
    board, _ = shared
    means = board.landscape.random_search(range(1, 400))
    assert random_evaluations(board, [means[0], means[6], -1.0]) == [1, 7, np.inf]
    (found,) = random_evaluations(board, [means[199]])
    assert found == pytest.approx(200, abs=0.5)


@pytest.mark.parametrize("axis", ["seconds", "evaluations", "epochs"])
def test_ecdf_is_the_share_of_pairs_of_run_and_target(shared, axis):
    board, _ = shared
    curves = ecdf(board, axis)
    (row,) = board.rows
    found = curves[row.label]
    targets = board.landscape.targets
    for at, mean in list(zip(found.at, found.mean, strict=True))[:: max(len(found.at) // 4, 1)]:
        pairs = [first(s, target, axis) <= at for s in row.searches[:200] for target in targets]
        assert mean == pytest.approx(np.mean(pairs))
    assert (np.diff(found.mean) >= 0).all()
    assert (found.low <= found.mean).all()
    assert (found.high >= found.mean).all()
    assert (RANDOM in curves) == (axis != "seconds")
    if axis != "seconds":
        assert np.abs(curves[RANDOM].mean - found.mean).max() < 0.05


def test_simulated_random_search_hits_as_often_as_all_sequences_of_draws():
    observed = np.array([1.0, 2.0, 2.0, 3.0, np.inf])
    reported = np.array([3.0, 1.0, 4.0, 0.5, 9.0])
    weights = np.array([0.1, 0.2, 0.3, 0.3, 0.1])
    targets = np.array([5.0, 3.0, 1.0, 0.7])
    found = statistics.random_search_times(observed, reported, weights, targets, 40_000)
    rng = np.random.default_rng(0)
    draws = rng.choice(5, p=weights, size=(20_000, 40))
    best = np.full(20_000, np.inf)
    values = np.full(20_000, np.inf)
    times = np.full((20_000, 4), np.inf)
    for k in range(40):
        better = observed[draws[:, k]] < best
        best[better] = observed[draws[better, k]]
        values[better] = reported[draws[better, k]]
        now = (values[:, None] <= targets) & np.isinf(times)
        times[now] = k + 1
    for k in (1, 2, 5, 40):
        np.testing.assert_allclose((found <= k).mean(axis=0), (times <= k).mean(axis=0), atol=0.02)


def test_longer_trainings_change_seconds_alone(home, believed, small_table, run, cells):
    def board(factor):
        trials = [(c, 40.0 - 10 * c[0], 10.0 * i, 10.0 * (i + 1)) for i, c in enumerate(cells)]
        runs = [run([(c, x, s * factor, e * factor) for c, x, s, e in trials], k) for k in range(2)]
        folder = f"at-{factor}"
        (made,) = rank([home.record(home.manifest(small_table), runs, folder)])
        return made

    once, twice = (attainments(board(factor)) for factor in (1, 2))
    for one, two in zip(once, twice, strict=True):
        assert two.runtime == one.runtime * (2 if one.axis == "seconds" else 1)
        assert two.hits == one.hits
