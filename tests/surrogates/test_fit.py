import json

import numpy as np
import pytest

import nasbench
from nasbench.cli import main
from nasbench.errors import (
    InvalidArgumentError,
    SchemaError,
    SurrogateError,
    UnknownNameError,
)
from surrogates.fit import fit, refuse_if_worse


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


def test_searches_are_compared_where_the_table_is_complete(digits):
    found = digits.comparison
    assert found.table.finals.shape == found.surrogate.finals.shape == (6, 3)
    assert -1 <= found.rank_correlation <= 1
    assert set(found.reversed) <= set(found.separated)


def test_the_card_says_what_was_judged(digits):
    card = (digits.path / "README.md").read_text()
    assert f"{digits.description.judged['kendall']:.3f}" in card
    assert "nearest neighbours" in card
    assert "600 architectures of `lite201-digits@" in card


def test_equal_fits_have_equal_hashes(published, tmp_path):
    again = fit("nb201-cifar10", tmp_path, regressor="random_forest", train=600, searches=0)
    assert again.description.content_hash == published.description.content_hash
    other = fit("nb201-cifar10", tmp_path, regressor="random_forest", train=600, searches=0, seed=1)
    assert other.description.content_hash != published.description.content_hash


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
        fit("nb201-cifar10", tmp_path, train=2000, **constant)
    assert not list(tmp_path.iterdir())


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
        ({"components": 0}, InvalidArgumentError, "at least 1"),
        ({"id": "a/b"}, SchemaError, "letters"),
        ({"hyperparameters": {"tree": 3}}, UnknownNameError, "did you mean 'trees'"),
    ],
)
def test_bad_arguments_publish_nothing(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        fit("nb201-cifar10", tmp_path, **{"regressor": "random_forest", **arguments})
    assert not list(tmp_path.iterdir())


def test_a_fitted_folder_is_replaced_whole(tmp_path):
    first = fit("nb201-cifar10", tmp_path, regressor="linear", train=300, searches=0, id="mine")
    (first.path / "left over").write_text("")
    second = fit("nb201-cifar10", tmp_path, regressor="linear", train=400, searches=0, id="mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert not (second.path / "left over").exists()


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path))

    def command(*words):
        monkeypatch.setattr("sys.argv", ["nasbench", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, capsys.readouterr()

    code, said = command(
        "fit", "nb201-cifar10", "--regressor", "linear", "--train", "300", "--searches", "2"
    )
    assert code == 0
    assert "noise ceiling" in said.out
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
        code, said = command("fit", *words, "--replace")
        assert code == 2
        assert message in said.err
        assert said.err.count("\n") == 1
