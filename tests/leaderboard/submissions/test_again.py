"""Seeds are run again in other processes, on the benchmark and on hidden instances."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import numpy as np
import pytest

import nasbench
from leaderboard.submissions import child, relabelled, rerun
from leaderboard.submissions.submit import submit
from leaderboard.submissions.verified import read_marks, write_mark
from leaderboard.submissions.verify import verify
from nasbench.cli.parsing import parse_seeds
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records

HONEST = """
    from nasbench.algorithm import Algorithm, Proposal

    class Mine(Algorithm):
        def ask(self):
            return Proposal(self.space.sample(self.rng))

        def tell(self, observation):
            pass
"""
MEMORY = """
    from nasbench.algorithm import Algorithm, Proposal

    class Mine(Algorithm):
        asked = 0

        def ask(self):
            self.asked += 1
            return Proposal((2, 3, 0, 1, 4, 3) if self.asked == 5 else self.space.sample(self.rng))

        def tell(self, observation):
            pass
"""


@pytest.fixture
def here(monkeypatch):
    """Searches are run again in this process, which is faster; others have one of their own."""

    def run(*_, input, **__):
        task = json.loads(input)
        manifest = Manifest.decode(task["manifest"], "the task")
        child.run_again(manifest, task["runs"], Path(task["out"]))
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(rerun.subprocess, "run", run)


def own(tmp_path, monkeypatch, name, code):
    """A submission of an algorithm in a file of its own, and the file."""
    file = tmp_path / f"{name}.py"
    file.write_text(dedent(code))
    monkeypatch.syspath_prepend(str(tmp_path))
    out = tmp_path / "runs"
    budget = Budget(trials=8)
    nasbench.search(f"{name}:Mine", "lite201-digits", seeds=range(12), budget=budget, out=out)
    submit(out, tmp_path / "own", name="Own", authors=["A"])
    return tmp_path / "own", file


def alone(sent, algorithm):
    """A submission with one record of a larger one."""
    entry = sent.entry
    entry["records"] = [r for r in entry["records"] if f"/{algorithm}-" in r["folder"]]
    sent.write(entry)
    for path in (sent.folder / "runs").glob("*/*"):
        if not path.name.startswith(f"{algorithm}-"):
            shutil.rmtree(path)
    return sent.folder


def test_nothing_is_run_where_something_is_wrong(sent, monkeypatch):
    monkeypatch.setattr(rerun, "run_again", None)
    sent.forge("nsga2", lambda runs: runs[1:])
    report = verify(sent.folder, again=1, relabelled=5)
    assert report.level == ""
    assert "rerun" not in report.faults
    assert report.remarks == ["nothing was run: what is there does not follow"]


def test_what_remembers_passes_until_it_is_relabelled(tmp_path, monkeypatch, here):
    folder, file = own(tmp_path, monkeypatch, "memory_search", MEMORY)
    told = []
    report = verify(folder, again=2, relabelled=10, modules=[file], choice=0, tell=told.append)
    assert report.faults["rerun"] == []
    (text,) = report.faults["relabelled"]
    assert "on hidden instances the choices of 10 seeds are worse by" in text
    assert report.level == ""
    assert told == [f"Runs code: memory_search:Mine from the file {file}"]


def test_an_honest_search_is_as_good_and_its_edited_code_is_found(tmp_path, monkeypatch):
    folder, file = own(tmp_path, monkeypatch, "honest_search", HONEST)
    report = verify(folder, again=2, relabelled=8, modules=[file], choice=0)
    assert report.is_sound, report.listed()
    assert report.level == "relabelled"
    (finding,) = report.findings
    assert finding.relabelled["low"] < 0 < finding.relabelled["high"]
    write_mark(report, tmp_path / "mark.json")
    (mark,) = {*read_marks(tmp_path / "mark.json").values()}
    assert (mark.level, mark.rerun) == ("relabelled", finding.rerun)

    alone = verify(folder, relabelled=8, modules=[file], choice=0)
    assert alone.is_sound
    assert (alone.level, alone.encode()["choice"]) == ("consistent", 0)

    file.write_text(dedent(HONEST.replace("pass", "self.last = observation")))
    report = verify(folder, again=1, modules=[file])
    (text,) = report.faults["rerun"]
    assert "the code of honest_search:Mine has the fingerprint" in text
    (text,) = verify(folder, again=1).faults["rerun"]
    assert "--module must name the file honest_search.py, none was given; repeat it" in text


def test_an_adapted_optimiser_needs_no_file(tmp_path, here):
    pytest.importorskip("optuna", reason="needs the extra optuna")
    nasbench.search(
        "optuna:TPESampler",
        "nb201-cifar10",
        seeds=range(3),
        budget=Budget(trials=8),
        out=tmp_path / "runs",
    )
    submit(tmp_path / "runs", tmp_path / "sent", name="TPE", authors=["A"])
    told = []
    report = verify(tmp_path / "sent", again=1, tell=told.append)
    assert report.is_sound, report.listed()
    assert told == ["Runs code: optuna:TPESampler, as installed"]


def test_forged_hyperparameters_are_found_by_running(sent, here):
    made = Records(sent.record("regularized_evolution")).manifest
    sent.remake("regularized_evolution", {"hyperparameters": {**made.hyperparameters, "sample": 8}})
    folder = alone(sent, "regularized_evolution")
    assert verify(folder).level == "consistent"  # nothing else tells
    report = verify(folder, again=1)
    (text,) = report.faults["rerun"]
    assert "differs from trial" in text
    assert ": archs [" in text


def test_seeds_in_doubt_are_run_again(tmp_path, sent, monkeypatch, here):
    """Equal runs are confirmed where the code makes them equal, and only there."""
    out = tmp_path / "runs"
    options = {"seeds": range(6), "budget": Budget(trials=10), "replicate": "mean", "out": out}
    nasbench.search("random_search", "lite201-digits", **options)
    submit(out, tmp_path / "mean", name="Mean", authors=["A"])
    forged = type(sent)(tmp_path / "mean")
    forged.forge("random_search", lambda runs: [*runs[:5], replace(runs[1], seed=5)])
    report = verify(forged.folder, again=1)
    assert any("seed 5 differs from trial 0 on" in text for text in report.faults["rerun"])
    assert not any("seed 1 " in text for text in report.faults["rerun"])
    monkeypatch.setattr(rerun, "faults", lambda *_: iter(()))
    report = verify(forged.folder, again=1)
    assert report.is_sound
    assert "confirmed: " in report.remarks[0]
    assert "1,5" in report.remarks[0]
    assert {1, 5} <= set(parse_seeds(report.findings[0].rerun))


def test_copies_under_all_seeds_are_found_by_running_some(tmp_path, sent, here):
    """Also the one that was copied, whichever seeds chance adds."""
    out = tmp_path / "runs"
    options = {"seeds": range(12), "budget": Budget(trials=10), "replicate": "mean", "out": out}
    nasbench.search("random_search", "lite201-digits", **options)
    submit(out, tmp_path / "mean", name="Mean", authors=["A"])
    forged = type(sent)(tmp_path / "mean")
    forged.forge("random_search", lambda runs: [replace(runs[2], seed=s) for s in range(12)])
    report = verify(forged.folder, again=1)
    differing = [text for text in report.faults["rerun"] if "differs from trial 0 on" in text]
    assert len(differing) >= 4  # of seeds 0 to 4, all but seed 2
    assert report.level == ""


THREE = """
    from nasbench.algorithm import Algorithm, Proposal

    class Mine(Algorithm):
        left = None

        def ask(self):
            if self.left is None:
                self.left = list(self.space.archs())[int(3 * self.rng.random()) :: 2000]
            return Proposal(self.left.pop())

        def tell(self, observation):
            pass
"""


def test_seeds_that_coincide_can_be_sent_and_are_confirmed(tmp_path, monkeypatch, here):
    """A search without chance from one of three starts."""
    file = tmp_path / "three_starts.py"
    file.write_text(dedent(THREE))
    monkeypatch.syspath_prepend(str(tmp_path))
    options = {"seeds": range(6), "budget": Budget(trials=6), "replicate": "mean"}
    nasbench.search("three_starts:Mine", "lite201-digits", out=tmp_path / "runs", **options)
    report = submit(tmp_path / "runs", tmp_path / "own", name="Own", authors=["A"])
    assert report.level == "consistent"
    assert report.remarks
    for remark in report.remarks:
        assert "have the same trials: a fault until 'nasbench leaderboard verify --rer" in remark
    assert len(verify(tmp_path / "own").faults["repeats"]) == len(report.remarks)
    again = verify(tmp_path / "own", again=1, modules=[file])
    assert again.level == "recomputed"
    assert [text.split(":")[0] for text in again.remarks] == ["confirmed"] * len(report.remarks)


def test_seeds_are_chosen_by_number_and_rows():
    runs = [SimpleNamespace(seed=seed) for seed in range(100)]
    said, finding = SimpleNamespace(folder="here"), SimpleNamespace(rows="f" * 64)
    one = SimpleNamespace(said=said, runs=runs, finding=finding)
    chosen = [tuple(rerun.chosen([one], 3, choice, {})["here"]) for choice in range(40)]
    assert len(set(chosen)) > 35
    assert all(len(set(seeds)) == 3 for seeds in chosen)
    assert rerun.chosen([one], 3, 7, {"here": [50]})["here"] == sorted({*chosen[7], 50})


# Statistics


def test_several_objectives_are_compared_by_hypervolume():
    benchmark = nasbench.load("lite201-digits", objectives=["valid_accuracy", "parameters"])
    good = sorted(
        list(benchmark.space.archs())[::1499], key=lambda a: benchmark.evaluate(a).losses[0]
    )
    scores = relabelled._scores(benchmark, [(good, good[-1:]), (good[:1], good[:1]), (good, [])])
    assert scores[0, 0] < scores[0, 1] <= 0  # a larger volume is lower, so better
    assert scores[1, 0] == scores[1, 1]
    assert scores[2, 1] == 0.0


def test_one_objective_is_compared_by_the_mean_loss_of_the_choice():
    benchmark = nasbench.load("lite201-digits")
    a, b = (3, 3, 3, 1, 3, 2), (1, 0, 0, 0, 0, 0)
    scores = relabelled._scores(benchmark, [([a], [b]), ([a], [])])
    assert scores[0].tolist() == [benchmark.evaluate(arch).losses[0] for arch in (a, b)]
    assert scores[1, 1] == scores[:, :].max()  # no choice is as bad as the worst


def test_an_interval_of_differences_covers_what_it_should():
    rng = np.random.default_rng(0)
    # the difference of two skewed scores from one distribution
    pairs = rng.exponential(size=(600, 10, 2))
    ends = np.array([relabelled.interval(p[:, 1] - p[:, 0], 0.95) for p in pairs])
    missed = 1 - ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean()
    assert 0.02 < missed < 0.07
    assert relabelled.interval(np.full(5, 0.25), 0.99) == (0.25, 0.25)


def test_a_known_drop_is_told_from_noise():
    rng = np.random.default_rng(1)
    low, high = relabelled.interval(rng.normal(1.0, 1.0, size=50), 0.99)
    assert 0 < low < 1 < high


@pytest.mark.parametrize("name", ["archs", "losses", "ends", "training_seeds"])
def test_every_column_of_a_run_is_compared(honest, name):
    run = Records(next(honest.glob("runs/*/regularized_evolution-*"))).runs()[0]
    assert rerun.difference(run, run) == ""
    column = getattr(run, name).copy()
    column[7:] += 1
    text = rerun.difference(run, replace(run, **{name: column}))
    assert text.startswith(f"differs from trial 7 on: {name} ")


def test_a_module_of_a_package_is_found_by_its_whole_path(tmp_path):
    folder = tmp_path.resolve()
    files = [folder / name for name in ("search.py", "pkg/search.py", "pkg/__init__.py")]
    alone, inside, package = files
    for algorithm, file in (
        ("pkg.search:Mine", inside),
        ("pkg:Mine", package),
        ("search:Mine", alone),
    ):
        assert rerun._file(algorithm, files) == file
        assert rerun.source(algorithm, files) == f"{algorithm} from the file {file}"
        assert rerun._imported_from(file, rerun._parts(algorithm)) == folder
    assert rerun._file("local_search", []) is None
    for wrong in ("search.py", "other/search.py", "pkg/other.py"):
        with pytest.raises(RecordError, match=r"must name the file pkg/search\.py"):
            rerun._file("pkg.search:Mine", [tmp_path / wrong])
