import json
import random
from contextlib import nullcontext

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import nasbench
from nasbench.benchmarks import facts
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.cli import main
from nasbench.errors import (
    InvalidArgumentError,
    NotRecordedError,
    SchemaError,
    SurrogateError,
    UnknownNameError,
)
from nasbench.testing import check_benchmark
from surrogates.exploits import Exploits
from surrogates.fit import fit, refuse_if_exploited, refuse_if_worse
from surrogates.noise import Noise
from surrogates.predictor import Predictor


def test_what_is_judged_is_what_is_published(digits):
    benchmark = nasbench.load(digits.path)
    table = nasbench.load("lite201-digits")
    archs = np.array([table.space.unrank(rank) for rank in np.unique(table.table.ranks).tolist()])
    truth = table.query_many(archs, "valid_accuracy")
    found = benchmark.query_many(archs, "valid_accuracy")
    r2 = 1 - np.square(truth - found).sum() / np.square(truth - truth.mean()).sum()
    assert r2 == pytest.approx(digits.description.judged["r2"], abs=0.05)
    assert digits.description.judged["kendall"] > digits.baseline["kendall"]
    assert [*digits.figures["unseen networks"]] == list(range(1, 9))
    assert "the best tenth" in digits.figures


def test_searches_are_compared(digits):
    found = digits.comparison
    assert found.table.finals.shape == found.surrogate.finals.shape == (6, 2)


def test_searches_that_it_misleads_are_counted(digits):
    assert len(digits.exploits.too_good) == 12
    assert digits.description.judged["led_astray"] == digits.exploits.share
    (line, *_) = digits.lines()
    assert "of 12 searches" in line
    card = (digits.path / "README.md").read_text()
    assert line in card
    assert "| random_search |" in card
    assert "new trainings would give less" in card
    assert nasbench.load(digits.path).query((0,) * 6)


def test_without_searches_it_says_that_it_is_untested(published):
    assert "led_astray" not in published.description.judged
    assert published.lines() == [
        "No search has tested the surrogate: whether its errors mislead one is unknown."
    ]
    assert published.lines()[0] in (published.path / "README.md").read_text()


def test_the_card_says_what_was_judged(digits):
    card = (digits.path / "README.md").read_text()
    assert f"{digits.description.judged['kendall']:.3f}" in card
    assert "nearest neighbours" in card
    assert "600 architectures of `lite201-digits@" in card


def test_equal_fits_have_equal_hashes(published, tmp_path):
    asked = {"regressor": "random_forest", "train": 600, "searches": 0}
    again = fit("nb201-cifar10", tmp_path, **asked)
    assert again.description.content_hash == published.description.content_hash
    other = fit("nb201-cifar10", tmp_path / "other", **asked, seed=1)
    assert other.description.content_hash != published.description.content_hash


def test_a_fit_does_not_depend_on_the_number_of_threads(tmp_path):
    def fitted(threads):
        with threadpool_limits(threads):
            made = fit("nb201-cifar10", tmp_path / str(threads), **asked)
        return made.description.content_hash

    asked = {"regressor": "linear", "train": 250, "components": 1, "searches": 0}
    assert fitted(1) == fitted(2)


def test_no_pickle_in_the_folder(digits, published):
    for verdict in (digits, published):
        files = [path for path in verdict.path.rglob("*") if path.is_file()]
        assert {path.suffix for path in files} <= {".json", ".npz", ".ubj", ".md"}
        for path in files:
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    assert all(arrays[name].dtype != object for name in arrays)


def test_worse_than_neighbours_is_not_published(tmp_path):
    constant = {"regressor": "random_forest", "hyperparameters": {"trees": 1, "depth": 1}}
    with pytest.raises(SurrogateError, match="is not published"):
        fit("nb201-cifar10", tmp_path / "home", train=2000, **constant)
    assert not list(tmp_path.iterdir())


def test_what_learns_no_finite_numbers_is_refused_in_one_sentence(single, tmp_path):
    """Warnings, which this suite turns into errors, would be lines of the source to a user."""
    wild = {"regressor": "mlp", "hyperparameters": {"learning_rate": 1e5, "epochs": 1}}
    with pytest.raises(SurrogateError, match=r"mlp reaches r2 .* is not published"):
        fit(single, tmp_path, train=100, searches=0, **wild)


FOREST = {"regressor": "random_forest", "hyperparameters": {"trees": 20}}


def test_what_leads_searches_astray_is_not_published(single, tmp_path, monkeypatch):
    def model_error(v):
        """What was taken for noise before: errors of predictions."""
        return Noise(np.zeros(1), np.ones(1), np.zeros((0, v)), np.full(v, 1.0))

    monkeypatch.setattr(Noise, "none", model_error)
    with pytest.raises(SurrogateError, match=r"of 6 searches .* led astray .* not published"):
        fit(single, tmp_path / "home", train=300, searches=1, **FOREST)
    assert not list(tmp_path.iterdir())


def test_of_single_trainings_draws_are_the_mean(single, tmp_path):
    made = fit(single, tmp_path, train=300, searches=1, **FOREST)
    assert made.description.repeated == made.exploits.share == 0
    benchmark = nasbench.load(made.path)
    archs = np.array([benchmark.space.sample(random.Random(seed)) for seed in range(50)])
    drawn = benchmark.query_many(archs, "valid_accuracy", seed=7)
    np.testing.assert_array_equal(drawn, benchmark.query_many(archs, "valid_accuracy"))
    asked = {"seeds": range(2), "budget": nasbench.Budget(trials=30)}
    drawn, means = (
        nasbench.search("local_search", made.path, replicate=replicate, **asked)
        for replicate in ("draw", "mean")
    )
    assert [run.losses.tolist() for run in drawn] == [run.losses.tolist() for run in means]
    card = (made.path / "README.md").read_text()
    assert "**Noise** none, since too few architectures were trained twice" in card
    assert facts.surrogate_facts(benchmark)["noise"].startswith("none")


@pytest.mark.parametrize(
    ("astray", "of", "refused"), [(1, 6, 0), (2, 6, 1), (6, 120, 0), (7, 120, 1)]
)
def test_one_accident_or_one_in_twenty_is_tolerated(astray, of, refused):
    none = np.zeros(of, dtype=bool)
    found = Exploits(np.arange(of) < astray, none, none)
    with pytest.raises(SurrogateError, match="led astray") if refused else nullcontext():
        refuse_if_exploited(found, "xgb")


def test_noise_of_repeated_trainings_is_declared(digits):
    assert digits.description.repeated == 600
    assert "**Noise** measured on 600 architectures" in (digits.path / "README.md").read_text()


@pytest.mark.parametrize("name", ["r2", "kendall"])
def test_not_a_number_is_worse_than_anything(name):
    good = {"r2": 0.5, "kendall": 0.5}
    refuse_if_worse(good, good, "xgb")
    with pytest.raises(SurrogateError, match=name):
        refuse_if_worse(good | {name: float("nan")}, good, "xgb")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"train": 5}, InvalidArgumentError, "at least 10"),
        ({"train": 0}, InvalidArgumentError, "positive integer"),
        ({"regressor": "xbg"}, UnknownNameError, "did you mean 'xgb'"),
        ({"metrics": ["accuracy"]}, UnknownNameError, "valid_accuracy"),
        ({"components": 0}, InvalidArgumentError, "components = 0 is not an integer from 1 to 1,0"),
        ({"components": 2 * 10**6}, InvalidArgumentError, "integer from 1 to 1,000,000"),
        (
            {"regressor": "svr", "hyperparameters": {"C": 2e6}},
            InvalidArgumentError,
            r"hyperparameters = \{'C': 2000000.0\} is not .* numbers up to 1,000,000",
        ),
        ({"id": "a/b"}, SchemaError, "letters"),
        ({"searches": -1}, InvalidArgumentError, "searches = -1 must be an integer from 0"),
        ({"searches": "a"}, InvalidArgumentError, "searches = 'a' must be an integer from 0"),
        ({"hyperparameters": {"tree": 3}}, UnknownNameError, "did you mean 'trees'"),
    ],
)
def test_bad_arguments_publish_nothing(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        fit("nb201-cifar10", tmp_path / "home", **{"regressor": "random_forest", **arguments})
    assert not list(tmp_path.iterdir())


def test_a_fitted_folder_is_replaced_whole_if_that_is_said(single, tmp_path):
    def made(**options):
        return fit(single, tmp_path, train=300, searches=0, id="mine", **FOREST, **options)

    first = made()
    with pytest.raises(InvalidArgumentError, match=r"mine exists.*replace=True"):
        made()
    assert made(replace=True).description == first.description
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    (first.path / "notes.txt").write_text("mine, too")
    with pytest.raises(InvalidArgumentError, match=r"notes\.txt in it.*never deleted"):
        made(replace=True)
    assert (first.path / "notes.txt").read_text() == "mine, too"


def test_what_is_no_surrogate_is_never_replaced(single, tmp_path):
    kept = tmp_path / "mine" / "thesis.tex"
    kept.parent.mkdir()
    kept.write_text("years of work")
    with pytest.raises(InvalidArgumentError, match=r"not a surrogate .*no surrogate\.json"):
        fit(single, tmp_path, train=300, searches=0, id="mine", replace=True, **FOREST)
    assert kept.read_text() == "years of work"


def test_a_damaged_surrogate_is_not_replaced(single, tmp_path):
    damaged = tmp_path / "mine" / "surrogate.json"
    damaged.parent.mkdir()
    damaged.write_text("[" * 100_000)
    with pytest.raises(InvalidArgumentError, match=r"nested more than 64 deep.*move it away"):
        fit(single, tmp_path, train=300, searches=0, id="mine", replace=True, **FOREST)
    assert damaged.exists()


def test_changed_answers_raise_the_version(single, tmp_path):
    def version(train):
        options = {"train": train, "searches": 0, "id": "mine", "replace": True}
        made = fit(single, tmp_path, **options, **FOREST)
        return made.description.version

    assert [version(train) for train in (300, 310, 310)] == [1, 2, 2]
    (tmp_path / "mine" / "surrogate.json").write_text("{")
    with pytest.raises(InvalidArgumentError, match=r"\.json is not a description.*never dele"):
        version(310)


def test_what_could_not_be_opened_is_not_fitted(toy, worth, tmp_path):
    path = toy("long", {"valid_accuracy": lambda a, s: [worth[a]] * 1_200}, epochs=1_200)
    with pytest.raises(
        InvalidArgumentError, match=r"epochs = .* is not a list of 1 to 1,000 epochs"
    ):
        fit(path, tmp_path / "home", searches=0, **FOREST)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_opened_is_not_published(single, tmp_path, monkeypatch):
    save = Predictor.save

    def damaged(self, folder):
        save(self, folder)
        (folder / "coefficient-0" / "forest.npz").write_bytes(b"")

    monkeypatch.setattr(Predictor, "save", damaged)
    with pytest.raises(SurrogateError, match="cannot read"):
        fit(single, tmp_path, searches=0, **FOREST)
    assert not list(tmp_path.iterdir())


def test_seconds_of_whole_trainings_are_predicted(toy, worth, tmp_path):
    columns = {
        "valid_accuracy": lambda a, s: [worth[a] - 4 + i for i in range(4)],
        "seconds": lambda a, s: 10.0 + sum(a),
    }
    path = toy("seconds-at-the-end", columns, epochs=4)
    opened = nasbench.load(fit(path, tmp_path, searches=0, **FOREST).path)
    whole, half = (opened.query((3,) * 6, epoch=epoch)["seconds"] for epoch in (4, 2))
    assert whole == pytest.approx(28, abs=3)
    assert half == pytest.approx(whole / 2)


def test_where_logarithms_are_learned_they_are_judged(tmp_path):
    """Of raw errors, a few of the largest decide R2: it would not be published."""
    made = fit("fcnet-slice", tmp_path, regressor="linear", train=1_000, searches=0, seed=1)
    judged, baseline = made.description.judged, made.baseline
    assert judged["r2"] < baseline["r2"]
    assert judged["r2_log"] > baseline["r2_log"] + 0.1
    card = (made.path / "README.md").read_text()
    assert "R² of logarithms" in card
    assert "Logarithms were learned" in card


@pytest.fixture(scope="module")
def tested(toy, worth, tmp_path_factory):
    """A surrogate that predicts test accuracies only."""
    path = toy("tested", {"test_accuracy": lambda arch, seed: worth[arch]}, default=None)
    return fit(path, tmp_path_factory.mktemp("tested"), searches=1, **FOREST)


def test_a_test_column_must_be_asked_for(tested):
    opened = nasbench.load(tested.path)
    assert tested.description.default_objective is opened.default_objective is None
    assert opened.objectives == ()
    budget = nasbench.Budget(trials=3)
    with pytest.raises(NotRecordedError, match=r"no validation column; ask .* 'test_accuracy'"):
        nasbench.search("random_search", tested.path, budget=budget)
    (run,) = nasbench.search(
        "random_search", tested.path, budget=budget, objectives=["test_accuracy"]
    )
    assert run.manifest.test_objectives == ("test_accuracy",)
    assert "## How well it predicts test_accuracy" in (tested.path / "README.md").read_text()


def test_without_an_objective_it_keeps_the_contract(tested):
    check_benchmark(nasbench.load(tested.path))
    check_benchmark(nasbench.load(tested.path, objectives=["test_accuracy"]))


def test_the_objective_of_the_table_is_that_of_the_surrogate(toy, worth, tmp_path):
    columns = {
        "valid_loss": lambda arch, seed: 5 - worth[arch] / 25,
        "test_accuracy": lambda arch, seed: worth[arch],
    }
    made = fit(toy("of-loss", columns, default="valid_loss"), tmp_path, searches=0, **FOREST)
    assert nasbench.load(made.path).objectives == ("valid_loss",)
    assert [*made.description.columns] == ["valid_loss", "test_accuracy"]


def test_what_is_left_out_is_declared(toy, worth, tmp_path, monkeypatch, capsys):
    archs = sorted(worth)

    def curve(arch, holes):
        return [worth[arch], float("nan") if arch in holes else worth[arch]]

    columns = {
        "valid_accuracy": lambda arch, seed: curve(arch, archs[:20]),
        "test_accuracy": lambda arch, seed: curve(arch, archs[:120]),
    }
    path = toy("gaps", columns, epochs=2, diverged=lambda arch, seed: arch in archs[:20])
    steps = []
    made = fit(path, tmp_path, searches=0, progress=steps.append, **FOREST)
    left_out = "120 of 366 architectures left out: 20 diverged, 100 miss test_accuracy"
    assert made.description.left_out == left_out
    assert left_out in steps[0]
    card = (made.path / "README.md").read_text()
    assert f"; {left_out}. Only finished trainings are imitated" in card
    assert Description.read(made.path) == made.description
    assert facts.surrogate_facts(nasbench.load(made.path))["left out"] == left_out
    words = ["fit", str(path), "--regressor", "knn", "--searches", "0", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["nasbench", *words, "--id", "again"])
    with pytest.raises(SystemExit):
        main()
    assert left_out in capsys.readouterr().out


def test_the_card_says_how_many_each_split_learned_from(digits, tmp_path):
    rows = (digits.path / "README.md").read_text().splitlines()
    assert "| judged on | learned from | epoch |" in "\n".join(rows)
    made = fit("darts-fashion", tmp_path, regressor="knn", metrics=["valid_accuracy"], searches=0)
    assert made.learned_from == {
        "unseen networks": 320,
        "the best tenth": 320,
        "without local_search": 280,
        "without random_search": 240,
        "without regularized_evolution": 280,
    }
    card = (made.path / "README.md").read_text()
    assert "| without random_search | 240 | 4 |" in card
    assert "| nearest neighbours | 320 | 4 |" in card


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path))

    def command(*words):
        monkeypatch.setattr("sys.argv", ["nasbench", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, capsys.readouterr()

    code, said = command(
        *("fit", "nb201-cifar10", "--train", "300", "--searches", "1"),
        *("--regressor", "xgb", "--set", "rounds=60"),
    )
    assert code == 0
    assert "τ between two trainings" in said.out
    assert "led astray" in said.out
    assert "nb201-cifar10-surrogate@1" in said.out
    code, said = command("query", "nb201-cifar10-surrogate", "3,3,3,1,3,2", "--seed", "5", "--json")
    assert code == 0
    assert 0 <= json.loads(said.out)["valid_accuracy"] <= 100
    for words in (("info",), ("check",), ("query",)):
        arch = ("3,3,3,1,3,2",) if words == ("query",) else ()
        assert command(*words, "nb201-cifar10-surrogate", *arch)[0] == 0
    assert "nb201-cifar10-surrogate@1" in command("list")[1].out
    code, said = command("fit", "nb201-cifar10", "--regressor", "linear")
    assert (code, "a surrogate would replace it: say so with --replace" in said.err) == (2, True)
    for words, message in (
        (("nb201-cifar1",), "nb201-cifar10"),
        (("nb201-cifar10", "--regressor", "liner"), "did you mean 'linear'"),
        (("nb201-cifar10-surrogate",), "is a surrogate, not a table"),
        (("nb201-cifar10", "--id", "nb201-cifar10"), "choose another id"),
        (("nb201-cifar10", "--train", "15620", "--regressor", "linear"), "at least 10"),
    ):
        code, said = command("fit", *words, "--replace", "--out", str(tmp_path / "new"))
        assert code == 2
        assert not (tmp_path / "new").exists()
        assert message in said.err
        assert said.err.count("\n") == 1
