import json
import os
import subprocess
import sys
from math import hypot

import numpy as np
import pytest
from scored_programs import BY_HEART, HEAD, LOCAL

from leaderboard.landscape import Landscape
from leaderboard.scoring import child
from leaderboard.scoring.score import score
from leaderboard.scoring.suite import SUITE, TRIALS
from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.benchmarks.loading import load
from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError


@pytest.fixture
def program(tmp_path):
    def write(source):
        path = tmp_path / "program.py"
        path.write_text(source)
        return str(path)

    return write


def near(found, name, value, errors=3.5):
    return abs(found[name] - value) < errors * found[f"{name}_standard_error"]


@pytest.mark.parametrize("question", SUITE, ids=lambda question: question.benchmark)
def test_the_scale_is_that_of_boards_by_validation(question):
    benchmark = load(SHIPPED / f"{question.benchmark.partition('@')[0]}.parquet")
    assert f"{benchmark.name}@{benchmark.version}" == question.benchmark
    landscape = Landscape(benchmark, "draw")
    landscape.reported = landscape.observed
    (regret,) = landscape.random_search([TRIALS])
    assert landscape.is_exact
    assert regret == pytest.approx(question.random_regret, rel=1e-12)
    losses = np.asarray(question.open().columns(None, None).losses)
    optimum = landscape.observed.optimum
    best = 100 - optimum if landscape.observed.column.goal == "max" else optimum
    assert losses.min() == pytest.approx(best, rel=1e-6)


def test_random_search_scores_zero_twice():
    found = score("random_search", seeds=60)
    assert near(found, "score", 0)
    assert near(found, "hidden_score", 0)
    assert near(found, "memorisation", 0)
    assert found["score_standard_error"] < 0.04
    assert found["repeatable"]
    for one in found["benchmarks"].values():
        assert near(one, "score", 0)
        assert near(one, "hidden_score", 0)


def test_an_honest_search_scores_the_same_on_hidden_instances():
    found = score(
        "regularized_evolution", seeds=50, hyperparameters={"population": 20, "sample": 5}
    )
    assert found["score"] > 0.2
    assert found["hidden_score"] > 0.2
    assert near(found, "memorisation", 0)


def test_what_is_known_by_heart_earns_nothing_on_hidden_instances(program):
    best = []
    for question in SUITE:
        index = question.open()
        position = np.argmin(np.asarray(index.columns(None, None).losses))
        rank = np.flatnonzero(np.asarray(index.positions) == position)[0]
        best.append(index.benchmark.space.unrank(int(rank)))
    found = score(program(BY_HEART.format(BEST=best)), seeds=30)
    assert found["score"] > 0.85
    assert near(found, "hidden_score", 0)
    assert found["memorisation"] > 0.7
    assert found["memorisation"] == pytest.approx(found["score"] - found["hidden_score"], abs=2e-6)
    parts = hypot(found["score_standard_error"], found["hidden_score_standard_error"])
    assert found["memorisation_standard_error"] < 2 * parts


def test_names_of_operations_are_of_no_use(program):
    source = f"{HEAD}        self.space.decisions[0].labels.index('nor_conv_3x3')\n" + (
        "        return Proposal(arch)\n"
    )
    found = score(program(source), seeds=2)
    assert "score" not in found
    error = found["error"]
    assert (error["kind"], error["line"]) == ("crash", 6)
    assert error["instance"] == "public"
    assert error["benchmark"] == "fcnet-protein@1"


def test_the_command_prints_one_object(program):
    path = program(f"print('{{')\n{LOCAL}        print('noise')\n")
    words = [sys.executable, "-m", "nasbench", "score", f"{path}:Mine", "--seeds", "2"]
    done = [
        subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    one, other = (json.loads(each.stdout) for each in done)
    assert one.pop("seconds") > 0
    assert other.pop("seconds") > 0
    assert one == other
    assert one["algorithm"] == f"{path}:Mine"
    assert "noise" in done[0].stderr


def test_an_error_is_an_object_and_exit_code_1(program):
    path = program("def ask(:\n")
    words = [sys.executable, "-m", "nasbench", "score", path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1
    assert not done.stderr
    assert (error["kind"], error["line"], error["instance"]) == ("import", 1, "public")


def test_linear_algebra_takes_one_thread(program):
    pools = "[pool['num_threads'] for pool in threadpool_info()]"
    head = "from threadpoolctl import threadpool_info\nimport scipy.linalg\n"
    found = score(program(f"{head}raise ValueError({pools})\n"))
    threads = json.loads(found["error"]["message"].removeprefix("ValueError: "))
    assert set(threads) == {1}


def test_a_module_of_a_folder_without_init_is_watched(tmp_path, monkeypatch):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/mine.py").write_text("import leaderboard.scoring.suite\n" + LOCAL)
    monkeypatch.chdir(tmp_path)
    for target in ("programs/mine.py", "programs.mine:Mine"):
        assert score(target, seeds=2)["error"]["kind"] == "peek"


def test_a_limit_of_the_machine_is_none_of_the_program():
    code = (
        "import resource, json; from leaderboard.scoring.score import score; "
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); "
        "print(json.dumps(score('random_search', seeds=2, memory=2**20)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert "score" in json.loads(done.stdout)


def test_a_missing_table_of_the_suite_is_refused(monkeypatch):
    task = {"target": "random_search", "hidden": False}
    scoring = child.Scoring(task, -1)
    ended = []

    def end(result):
        ended.append(result)
        raise SystemExit

    def missing(self):
        raise UnknownNameError("no benchmark is called 'x'")

    monkeypatch.setattr(scoring, "_end", end)
    monkeypatch.setattr(type(SUITE[0]), "open", missing)
    with pytest.raises(SystemExit):
        scoring.run()
    assert ended == [{"refused": "no benchmark is called 'x'"}]


def test_a_program_that_dies_is_a_crash(program):
    path = program("import os\nos.kill(os.getpid(), 11)\n")
    error = score(path)["error"]
    assert error["kind"] == "crash"
    assert "SIGSEGV" in error["message"]


def test_a_program_that_hears_no_alarm_is_killed(program, monkeypatch):
    monkeypatch.setattr("leaderboard.scoring.processes._START", 1e4)
    monkeypatch.setattr("leaderboard.scoring.processes._REPORT", 1.0)
    source = "import signal, time\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ntime.sleep(60)\n"
    error = score(program(source), seconds=0.1)["error"]
    assert error["kind"] == "hang"
    assert "deaf" in error["message"]


def test_a_machine_too_slow_to_start_is_no_fault_of_the_program(monkeypatch):
    monkeypatch.setattr("leaderboard.scoring.processes._START", 0.01)
    with pytest.raises(NasbenchError, match=r"not begun after 0\.01 seconds"):
        score("random_search", seeds=2)


def test_what_a_program_prints_is_cut(program, capfd):
    source = f"{HEAD}        print('é' * 999); print('last', flush=True)\n"
    found = score(program(f"{source}        return Proposal(arch)\n"), seeds=2)
    assert "score" in found
    _, shown = capfd.readouterr()
    *_, cut, told = shown.splitlines()
    assert set(cut) <= set("élast\ufffd")
    assert len(shown.encode()) < 2**16
    printed = 11 * 100 * (2 * 999 + 1 + 5)  # 2 searches of 5 tables, and the first again
    assert told == f"{printed - 60_000:,} more bytes that the program printed are not shown"


def test_a_file_has_a_largest_size(program):
    source = "import resource\nraise ValueError(resource.getrlimit(resource.RLIMIT_FSIZE)[0])\n"
    assert score(program(source))["error"]["message"] == f"ValueError: {2**24}"


@pytest.mark.parametrize(
    ("target", "settings", "kind", "told"),
    [
        ("nowhere.py", {}, UnknownNameError, "no file 'nowhere.py'"),
        ("random_serch", {}, NasbenchError, "did you mean 'random_search'"),
        ("random_search", {"seeds": 1}, InvalidArgumentError, "at least 2"),
        ("random_search", {"seconds": 0}, InvalidArgumentError, "positive"),
        ("random_search", {"memory": 0}, InvalidArgumentError, "positive"),
        ("random_search", {"hyperparameters": {"x": 1}}, NasbenchError, "no hyperparameter 'x'"),
        ("random_search", {"hyperparameters": {"x": {1}}}, InvalidArgumentError, "set"),
    ],
)
def test_what_cannot_be_scored_is_refused(target, settings, kind, told):
    with pytest.raises(kind, match=told):
        score(target, **settings)


@pytest.mark.parametrize("target", [":", "x:", ":x", "a/b:X"])
def test_a_target_of_no_form_is_refused(target):
    with pytest.raises(UnknownNameError, match="is none of FILE"):
        score(target)


@pytest.mark.parametrize("limit", [{"memory": 10**25}, {"seeds": 10**12}])
def test_limits_have_limits(limit):
    with pytest.raises(InvalidArgumentError, match=next(iter(limit))):
        score("random_search", **limit)
