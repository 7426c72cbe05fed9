"""Commands that make benchmarks from plans and tables: build, fetch, merge, fit; and export.

The whole of ``build`` is tested with :mod:`data_builders.builds`, of ``fit`` with
:mod:`surrogates`.
"""

import json
import re
import shutil
import sys

import pytest

from nasbench.benchmarks.catalogue import SHIPPED

BAD = {
    "unknown plan": (("build", "lite201-digit"), "did you mean 'lite201-digits'"),
    "unknown backend": (("build", "lite201-digits", "--backend", "dusk"), "did you mean 'dask'"),
    "deadline without a unit": (("build", "lite201-digits", "--deadline", "9"), "'90s'"),
    "part out of range": (("build", "lite201-digits", "--shard", "3/2"), "'1/8'"),
    "no processes": (("build", "lite201-digits", "--processes", "0"), "processes = 0"),
    "unknown image set": (("fetch", "cifar11"), "did you mean 'cifar10'"),
    "join with nothing known": (
        ("merge", "nb201-cifar10", "nb201-cifar11", "--out", "both"),
        "did you mean 'nb201-cifar10'",
    ),
    "id of a shipped table": (
        ("merge", "nb201-cifar10", "nb201-cifar100", "--out", "nb201-cifar10"),
        "'nb201-cifar10' ships with nasbench",
    ),
    "join of two spaces": (("merge", "nb201-cifar10", "nbgraph-cora", "--out", "both"), "nbgraph"),
    "join of one": (("merge", "nb201-cifar10", "--out", "both"), "at least 2"),
    "join without an id": (("merge", "nb201-cifar10", "nb201-cifar100"), "--out"),
    "fit of nothing known": (("fit", "nb201-cifar11"), "did you mean 'nb201-cifar10'"),
    "unknown regressor": (
        ("fit", "nb201-cifar10", "--regressor", "liner"),
        "did you mean 'linear'",
    ),
    "a regressor that is none": (
        ("fit", "nb201-cifar10", "--regressor", "json:JSONDecoder"),
        "a file can name only what is registered",
    ),
    "setting without value": (("fit", "nb201-cifar10", "--set", "trees"), "NAME=VALUE"),
    "surrogate of a shipped id": (
        ("fit", "nb201-cifar10", "--id", "nb201-cifar100"),
        "'nb201-cifar100' ships with nasbench",
    ),
    "a plan is missing, whatever is not installed": (("build", "nope.toml"), "no file has that"),
    "negative seed": (("fit", "nb201-cifar100", "--train", "50", "--seed", "-1"), "seed = -1"),
    "empty id": (("fit", "nb201-cifar100", "--train", "50", "--id", ""), "the id ''"),
    "empty id of a join": (("merge", "nb201-cifar10", "fcnet-naval", "--out", ""), "the id ''"),
    "empty folder": (("build", "lite201-digits", "--out", ""), "the path is empty"),
    "empty folder of the work": (("build", "lite201-digits", "--work", ""), "the path is empty"),
    "empty folder of other work": (("build", "lite201-digits", "--from", ""), "the path is empty"),
    "empty file of scores": (("build", "lite201-digits", "--scores", ""), "the path is empty"),
    "empty folder of a join": (
        ("merge", "nb201-cifar10", "nb201-cifar100", "--out", "a", "--folder", ""),
        "the path is empty",
    ),
    "empty folder of a surrogate": (("fit", "nb201-cifar100", "--out", ""), "the path is empty"),
    "export of an unknown network": (
        ("export", "0,0,0,3,0,0", "--network", "lite20", "--onnx", "a.onnx"),
        "did you mean 'lite201'",
    ),
    "export of no network": (("export", "0,0,0,3,0,0", "--onnx", "a.onnx"), "say a network"),
    "export of an illegal architecture": (
        ("export", "|nor_conv_3x3~0|", "--network", "lite201", "--state-dict", "a.npz"),
        "nor_conv_3x3",
    ),
    "export of options that are none": (
        ("export", "0,0,0,3,0,9", "--network", "lite201", "--state-dict", "a.npz"),
        "9",
    ),
    "export of an unknown size": (
        ("export", "0,0,0,3,0,0", "--network", "lite201", "--set", "chanels=3", "--pt2", "a.pt2"),
        "did you mean 'channels'",
    ),
    "export to nowhere": (("export", "0,0,0,3,0,0", "--network", "lite201"), "nothing to write"),
    "export with a wrong suffix": (
        ("export", "0,0,0,3,0,0", "--network", "lite201", "--state-dict", "a.pt"),
        "does not end in '.npz'",
    ),
    "export to an empty path": (
        ("export", "0,0,0,3,0,0", "--network", "lite201", "--pt2", ""),
        "the path is empty",
    ),
    "negative searches": (("fit", "nb201-cifar10", "--searches", "-1"), "--searches -1"),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_what_cannot_be_made(refused, arguments, expected):
    assert expected in refused(*arguments)


@pytest.mark.parametrize(
    "command",
    [
        ("build", "nope.toml"),
        ("study", "pilot", "nope.toml"),
        ("study", "precision", "nope.toml"),
        ("study", "scores", "nope.toml", "--out", "a.parquet"),
        ("study", "trajectories", "nope.toml", "--search", "a=1", "--out", "a.parquet"),
        ("fit", "nope"),
        ("study", "tune", "nope"),
        ("run", "ppo_lstm", "nope", "--trials", "1"),
        ("export", "0,0,0,3,0,0", "--network", "nope", "--onnx", "a.onnx"),
        ("export", "0,0,0,3,0,0", "--plan", "nope", "--onnx", "a.onnx"),
    ],
    ids=" ".join,
)
def test_what_is_missing_is_blamed_before_what_is_not_installed(refused, monkeypatch, command):
    ours = ("algorithms", "data_builders", "surrogates")
    for name in [name for name in sys.modules if name.startswith(tuple(f"{n}." for n in ours))]:
        monkeypatch.delitem(sys.modules, name)
    for package in ("torch", "xgboost", "optuna"):
        monkeypatch.setitem(sys.modules, package, None)
    assert " called 'nope" in refused(*command)


@pytest.mark.parametrize("plan", ["id = 1", "id = ", "[recipe]\nepochs = -1", "\x00"])
def test_a_broken_plan_is_refused(refused, tmp_path, plan):
    (tmp_path / "plan.toml").write_text(plan)
    refused("build", "plan.toml")


def test_a_folder_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("a file, no folder")
    assert "cannot write" in refused("build", "lite201-digits", "--work", "file/work")
    tables = ("nb201-cifar10", "nb201-cifar100")
    assert "cannot" in refused("merge", *tables, "--out", "both", "--folder", "file")


def test_tables_are_joined(nasbench, refused, cell, tmp_path):
    (tmp_path / "mine.csv").write_text(f"cell,good,slow\n{cell},91.5,3.25\n")
    columns = ("mine.csv", "--space", "nb201", "--arch", "cell")
    metric, latency = "valid_accuracy@12=good", "latency_phone_ms=slow"
    assert nasbench("import", "table", *columns, "--id", "a", "--metric", metric)[0] == 0
    assert nasbench("import", "table", *columns, "--id", "b", "--per-arch", latency)[0] == 0
    assert "join it to a table of trainings with 'nasbench merge'" in refused("query", "b", cell)
    code, out, error = nasbench("merge", "a", "b", "--out", "both")
    assert (code, out) == (0, f"both@1: {tmp_path}/home/both.parquet\n"), error
    assert "is one of the tables to join" in refused("merge", "both", "b", "--out", "both")
    code, out, _ = nasbench("query", "both", cell, "--json")
    assert json.loads(out) == {"valid_accuracy": 91.5, "latency_phone_ms": 3.25}
    code, out, _ = nasbench("run", "random_search", "both", "--trials", "3", "--seeds", "0:20")
    assert code == 0
    assert re.search(r"chosen by random_search +91\.50 \[91\.50, 91\.50\] +0\.00 ", out)
    assert "20 runs, 60 trials; records in runs" in out
    code, out, _ = nasbench("merge", "a", "b", "--out", "both", "--folder", "elsewhere")
    assert (code, out) == (0, "both@1: elsewhere/both.parquet\n")


def test_a_joined_table_replaces_another_only_if_it_is_said(nasbench, refused, cell, tmp_path):
    (tmp_path / "mine.csv").write_text(f"cell,good,slow\n{cell},91.5,3.25\n")
    columns = ("mine.csv", "--space", "nb201", "--arch", "cell")
    for id_, what in (
        ("a", ("--metric", "valid_accuracy@12=good")),
        ("b", ("--per-arch", "latency_phone_ms=slow")),
        ("c", ("--per-arch", "latency_phone_ms=slow*2")),
    ):
        assert nasbench("import", "table", *columns, "--id", id_, *what)[0] == 0
    path, again = tmp_path / "home" / "both.parquet", ("merge", "a", "c", "--out", "both")
    assert nasbench("merge", "a", "b", "--out", "both")[1] == f"both@1: {path}\n"
    assert "(already there)" in nasbench("merge", "a", "b", "--out", "both")[1]
    assert "holds both@1 with other numbers: say --replace" in refused(*again)
    second = path.with_name("both@2.parquet")
    assert nasbench(*again, "--version", "2")[1] == f"both@2: {second}\n"
    assert nasbench(*again, "--replace")[1] == f"both@1: {path}\n"
    assert "must not end in '.archs'" in refused("merge", "a", "b", "--out", "both.archs")


def test_a_fit_is_not_begun_that_would_replace_a_surrogate(nasbench, refused, tmp_path):
    mine = tmp_path / "home" / "mine"
    mine.parent.mkdir()
    shutil.copytree(SHIPPED / "darts-fashion-surrogate", mine)
    words = ("fit", "lite201-digits", "--id", "mine")
    assert "mine exists, and a surrogate would replace it: say so with --rep" in refused(*words)
    (mine / "notes.txt").write_text("")
    assert "notes.txt in it), and is never deleted" in refused(*words, "--replace")


def test_fetch_says_where_the_files_are(nasbench, monkeypatch, tmp_path):
    files = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setattr("data_builders.images.fetch.fetch", lambda name: files)
    assert nasbench("fetch", "cifar10")[:2] == (0, f"{files[0]}\n{files[1]}\n")


def test_a_network_is_exported_and_the_line_says_what_it_is(nasbench, refused, cell, tmp_path):
    words = ("export", cell, "--plan", "lite201-digits", "--set", "channels=4")
    words += ("--state-dict", "net.npz")
    code, out, error = nasbench(*words, "--seed", "2")
    assert code == 0, error
    line = "net.npz: lite201, images (batch, 1, 8, 8), 9,694 parameters, initial values of seed 2"
    assert out == f"{line}\n"
    assert nasbench(*words, "--seed", "2")[1] == f"{line} (already there)\n"
    assert "holds another network" in refused(*words)
    code, out, _ = nasbench(*words, "--replace")
    assert (code, out) == (0, f"{line[:-1]}0\n")
    (tmp_path / "mine.npz").write_text("mine")
    assert "never replaced" in refused(*words[:-1], "mine.npz", "--replace")


def test_export_says_what_to_install(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    words = ("export", "0,0,0,3,0,0", "--network", "lite201", "--onnx", "net.onnx")
    assert """needs 'onnx', which is not installed: in the folder""" in refused(*words)
    assert """pip install -e ".[export]\"""" in refused(*words)
