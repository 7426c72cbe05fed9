"""Boards of searches on a surrogate: a linear model, so that its best architecture is known."""

import json
import random
import shutil

import numpy as np
import pytest

from algorithms import ALGORITHMS
from leaderboard import populations
from leaderboard.boards import FAMILY, REMARK
from leaderboard.command import command
from leaderboard.courses import Course
from leaderboard.curves import drawn
from leaderboard.landscape import Landscape
from leaderboard.scores import rank
from leaderboard.searches import Search, step_values
from leaderboard.site import notes
from leaderboard.site.build import build
from leaderboard.site.plots import plots
from nasbench.benchmarks.loading import load
from nasbench.runs.budget import Budget
from nasbench.runs.records import find_records
from nasbench.runs.replay import replay
from nasbench.runs.search import search
from nasbench.runs.setup import Setup
from nasbench.spaces.nb201 import NB201
from surrogates import REGRESSORS
from surrogates.fit import fit

NAME = "toy-surrogate"
TEST = (-1, 2, 2, 2, 2, 2)
"""What an option more in a decision is worth on test images; on validation images all give 2."""

GUARDED = '''
from algorithms.random_search import RandomSearch


class Fits(RandomSearch):
    """Fits neural networks, or with ``linear`` linear models."""

    def __init__(self, space, *, fidelities, seed, linear: bool = False):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.linear = linear
        self.families = ("neural network", "linear" if linear else "nearest neighbours")
'''


@pytest.fixture(scope="session")
def fitted(home_in, tmp_path_factory):
    """Folder of a surrogate of 300 of 400 trained networks, two trainings each."""
    home = home_in(tmp_path_factory.mktemp("fitted"))
    rng, space = random.Random(1), NB201()
    networks = sorted({space.canonical(space.sample(rng)) for _ in range(600)})[:400]
    rows = [
        {
            "arch": arch,
            "seed": seed,
            "valid_accuracy": 40 + 2 * sum(arch) + rng.gauss(0, 1),
            "test_accuracy": 30 + float(np.dot(TEST, arch)) + rng.gauss(0, 1),
            "seconds": 10 + sum(arch),
        }
        for arch in networks
        for seed in (0, 1)
    ]
    home.table(rows, key="class", complete=False, licence="CC0", seeds="0 and 1")
    table = home.tables / "toy.parquet"
    return fit(table, home.tables, regressor="linear", train=300, id=NAME, searches=0).path


@pytest.fixture
def surrogate(fitted, home):
    shutil.copytree(fitted, home.tables / NAME)
    return load(NAME)


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """Name of an algorithm whose families depend on a hyperparameter."""
    (tmp_path / "guarded.py").write_text(GUARDED)
    monkeypatch.syspath_prepend(tmp_path)
    return "guarded:Fits"


@pytest.fixture
def few(monkeypatch, surrogate):
    """The space is the first 40 networks that there are."""
    archs = np.array(sorted(set(map(surrogate.space.canonical, surrogate.space.archs())))[:40])
    monkeypatch.setattr(populations, "_enumerated", lambda space: archs)
    return archs


@pytest.fixture
def large(monkeypatch):
    """The space is too large to be listed."""
    monkeypatch.setattr(populations, "_ENUMERABLE", 1000)
    monkeypatch.setattr(populations, "SAMPLE", 60)


def test_whole_space_is_the_scale(surrogate):
    archs = np.array(list(surrogate.space.archs()))
    tested = surrogate.query_many(archs, "test_accuracy")
    landscape = Landscape(surrogate, "draw")
    assert landscape.complete
    assert landscape.measure == "test regret"
    assert len(landscape.archs) == 15_625
    assert landscape.reported.optimum == tested.max()
    assert landscape.reported.mean == pytest.approx(tested.mean())
    assert landscape.reported.worst == tested.min()
    assert landscape.full_seconds == pytest.approx(surrogate.query_many(archs, "seconds").mean())
    assert landscape.reported.n_failed == 0
    chosen = surrogate.query_many(archs, "valid_accuracy").argmax()
    assert landscape.exhaustive_mean == pytest.approx(tested.max() - tested[chosen])
    assert landscape.exhaustive_mean > 1


def test_validation_judges_where_no_test_column_was_learned(home, fitted, tmp_path):
    table = fitted.parent / "toy.parquet"
    fit(
        table,
        home.tables,
        regressor="linear",
        train=300,
        id="half",
        metrics=["valid_accuracy"],
        searches=0,
    )
    home.search("random_search", "half", 2, replicate="mean")
    (board,) = rank(find_records(home.runs))
    assert board.landscape.measure == "validation regret"
    assert notes.method(board).startswith("Validation regret: there is no test column")
    assert "the search itself saw" not in notes.method(board)


def test_large_space_is_sampled_and_its_best_is_searched_for(surrogate, large):
    best = Landscape(surrogate, "mean").reported.optimum
    landscape = Landscape(surrogate, "draw")
    assert len(landscape.archs) == 60
    assert not landscape.complete
    assert landscape.exhaustive_once is None
    archs = np.array(list(surrogate.space.archs()))
    tested = surrogate.query_many(archs, "test_accuracy")
    assert best == landscape.reported.optimum == tested.max()
    assert best > surrogate.query_many(landscape.archs, "test_accuracy").max()
    assert landscape.observed.optimum == surrogate.query_many(archs, "valid_accuracy").max()
    chosen = surrogate.query_many(archs, "valid_accuracy").argmax()
    assert landscape.exhaustive_mean == pytest.approx(tested.max() - tested[chosen])
    mean = surrogate.query_many(landscape.archs, "test_accuracy").mean()
    assert landscape.reported.mean == pytest.approx(mean)


def test_losses_are_searched_for_downwards(surrogate, large):
    class Falling(type(surrogate)):
        def query_many(self, archs, metric, **options):
            return -super().query_many(archs, metric, **options)

    column = surrogate.column("valid_accuracy")
    falling = type(column)(column.name, goal="min", split="valid")
    ends = populations.SurrogatePopulation(Falling(surrogate.path)).peaks(falling)
    best = surrogate.query_many(np.array(list(surrogate.space.archs())), column.name).max()
    assert surrogate.query_many(ends, column.name).max() == best


@pytest.mark.parametrize("replicate", ["draw", "mean"])
def test_simulated_random_search_agrees_with_the_expectation(surrogate, replicate):
    at = np.array([1, 3, 10])
    landscape = Landscape(surrogate, replicate)
    runs = search(
        "random_search", NAME, seeds=range(200), budget=Budget(trials=10), replicate=replicate
    )
    searches = [Search(Course.of(run), landscape, (1.0, 2.0)) for run in runs]
    found = [step_values(s.evaluations, np.append(0.0, s.regrets), at) for s in searches]
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(runs))
    expected = landscape.random_search(at.tolist())
    assert (np.abs(np.mean(found, axis=0) - expected) < 3.5 * error).all()
    assert landscape.is_exact == (replicate != "draw")


def test_exhaustive_search_sees_one_training_of_every_network(surrogate, few, monkeypatch):
    monkeypatch.setattr(populations, "TRAININGS", 200)
    landscape = Landscape(surrogate, "draw")
    regrets = landscape.reported.regrets(few)
    shown = [surrogate.query_many(few, "valid_accuracy", seed=200 + k) for k in range(400)]
    found = np.array([regrets[values.argmax()] for values in shown])
    error = found.std(ddof=1) * np.sqrt(1 / 400 + 1 / 200)
    assert (
        abs(found.mean() - landscape.exhaustive_once)
        < 3.5 * error
        < 0.5 * landscape.exhaustive_once
    )
    assert Landscape(surrogate, "mean").exhaustive_once is None


def test_board_says_that_it_is_a_surrogate_and_how_good(home, surrogate):
    home.search("random_search", NAME, 2)
    (board,) = rank(find_records(home.runs))
    tau = surrogate.description.judged["kendall"]
    said = " ".join(notes.warnings(board))
    assert "This is a surrogate, not a table of trainings: a linear model fitted to 300" in said
    assert "architectures of toy@1 answers every trial." in said
    assert f"On networks that it has not seen, its ranking has a Kendall tau of {tau:.2f}" in said
    assert "best of 15,625 predictions of the surrogate, not a measured value" in said
    assert "estimated from 5 drawn trainings of each of these 15,625 architectures" in said
    assert "as the surrogate's predicted mean over all trainings" in notes.method(board)
    assert "recorded" not in said + notes.method(board)
    assert notes.replicate(board) == "one training, sampled by the surrogate"


@pytest.mark.parametrize("listed", [True, False])
def test_board_of_a_surrogate_without_noise_speaks_of_no_trainings(
    home, fitted, request, monkeypatch, listed
):
    request.getfixturevalue("surrogate" if listed else "large")
    if listed:
        home.search("random_search", NAME, 1)  # a board of one with noise stands beside it
    rows = [
        {"arch": arch, "seed": 0, "valid_accuracy": 40 + 2.0 * sum(arch)}
        for arch in sorted({NB201().canonical(arch) for arch in NB201().archs()})[::50]
    ]
    home.table(rows, id="once", key="class", complete=False)
    once = home.tables / "once.parquet"
    fit(once, home.tables, regressor="linear", train=80, id="calm", searches=0)
    home.search("random_search", "calm", 2)
    board = next(b for b in rank(find_records(home.runs)) if b.question.benchmark == "calm")
    assert board.landscape.exhaustive_once is None
    assert board.landscape.is_exact == listed
    said = " ".join(notes.warnings(board))
    assert "trained again" not in said
    assert "drawn trainings" not in said
    assert notes.replicate(board).startswith("the predicted mean: the surrogate has no noise")


def test_board_of_a_large_space_says_how_its_optimum_was_found(home, surrogate, large):
    home.search("random_search", NAME, 2, replicate="mean")
    (board,) = rank(find_records(home.runs))
    said = " ".join(notes.warnings(board))
    assert "best of 60 random architectures and of local searches" in said
    assert "from the 5 best of them" in said
    assert "estimated from these 60 architectures" in said
    assert "not the whole space" not in said
    assert notes.replicate(board) == "mean over all trainings"


def test_better_than_the_optimum_is_below_zero_and_can_be_drawn(
    home, surrogate, large, monkeypatch, tmp_path
):
    monkeypatch.setattr(populations, "STARTS", 0)
    options = {"objectives": ("test_accuracy",), "replicate": "mean"}
    home.search("local_search", NAME, 3, budget=Budget(trials=150), **options)
    (board,) = rank(find_records(home.runs))
    (row,) = board.rows
    assert row.regret.mean < 0
    for plot in plots(board, drawn(board), {row.label: 0}):
        assert plot["y"]["range"][0] <= row.regret.mean
        assert plot["y"]["ticks"] == sorted(plot["y"]["ticks"])
        assert plot["y"]["ticks"][0] < 0
    (board_page,) = build(home.runs, tmp_path / "site").parent.glob("boards/*.html")
    assert "left:-" not in board_page.read_text()


def test_manifest_names_kinds_of_models_on_a_surrogate_alone(home, surrogate, guarded, small_table):
    setup = Setup(algorithm=guarded, benchmark=NAME, budget=Budget(1))
    manifest = setup.prepare().manifest
    assert manifest.family == "linear"
    assert manifest.families == ("neural network", "nearest neighbours")
    made = setup.prepare().make(0).algorithm
    assert replay(made, surrogate, budget=Budget(1)).manifest == manifest
    on_table = Setup(algorithm=guarded, benchmark="toy", budget=Budget(1)).prepare().manifest
    assert "families" not in on_table.encode()
    assert "family" not in on_table.encode()["benchmark"]


def test_algorithm_that_fits_the_family_of_the_surrogate_is_marked(
    home, surrogate, large, guarded, tmp_path
):
    home.search("random_search", NAME, 3)
    home.search(guarded, NAME, 3)
    home.search(guarded, NAME, 3, hyperparameters={"linear": True})
    (board,) = rank(find_records(home.runs))
    assert {(row.label, row.mark) for row in board.rows} == {
        ("random_search", REMARK),
        ("guarded:Fits (linear no)", REMARK),
        ("guarded:Fits (linear yes)", FAMILY + REMARK),
    }
    assert "fits the same kind of model as the surrogate" in board.footnotes[-1]
    page = build(home.runs, tmp_path / "site")
    (board_page,) = page.parent.glob("boards/*.html")
    text = " ".join(board_page.read_text().split())
    assert text.count(f">{FAMILY}{REMARK}</abbr>") == 1
    assert f"{board.footnotes[-1]}</p>" in text
    rows = json.loads((page.parent / "leaderboard.json").read_text())["boards"][0]["rows"]
    marked = [row["settings"]["linear"] for row in rows if row["fits_family_of_surrogate"]]
    assert marked == [True]


def test_board_without_a_marked_row_has_no_footnote(home, surrogate, large, guarded):
    home.search(guarded, NAME, 2)
    (board,) = rank(find_records(home.runs))
    assert board.footnotes == []


def test_families_of_our_algorithms_are_those_of_regressors():
    assert ALGORITHMS.load("lanas").families == (REGRESSORS.load("linear").family,)
    assert ALGORITHMS.load("bohb").families == ()


@pytest.mark.parametrize("name", ["mo_reward", "random_scalarization"])
def test_wrapper_fits_what_the_algorithm_inside_fits(name, guarded):
    for search_settings, last in ((None, "nearest neighbours"), ({"linear": True}, "linear")):
        made = ALGORITHMS.load(name)(
            NB201(), fidelities=(1,), seed=0, search=guarded, search_settings=search_settings
        )
        assert made.families == ("neural network", last)


@pytest.mark.usefixtures("believed")
def test_page_of_a_surrogate(home, surrogate, large, small_table, run, cells, tmp_path):
    home.search("random_search", NAME, 3)
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    page = build(home.runs, tmp_path / "site")
    pages = sorted(page.parent.rglob("*.html"))
    text = " ".join(" ".join(path.read_text() for path in pages).split())
    for said in (
        "toy-surrogate@1, 20 trials",
        "linear model fitted to 300 architectures of toy@1",
        "not a measured value",
        "estimated expectation, with replacement",
        "exact expectation, with replacement",
        "About this surrogate",
        "About this table",
        "CC0",
    ):
        assert said in text, said
    boards = json.loads((page.parent / "leaderboard.json").read_text())["boards"]
    on_surrogate, on_table = sorted(boards, key=lambda board: board["surrogate"] is None)
    assert on_surrogate["surrogate"]["family"] == "linear"
    assert on_surrogate["surrogate"]["table"]["architectures"] == 300
    assert on_surrogate["benchmark"]["dataset"] == "dots"
    assert on_surrogate["question"]["benchmark"] == NAME
    assert on_table["surrogate"] is None


def test_command_gives_the_identical_manifest(surrogate):
    setup = Setup(algorithm="random_search", benchmark=NAME, budget=Budget(5))
    manifest = setup.prepare().manifest
    assert command(manifest, range(3), surrogate) == (
        "nasbench run random_search toy-surrogate@1 --seeds 0:3 --trials 5 "
        "--set replacement=true --out runs"
    )


def test_searches_on_other_columns_have_boards(home, surrogate, large):
    home.search("random_search", NAME, 2, objectives=("test_accuracy",), replicate=7)
    (board,) = rank(find_records(home.runs))
    assert board.landscape.selected_on_test
    assert notes.replicate(board) == "training 7"
    assert "--objective test_accuracy" in command(
        board.rows[0].records.manifest, board.rows[0].seeds, surrogate
    )


def test_surrogate_that_is_missing_damaged_or_another_is_not_shown(home, surrogate, fitted):
    record = home.search("random_search", NAME, 2)

    def why():
        ranking = rank([record])
        (left,) = ranking.not_shown
        assert not ranking.boards
        assert str(home.tables) not in left.reason
        return left

    folder = home.tables / NAME
    file = folder / "curves.npz"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert "other bytes" in why().reason
    assert why().remedy == "Replace the damaged file by an undamaged copy."
    file.write_bytes(content)
    assert not rank([record]).not_shown
    shutil.rmtree(folder)
    assert f"no benchmark is called '{NAME}'" in why().reason
    fit(
        fitted.parent / "toy.parquet",
        home.tables,
        regressor="linear",
        train=310,
        id=NAME,
        searches=0,
    )
    assert "the installed one has" in why().reason
    again = home.search("random_search", NAME, 2)
    assert [row.records.folder for row in rank([record, again]).boards[0].rows] == [again.folder]
