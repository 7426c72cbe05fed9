"""The evaluators of ``docs/score.md`` work with a good program and with a bad one."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from scored_programs import LOCAL

from leaderboard.scoring.score import score
from leaderboard.scoring.suite import SUITE

PAGE = (Path(__file__).resolve().parents[2] / "docs/score.md").read_text(encoding="utf-8")


def evaluator(heading):
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.search(r"```py\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture
def programs(tmp_path):
    (tmp_path / "good.py").write_text(LOCAL)
    (tmp_path / "bad.py").write_text(f"{LOCAL}\n    def ask(self): return 1 / 0\n")
    return tmp_path


@dataclass
class EvaluationResult:
    """What OpenEvolve has under this name."""

    metrics: dict[str, float]
    artifacts: dict[str, str] = field(default_factory=dict)


def test_openevolve(programs, monkeypatch):
    module = ModuleType("openevolve.evaluation_result")
    module.EvaluationResult = EvaluationResult
    monkeypatch.setitem(sys.modules, "openevolve", ModuleType("openevolve"))
    monkeypatch.setitem(sys.modules, "openevolve.evaluation_result", module)
    names = {}
    exec(evaluator("OpenEvolve"), names)
    good = names["evaluate"](str(programs / "good.py"))
    assert 0.2 < good.metrics["combined_score"] < 1
    assert all(isinstance(value, float) for value in good.metrics.values())
    bad = names["evaluate"](str(programs / "bad.py"))
    assert bad.metrics["combined_score"] < -1000
    assert "ZeroDivisionError" in json.loads(bad.artifacts["error"])["message"]


def test_shinkaevolve(programs):
    (programs / "evaluate.py").write_text(evaluator("ShinkaEvolve"))
    read = {}
    for name in ("good", "bad"):
        command = ["evaluate.py", "--program_path", f"{name}.py", "--results_dir", f"out/{name}"]
        subprocess.run([sys.executable, *command], cwd=programs, check=True)
        for file in ("metrics", "correct"):
            read[name, file] = json.loads((programs / f"out/{name}/{file}.json").read_text())
    assert read["good", "correct"] == {"correct": True, "error": None}
    metrics = read["good", "metrics"]
    assert 0.2 < metrics["combined_score"] < 1
    assert abs(metrics["private"]["memorisation"]) < 0.2
    assert metrics["public"].keys() == {question.benchmark for question in SUITE}
    assert not read["bad", "correct"]["correct"]
    assert "ZeroDivisionError" in read["bad", "correct"]["error"]


def test_the_object_on_the_page_is_what_the_command_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    shown = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    found = score("mine.py")
    del found["benchmarks"], found["seconds"], shown["seconds"]
    assert found == shown


def test_every_kind_of_error_is_explained():
    child = Path(__file__).resolve().parents[2] / "leaderboard/scoring"
    source = "".join(path.read_text() for path in child.glob("*.py"))
    raised = set(re.findall(r'(?:_fail|_failures)\("(\w+)"', source))
    raised |= set(re.findall(r'"kind": "(\w+)"', source))
    assert raised == set(
        re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Errors")[2], re.MULTILINE)
    )
