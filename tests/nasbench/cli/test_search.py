"""Commands that search and rank: quickstart, run, leaderboard."""

import re
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from nasbench.benchmarks.loading import load
from nasbench.runs.records import find_records

RUN = ("run", "random_search", "nb201-cifar10", "--processes", "1")
FIVE = (*RUN, "--trials", "5")
BAD = {
    "unknown algorithm": (
        ("run", "random_serch", "nb201-cifar10", "--trials", "5"),
        "did you mean 'random_search'",
    ),
    "unknown module": (("run", "nowhere:Class", "nb201-cifar10", "--trials", "5"), "'nowhere'"),
    "no budget": (RUN, "add --trials, --seconds or --epochs, for example --trials 500"),
    "negative budget": ((*RUN, "--trials", "-5"), "trials = -5"),
    "budget of nan seconds": ((*RUN, "--seconds", "nan"), "seconds = nan"),
    "no workers": ((*FIVE, "--workers", "0"), "workers = 0"),
    "bad seeds": ((*FIVE, "--seeds", "a:b"), "'0:100'"),
    "superscript seeds": ((*FIVE, "--seeds", "²"), "'0:100'"),
    "too many seeds": ((*FIVE, "--seeds", "0:99999999999"), "more than"),
    "empty seeds": ((*FIVE, "--seeds", "5:5"), "are empty"),
    "a seed twice": ((*FIVE, "--seeds", "1,1,1"), "seeds '1,1,1' name 1 more than once"),
    "a seed in two ranges": ((*FIVE, "--seeds", "0:9,4:6"), "name 4 more than once"),
    "own file": (("run", "mine.py", "nb201-cifar10"), "no budget is given"),
    "own file instead of its class": (
        ("run", "sub/mine.py", "nb201-cifar10", "--trials", "5"),
        "name a class in it; did you mean 'mine:CLASS' in the folder 'sub'?",
    ),
    "the two in the wrong order": (
        ("run", "nb201-cifar10", "random_search", "--trials", "5"),
        "'random_search' is an algorithm",
    ),
    "own file instead of a module": (
        ("run", "./mine.py:Mine", "nb201-cifar10", "--trials", "5"),
        "did you mean 'mine:Mine'",
    ),
    "quickstart of no seeds": (("quickstart", "--seeds", "0"), "--seeds 0"),
    "empty folder of records": ((*FIVE, "--out", ""), "error: Invalid value for '--out': the path"),
    "empty folder of records after =": ((*FIVE, "--out="), "the path is empty"),
    "empty folder of the quickstart": (("quickstart", "--out", ""), "the path is empty"),
    "a folder whose name is no text": ((*FIVE, "--out", "o\udcff"), "cannot be read as text"),
    "records of an empty folder": (("leaderboard", "build", ""), "the path is empty"),
    "empty folder of the page": (("leaderboard", "build", "a", "--out", ""), "the path is empty"),
    "setting too deep": ((*FIVE, "--set", f"a={'[' * 9999}"), "--set 'a=[["),
    "setting too long": ((*FIVE, "--set", f"a={'1' * 9999}"), "--set 'a=11"),
    "no processes": ((*FIVE, "--processes", "0"), "processes = 0"),
    "fewer than no processes": ((*FIVE, "--processes", "-1"), "processes = -1"),
    "unknown hyperparameter": ((*FIVE, "--set", "replacemnt=false"), "did you mean 'replacement'"),
    "hyperparameter of another type": ((*FIVE, "--set", "replacement=3"), "bool"),
    "setting without value": ((*FIVE, "--set", "replacement"), "NAME=VALUE"),
    "unknown preset": ((*FIVE, "--preset", "nats"), "no preset 'nats'"),
    "unknown objective": (
        (*FIVE, "--objective", "test_accuracy"),
        "did you mean 'valid_accuracy'",
    ),
    "objective named twice": (
        (*FIVE, "--objective", "valid_accuracy", "--objective", "valid_accuracy"),
        "names 'valid_accuracy' twice",
    ),
    "training column as known": ((*FIVE, "--known", "valid_accuracy"), "before"),
    "training column as constraint": ((*FIVE, "--constraint", "valid_accuracy>=90"), "before one"),
    "unknown column in a constraint": (
        (*FIVE, "--constraint", "parametrs<=5e5"),
        "did you mean 'parameters'",
    ),
    "constraint of another form": (
        (*FIVE, "--constraint", "parameters<5e5"),
        "did you mean 'parameters<=5e5'",
    ),
    "constraint without its quotes": (
        (*FIVE, "--constraint", "parameters"),
        "needs quotes",
    ),
    "constraint that nothing meets": (
        (*FIVE, "--constraint", "parameters<=0.5"),
        "meets parameters<=0.5: parameters is 73306 to 1531546",
    ),
    "constraint on a surrogate": (
        (
            "run",
            "random_search",
            "darts-fashion-surrogate",
            "--trials",
            "5",
            "--constraint",
            "a<=3",
        ),
        "is a surrogate",
    ),
    "constraint on weight sharing": (
        ("run", "spos", "lite201-digits", "--trials", "1", "--constraint", "parameters<=20000"),
        "it cannot keep to parameters<=20000",
    ),
    "unknown fidelity": ((*FIVE, "--fidelity", "12"), "Possible: '200'"),
    "replicate not everywhere": ((*FIVE, "--replicate", "2"), "for every"),
    "a shard out of range": ((*FIVE, "--shard", "3/2"), "'1/8'"),
    "more shards than seeds": ((*FIVE, "--seeds", "0:4", "--shard", "1/5"), "there are 4 seeds"),
    "unknown replicate": ((*FIVE, "--replicate", "best"), "Possible: 'draw'"),
    "no records": (("leaderboard", "build", "missing"), "no run records"),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_what_cannot_be_searched(refused, arguments, expected):
    assert expected in refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (*FIVE, "--out", "file/runs"),
        ("quickstart", "--out", "file/page", "--seeds", "1", "--trials", "2"),
    ],
    ids=["run", "quickstart"],
)
def test_a_folder_that_cannot_be_written(refused, tmp_path, arguments):
    (tmp_path / "file").write_text("a file, no folder")
    assert "cannot write" in refused(*arguments)
    assert (tmp_path / "file").read_text() == "a file, no folder"


def test_a_repeated_run_takes_seeds_from_records_unless_it_is_fresh(nasbench, caplog):
    for options, expected in (
        (("--seeds", "0:3"), []),
        (("--seeds", "0:5"), ["3 of 5 seeds from records"]),
        (("--seeds", "0:5"), ["5 of 5 seeds from records"]),
        (("--seeds", "0:5", "--processes", "2"), ["5 of 5 seeds from records"]),
        (("--seeds", "0:5", "--fresh"), []),
    ):
        caplog.clear()
        code, _, error = nasbench(*FIVE, *options)
        assert code == 0, error
        assert [text.partition(" in ")[0] for text in caplog.messages] == expected


def test_a_search_under_constraints(nasbench):
    bounds = ("--constraint", "parameters<=316346", "--constraint", " macs >= 2e7")
    code, out, error = nasbench(*FIVE, *bounds, "--seeds", "0:3")
    assert code == 0, error
    assert "best with macs>=20000000 and parameters<=316346" in " ".join(out.split())
    (record,) = find_records(Path("runs"))
    assert record.manifest.constraints == ("macs>=20000000", "parameters<=316346")
    table = load("nb201-cifar10")
    for run in record.runs():
        assert table.query_many(run.archs, "parameters").max() <= 316_346
        assert table.query_many(run.archs, "macs").min() >= 2e7


def test_shards_are_all_seeds_and_none_twice(nasbench, caplog):
    for shard in ("2/3", "1/3", "3/3"):
        code, _, error = nasbench(*FIVE, "--seeds", "0:5,9,7,30", "--shard", shard)
        assert code == 0, error
    assert not caplog.messages
    (record,) = find_records(Path("runs"))
    assert record.seeds() == [0, 1, 2, 3, 4, 7, 9, 30]


def test_own_algorithm_runs_from_any_folder(nasbench, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from nasbench.algorithm import Algorithm, Proposal\n"
        "class Mine(Algorithm):\n"
        "    def ask(self): return Proposal(self.space.sample(self.rng))\n"
        "    def tell(self, observation): pass\n"
    )
    budget = ("--seeds", "0:30", "--trials", "3", "--processes", "2")
    code, out, error = nasbench("run", "mine:Mine", "nb201-cifar10", *budget)
    assert code == 0, error
    assert "30 runs, 90 trials" in out


@pytest.mark.parametrize("seeds", ["0:1", "0:2"])
def test_what_an_own_algorithm_raises_is_told_with_its_line(nasbench, tmp_path, seeds):
    (tmp_path / "my_broken.py").write_text(
        "from nasbench.algorithm import Algorithm, Proposal\n"
        "class Broken(Algorithm):\n"
        "    def ask(self): return Proposal(self.space.sample(self.rng))\n"
        "    def tell(self, observation):\n"
        "        return 1 / 0\n"
        "class Unmade(Broken):\n"
        "    def __init__(self, space, n, **others): super().__init__(space, **others)\n"
    )
    words = ("nb201-cifar10", "--trials", "3", "--seeds", seeds, "--processes", "2")
    code, _, error = nasbench("run", "my_broken:Broken", *words)
    assert code == 2
    assert (
        "my_broken:Broken raised ZeroDivisionError: division by zero (my_broken.py, line" in error
    )
    assert "line 5, seed" in error
    assert "Traceback" not in error
    code, _, error = nasbench("run", "my_broken:Unmade", *words)
    assert code == 2
    assert "my_broken:Unmade raised TypeError: " in error
    assert "'n' (seed 0)" in error


def test_runs_without_a_trial_are_told(nasbench, tmp_path):
    words = ("run", "random_search", "lite201-digits", "--processes", "1", "--seeds", "0:3")
    code, out, error = nasbench(*words, "--epochs", "4", "--out", "few")
    assert code == 0
    assert (
        "3 of 3 runs have no trial: random_search asks for no training, or for none that" in error
    )
    assert "3 runs, 0 trials" in out
    assert "no trial" not in nasbench(*words, "--epochs", "8", "--out", "enough")[2]
    (tmp_path / "my_idle.py").write_text(
        "from nasbench.algorithm import Algorithm\n"
        "class Idle(Algorithm):\n"
        "    def ask(self): return None\n"
        "    def tell(self, observation): pass\n"
    )
    code, _, error = nasbench("run", "my_idle:Idle", "lite201-digits", "--trials", "3")
    assert code == 0
    assert "1 of 1 runs have no trial: my_idle:Idle asks for no training\n" in error


def test_the_quickstart_asks_for_extras_before_its_work(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert "needs 'jinja2'" in refused("quickstart", "--seeds", "1", "--trials", "2")


def test_the_bar_moves_while_one_process_searches(nasbench, monkeypatch):
    told = []

    @contextmanager
    def progress(title, total):
        yield told.append

    monkeypatch.setattr("nasbench.cli.search.progress", progress)
    monkeypatch.setattr("nasbench.runs.processes._HELD_SECONDS", 0)
    words = ("run", "random_search", "nb201-cifar10", "--processes", "1", "--seeds", "0:5")
    assert nasbench(*words, "--trials", "2")[0] == 0
    assert told == [0, 1, 1, 1, 1, 1]


def test_a_run_ends_with_what_was_chosen(nasbench):
    code, out, _ = nasbench(*RUN, "--trials", "20", "--seeds", "0:5")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "random_search on nb201-cifar10"
    chosen, random, best = (line for line in lines if re.match(" [cbr]", line))
    assert re.fullmatch(r" chosen by random_search +\d\d\.\d\d \[\d.*\] +\d\.\d\d \[.*\] ", chosen)
    assert random.startswith(" random search, 20 trainings")
    assert best.split()[-2:] == ["91.61", "0.00"]
    assert lines[-1] == "5 runs, 100 trials; records in runs"


def test_small_numbers_share_a_power_of_ten(nasbench):
    words = ("run", "random_search", "fcnet-slice", "--processes", "1", "--trials", "100")
    out = nasbench(*words)[1]
    best = next(line for line in out.splitlines() if line.startswith(" best of the space"))
    assert "mse (10⁻" in out
    assert re.fullmatch(r" best of the space +1\.916 +0 ", best)


def test_several_objectives_end_with_their_fronts(nasbench):
    words = ("run", "random_search", "lite201-digits", "--processes", "1", "--trials", "9")
    objectives = ("--objective", "valid_accuracy", "--objective", "parameters")
    code, out, _ = nasbench(*words, *objectives)
    assert code == 0
    assert " architectures on the front" in out
    assert " best validation accuracy seen (%)" in out


def test_the_quickstart_asks_for_room_before_its_work(refused, tmp_path):
    page = tmp_path / "nasbench-quickstart" / "index.html"
    page.parent.mkdir()
    page.write_text("my home page")
    error = refused("quickstart", "--seeds", "1", "--trials", "2", "--processes", "1")
    assert "index.html is not of a leaderboard" in error
    assert [*page.parent.iterdir()] == [page]


def test_quickstart_ends_in_a_ranking_and_a_page(nasbench, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, error = nasbench("quickstart", "--seeds", "2", "--trials", "3", "--processes", "1")
    assert code == 0, error
    assert out.startswith("nb201-cifar10@1")
    assert out.count("\n 2=  ") == 2
    assert out.count("= tied with 1: the 95 % interval of their difference includes 0.\n") == 2
    assert out.count("‡ regularized_evolution: ") == 2
    page = tmp_path / "nasbench-quickstart" / "index.html"
    one = ("--seeds", "1", "--trials", "3", "--processes", "1", "--out", "one")
    assert nasbench("quickstart", *one)[1].count("includes 0, or one seed gives none.\n") == 2
    texts = [path.read_text() for path in (tmp_path / "one/boards").iterdir()]
    assert sum("includes 0, or one seed gives no interval. " in text for text in texts) == 2
    assert out.endswith(f"Page: {page}\n")
    assert page.is_file()
    again = ("quickstart", "--seeds", "2", "--trials", "3", "--processes", "2")
    assert nasbench(*again)[:2] == (0, out)
    assert caplog.messages[-6:] == [text for text in caplog.messages if "2 of 2 seeds" in text]
    caplog.clear()
    assert nasbench(*again, "--fresh", "--processes", "1")[:2] == (0, out)
    assert not caplog.messages
    next(page.parent.rglob("manifest.json")).write_text("{")
    code, out, error = nasbench("leaderboard", "build", "nasbench-quickstart/runs", "--out", "site")
    assert (code, out) == (0, f"Page: {tmp_path}/site/index.html\n")
    assert error.count("Not shown: ") == error.count("manifest.json is damaged") == 1


def test_init_is_short_for_a_warm_start(nasbench, tmp_path):
    common = ("lite201-digits", "--known", "synflow", "--trials", "3", "--processes", "1")
    settings = ("--preset", "nats", "--set", "sample=2", "--init", "5")
    assert nasbench("run", "regularized_evolution", *common, *settings, "--out", "runs")[0] == 0
    long = ("--set", "search=regularized_evolution", "--set", "search_preset=nats")
    long += ("--set", "search_settings={sample = 2}", "--set", "first=5")
    assert nasbench("run", "warm_start", *common, *long, "--out", "runs")[0] == 0
    (records,) = (tmp_path / "runs").rglob("warm_start-*")
    assert records.is_dir()
