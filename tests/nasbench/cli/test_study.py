"""``nasbench study``: what the commands give to the studies, and print.

What the studies find is tested with :mod:`data_builders.studies`, :mod:`data_builders.builds` and
:mod:`surrogates`.
"""

import json
import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from nasbench.siblings import SIBLINGS
from nasbench.tables.schema import Metadata

ABOUT = Metadata(id="made", space="nb201", key="arch", dataset="", epochs={})
CORES = len(os.sched_getaffinity(0))
SEARCHES = ("--search", "random_search=1", "--out", "a.parquet")
BAD = {
    "noise of nothing known": (("noise", "lite201-digit"), "did you mean 'lite201-digits'"),
    "noise beside nothing known": (
        ("noise", "lite201-digits", "--published", "nb201-cifar1"),
        "did you mean 'nb201-cifar10'",
    ),
    "noise of a surrogate": (("noise", "darts-fashion-surrogate"), "is a surrogate, not a table"),
    "noise of an incomplete table": (
        ("noise", "darts-fashion", "--published", "darts-fashion"),
        "has no training with seed 1 of",
    ),
    "noise beside another space": (
        ("noise", "lite201-digits", "--published", "fcnet-naval"),
        "fcnet-naval has space 'fcnet', not 'nb201'",
    ),
    "curves of nothing known": (("curves", "lite201-digit"), "did you mean 'lite201-digits'"),
    "curves of a surrogate": (("curves", "darts-fashion-surrogate"), "is a surrogate, not a table"),
    "curves of a table without them": (("curves", "nb201-cifar10"), "no curve of 'valid_accuracy'"),
    "curves by an unknown method": (
        ("curves", "lite201-digits", "--method", "lc_pw"),
        "did you mean 'lc_pow'",
    ),
    "curves up to an unknown epoch": (
        ("curves", "lite201-digits", "--epoch", "9"),
        "Possible: '1', '2'",
    ),
    "curves of no seed": (("curves", "lite201-digits", "--seeds", "0:0"), "seeds '0:0' are empty"),
    "pilot of nothing known": (("pilot", "lite201-digit"), "did you mean 'lite201-digits'"),
    "pilot of a broken setting": (("pilot", "lite201-digits", "--set", "train"), "NAME=VALUE"),
    "pilot of an unknown setting": (
        ("pilot", "lite201-digits", "--set", "trian=64"),
        "did you mean 'train'",
    ),
    "pilot of few classes": (("pilot", "lite201-digits", "--classes", "4"), "at least 8 and 2"),
    "pilot with an unknown trainer": (
        ("pilot", "lite201-digits", "--classes", "8", "--trainer", "bached"),
        "did you mean 'batched'",
    ),
    "pilot in no process": (("pilot", "lite201-digits", "--processes", "0"), "processes = 0"),
    "precision of nothing known": (("precision", "lite201-digit"), "did you mean 'lite201-digits'"),
    "precision of one seed": (("precision", "lite201-digits", "--seeds", "1"), "tell nothing"),
    "precision on no device": (
        ("precision", "lite201-digits", "--device", "tpu"),
        "did you mean 'cpu'",
    ),
    "scores of nothing known": (
        ("scores", "lite201-digit", "--out", "a.parquet"),
        "did you mean 'lite201-digits'",
    ),
    "scores to an empty path": (("scores", "lite201-digits", "--out", ""), "the path is empty"),
    "trajectories of empty work": (
        ("trajectories", "lite201-digits", *SEARCHES, "--work="),
        "the path is empty",
    ),
    "tuning with a negative seed": (("tune", "nb201-cifar10", "--seed", "-1"), "seed = -1"),
    "tuning with a seed too large": (("tune", "nb201-cifar10", "--seed", "9" * 12), "seed = 99"),
    "scores to nowhere": (("scores", "lite201-digits"), "--out"),
    "scores to no table": (("scores", "lite201-digits", "--out", "a.csv"), "end with .parquet"),
    "scores of no seed": (
        ("scores", "lite201-digits", "--out", "a.parquet", "--seeds", "0"),
        "seeds = 0",
    ),
    "ranks of nothing known": (
        ("ranks", "no-scores", "lite201-digits"),
        "no benchmark is called 'no-scores'",
    ),
    "ranks beside another space": (
        ("ranks", "lite201-digits", "lite201-digits", "--published", "fcnet-naval"),
        "fcnet-naval has space 'fcnet', not 'nb201'",
    ),
    "trajectories of nothing known": (("trajectories", "dart", *SEARCHES), "'darts-fashion'"),
    "no trajectory": (("trajectories", "darts-fashion", "--out", "a.parquet"), "--search"),
    "malformed search": (
        ("trajectories", "darts-fashion", "--search", "local_search", "--out", "a.parquet"),
        "search 'local_search' is not of the form",
    ),
    "trajectories with a broken deadline": (
        ("trajectories", "darts-fashion", *SEARCHES, "--deadline", "9"),
        "deadline '9' is not of the form",
    ),
    "trajectories with a broken setting": (
        ("trajectories", "darts-fashion", *SEARCHES, "--set", "epochs"),
        "NAME=VALUE",
    ),
    "trajectories repeated less than never": (
        ("trajectories", "darts-fashion", *SEARCHES, "--repeat", "-1"),
        "repeat = -1",
    ),
    "tuning on nothing known": (("tune", "nb201-cifar1"), "did you mean 'nb201-cifar10'"),
    "tuning of nothing known": (
        ("tune", "nb201-cifar10", "--regressor", "xbg"),
        "did you mean 'xgb'",
    ),
    "a supernet and a few classes": (
        ("supernet", "lite201-digits", "--method", "darts", "--classes", "7"),
        "greater than or equal to 8",
    ),
    "tuning without trials": (("tune", "nb201-cifar10", "--trials", "0"), "trials = 0"),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_what_cannot_be_studied(refused, arguments, expected):
    assert expected in refused("study", *arguments)


@pytest.fixture
def stand_in(monkeypatch):
    """``stand_in(place, result)`` replaces a function; gives the mock that was called."""

    def replaced(name, result):
        mock = Mock(return_value=result)
        monkeypatch.setattr(SIBLINGS[name].replace(":", "."), mock)
        return mock

    return replaced


def test_noise(nasbench, stand_in):
    made = stand_in("noise", "a table")
    assert nasbench("study", "noise", "lite201-fashion") == (0, "a table\n", "")
    assert [table.name for table in made.call_args.args] == ["lite201-fashion", "nb201-cifar10"]


def test_noise_of_a_shipped_table(nasbench):
    code, out, _ = nasbench("study", "noise", "lite201-digits")
    assert code == 0
    assert out.startswith(
        "| what | value |\n|---|---|\n| classes / functions, seeds | 5,260 / 5,044, 3 |\n"
    )


def test_curves(nasbench):
    options = ("--method", "lc_last", "--epoch", "2", "--epoch", "7", "--seeds", "0:2")
    code, out, _ = nasbench("study", "curves", "lite201-fashion", *options[:4], "--archs", "20")
    assert code == 0
    assert out.startswith("| epoch | 2 |\n|---|--:|\n| lc_last | 0.")
    code, out, _ = nasbench("study", "curves", "lite201-digits", *options, "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["method"], row["epoch"]) for row in rows] == [("lc_last", 2), ("lc_last", 7)]
    assert rows[0]["kendall"] < rows[1]["kendall"] <= 1
    assert rows[0]["points"] > rows[1]["points"] > 0


def test_pilot(nasbench, stand_in):
    made = stand_in("pilot", "a table")
    changes = ("--set", "train=64", "--set", "dataset=digits")
    assert nasbench("study", "pilot", "lite201-digits", *changes, "--seeds", "3") == (
        0,
        "a table\n",
        "",
    )
    assert made.call_args.args == ("lite201-digits", {"train": 64, "dataset": "digits"})
    assert made.call_args.kwargs == {
        "classes": 64, "seeds": 3, "processes": CORES, "trainer": "reference"
    }  # fmt: skip


def test_precision(nasbench, stand_in):
    made = stand_in("precision", "a table")
    options = ("--classes", "9", "--processes", "1", "--device", "cpu")
    assert nasbench("study", "precision", "lite201-digits", *options) == (0, "a table\n", "")
    made.assert_called_once_with("lite201-digits", classes=9, seeds=2, processes=1, device="cpu")


def test_scores(nasbench, stand_in):
    made = stand_in("scores", ABOUT)
    options = ("--out", "some/made.parquet", "--seeds", "2")
    assert nasbench("study", "scores", "lite201-digits", *options) == (
        0,
        "made@1: some/made.parquet\n",
        "",
    )
    assert made.call_args.args == ("lite201-digits", Path("some/made.parquet"))
    made.call_args.kwargs.pop("progress")
    assert made.call_args.kwargs == {"seeds": 2, "processes": CORES, "replace": False}


def test_ranks(nasbench):
    code, out, _ = nasbench("study", "ranks", "lite201-digits", "lite201-fashion")
    assert code == 0
    assert out.startswith("| score | classes | lite201-fashion | nb201-cifar10 | median ms |\n")


def test_trajectories(nasbench, stand_in):
    made = stand_in("trajectories", ABOUT)
    options = ("--search", "a=1", "--search", "b@c=2x3", "--out", "made.parquet", "--repeat", "5")
    more = ("--set", "epochs=1", "--work", "shelf", "--deadline", "9m", "--processes", "2")
    code, out, _ = nasbench("study", "trajectories", "lite201-digits", *options, *more)
    assert (code, out) == (0, "made@1: made.parquet\n")
    made.call_args.kwargs.pop("progress")("a remark")
    assert made.call_args.args == ("lite201-digits", ["a=1", "b@c=2x3"], Path("made.parquet"))
    assert made.call_args.kwargs == {
        "changes": {"epochs": 1}, "repeat": 5, "work": Path("shelf"), "processes": 2,
        "seconds": 540, "replace": False,
    }  # fmt: skip


def test_trajectories_that_are_not_finished(nasbench, stand_in):
    stand_in("trajectories", None)
    code, out, _ = nasbench("study", "trajectories", "darts-fashion", *SEARCHES)
    assert (code, out) == (0, "the time was not enough: the same command goes on\n")


def test_tune_prints_the_command_that_uses_what_was_found(nasbench):
    table = ("lite201-digits", "--regressor", "knn")
    some = ("--trials", "4", "--train", "100", "--seed", "7")
    code, out, error = nasbench("study", "tune", *table, *some)
    assert code == 0
    assert "4/4" in error
    told, command = out.splitlines()
    assert told.startswith("Kendall tau 0.")
    fit = command.split()
    assert fit[:6] == ["nasbench", "fit", *table, "--set"]
    assert fit[6].startswith("k=")
    assert fit[7:] == ["--train", "100", "--seed", "7"]
    assert nasbench(*fit[1:], "--searches", "0")[0] == 0


def test_settings_are_printed_as_set_takes_them(nasbench, stand_in):
    from surrogates.tune import Tuned

    settings = {"kind": "nu", "C": 0.123456, "depth": 3}
    stand_in("tune", Tuned(settings, 0.5, 0.25))
    _, out, _ = nasbench("study", "tune", "nb201-cifar10", "--regressor", "svr")
    assert out == (
        "Kendall tau 0.5000 (defaults 0.2500) on the networks it was tuned on\n"
        "nasbench fit nb201-cifar10 --regressor svr --set 'kind=\"nu\"' --set C=0.123456 "
        "--set depth=3\n"
    )
