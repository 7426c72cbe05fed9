import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymoo.indicators.hv import HV

from leaderboard.courses import Course, undominated
from leaderboard.fronts import MARGIN, FrontLandscape
from leaderboard.scores import rank
from leaderboard.searches import Search
from leaderboard.site.build import build
from nasbench.benchmarks.loading import load
from nasbench.runs.budget import Budget
from nasbench.runs.records import find_records
from nasbench.runs.run import NONE, Run

NETWORKS = [(0, 0, 0, 2, 0, 0), (0, 0, 0, 3, 0, 0), (0, 0, 0, 4, 0, 0), (0, 0, 0, 2, 3, 0)]
BOTH = ["valid_accuracy", "parameters"]


def table(home, test=()):
    """Errors 10, 20, 40, 40 and parameters 50, 30, 10, 20: the last is dominated."""
    rows = [
        {
            "arch": arch,
            "seed": seed,
            "valid_accuracy": 100 - error + noise,
            **({"test_accuracy": 100 - test[i]} if test else {}),
            "seconds": 10,
        }
        for i, (arch, error) in enumerate(zip(NETWORKS, (10, 20, 40, 40), strict=True))
        for seed, noise in enumerate((-1, 1))
    ]
    numbers = [
        {"arch": list(arch), "parameters": n}
        for arch, n in zip(NETWORKS, (50, 30, 10, 20), strict=True)
    ]
    return home.table(rows, archs=numbers, complete=False)


@pytest.fixture
def scale(home):
    table(home)
    return FrontLandscape(load("toy", objectives=BOTH), "draw")


def made(archs, losses, seed=0):
    rows = [
        (arch, 2, NONE, 0, tuple(map(float, both)), 10.0 * i, 10.0 * (i + 1), 0.0)
        for i, (arch, both) in enumerate(zip(archs, losses, strict=True))
    ]
    return Run.from_rows(rows, [0.0] * len(rows), seed=seed, n_decisions=6, n_objectives=2)


def share(scale, run):
    """Share of the best hypervolume at the end of a run."""
    return 1 - Search(Course.of(run), scale, (10.0, 40.0)).regret


def test_the_front_is_scaled_to_the_unit_square(scale):
    fronts = scale.reported
    assert sorted(fronts.front.tolist()) == [[0, 1], [pytest.approx(1 / 3), 0.5], [1, 0]]
    m = MARGIN
    by_hand = (1 + m) * m + (2 / 3 + m) * (0.5 + m - m) + m * 0.5
    assert fronts.best == pytest.approx(by_hand)
    singles = [(1 + m) * m, (2 / 3 + m) * (0.5 + m), m * (1 + m), m * (0.75 + m)]
    assert fronts.mean == pytest.approx(sum(singles) / 4 / by_hand)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_hypervolume_is_that_of_pymoo(scale, m):
    rng = np.random.default_rng(m)
    scale.reported._reference = np.full(m, 1 + MARGIN)
    for points in (rng.random((25, m)) * 1.3, rng.integers(0, 5, (20, m)) / 4, np.empty((0, m))):
        expected = HV(ref_point=np.full(m, 1 + MARGIN))(points) if len(points) else 0
        assert scale.reported.hypervolume(points) == pytest.approx(expected)
        outside = np.vstack([points, np.full((1, m), np.inf), np.full((1, m), 1 + MARGIN)])
        assert scale.reported.hypervolume(outside) == pytest.approx(expected)


def test_the_whole_front_is_everything_and_order_does_not_matter(scale):
    losses = [(10, 50), (20, 30), (40, 10), (40, 20)]
    assert share(scale, made(NETWORKS, losses)) == pytest.approx(1)
    assert share(scale, made(NETWORKS[::-1], losses[::-1])) == pytest.approx(1)
    one = ((1 + MARGIN) * MARGIN) / scale.reported.best
    assert share(scale, made(NETWORKS[:1], losses[:1])) == pytest.approx(one)


def test_a_run_chooses_by_what_it_observed_and_is_worth_the_means(scale):
    lucky = made([NETWORKS[3], NETWORKS[2]], [(5, 20), (40, 20.5)])
    alone = made([NETWORKS[3]], [(40, 20)])
    assert share(scale, lucky) == pytest.approx(share(scale, alone))


def test_failed_trials_are_worth_nothing_and_a_lost_run_is_a_random_architecture(scale):
    lost = Search(Course.of(made(NETWORKS[:1], [(np.inf, 50)])), scale, (10.0, 40.0))
    assert lost.regret == scale.reported.random_regret
    run = made(NETWORKS[:2], [(np.inf, 50), (20, 30)])
    assert share(scale, run) == pytest.approx(share(scale, made(NETWORKS[1:2], [(20, 30)])))


def test_steps_are_the_hypervolumes_of_the_observed_fronts():
    """Against fronts of every prefix, from moocore."""
    rng = np.random.default_rng(0)
    objectives = ["valid_accuracy", "parameters"]
    scale = FrontLandscape(load("nb201-cifar10", objectives=objectives), "draw")
    archs = scale.archs[rng.integers(0, len(scale.archs), 60)]
    losses = scale.reported.scaled(archs) + rng.normal(scale=0.2, size=(60, 2))
    losses[7] = np.inf
    run = made(list(map(tuple, archs.tolist())), losses)
    search = Search(Course.of(run), scale, (1.0, 2.0))
    for n in range(1, 61):
        seen = np.where(np.isfinite(losses[:n]), losses[:n], 1e9)
        chosen = moocore.is_nondominated(seen, keep_weakly=True)
        volume = moocore.hypervolume(
            scale.reported.scaled(archs[:n][chosen]), ref=[1 + MARGIN, 1 + MARGIN]
        )
        place = np.searchsorted(search.evaluations, n, side="right") - 1
        assert search.regrets[place] == pytest.approx(1 - volume / scale.reported.best)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=20))
def test_entries_are_those_that_nothing_earlier_dominates(rows):
    losses = np.array(rows, dtype=np.float64).reshape(-1, 2)
    expected = [
        i
        for i, (a, b) in enumerate(rows)
        if not any(c <= a and d <= b and (c, d) != (a, b) for c, d in rows[:i])
    ]
    assert undominated(losses).tolist() == expected


def test_entries_do_not_depend_on_the_blocks(monkeypatch):
    losses = np.random.default_rng(1).random((100, 3))
    losses[3] = np.inf
    whole = undominated(losses)
    monkeypatch.setattr("leaderboard.courses._BLOCK", 7)
    assert undominated(losses).tolist() == whole.tolist()
    assert 3 not in whole


def test_the_test_split_judges_where_there_is_one(home):
    table(home, test=(40, 20, 10, 40))
    benchmark = load("toy", objectives=BOTH)
    found = FrontLandscape(benchmark, "draw")
    assert found.reported.column.split == "test"
    assert len(found.reported.front) == 1  # on test, the smallest network is also the best
    assert len(FrontLandscape(benchmark, "draw", judged_by=BOTH).reported.front) == 3
    assert found.exhaustive_mean == pytest.approx(0)
    assert not found.selected_on_test
    chosen_by_test = load("toy", objectives=["test_accuracy", "parameters"])
    assert FrontLandscape(chosen_by_test, "draw").selected_on_test


@pytest.fixture
def boards(home, believed):
    metadata = table(home)
    losses = [(10, 50), (20, 30), (40, 10), (40, 20)]
    manifest = {"objectives": BOTH, "hyperparameters": {}}
    good = home.manifest(metadata, algorithm="nsga2", **manifest)
    home_runs = [made(NETWORKS, losses, seed) for seed in range(2)]
    first = home.record(good, home_runs)
    poor = home.manifest(metadata, **manifest)
    second = home.record(poor, [made(NETWORKS[:1] * 4, losses[:1] * 4, s) for s in range(2)])
    return rank([first, second])


def test_searches_with_several_objectives_have_a_board_ranked_by_hypervolume(boards):
    (board,) = boards
    assert not boards.not_shown
    assert board.title == "toy@1, 4 trials, valid_accuracy and parameters"
    assert board.title_of("regret") == "Hypervolume regret"
    assert [row.label for row in board.rows] == ["nsga2", "random_search"]
    one = (1 + MARGIN) * MARGIN / board.landscape.reported.best
    assert [row.regret.mean for row in board.rows] == pytest.approx([0, 1 - one])
    assert [row.scores["final_value"].mean for row in board.rows] == pytest.approx([1, one])
    assert board.random_regret is None
    area = board.rows[1].scores["anytime_area"].mean
    assert area == pytest.approx((1 - one) / board.landscape.reported.random_regret)


def test_the_page_shows_a_board_of_several_objectives(home, boards):
    site = build(home.runs, home.runs.parent / "site").parent
    page = "".join(path.read_text() for path in sorted(site.glob("boards/*.html")))
    assert "Hypervolume regret" in page
    assert "no other trial dominates" in page
    assert "Pareto front of the space" in page


def test_recorded_searches_of_several_objectives_are_ranked(home, whole):
    for algorithm in ("random_search", "nsga2"):
        home.search(
            algorithm, whole, 2, objectives=["valid_accuracy", "seconds"], budget=Budget(trials=15)
        )
    ranking = rank(find_records(home.runs))
    (board,) = ranking
    assert not ranking.not_shown
    assert all(0 < row.regret.mean < 1 for row in board.rows)
