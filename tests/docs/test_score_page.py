"""The evaluators of ``docs/score.md`` work with a good program and with a bad one."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from leaderboard.scoring.suite import SUITE

PAGE = (Path(__file__).resolve().parents[2] / "docs/score.md").read_text(encoding="utf-8")

SHOWN = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])


def evaluator(heading):
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.search(r"```py\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture
def programs(tmp_path):
    good = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    (tmp_path / "mine.py").write_text(good)
    (tmp_path / "bad.py").write_text(f"{good}\n    def ask(self): return 1 / 0\n")
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
    good = names["evaluate"](str(programs / "mine.py"))
    assert good.metrics["combined_score"] == SHOWN["score"]
    assert all(isinstance(value, float) for value in good.metrics.values())
    bad = names["evaluate"](str(programs / "bad.py"))
    assert bad.metrics["combined_score"] < -1000
    assert "ZeroDivisionError" in json.loads(bad.artifacts["error"])["message"]


def test_shinkaevolve(programs):
    (programs / "evaluate.py").write_text(evaluator("ShinkaEvolve"))
    read = {}
    for name in ("mine", "bad"):
        command = ["evaluate.py", "--program_path", f"{name}.py", "--results_dir", f"out/{name}"]
        subprocess.run([sys.executable, *command], cwd=programs, check=True)
        for file in ("metrics", "correct"):
            read[name, file] = json.loads((programs / f"out/{name}/{file}.json").read_text())
    assert read["mine", "correct"] == {"correct": True, "error": None}
    metrics = read["mine", "metrics"]
    assert metrics["combined_score"] == SHOWN["score"]
    assert metrics["private"]["hidden_score"] == SHOWN["hidden_score"]
    assert metrics["public"].keys() == {question.benchmark for question in SUITE}
    assert not read["bad", "correct"]["correct"]
    assert "ZeroDivisionError" in read["bad", "correct"]["error"]


def test_the_object_on_the_page_is_that_of_an_honest_search():
    assert SHOWN["algorithm"] == "mine.py"
    assert abs(SHOWN["memorisation"]) < 3 * SHOWN["memorisation_standard_error"]


def test_every_kind_of_error_is_explained():
    child = Path(__file__).resolve().parents[2] / "leaderboard/scoring"
    source = "".join(path.read_text() for path in child.glob("*.py"))
    raised = set(re.findall(r'(?:_fail|_failures|_error|found)\("(\w+)"', source))
    section = PAGE.partition("\n## Errors\n")[2].partition("\n## ")[0]
    assert raised == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
